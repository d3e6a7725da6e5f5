//! From a wish to a response: in one statement if that can be, and otherwise in a snapshot.

use axum::body::Body;
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use futures::{TryStreamExt, stream};
use prejoin_envelope::Position;
use prejoin_model::Type;

use super::super::ReadApi;
use super::super::fresh::MadeFrom;
use super::answered::Answered;
use super::stream as streaming;
use super::wish::{Form, Wish};
use super::{explain, unknown_view};
use crate::Error;
use crate::access::{Caller, Grant};
use crate::answer::{self, Format, Writer};
use crate::catalog::View;
use crate::plan::{self, ReadPlan};
use crate::query::{self, Heading};
use crate::request::Count;
use crate::search;
use crate::store::{Row, Snapshot};

/// An answer up to this size is built before it is sent; a larger one is sent as it is read.
const BUFFERED_BYTES_MAX: usize = 1 << 20;
/// A page whose last row is told in a header is built before it is sent.
const PAGE_BYTES_MAX: usize = 16 << 20;

/// One request for rows of one view.
pub(in crate::server) struct Read<'a> {
    pub(super) caller: &'a Caller,
    pub(super) view: &'a str,
    pub(super) query_string: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) only_headers: bool,
}

/// What became of the attempt to answer with one statement.
enum AtOnce {
    Answered(Response),
    /// There are no rows, the catalog is not what it was, or the request is wrong.
    Unclear,
    TooLarge,
}

impl Read<'_> {
    /// `position` is set as soon as it is known, for errors tell it too.
    pub(super) async fn answer(
        &self,
        api: &ReadApi,
        position: &mut Option<Position>,
    ) -> Result<Response, Error> {
        // Before anything is looked up: the answer to what is not granted says nothing about what there is.
        let grant = self.caller.grant(self.view)?;
        let is_large = match self.at_once(api, &grant, position).await? {
            AtOnce::Answered(response) => return Ok(response),
            AtOnce::Unclear => false,
            AtOnce::TooLarge => true,
        };
        let snapshot = api.store.snapshot().await?;
        let view = snapshot.catalog.public_view(self.view).cloned();
        *position = view.as_ref().map(|view| view.position.clone());
        let wish = Wish::parse(self.query_string, self.headers, self.only_headers)?;
        let Some(view) = view else { return Err(unknown_view(&snapshot, self.view, self.caller)) };
        let mut plan = plan::plan(&view, &wish.request, &grant.required)?;
        let is_made_of_rows_alone = !search::searches(&plan.conditions);
        let view = api.search(view, &mut plan.conditions).await?;
        *position = Some(view.position.clone());
        let made_from = MadeFrom { stamp: view.stamp.clone(), position: view.position.clone() };
        let answered = self.in_snapshot(snapshot, &wish, (&view, &grant), plan, is_large).await;
        let answered = answered.map_err(|error| api.store.explain(error))?;
        // What an index answers has no tag: its words move apart from the rows.
        Ok(if is_made_of_rows_alone { made_from.noted_in(answered) } else { answered })
    }

    /// With the catalog as it was last seen: the statement itself says whether it still is.
    async fn at_once(
        &self,
        api: &ReadApi,
        grant: &Grant,
        position: &mut Option<Position>,
    ) -> Result<AtOnce, Error> {
        if self.only_headers {
            return Ok(AtOnce::Unclear);
        }
        let mut session = api.store.session().await?;
        let Some(view) =
            api.store.last_catalog(&session).and_then(|last| last.public_view(self.view).cloned())
        else {
            return Ok(AtOnce::Unclear);
        };
        // What is wrong may be right in the catalog of this moment.
        let Ok(wish) = Wish::parse(self.query_string, self.headers, false) else {
            return Ok(AtOnce::Unclear);
        };
        let Form::Rows(format) = wish.form else { return Ok(AtOnce::Unclear) };
        let Ok(plan) = plan::plan(&view, &wish.request, &grant.required) else { return Ok(AtOnce::Unclear) };
        // Which index belongs to the view, the catalog of this moment says.
        if search::searches(&plan.conditions) {
            return Ok(AtOnce::Unclear);
        }
        let statement = query::rows_with_heading(&plan, &view, api.store.dialect(), counted(&wish), None)?;
        let mut rows = session.rows(statement);
        let heading_place = query::heading_place(&plan);
        let mut heading = None;
        let mut pages = Pages::new(&plan, format);
        loop {
            match rows.try_next().await {
                Ok(Some(row)) => {
                    if heading.is_none() {
                        let found = row.text(heading_place)?.map(Heading::parse).transpose()?;
                        let Some(found) = found.filter(|found| found.stamp == view.stamp) else {
                            return Ok(AtOnce::Unclear);
                        };
                        *position = Some(found.position.clone());
                        heading = Some(found);
                    }
                    if !pages.take(row)? {
                        return Ok(AtOnce::TooLarge);
                    }
                }
                Ok(None) => break,
                Err(error) if is_cancelled(&error) => return Err(error),
                Err(error) => {
                    if let Error::Store(error) = &error {
                        api.store.lost(error);
                    }
                    return Ok(AtOnce::Unclear);
                }
            }
        }
        // No rows say nothing of their moment.
        let Some(heading) = heading else { return Ok(AtOnce::Unclear) };
        let answered = pages.end(&plan, heading.total)?;
        let response = answered.response(self, &wish, &plan, Some(&heading.position))?;
        let made_from = MadeFrom { stamp: heading.stamp, position: heading.position };
        Ok(AtOnce::Answered(made_from.noted_in(response)))
    }

    async fn in_snapshot(
        &self,
        mut snapshot: Snapshot,
        wish: &Wish,
        (view, grant): (&View, &Grant),
        plan: ReadPlan,
        is_large: bool,
    ) -> Result<Response, Error> {
        let position = Some(&view.position);
        let format = match wish.form {
            Form::Rows(format) => format,
            Form::Plan(..) if !grant.is_whole() => {
                let reason = "Plans tell of rows that are not the caller's.".to_owned();
                return Err(Error::NotImplemented { reason });
            }
            Form::Plan(plan_format, options) => {
                let body = explain::explain(&mut snapshot, &plan, plan_format, options).await?;
                return Answered::of_explanation(body).response(self, wish, &plan, position);
            }
        };
        let dialect = snapshot.session.dialect();
        let total = match wish.preferences.count {
            None => None,
            Some(Count::Planned | Count::Estimated) if plan.is_whole_view() => u64::try_from(view.rows).ok(),
            Some(_) => Some(answer::count(&snapshot.session.one(query::total(&plan, dialect)?).await?)?),
        };
        if self.only_headers {
            let rows = answer::count(&snapshot.session.one(query::count(&plan, dialect)?).await?)?;
            // A body of unknown length: an empty one would be announced with `content-length: 0`, which GET's is not.
            let body = Body::from_stream(stream::empty::<std::io::Result<Bytes>>());
            let answered = Answered { body, rows, total, next: None, is_rows: true };
            return answered.checked(format)?.response(self, wish, &plan, position);
        }
        if !is_large {
            let mut pages = Pages::new(&plan, format);
            let mut rows = snapshot.session.rows(query::rows(&plan, dialect)?);
            let mut fits = true;
            while let Some(row) = rows.try_next().await? {
                fits = pages.take(row)?;
                if !fits {
                    break;
                }
            }
            drop(rows);
            if fits {
                return pages.end(&plan, total)?.response(self, wish, &plan, position);
            }
        }
        // The number of rows is sent before the rows: in one snapshot, the count and what follows agree.
        let rows = answer::count(&snapshot.session.one(query::count(&plan, dialect)?).await?)?;
        let body = streaming::body(snapshot, plan.clone(), format);
        Answered { body, rows, total, next: None, is_rows: true }.response(self, wish, &plan, position)
    }
}

