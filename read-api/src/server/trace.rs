//! Every request has an id and a span; every answer tells the id and is counted.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;

use super::{ReadApi, cors};

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const ID_BYTES_MAX: usize = 128;

/// What goes around every answer, in one layer: axum copies each layer for each request, with all layers within it.
/// The path stands in the log, the query does not: it may hold what a person is called.
pub(super) async fn request(State(api): State<ReadApi>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = id_of(request.headers());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    let span = tracing::info_span!(
        "request",
        id = id.to_str().unwrap_or_default(),
        method = method.as_str(),
        path = request.uri().path()
    );
    let underway = api.metrics.begin();
    let answering = async {
        let mut response = cors::allow(&api, request, next).await;
        response.headers_mut().insert(REQUEST_ID, id.clone());
        let (status, took) = (response.status(), began.elapsed());
        let route = route.as_ref().map_or("other", MatchedPath::as_str);
        api.metrics.answered(route, &method, status, took);
        tracing::debug!(status = status.as_u16(), took_us = took.as_micros(), "answered");
        response
    };
    let response = answering.instrument(span).await;
    drop(underway);
    response
}

/// The client's own id, if it can stand in a log line as it is; else a new one.
fn id_of(headers: &HeaderMap) -> HeaderValue {
    let is_sane = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:+/=".contains(byte);
        (1..=ID_BYTES_MAX).contains(&bytes.len()) && bytes.iter().all(allowed)
    };
    match headers.get(REQUEST_ID).filter(is_sane) {
        Some(id) => id.clone(),
        None => {
            let id = uuid::Uuid::now_v7().to_string();
            HeaderValue::from_str(&id).unwrap_or_else(|_| HeaderValue::from_static("none"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_taken_over_if_it_can_stand_in_a_log() {
        let of = |id: &[u8]| {
            let headers = HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_bytes(id).unwrap())]);
            id_of(&headers).as_bytes().to_vec()
        };
        for sane in ["7", "0192f0c1-5b8e", "trace:a/b+c=", &"x".repeat(ID_BYTES_MAX)] {
            assert_eq!(of(sane.as_bytes()), sane.as_bytes());
        }
        let long = "x".repeat(ID_BYTES_MAX + 1);
        for wild in ["", "a b", "a\tb", "\"", "id\\n", "é", &long] {
            assert_eq!(of(wild.as_bytes()).len(), 36, "{wild} is replaced");
        }
        assert_ne!(id_of(&HeaderMap::new()), id_of(&HeaderMap::new()));
    }
}
