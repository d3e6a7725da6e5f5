//! `/rest/v1/`: the views, and the rows of each.

mod answered;
mod explain;
mod read;
mod stream;
mod wish;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, RawQuery, State};
use axum::http::header::ALLOW;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use prejoin_envelope::Position;
use serde::Serialize;

use self::read::Read;
pub(super) use self::wish::preferences;
use super::{ReadApi, openapi, respond};
use crate::access::Caller;
use crate::catalog::View;
use crate::error::LimitError;
use crate::store::Snapshot;
use crate::{Error, plan};

/// One view in the list of views, version 1.
#[derive(Serialize)]
struct ListedView<'a> {
    name: &'a str,
    description: Option<&'a str>,
    columns: Vec<ListedColumn<'a>>,
    /// Nothing for who does not see all of them.
    rows: Option<i64>,
    position: std::collections::BTreeMap<&'a str, u64>,
    generation: i64,
}

#[derive(Serialize)]
struct ListedColumn<'a> {
    name: &'a str,
    r#type: &'static str,
}

/// `GET /rest/v1/`. The position is what all views reflect.
pub(super) async fn views(
    State(api): State<ReadApi>,
    caller: Caller,
    method: Method,
    headers: HeaderMap,
) -> Response {
    if let Some(response) = not_a_read(&method) {
        return response;
    }
    if openapi::is_wanted(&headers) {
        return openapi::list_as_document(&api, &caller).await;
    }
    match api.views().await {
        Err(error) => respond::error(&error, None),
        Ok(views) => {
            let views: Vec<_> = views.into_iter().filter(|view| caller.sees(&view.name)).collect();
            let listed: Vec<_> = views.iter().map(|view| ListedView::of(view, &caller)).collect();
            let mut response = respond::json_value(StatusCode::OK, &listed);
            respond::add_position(response.headers_mut(), &common_position(&views));
            response
        }
    }
}

/// `GET /rest/v1/<view>`.
pub(super) async fn view(
    State(api): State<ReadApi>,
    caller: Caller,
    path: Result<Path<String>, PathRejection>,
    RawQuery(query_string): RawQuery,
    method: Method,
    headers: HeaderMap,
) -> Response {
    if let Some(response) = not_a_read(&method) {
        return response;
    }
    let Ok(Path(name)) = path else { return respond::error(&Error::UnknownPath, None) };
    let query_string = query_string.as_deref().unwrap_or("");
    answer(&api, &caller, &name, query_string, &headers, method == Method::HEAD).await
}

/// `POST /rest/v1/<view>/query`: the query string is the body, for lists that no URI is long enough for.
pub(super) async fn query(
    State(api): State<ReadApi>,
    caller: Caller,
    path: Result<Path<String>, PathRejection>,
    method: Method,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    if method != Method::POST {
        let mut response = respond::error(&Error::UnsupportedMethod { method: method.to_string() }, None);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        return response;
    }
    let Ok(Path(name)) = path else { return respond::error(&Error::UnknownPath, None) };
    let Ok(body) = body else {
        let bytes_max = api.settings.body_bytes_max;
        return respond::error(&LimitError::BodyTooLarge { bytes_max }.into(), None);
    };
    match std::str::from_utf8(&body) {
        Ok(query_string) => answer(&api, &caller, &name, query_string.trim(), &headers, false).await,
        Err(_) => {
            let message = "invalid byte sequence for encoding \"UTF8\" in the body".to_owned();
            respond::error(&Error::does_not_fit("22021", message), None)
        }
    }
}

async fn answer(
    api: &ReadApi,
    caller: &Caller,
    view: &str,
    query_string: &str,
    headers: &HeaderMap,
    only_headers: bool,
) -> Response {
    let mut position = None;
    let read = Read { caller, view, query_string, headers, only_headers };
    match read.answer(api, &mut position).await {
        Ok(response) => response,
        Err(error) => respond::error(&error, position.as_ref()),
    }
}

/// The answer to anything but GET and HEAD.
pub(super) fn not_a_read(method: &Method) -> Option<Response> {
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

pub(super) fn unknown_view(snapshot: &Snapshot, name: &str, caller: &Caller) -> Error {
    let seen = snapshot.catalog.public_views().map(Arc::as_ref).filter(|view| caller.sees(&view.name));
    let similar = plan::similar_view(seen, name);
    Error::UnknownView { view: name.to_owned(), similar }
}

/// What all views reflect.
pub(super) fn common_position(views: &[Arc<View>]) -> Position {
    let positions = views.iter().map(|view| view.position.clone());
    positions.reduce(|left, right| left.meet(&right)).unwrap_or_default()
}

impl ReadApi {
    pub(super) async fn views(&self) -> Result<Vec<Arc<View>>, Error> {
        Ok(self.store.snapshot().await?.catalog.public_views().cloned().collect())
    }
}

impl<'a> ListedView<'a> {
    fn of(view: &'a View, caller: &Caller) -> Self {
        let is_whole = caller.grant(&view.name).is_ok_and(|grant| grant.is_whole());
        ListedView {
            name: &view.name,
            description: view.comment.as_deref(),
            columns: view
                .columns
                .iter()
                .map(|column| ListedColumn { name: &column.name, r#type: column.kind.name() })
                .collect(),
            rows: is_whole.then_some(view.rows),
            position: view.position.iter().collect(),
            generation: view.generation,
        }
    }
}
