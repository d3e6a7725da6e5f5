//! The HTTP side: routes, headers, and the life of the process that serves them.

mod compose;
mod overview;
mod respond;
mod rest;

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::http::{Method, Uri};
use axum::response::Response;
use axum::routing::{any, get};
use tokio::net::TcpListener;

use crate::Error;
use crate::compose::{Composer, ServiceUrls};
use crate::store::{Store, StoreAddress, StoreSettings};

/// The read API over one view store. Cheap to clone.
#[derive(Clone)]
pub struct ReadApi {
    store: Arc<Store>,
    composer: Arc<Composer>,
}

impl ReadApi {
    /// Opens the store lazily: it may not exist yet, and may be deleted and made anew while this runs.
    pub fn open(store: impl Into<StoreAddress>) -> ReadApi {
        ReadApi::open_with(store, StoreSettings::default())
    }

    /// As `open`, with other limits of reading.
    pub fn open_with(store: impl Into<StoreAddress>, settings: StoreSettings) -> ReadApi {
        let composer = Arc::new(Composer::new(ServiceUrls::new()));
        ReadApi { store: Arc::new(Store::with_settings(store, settings)), composer }
    }

    /// Says where the services are that `/compose/` asks.
    #[must_use]
    pub fn with_services(self, urls: ServiceUrls) -> ReadApi {
        ReadApi { composer: Arc::new(Composer::new(urls)), ..self }
    }

    /// All routes: `/rest/v1/`, `/compose/`, `/status`, `/healthz`, `/readyz` and the page at `/`.
    pub fn router(self) -> Router {
        Router::new()
            .route("/", get(overview::page))
            .route("/compose/orders/{order_id}", get(compose::order))
            .route("/healthz", get(overview::health))
            .route("/readyz", get(overview::readiness))
            .route("/status", get(overview::status))
            .route("/rest/v1", any(rest::views))
            .route("/rest/v1/", any(rest::views))
            .route("/rest/v1/{view}", any(rest::view))
            .method_not_allowed_fallback(unsupported_method)
            .fallback(unknown_path)
            .with_state(self)
    }

    /// Serves until `shutdown` completes and the requests under way are answered.
    pub async fn run(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        axum::serve(listener, self.router()).with_graceful_shutdown(shutdown).await
    }
}

async fn unsupported_method(method: Method) -> Response {
    respond::error(&Error::UnsupportedMethod { method: method.to_string() }, None)
}

async fn unknown_path(_: Uri) -> Response {
    respond::error(&Error::UnknownPath, None)
}
