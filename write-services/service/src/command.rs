//! A command: a request that changes something, once, in one transaction with its events and the answer to its key.

use axum::body::{Body as HttpBody, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use prejoin_outbox::{NewEvent, OutboxId};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::context::Context;
use crate::database::Transaction;
use crate::etag::{check_match, tag_of};
use crate::idempotency;
use crate::problem::Problem;

const KEY_HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// Marks an answer that was given before.
const REPLAYED_HEADER: HeaderName = HeaderName::from_static("idempotency-replayed");
const KEY_CHARS_MAX: usize = 255;

/// A command with its body: `Command<Body<T>>`, `Command<OptionalBody<T>>`.
#[derive(Debug)]
pub struct Command<B> {
    pub head: CommandHead,
    pub body: B,
}

/// What a command says about itself besides its body.
#[derive(Debug, Clone)]
pub struct CommandHead {
    /// `Idempotency-Key`.
    pub(crate) key: Option<String>,
    /// A digest of method, path and body: whether two requests are the same.
    pub(crate) fingerprint: Vec<u8>,
    if_match: Vec<HeaderValue>,
}

/// A transaction of a command that is done for the first time, or the answer that it got then.
pub enum Begun {
    Now(Change),
    Before(Response),
}

/// A change under way. Dropped without a commit, nothing happened.
pub struct Change {
    context: Context,
    transaction: Transaction,
    head: CommandHead,
    recorded: Option<OutboxId>,
}

/// What a command is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) location: Option<String>,
    /// JSON; empty for none.
    pub(crate) body: String,
}

impl<B, S> FromRequest<S> for Command<B>
where
    B: FromRequest<S, Rejection = Problem>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = Bytes::from_request(Request::from_parts(parts.clone(), body), state).await?;
        let head = CommandHead {
            key: key_in(parts.headers.get(KEY_HEADER))?,
            fingerprint: fingerprint(parts.method.as_str(), parts.uri.path(), &bytes),
            if_match: parts.headers.get_all(header::IF_MATCH).iter().cloned().collect(),
        };
        let request = Request::from_parts(parts, HttpBody::from(bytes));
        Ok(Command { head, body: B::from_request(request, state).await? })
    }
}

fn key_in(header: Option<&HeaderValue>) -> Result<Option<String>, Problem> {
    let Some(header) = header else { return Ok(None) };
    let key = header.to_str().unwrap_or_default().trim();
    if key.is_empty() || key.len() > KEY_CHARS_MAX {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            format!("Idempotency-Key must be 1 to {KEY_CHARS_MAX} visible ASCII characters"),
        ));
    }
    Ok(Some(key.to_owned()))
}

fn fingerprint(method: &str, path: &str, body: &[u8]) -> Vec<u8> {
    let mut digest = Sha256::new();
    for part in [method.as_bytes(), path.as_bytes(), body] {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().to_vec()
}

impl Answer {
    /// A new entity and its path.
    pub fn created(location: String, entity: &impl Serialize) -> Result<Answer, Problem> {
        Ok(Answer { status: StatusCode::CREATED, location: Some(location), body: json(entity)? })
    }

    /// An entity as it is now, and its path.
    pub fn entity(location: String, entity: &impl Serialize) -> Result<Answer, Problem> {
        Ok(Answer { status: StatusCode::OK, location: Some(location), body: json(entity)? })
    }

    /// It is done, and there is nothing to show.
    pub fn done() -> Answer {
        Answer { status: StatusCode::NO_CONTENT, location: None, body: String::new() }
    }

    pub(crate) fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        let headers = response.headers_mut();
        if let Some(location) = self.location.and_then(|location| HeaderValue::try_from(location).ok()) {
            let is_new = self.status == StatusCode::CREATED;
            headers.insert(if is_new { header::LOCATION } else { header::CONTENT_LOCATION }, location);
        }
        if self.body.is_empty() {
            return response;
        }
        headers.insert(header::ETAG, tag_of(self.body.as_bytes()));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *response.body_mut() = HttpBody::from(self.body);
        response
    }
}

fn json(entity: &impl Serialize) -> Result<String, Problem> {
    serde_json::to_string(entity).map_err(|error| Problem::internal(&error))
}

impl Context {
    /// Begins a command's transaction, unless a command with its key was done before.
    pub async fn begin(&self, head: CommandHead) -> Result<Begun, Problem> {
        let mut transaction = self.database.begin().await?;
        if let Some(key) = &head.key
            && let Some(kept) = idempotency::claim(&mut transaction, key, &head.fingerprint).await?
        {
            drop(transaction);
            let mut response = kept.answer.into_response();
            response.headers_mut().insert(REPLAYED_HEADER, HeaderValue::from_static("true"));
            return Ok(Begun::Before(match kept.recorded {
                Some(recorded) => self.with_position(recorded, response).await,
                None => response,
            }));
        }
        Ok(Begun::Now(Change { context: self.clone(), transaction, head, recorded: None }))
    }
}

impl Change {
    /// The transaction that the change is made in.
    pub fn transaction(&mut self) -> &mut Transaction {
        &mut self.transaction
    }

    /// Refuses the command if the entity is not the one that its `If-Match` names.
    pub fn check_match(&self, entity: &impl Serialize) -> Result<(), Problem> {
        check_match(&self.head.if_match, entity)
    }

    /// Records an event with the change.
    pub async fn record(&mut self, event: NewEvent) -> Result<(), Problem> {
        self.recorded = Some(self.context.outbox.record(&mut self.transaction, event).await?);
        Ok(())
    }

    /// Makes the change, its events and its answer durable together. The answer names the position of its last event.
    pub async fn commit(mut self, answer: Answer) -> Result<Response, Problem> {
        if let Some(key) = &self.head.key {
            idempotency::keep(&mut self.transaction, key, &answer, self.recorded).await?;
        }
        self.transaction.commit().await?;
        let response = answer.into_response();
        Ok(match self.recorded {
            Some(recorded) => self.context.with_position(recorded, response).await,
            None => response,
        })
    }
}
