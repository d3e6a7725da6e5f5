//! Compression of large answers for who takes it, and never of streams, whose events are to go out one by one.

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_RANGE;
use axum::response::Response;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate as _, SizeAbove};

/// What is smaller is sent sooner than it is compressed.
const BYTES_MIN: u16 = 1024;

/// A range of rows, laid aside: of bytes, it would forbid to compress.
#[derive(Clone)]
struct Rows(HeaderValue);

pub(super) fn compressed(router: Router) -> Router {
    let large = SizeAbove::new(BYTES_MIN)
        .and(NotForContentType::const_new("text/event-stream"))
        .and(NotForContentType::const_new("application/x-ndjson"));
    router.layer(CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(large))
}

/// Within the compression.
pub(super) fn lay_aside(mut response: Response) -> Response {
    if let Some(rows) = response.headers_mut().remove(CONTENT_RANGE) {
        response.extensions_mut().insert(Rows(rows));
    }
    response
}

/// Around the compression.
pub(super) fn bring_back(mut response: Response) -> Response {
    if let Some(Rows(rows)) = response.extensions_mut().remove() {
        response.headers_mut().insert(CONTENT_RANGE, rows);
    }
    response
}
