//! Responses: JSON bodies, PostgREST's error body, and the headers every answer has.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use prejoin_envelope::Position;
use serde::Serialize;

use crate::Error;
use crate::error::LimitError;

pub(super) const POSITION: HeaderName = HeaderName::from_static("prejoin-position");
pub(super) const CONTENT_RANGE: HeaderName = HeaderName::from_static("content-range");
pub(super) const METHODS: HeaderValue = HeaderValue::from_static("OPTIONS,GET,HEAD");
const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// RFC 9209: which error it is, for who sees no body.
const PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");

/// After so long a refused request may find room.
const RETRY_SECONDS: &str = "1";

/// PostgREST's error body, version 1; keys in its order.
#[derive(Serialize)]
struct ErrorBody<'a> {
    code: &'a str,
    details: Option<Cow<'a, str>>,
    hint: Option<String>,
    message: String,
}

/// A body of JSON bytes.
pub(super) fn json(status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// A value as JSON. For answers about the present, which no one should keep.
pub(super) fn json_value(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => {
            let mut response = json(status, body);
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err(failure) => error(&Error::unreadable(format!("a value that is no JSON ({failure})")), None),
    }
}

pub(super) fn error(error: &Error, position: Option<&Position>) -> Response {
    if error.status() == 500 {
        tracing::error!(%error, "a request failed");
    }
    // What SQLite says in an internal error is for the log.
    let message = match error {
        Error::Store(_) => "the view store could not be read; the server's log says why".to_owned(),
        other => other.to_string(),
    };
    let body = ErrorBody { code: error.code(), details: error.details(), hint: error.hint(), message };
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(&body).unwrap_or_default();
    let mut response = json(status, body);
    if matches!(error, Error::UnsupportedMethod { .. }) {
        response.headers_mut().insert(ALLOW, METHODS);
    }
    let headers = response.headers_mut();
    if let Ok(status) = HeaderValue::from_str(&format!("PostgREST; error={}", error.code())) {
        headers.insert(PROXY_STATUS, status);
    }
    if let Error::OffsetBeyond { rows, .. } = error
        && let Ok(range) = HeaderValue::from_str(&format!("*/{rows}"))
    {
        headers.insert(CONTENT_RANGE, range);
    }
    if let Error::Access(refusal) = error
        && let Some(Ok(challenge)) = refusal.challenge().map(|text| HeaderValue::from_str(&text))
    {
        headers.insert(WWW_AUTHENTICATE, challenge);
    }
    if matches!(error, Error::Limit(LimitError::Overloaded | LimitError::TooManyStreams)) {
        headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_SECONDS));
    }
    if let Some(position) = position {
        add_position(response.headers_mut(), position);
    }
    response
}

pub(super) fn add_position(headers: &mut HeaderMap, position: &Position) {
    match HeaderValue::from_str(&position.to_string()) {
        Ok(value) => drop(headers.insert(POSITION, value)),
        Err(_) => {
            tracing::warn!(%position, "a position with a service name that no header can hold was left out")
        }
    }
}
