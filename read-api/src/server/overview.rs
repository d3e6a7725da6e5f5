//! How it all is: `/status`, `/healthz`, `/readyz`, and the page at `/`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde::Serialize;

use super::{ReadApi, respond};
use crate::catalog::View;
use crate::status::{self, State as ProjectorState, Status};
use crate::{Error, page};

/// The body of `/healthz` and `/readyz`, version 1.
#[derive(Serialize)]
struct Readiness {
    ready: bool,
    /// Why not.
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
    let reasons = match api.overview().await {
        Ok(overview) => overview.unready(),
        Err(error) => vec![error.to_string()],
    };
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    respond::json_value(status, &Readiness { ready: reasons.is_empty(), reasons })
}

pub(super) async fn page(State(api): State<ReadApi>) -> Response {
    match api.overview().await {
        Err(error) => respond::error(&error, None),
        Ok(overview) => {
            let mut response = Response::new(page::render(&overview.views, &overview.status).into());
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            let policy = "default-src 'none'; style-src 'unsafe-inline'";
            headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
            response
        }
    }
}

struct Overview {
    /// Why the store cannot be read, if so.
    absence: Option<String>,
    views: Vec<Arc<View>>,
    status: Status,
}

impl Overview {
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
    async fn overview(&self) -> Result<Overview, Error> {
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
