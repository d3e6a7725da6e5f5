//! Which pages of other origins may read this API in a browser, as PostgREST allows it.

use std::time::Duration;

use axum::http::header::{
    CONTENT_ENCODING, CONTENT_LOCATION, CONTENT_RANGE, CONTENT_TYPE, DATE, ETAG, LINK, LOCATION, RETRY_AFTER,
    SERVER, TRANSFER_ENCODING,
};
use axum::http::{HeaderName, HeaderValue, Method};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use super::respond::POSITION;
use super::trace::REQUEST_ID;

const PREFLIGHT_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// Credentials of the browser's own, such as cookies, are never asked for: a token is a header that the page sets.
pub(super) fn layer(origins: &[String]) -> CorsLayer {
    let origin = match origins.iter().any(|origin| origin == "*") {
        true => AllowOrigin::any(),
        false => AllowOrigin::list(origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok())),
    };
    CorsLayer::new()
        .allow_origin(origin)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::OPTIONS])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([
            CONTENT_ENCODING,
            CONTENT_LOCATION,
            CONTENT_RANGE,
            CONTENT_TYPE,
            DATE,
            LOCATION,
            SERVER,
            TRANSFER_ENCODING,
            HeaderName::from_static("range-unit"),
            HeaderName::from_static("preference-applied"),
            ETAG,
            LINK,
            RETRY_AFTER,
            POSITION,
            REQUEST_ID,
        ])
        .max_age(PREFLIGHT_KEPT)
}
