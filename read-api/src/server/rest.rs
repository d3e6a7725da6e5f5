//! `/rest/v1/`: the views, and the rows of each.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{ACCEPT, ALLOW};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use futures::{TryStreamExt, stream};
use prejoin_envelope::Position;
use serde::Serialize;
use tokio::sync::mpsc;

use super::{ReadApi, respond};
use crate::answer::ArrayWriter;
use crate::catalog::View;
use crate::plan::{self, ReadPlan};
use crate::store::Snapshot;
use crate::{Error, answer, query, request};

/// An answer up to this size is built before it is sent; a larger one is sent as it is read.
const BUFFERED_BYTES_MAX: usize = 1 << 20;
const CHUNK_BYTES: usize = 64 << 10;
/// Chunks that wait for a client.
const CHUNKS_AHEAD: usize = 4;
/// A client that takes no chunk for so long is dropped, for its snapshot keeps the store from being tidied.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(30);

/// One view in the list of views, version 1.
#[derive(Serialize)]
struct ListedView<'a> {
    name: &'a str,
    description: Option<&'a str>,
    columns: Vec<ListedColumn<'a>>,
    rows: i64,
    position: std::collections::BTreeMap<&'a str, u64>,
    generation: i64,
}

#[derive(Serialize)]
struct ListedColumn<'a> {
    name: &'a str,
    r#type: &'static str,
}

/// `GET /rest/v1/`. The position is what all views reflect.
pub(super) async fn views(State(api): State<ReadApi>, method: Method) -> Response {
    if let Some(response) = not_a_read(&method) {
        return response;
    }
    match api.views().await {
        Err(error) => respond::error(&error, None),
        Ok(views) => {
            let listed: Vec<_> = views.iter().map(|view| ListedView::from(view.as_ref())).collect();
            let mut response = respond::json_value(StatusCode::OK, &listed);
            respond::add_position(response.headers_mut(), &common_position(&views));
            response
        }
    }
}

/// `GET /rest/v1/<view>`.
pub(super) async fn view(
    State(api): State<ReadApi>,
    path: Result<Path<String>, PathRejection>,
    RawQuery(query_string): RawQuery,
    method: Method,
    headers: HeaderMap,
) -> Response {
    if let Some(response) = not_a_read(&method) {
        return response;
    }
    let Ok(Path(name)) = path else { return respond::error(&Error::UnknownPath, None) };
    let mut position = None;
    let read = Read { view: &name, query_string: query_string.as_deref().unwrap_or(""), headers: &headers };
    match read.answer(&api, method == Method::HEAD, &mut position).await {
        Ok(response) => response,
        Err(error) => respond::error(&error, position.as_ref()),
    }
}

/// The answer to anything but GET and HEAD.
fn not_a_read(method: &Method) -> Option<Response> {
    match *method {
        Method::GET | Method::HEAD => None,
        Method::OPTIONS => {
            let mut response = Response::new(Body::empty());
            response.headers_mut().insert(ALLOW, respond::METHODS);
            Some(response)
        }
        _ => Some(respond::error(&Error::UnsupportedMethod { method: method.to_string() }, None)),
    }
}

struct Read<'a> {
    view: &'a str,
    query_string: &'a str,
    headers: &'a HeaderMap,
}

impl Read<'_> {
    /// `position` is set as soon as it is known, for errors tell it too.
    async fn answer(
        &self,
        api: &ReadApi,
        only_headers: bool,
        position: &mut Option<Position>,
    ) -> Result<Response, Error> {
        let mut snapshot = api.store.snapshot().await?;
        let view = snapshot.catalog.public_view(self.view).cloned();
        *position = view.as_ref().map(|view| view.position.clone());
        check_accept(self.headers)?;
        let request = request::parse(self.query_string, None)?;
        let view = match view {
            Some(view) => view,
            None => return Err(unknown_view(&snapshot, self.view)),
        };
        let plan = plan::plan(&view, &request)?;
        let mut response = match only_headers {
            true => headers_only(&mut snapshot, &plan).await?,
            false => rows(snapshot, plan).await?,
        };
        respond::add_position(response.headers_mut(), &view.position);
        Ok(response)
    }
}

fn unknown_view(snapshot: &Snapshot, name: &str) -> Error {
    let similar = plan::similar_view(snapshot.catalog.public_views().map(Arc::as_ref), name);
    Error::UnknownView { view: name.to_owned(), similar }
}

/// Only JSON arrays are answered here.
fn check_accept(headers: &HeaderMap) -> Result<(), Error> {
    const JSON: [&str; 4] = ["*/*", "application/*", "application/json", "application/vnd.pgrst.array+json"];
    let accepted: Vec<&str> =
        headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let types = || {
        accepted
            .iter()
            .flat_map(|value| value.split(','))
            .map(|range| range.split(';').next().unwrap_or(range).trim())
    };
    let acceptable = |kind: &str| JSON.iter().any(|json| kind.eq_ignore_ascii_case(json));
    if accepted.is_empty() || types().any(acceptable) {
        return Ok(());
    }
    Err(Error::NotAcceptable { accept: types().collect::<Vec<_>>().join(", ") })
}

