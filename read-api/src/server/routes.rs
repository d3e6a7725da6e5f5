//! Every route with what it needs of whoever asks. There is no other list.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Method, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{MethodRouter, any, get};

use super::compression::compressed;
use super::guard::{self, Need};
use super::limits::{self, Kind};
use super::{ReadApi, compose, cors, openapi, overview, pages, respond, rest, trace};
use crate::Error;
use crate::access::Endpoint;

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
        route("/", status, Kind::Request, get(pages::overview)),
        route("/compose/orders/{order_id}", composed, Kind::Request, get(compose::order)),
        route("/healthz", Need::Nothing, Kind::Unlimited, get(overview::health)),
        route("/livez", Need::Nothing, Kind::Unlimited, get(overview::health)),
        route("/metrics", metrics, Kind::Unlimited, get(overview::metrics)),
        route("/docs", Need::Views, Kind::Request, get(pages::docs)),
        route("/openapi.json", Need::Views, Kind::Request, get(openapi::document)),
        route("/overview.js", Need::Nothing, Kind::Unlimited, get(pages::script)),
        route("/overview/events", status, Kind::Stream, get(pages::events)),
        route("/readyz", Need::Nothing, Kind::Unlimited, get(overview::readiness)),
        route("/rest/v1", Need::Views, Kind::Request, any(rest::views)),
        route("/rest/v1/", Need::Views, Kind::Request, any(rest::views)),
        route("/rest/v1/{view}", Need::Views, Kind::Request, any(rest::view)),
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
        let router = router
            .method_not_allowed_fallback(unsupported_method)
            .fallback(unknown_path)
            .layer(DefaultBodyLimit::max(self.settings.body_bytes_max))
            .with_state(self.clone());
        compressed(router)
            .layer(from_fn_with_state(self.clone(), cors::allow))
            .layer(from_fn_with_state(self, trace::request))
    }
}

async fn unsupported_method(method: Method) -> Response {
    respond::error(&Error::UnsupportedMethod { method: method.to_string() }, None)
}

async fn unknown_path(_: Uri) -> Response {
    respond::error(&Error::UnknownPath, None)
}