/// Rows of an answer that is built before it is sent.
struct Pages {
    writer: Writer,
    format: Format,
    bytes_max: usize,
    /// Where the next page begins is told by the last row.
    last: Option<Row>,
    keeps_last: bool,
}

impl Pages {
    fn new(plan: &ReadPlan, format: Format) -> Pages {
        let keeps_last = plan.seek.is_some();
        let bytes_max = if keeps_last { PAGE_BYTES_MAX } else { BUFFERED_BYTES_MAX };
        Pages { writer: Writer::new(plan, format), format, bytes_max, last: None, keeps_last }
    }

    /// Whether it still is small enough.
    fn take(&mut self, row: Row) -> Result<bool, Error> {
        self.writer.row(&row)?;
        if self.keeps_last {
            self.last = Some(row);
        }
        let fits = self.writer.buffered_bytes() <= self.bytes_max;
        if !fits && self.keeps_last {
            let message =
                format!("a page that a cursor leads to may take {PAGE_BYTES_MAX} bytes: lower the limit");
            return Err(Error::does_not_fit("54000", message));
        }
        Ok(fits)
    }

    fn end(mut self, plan: &ReadPlan, total: Option<u64>) -> Result<Answered, Error> {
        self.writer.end();
        let rows = self.writer.rows();
        let next = match (&self.last, &plan.seek) {
            (Some(last), Some(seek)) if Some(rows) == plan.limit => Some(next_cursor(plan, seek, last)?),
            _ => None,
        };
        let body = Body::from(self.writer.take());
        Answered { body, rows, total, next, is_rows: true }.checked(self.format)
    }
}

fn next_cursor(plan: &ReadPlan, seek: &plan::Seek, last: &Row) -> Result<String, Error> {
    let from = plan.output.len();
    let values = plan.order.iter().enumerate().map(|(index, order)| {
        let text = last.text(from + index)?;
        Ok(text.map(|text| match (order.expression.kind(), text) {
            // SQLite keeps 0 and 1.
            (Type::Boolean, "0") => "false".to_owned(),
            (Type::Boolean, "1") => "true".to_owned(),
            _ => text.to_owned(),
        }))
    });
    let values = values.collect::<Result<_, Error>>()?;
    let key = last.required(from + plan.order.len())?.to_owned();
    Ok(plan::encode_cursor(seek, values, key))
}

/// Whether the total is to be counted. Of a whole view it is known.
fn counted(wish: &Wish) -> query::Total {
    match wish.preferences.count {
        None => query::Total::Unasked,
        Some(Count::Exact) => query::Total::Counted,
        Some(Count::Planned | Count::Estimated) => query::Total::Known,
    }
}

fn is_cancelled(error: &Error) -> bool {
    error.code() == "57014"
}