async fn headers_only(snapshot: &mut Snapshot, plan: &ReadPlan) -> Result<Response, Error> {
    let count = count(snapshot, plan).await?;
    // A body of unknown length: an empty one would be announced with `content-length: 0`, which GET's is not.
    let body = Body::from_stream(stream::empty::<std::io::Result<Bytes>>());
    Ok(with_range(respond::json(StatusCode::OK, body), plan, count))
}

async fn rows(mut snapshot: Snapshot, plan: ReadPlan) -> Result<Response, Error> {
    if let Some((body, count)) = buffered(&mut snapshot, &plan).await? {
        return Ok(with_range(respond::json(StatusCode::OK, body), &plan, count));
    }
    // The number of rows is sent before the rows: in one snapshot, the count and what follows agree.
    let count = count(&mut snapshot, &plan).await?;
    let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
    let response = respond::json(StatusCode::OK, Body::from_stream(chunks(receiver)));
    let response = with_range(response, &plan, count);
    tokio::spawn(async move {
        if let Err(reason) = send_rows(snapshot, plan, &sender).await {
            tracing::warn!(reason, "an answer was broken off");
            // The client must not take the part for the whole.
            let _ = sender.try_send(Err(std::io::Error::other(reason)));
        }
    });
    Ok(response)
}

/// The whole answer, or nothing if it is too large.
async fn buffered(snapshot: &mut Snapshot, plan: &ReadPlan) -> Result<Option<(Vec<u8>, u64)>, Error> {
    let mut writer = ArrayWriter::new(plan);
    let mut rows = snapshot.session.rows(query::rows(plan)?);
    while let Some(row) = rows.try_next().await? {
        writer.row(&row)?;
        if writer.buffered_bytes() > BUFFERED_BYTES_MAX {
            return Ok(None);
        }
    }
    writer.end();
    Ok(Some((writer.take(), writer.rows())))
}

async fn count(snapshot: &mut Snapshot, plan: &ReadPlan) -> Result<u64, Error> {
    answer::count(&snapshot.session.one(query::count(plan)?).await?)
}

async fn send_rows(
    mut snapshot: Snapshot,
    plan: ReadPlan,
    sender: &mpsc::Sender<std::io::Result<Bytes>>,
) -> Result<(), String> {
    let failed = |error: Error| error.to_string();
    let send = async |chunk: Vec<u8>| match sender.send_timeout(Ok(chunk.into()), CLIENT_TIMEOUT).await {
        Ok(()) => Ok(()),
        Err(mpsc::error::SendTimeoutError::Timeout(_)) => Err("the client stopped reading".to_owned()),
        Err(mpsc::error::SendTimeoutError::Closed(_)) => Err("the client went away".to_owned()),
    };
    let mut writer = ArrayWriter::new(&plan);
    let statement = query::rows(&plan).map_err(failed)?;
    let mut rows = snapshot.session.rows(statement);
    while let Some(row) = rows.try_next().await.map_err(failed)? {
        writer.row(&row).map_err(failed)?;
        if writer.buffered_bytes() >= CHUNK_BYTES {
            send(writer.take()).await?;
        }
    }
    writer.end();
    send(writer.take()).await
}

fn chunks(
    receiver: mpsc::Receiver<std::io::Result<Bytes>>,
) -> impl futures::Stream<Item = std::io::Result<Bytes>> + Send {
    stream::unfold(receiver, async |mut receiver| {
        let chunk = receiver.recv().await?;
        Some((chunk, receiver))
    })
}

/// `0-829/*`: first and last row, from 0; the total is not counted. `*/*` for no rows.
fn with_range(mut response: Response, plan: &ReadPlan, count: u64) -> Response {
    let range = match count.checked_sub(1) {
        None => "*/*".to_owned(),
        Some(last) => format!("{}-{}/*", plan.offset_rows, plan.offset_rows.saturating_add(last)),
    };
    if let Ok(range) = HeaderValue::from_str(&range) {
        response.headers_mut().insert(respond::CONTENT_RANGE, range);
    }
    response
}

/// What all views reflect.
pub(super) fn common_position(views: &[Arc<View>]) -> Position {
    let positions = views.iter().map(|view| view.position.clone());
    positions.reduce(|left, right| left.meet(&right)).unwrap_or_default()
}

impl ReadApi {
    async fn views(&self) -> Result<Vec<Arc<View>>, Error> {
        Ok(self.store.snapshot().await?.catalog.public_views().cloned().collect())
    }
}

impl<'a> From<&'a View> for ListedView<'a> {
    fn from(view: &'a View) -> Self {
        ListedView {
            name: &view.name,
            description: view.comment.as_deref(),
            columns: view
                .columns
                .iter()
                .map(|column| ListedColumn { name: &column.name, r#type: column.kind.name() })
                .collect(),
            rows: view.rows,
            position: view.position.iter().collect(),
            generation: view.generation,
        }
    }
}
