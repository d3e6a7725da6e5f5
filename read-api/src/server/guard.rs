//! Who may pass: every route says what it needs, and its handler runs with the caller that was found.

use axum::extract::{FromRequestParts, Request};
use axum::http::header::{ACCEPT, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use super::{ReadApi, respond};
use crate::Error;
use crate::access::{AccessError, Caller, Endpoint};

/// What a route needs of whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// It shows nothing of anybody's.
    Nothing,
    /// Its handler asks the caller for each view that it shows.
    Views,
    /// It shows more than views.
    Endpoint(Endpoint),
}

pub(super) async fn guard(api: &ReadApi, need: Need, mut request: Request, next: Next) -> Response {
    let caller = match need {
        Need::Nothing => return next.run(request).await,
        Need::Views => api.access.caller(request.headers()).await,
        Need::Endpoint(endpoint) => {
            let caller = api.access.caller(request.headers()).await;
            caller.and_then(|caller| caller.may(endpoint).map(|()| caller))
        }
    };
    match caller {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(refusal) => refused(refusal, request.headers()),
    }
}

/// A browser asks its user for the token when it is told of the scheme that it knows.
fn refused(refusal: AccessError, headers: &HeaderMap) -> Response {
    let may_ask = refusal.challenge().is_some() && wants_a_page(headers);
    let mut response = respond::error(&Error::Access(refusal), None);
    if may_ask {
        let scheme = HeaderValue::from_static("Basic realm=\"Prejoin: a token as the password\"");
        response.headers_mut().append(WWW_AUTHENTICATE, scheme);
    }
    response
}

fn wants_a_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

impl FromRequestParts<ReadApi> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &ReadApi) -> Result<Self, Self::Rejection> {
        // A route that needs nothing has no caller: its handler must not ask for one.
        let unguarded = || respond::error(&Error::unreadable("a route without a guard"), None);
        parts.extensions.get::<Caller>().cloned().ok_or_else(unguarded)
    }
}
