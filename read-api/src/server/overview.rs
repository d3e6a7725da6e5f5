//! How it all is: `/status`, `/metrics`, `/healthz`, `/livez`, `/readyz`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde::Serialize;

use super::metrics::Page;
use super::{ReadApi, respond};
use crate::Error;
use crate::access::Caller;
use crate::catalog::View;
use crate::history::Sample;
use crate::pages::Board;
use crate::status::{self, State as ProjectorState, Status};

/// The body of `/healthz` and `/readyz`, version 1.
#[derive(Serialize)]
struct Readiness {
    ready: bool,
    /// Why not. Nothing where auth is configured: `/status` says it there.
    reasons: Vec<String>,
}

pub(super) async fn health() -> Response {
    respond::json_value(StatusCode::OK, &serde_json::json!({ "healthy": true }))
}

pub(super) async fn status(State(api): State<ReadApi>) -> Response {
    match api.overview().await {
        Ok(overview) => respond::json_value(StatusCode::OK, &overview.status),
        Err(error) => respond::error(&error, None),
    }
}

pub(super) async fn readiness(State(api): State<ReadApi>) -> Response {
    let mut reasons = match api.overview().await {
        Ok(overview) => overview.unready(),
        Err(error) => vec![error.to_string()],
    };
    if *api.draining.borrow() {
        reasons.push("the process is ending".to_owned());
    }
    // Anyone may ask, and reasons name files and services.
    let reasons_shown = if api.access.is_open() { reasons.clone() } else { Vec::new() };
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    respond::json_value(status, &Readiness { ready: reasons.is_empty(), reasons: reasons_shown })
}

pub(super) async fn metrics(State(api): State<ReadApi>) -> Response {
    let mut page = Page::default();
    api.metrics.write(&mut page);
    // While the store cannot be read, what is counted here is still told.
    if let Ok(overview) = api.overview().await {
        overview.write(&mut page);
    }
    let mut response = Response::new(page.into_text().into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4"));
    response
}

pub(super) struct Overview {
    /// Why the store cannot be read, if so.
    absence: Option<String>,
    views: Vec<Arc<View>>,
    pub(super) status: Status,
}

impl Overview {
    pub(super) fn board<'a>(&'a self, caller: &Caller, samples: &'a [Sample]) -> Board<'a> {
        let seen = self.views.iter().map(Arc::as_ref).filter(|view| caller.sees(&view.name));
        Board { views: seen.collect(), status: &self.status, samples }
    }

    /// Of all views together.
    pub(super) fn rows(&self) -> i64 {
        self.views.iter().map(|view| view.rows).fold(0, i64::saturating_add)
    }

    fn write(&self, page: &mut Page) {
        page.family("prejoin_view_rows", "gauge", "Rows of a view.");
        for view in &self.views {
            page.sample("prejoin_view_rows", &[("view", &view.name)], view.rows);
        }
        page.family("prejoin_view_position", "gauge", "The last event of a service that a view reflects.");
        for view in &self.views {
            for (service, sequence) in view.position.iter() {
                page.sample("prejoin_view_position", &[("view", &view.name), ("service", service)], sequence);
            }
        }
        page.family("prejoin_projector_lag_events", "gauge", "Events in the log that are not in the tables.");
        for (name, service) in &self.status.services {
            if let Some(lag) = service.lag_events {
                page.sample("prejoin_projector_lag_events", &[("service", name)], lag);
            }
        }
        page.family("prejoin_projector_events_total", "counter", "Events applied since the state began.");
        for (name, service) in &self.status.services {
            page.sample("prejoin_projector_events_total", &[("service", name)], service.events_applied);
        }
        page.family("prejoin_dead_letters", "gauge", "Events that could not be applied.");
        for (name, count) in &self.status.dead_letters.services {
            page.sample("prejoin_dead_letters", &[("service", name)], count);
        }
        page.family("prejoin_row_errors", "gauge", "Rows that could not be computed.");
        page.sample("prejoin_row_errors", &[], self.status.row_errors.count);
        if let Some(age_seconds) = self.status.age_seconds {
            page.family(
                "prejoin_projector_status_age_seconds",
                "gauge",
                "Since the projector last reported.",
            );
            page.sample("prejoin_projector_status_age_seconds", &[], age_seconds);
        }
    }

    fn unready(&self) -> Vec<String> {
        if let Some(absence) = &self.absence {
            return vec![absence.clone()];
        }
        let mut reasons = Vec::new();
        if self.views.is_empty() {
            reasons.push("no view has been built yet".to_owned());
        }
        if self.status.state == ProjectorState::Absent {
            reasons.push("the projector has not reported yet".to_owned());
        }
        if let (true, Some(age_seconds)) = (self.status.stale, self.status.age_seconds) {
            reasons.push(format!("the projector last reported {age_seconds:.0} seconds ago"));
        }
        reasons
    }
}

impl ReadApi {
    /// Everything of one moment. A store that does not exist yet is not an error here.
    pub(super) async fn overview(&self) -> Result<Overview, Error> {
        let mut snapshot = match self.store.snapshot().await {
            Ok(snapshot) => snapshot,
            Err(error @ Error::StoreAbsent { .. }) => {
                let absence = Some(error.to_string());
                return Ok(Overview { absence, views: Vec::new(), status: status::absent() });
            }
            Err(error) => return Err(error),
        };
        let views = snapshot.catalog.public_views().cloned().collect();
        Ok(Overview { absence: None, views, status: status::of_snapshot(&mut snapshot).await? })
    }
}
