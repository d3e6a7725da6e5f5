//! The response around a body: status, range, and what PostgREST says beside it.

use axum::body::Body;
use axum::http::header::{CONTENT_LOCATION, CONTENT_TYPE, LINK, VARY};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use prejoin_envelope::Position;

use super::super::respond;
use super::read::Read;
use super::wish::Wish;
use crate::Error;
use crate::answer::Format;
use crate::plan::ReadPlan;
use crate::request;

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

pub(super) struct Answered {
    pub(super) body: Body,
    /// In the body.
    pub(super) rows: u64,
    /// Whatever the range, if it was asked for.
    pub(super) total: Option<u64>,
    /// Where the next page begins.
    pub(super) next: Option<String>,
    pub(super) is_rows: bool,
}

impl Answered {
    pub(super) fn of_explanation(body: Vec<u8>) -> Answered {
        Answered { body: body.into(), rows: 0, total: None, next: None, is_rows: false }
    }

    /// One object is one row.
    pub(super) fn checked(self, format: Format) -> Result<Answered, Error> {
        match format {
            Format::Object { .. } if self.rows != 1 => Err(Error::NotSingular { rows: self.rows }),
            _ => Ok(self),
        }
    }

    pub(super) fn response(
        self,
        read: &Read<'_>,
        wish: &Wish,
        plan: &ReadPlan,
        position: Option<&Position>,
    ) -> Result<Response, Error> {
        let status = self.status(plan)?;
        let range = self.content_range(plan);
        let mut response = Response::new(self.body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        let mut insert = |name: HeaderName, value: &str| {
            // What clients wrote may be no header's text; then the header is left out.
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        insert(CONTENT_TYPE, &format!("{}; charset=utf-8", wish.media.name()));
        insert(VARY, "Accept, Prefer, Range");
        if self.is_rows {
            insert(respond::CONTENT_RANGE, &range);
            let canonical = request::canonical(read.query_string)?;
            let separator = if canonical.is_empty() { "" } else { "?" };
            insert(CONTENT_LOCATION, &format!("/{}{separator}{canonical}", read.view));
            if let Some(applied) = wish.preferences.applied() {
                insert(PREFERENCE_APPLIED, &applied);
            }
        }
        if let Some(next) = self.next {
            insert(LINK, &format!("<{}>; rel=\"next\"", next_page(read, &next)));
        }
        if let Some(position) = position {
            respond::add_position(response.headers_mut(), position);
        }
        Ok(response)
    }

    /// Where the total is known, a part is told from the whole.
    fn status(&self, plan: &ReadPlan) -> Result<StatusCode, Error> {
        match self.total {
            Some(total) if plan.offset_rows > total => {
                Err(Error::OffsetBeyond { offset_rows: plan.offset_rows, rows: total })
            }
            Some(total) if self.rows < total => Ok(StatusCode::PARTIAL_CONTENT),
            _ => Ok(StatusCode::OK),
        }
    }

    /// `0-829/*`: first and last row, from 0, and the total. `*/*` for no rows.
    fn content_range(&self, plan: &ReadPlan) -> String {
        let total = self.total.map_or_else(|| "*".to_owned(), |total| total.to_string());
        match self.rows.checked_sub(1) {
            None => format!("*/{total}"),
            Some(last) => format!("{}-{}/{total}", plan.offset_rows, plan.offset_rows.saturating_add(last)),
        }
    }
}

/// The same request with another cursor.
fn next_page(read: &Read<'_>, cursor: &str) -> String {
    let kept = read.query_string.split('&').filter(|pair| {
        let key = pair.split('=').next().unwrap_or(pair);
        !pair.is_empty() && key != "cursor"
    });
    let cursor = format!("cursor={cursor}");
    let pairs: Vec<&str> = kept.chain([cursor.as_str()]).collect();
    format!("/rest/v1/{}?{}", read.view, pairs.join("&"))
}
