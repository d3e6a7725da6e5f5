//! Every route with what it needs of whoever asks. There is no other list.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Method, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{MethodRouter, any, get};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate as _, SizeAbove};

use super::guard::{self, Need};
use super::limits::{self, Kind};
use super::{ReadApi, compose, cors, overview, respond, rest, search, trace};
use crate::Error;
use crate::access::Endpoint;

/// What is smaller is sent sooner than it is compressed.
const COMPRESSED_BYTES_MIN: u16 = 1024;

struct Route {
    path: &'static str,
    need: Need,
    kind: Kind,
    answers: MethodRouter<ReadApi>,
}

fn routes() -> Vec<Route> {
    let route = |path, need, kind, answers| Route { path, need, kind, answers };
    let status = Need::Endpoint(Endpoint::Status);
    let metrics = Need::Endpoint(Endpoint::Metrics);
    let composed = Need::Endpoint(Endpoint::Compose);
    vec![
        route("/", status, Kind::Request, get(overview::page)),
        route("/compose/orders/{order_id}", composed, Kind::Request, get(compose::order)),
        route("/healthz", Need::Nothing, Kind::Unlimited, get(overview::health)),
        route("/livez", Need::Nothing, Kind::Unlimited, get(overview::health)),
        route("/metrics", metrics, Kind::Unlimited, get(overview::metrics)),
        route("/readyz", Need::Nothing, Kind::Unlimited, get(overview::readiness)),
        route("/rest/v1", Need::Views, Kind::Request, any(rest::views)),
        route("/rest/v1/", Need::Views, Kind::Request, any(rest::views)),
        route("/rest/v1/{view}", Need::Views, Kind::Request, any(rest::view)),
        route("/rest/v1/{view}/query", Need::Views, Kind::Request, any(rest::query)),
        route("/search/v1/{view}", Need::Views, Kind::Request, get(search::view)),
        route("/status", status, Kind::Unlimited, get(overview::status)),
    ]
}

impl ReadApi {
    /// All routes, each behind its guard and its limits.
    pub fn router(self) -> Router {
        let mut router = Router::new();
        for Route { path, need, kind, answers } in routes() {
            let guarded = answers
                .layer(from_fn_with_state((self.clone(), need), guard::guard))
                .layer(from_fn_with_state((self.clone(), kind), limits::limit));
            router = router.route(path, guarded);
        }
        let compressed = SizeAbove::new(COMPRESSED_BYTES_MIN)
            .and(NotForContentType::const_new("text/event-stream"))
            .and(NotForContentType::const_new("application/x-ndjson"));
        router
            .method_not_allowed_fallback(unsupported_method)
            .fallback(unknown_path)
            .layer(DefaultBodyLimit::max(self.settings.body_bytes_max))
            .layer(CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(compressed))
            .layer(cors::layer(&self.settings.cors_origins))
            .layer(from_fn_with_state(self.clone(), trace::request))
            .with_state(self)
    }
}

async fn unsupported_method(method: Method) -> Response {
    respond::error(&Error::UnsupportedMethod { method: method.to_string() }, None)
}

async fn unknown_path(_: Uri) -> Response {
    respond::error(&Error::UnknownPath, None)
}
