//! `/openapi.json`: the views that the caller sees, described.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;

use super::{ReadApi, respond};
use crate::access::Caller;
use crate::openapi::{self, Described};

const KIND: &str = "application/openapi+json";

pub(super) async fn document(State(api): State<ReadApi>, caller: Caller) -> Response {
    describe(&api, &caller, "application/json").await
}

/// Whether the list of views is asked for in this form.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    let accept = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accept
        .flat_map(|value| value.split(','))
        .any(|kind| kind.split(';').next().unwrap_or(kind).trim() == KIND)
}

pub(super) async fn list_as_document(api: &ReadApi, caller: &Caller) -> Response {
    describe(api, caller, "application/openapi+json; charset=utf-8").await
}

async fn describe(api: &ReadApi, caller: &Caller, kind: &'static str) -> Response {
    let views = match api.views().await {
        Ok(views) => views,
        Err(error) => return respond::error(&error, None),
    };
    let views = views.iter().map(Arc::as_ref).filter(|view| caller.sees(&view.name)).collect();
    let document = openapi::document(&Described { views, is_guarded: !api.access.is_open() });
    let mut response = respond::json_value(StatusCode::OK, &document);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
