//! Running a service: HTTP and relay beside each other, ended one after the other.

use std::future::Future;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use prejoin_outbox::OutboxError;
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
/// Between attempts to compare a database with its log before anything is published.
const RETRY_WAIT: Duration = Duration::from_secs(1);

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
        let relay = self.clone().relay_on(relay_stops);
        let (stop_acting, acting_stops) = watch::channel(false);
        let mut acting = JoinSet::new();
        let mut heard = Vec::new();
        for consumer in consumers {
            let (hears_all, has_heard_all) = watch::channel(false);
            heard.push(has_heard_all);
            acting.spawn(self.clone().consume(consumer, hears_all, acting_stops.clone()));
        }
        if let Some(tick) = tick {
            acting.spawn(self.clone().keep_ticking(tick, heard, acting_stops));
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
    /// Runs the relay. A database that is older than its log was put back from a copy: what it has said already is
    /// forgotten first.
    async fn relay_on(self, mut stop: watch::Receiver<bool>) -> Result<(), OutboxError> {
        let mut told = false;
        while let Err(error) = self.catch_up_with_its_log().await {
            if !told {
                tracing::warn!(service = self.service(), %error, "nothing is published yet");
                told = true;
            }
            tokio::select! {
                () = tokio::time::sleep(RETRY_WAIT) => {}
                _ = stop.wait_for(|&stop| stop) => return Ok(()),
            }
        }
        let stopped = async {
            // Asked to stop before it has begun, it would not publish what the last commands recorded.
            tokio::task::yield_now().await;
            raised(stop).await;
        };
        self.outbox.relay(self.log.clone(), self.relay_settings.clone()).run(stopped).await
    }

    async fn catch_up_with_its_log(&self) -> Result<(), ServiceError> {
        if !self.is_behind_its_log().await? {
            return Ok(());
        }
        let forgotten = self.forget_published().await?;
        if forgotten > 0 {
            tracing::warn!(
                service = self.service(),
                forgotten,
                "this database is older than the event log: {forgotten} events that it still held back are in the log, and are not published again"
            );
        }
        Ok(())
    }

    /// Lets the clock act only while this service has heard what others have said: what looks overdue may have been
    /// answered while nobody was here to read the answer.
    async fn keep_ticking(
        self,
        tick: Tick,
        heard: Vec<watch::Receiver<bool>>,
        mut stop: watch::Receiver<bool>,
    ) {
        while !*stop.borrow() {
            if heard.iter().all(|heard| *heard.borrow())
                && let Err(error) = tick(&self).await
            {
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
