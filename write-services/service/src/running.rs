//! Running a service: HTTP and relay beside each other, ended one after the other.

use std::future::Future;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::consumer::Consumer;
use crate::context::Context;
use crate::domain::Tick;
use crate::error::ServiceError;
use crate::metrics;
use crate::problem::Problem;

/// A body of this size makes an event that fits the log.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// How long requests, and after them the relay, may take to finish once the service is asked to stop.
const FINISH_WAIT: Duration = Duration::from_secs(10);
const TICK_EVERY: Duration = Duration::from_millis(200);

impl Context {
    /// Completes a service's routes with what all have: `/healthz`, `/metrics`, a limit on bodies, problems for what has
    /// no route.
    pub fn complete(&self, routes: Router) -> Router {
        routes
            .route("/healthz", get(health).with_state(self.clone()))
            .route("/metrics", get(metrics::page).with_state(self.clone()))
            .fallback(no_route)
            .method_not_allowed_fallback(no_method)
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .layer(from_fn_with_state(self.metrics.clone(), metrics::count))
    }

    /// Serves `router`, runs the relay and the consumers until `shutdown`, then lets requests and the relay's window
    /// finish. Ends early, with the reason, when the relay cannot go on.
    pub async fn run(
        self,
        router: Router,
        consumers: &'static [Consumer],
        tick: Option<Tick>,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServiceError> {
        let (stop_server, server_stops) = watch::channel(false);
        let (stop_relay, relay_stops) = watch::channel(false);
        let server = axum::serve(listener, router).with_graceful_shutdown(raised(server_stops)).into_future();
        let relay = self.outbox.relay(self.log.clone(), self.relay_settings.clone()).run(raised(relay_stops));
        let (stop_acting, acting_stops) = watch::channel(false);
        let mut acting = JoinSet::new();
        for consumer in consumers {
            acting.spawn(self.clone().consume(consumer, acting_stops.clone()));
        }
        if let Some(tick) = tick {
            acting.spawn(self.clone().keep_ticking(tick, acting_stops));
        }
        tokio::pin!(shutdown, server, relay);

        let mut relay_ended = None;
        let mut served = None;
        tokio::select! {
            () = &mut shutdown => {}
            ended = &mut relay => relay_ended = Some(ended),
            ended = &mut server => served = Some(ended),
        }
        stop_server.send_replace(true);
        stop_acting.send_replace(true);
        let finish_by = tokio::time::Instant::now() + FINISH_WAIT;
        while served.is_none() && tokio::time::Instant::now() < finish_by {
            tokio::select! {
                // The relay first: it must have begun when it is asked to stop, or it publishes nothing.
                biased;
                // Requests that finish now still get their positions.
                ended = &mut relay, if relay_ended.is_none() => relay_ended = Some(ended),
                ended = &mut server => served = Some(ended),
                () = tokio::time::sleep_until(finish_by) => {
                    tracing::warn!(service = self.service(), "requests that did not finish in time are cut off");
                }
            }
        }
        // What they record now goes out with the relay's last window. Those that hang are cut off: their transactions
        // never happened.
        let acted = async { while acting.join_next().await.is_some() {} };
        let _ = timeout(FINISH_WAIT, acted).await;
        stop_relay.send_replace(true);
        if relay_ended.is_none() {
            relay_ended = timeout(FINISH_WAIT, relay).await.ok();
        }
        let _ = timeout(FINISH_WAIT, self.database.close()).await;
        match (served, relay_ended) {
            (_, Some(Err(error))) => Err(error.into()),
            (Some(Err(source)), _) => {
                Err(ServiceError::Server { service: self.service().to_owned(), source })
            }
            (_, Some(Ok(())) | None) => Ok(()),
        }
    }
}

impl Context {
    async fn keep_ticking(self, tick: Tick, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            if let Err(error) = tick(&self).await {
                tracing::warn!(service = self.service(), %error, "what is due is done later");
            }
            tokio::select! {
                () = tokio::time::sleep(TICK_EVERY) => {}
                _ = stop.changed() => {}
            }
        }
    }
}

async fn raised(mut flag: watch::Receiver<bool>) {
    // A dropped sender is as good as a raised flag.
    let _ = flag.wait_for(|&raised| raised).await;
}

async fn health(State(context): State<Context>) -> Response {
    match context.outbox.counts().await {
        Ok(counts) => Json(json!({
            "status": "ok",
            "service": context.service(),
            "outbox": { "unsent_events": counts.unsent, "parked_events": counts.parked },
        }))
        .into_response(),
        Err(error) => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, format!("the database does not answer: {error}"))
                .into_response()
        }
    }
}

async fn no_route(uri: Uri) -> Problem {
    Problem::not_found(format!("there is nothing at {}", uri.path()))
}

async fn no_method(method: Method, uri: Uri) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("{method} is not possible at {}", uri.path()))
}
