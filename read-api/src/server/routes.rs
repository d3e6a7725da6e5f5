//! Every route with what it needs of whoever asks. There is no other list.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Method, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{MethodRouter, any, get};

use super::compression::compressed;
use super::guard::Need;
use super::limits::{self, Kind};
use super::{ReadApi, compose, fresh, live, openapi, overview, pages, respond, rest, search, trace};
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
        route("/live/v1/{view}", Need::Views, Kind::Stream, any(live::view)),
        route("/livez", Need::Nothing, Kind::Unlimited, get(overview::health)),
        route("/metrics", metrics, Kind::Unlimited, get(overview::metrics)),
        route("/docs", Need::Views, Kind::Request, get(pages::docs)),
        route("/openapi.json", Need::Views, Kind::Request, get(openapi::document)),
        route("/overview.js", Need::Nothing, Kind::Unlimited, get(pages::script)),
        route("/overview/events", status, Kind::Stream, get(pages::events)),
        route("/readyz", Need::Nothing, Kind::Unlimited, get(overview::readiness)),
        route("/rest/v1", Need::Views, Kind::Request, any(rest::views)),
        route("/rest/v1/", Need::Views, Kind::Request, any(rest::views)),
        route("/rest/v1/{view}", Need::Views, Kind::Request, any(fresh::view)),
        route("/rest/v1/{view}/query", Need::Views, Kind::Request, any(fresh::query)),
        route("/search/v1/{view}", Need::Views, Kind::Request, get(search::view)),
        route("/status", status, Kind::Unlimited, get(overview::status)),
    ]
}

impl ReadApi {
    /// All routes, each behind its guard and its limits.
    pub fn router(self) -> Router {
        let mut router = Router::new();
        for Route { path, need, kind, answers } in routes() {
            let limited = answers.layer(from_fn_with_state((self.clone(), kind, need), limits::limit));
            router = router.route(path, limited);
        }
        let router = router
            .method_not_allowed_fallback(unsupported_method)
            .fallback(unknown_path)
            .layer(DefaultBodyLimit::max(self.settings.body_bytes_max))
            .with_state(self.clone());
        compressed(router).layer(from_fn_with_state(self, trace::request))
    }
}

async fn unsupported_method(method: Method) -> Response {
    respond::error(&Error::UnsupportedMethod { method: method.to_string() }, None)
}

async fn unknown_path(_: Uri) -> Response {
    respond::error(&Error::UnknownPath, None)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    use axum::body::Body;
    use axum::http::Request;
    use hyper::service::Service as _;
    use hyper_util::service::TowerToHyperService;

    use super::*;
    use crate::access::{AuthSettings, Role};
    use crate::settings::ApiSettings;

    /// Routes that show nothing of anybody's. Whoever adds one says why it may be open.
    const OPEN: [&str; 4] = ["/healthz", "/livez", "/overview.js", "/readyz"];
    /// Routes that answer every role with what it sees, which may be nothing.
    const OF_WHAT_IS_SEEN: [&str; 4] = ["/docs", "/openapi.json", "/rest/v1", "/rest/v1/"];

    /// A server without a store: what is let through finds none, and what is refused is refused before it is looked for.
    fn service(anonymous_role: Option<&str>) -> TowerToHyperService<Router> {
        let mut auth = AuthSettings::new();
        auth.secret = Some((crate::access::Secret::new([7; 32]), crate::access::Algorithm::Hs256));
        auth.anonymous_role = anonymous_role.map(str::to_owned);
        auth.roles.insert("nothing".to_owned(), Role::default());
        let settings = ApiSettings { auth: Some(auth), ..ApiSettings::default() };
        let api = ReadApi::open(PathBuf::from("nowhere")).with_settings(settings).unwrap();
        TowerToHyperService::new(api.router())
    }

    async fn statuses(anonymous_role: Option<&str>, methods: &[&str], path: &str) -> BTreeSet<u16> {
        let service = service(anonymous_role);
        let mut statuses = BTreeSet::new();
        for &method in methods {
            let path = path.replace("{view}", "orders").replace("{order_id}", "7");
            let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
            statuses.insert(service.call(request).await.unwrap().status().as_u16());
        }
        statuses
    }

    #[tokio::test]
    async fn no_route_answers_who_may_not_ask() {
        for Route { path, need, .. } in routes() {
            assert_eq!(need == Need::Nothing, OPEN.contains(&path), "{path}");
            if OPEN.contains(&path) {
                continue;
            }
            let allowed = BTreeSet::from([401, 405]);
            let unknown = statuses(None, &["GET", "HEAD", "POST", "OPTIONS"], path).await;
            assert!(unknown.is_subset(&allowed), "{path} answers whoever has no token: {unknown:?}");
            if !OF_WHAT_IS_SEEN.contains(&path) {
                // What was let through would find no store, and be 503.
                let unseeing = statuses(Some("nothing"), &["GET", "HEAD", "POST"], path).await;
                assert!(unseeing.is_subset(&allowed), "{path} answers a role without grants: {unseeing:?}");
            }
        }
    }
}
