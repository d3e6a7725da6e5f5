//! Failures as clients see them: `application/problem+json` (RFC 9457).

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prejoin_outbox::OutboxError;
use serde_json::{Map, Value};

use crate::database::{DatabaseError, is_passing_for_outbox};

/// What went wrong with a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    status: StatusCode,
    detail: String,
    /// Members beside those of the RFC.
    members: Map<String, Value>,
}

impl Problem {
    /// `detail` is a sentence for the person who sent the request.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Problem { status, detail: detail.into(), members: Map::new() }
    }

    /// A well-formed request that asks for something that cannot be.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    pub fn not_found(detail: impl Into<String>) -> Self {
        Problem::new(StatusCode::NOT_FOUND, detail)
    }

    pub fn conflict(detail: impl Into<String>) -> Self {
        Problem::new(StatusCode::CONFLICT, detail)
    }

    /// Adds a member for programs to read.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// It may succeed when it is sent again.
    fn passing(error: &dyn std::error::Error) -> Self {
        tracing::warn!(%error, "a request failed");
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the service's database is away or busy: send it again in a moment, with the same Idempotency-Key",
        )
    }

    pub(crate) fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(error = %error, "a request failed");
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the service could not do it and has noted the reason in its log; nothing was changed",
        )
    }
}

impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Self {
        if error.is_passing() { Problem::passing(&error) } else { Problem::internal(&error) }
    }
}

impl From<OutboxError> for Problem {
    fn from(error: OutboxError) -> Self {
        if is_passing_for_outbox(&error) { Problem::passing(&error) } else { Problem::internal(&error) }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = self.members;
        body.insert("type".into(), "about:blank".into());
        body.insert("title".into(), self.status.canonical_reason().unwrap_or("Problem").into());
        body.insert("status".into(), self.status.as_u16().into());
        body.insert("detail".into(), self.detail.into());
        let headers = [(header::CONTENT_TYPE, "application/problem+json")];
        (self.status, headers, Value::Object(body).to_string()).into_response()
    }
}
