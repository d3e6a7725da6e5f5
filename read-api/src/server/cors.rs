//! Which pages of other origins may read this API in a browser, as PostgREST allows it.

use axum::extract::Request;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;

use super::{ReadApi, compression};

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, OPTIONS");
const DAY_SECONDS: HeaderValue = HeaderValue::from_static("86400");
/// What a page may read of an answer beside its body.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Content-Encoding, Content-Location, Content-Range, Content-Type, Date, ETag, Link, Location, Preference-Applied, \
     Prejoin-Position, Range-Unit, Retry-After, Server, Transfer-Encoding, X-Request-Id",
);

/// Credentials of the browser's own, such as cookies, are never asked for: a token is a header that the page sets.
pub(super) async fn allow(api: &ReadApi, request: Request, next: Next) -> Response {
    let origins = &api.settings.cors_origins;
    let anywhere = origins.iter().any(|origin| origin == "*");
    let origin = match anywhere {
        true => Some(HeaderValue::from_static("*")),
        false => request.headers().get(ORIGIN).filter(|origin| is_among(origin, origins)).cloned(),
    };
    // OPTIONS without this asks what can be done here, not what a page may.
    let is_preflight =
        request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match is_preflight {
        true => preflight(request.headers()),
        false => compression::bring_back(next.run(request).await),
    };
    let headers = response.headers_mut();
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    if !anywhere {
        headers.append(VARY, HeaderValue::from_static("origin"));
    }
    response
}

fn is_among(origin: &HeaderValue, origins: &[String]) -> bool {
    origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes())
}

/// Whichever headers the page wants to send, it may.
fn preflight(asked: &HeaderMap) -> Response {
    let mut response = Response::default();
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(ACCESS_CONTROL_MAX_AGE, DAY_SECONDS);
    if let Some(wanted) = asked.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    response
}
