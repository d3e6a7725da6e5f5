//! What a request may take: bytes, time, and a place among those that are answered at one time.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use http_body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::guard::{self, Need};
use super::{ReadApi, compression, respond};
use crate::error::LimitError;
use crate::settings::ApiSettings;

/// The places among requests, and among streams.
pub(super) struct Places {
    requests: Arc<Semaphore>,
    streams: Arc<Semaphore>,
}

/// What a route's answers are, for the places that they take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Answers about the server itself, which must come when nothing else does.
    Unlimited,
    Request,
    /// An answer without an end: it has places of its own, and no time-out.
    Stream,
}

impl Places {
    pub(super) fn new(settings: &ApiSettings) -> Places {
        let places = |count: usize| Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)));
        Places { requests: places(settings.requests_max), streams: places(settings.streams_max) }
    }

    fn take(&self, kind: Kind) -> Result<Option<OwnedSemaphorePermit>, LimitError> {
        let (places, refusal) = match kind {
            Kind::Unlimited => return Ok(None),
            Kind::Request => (&self.requests, LimitError::Overloaded),
            Kind::Stream => (&self.streams, LimitError::TooManyStreams),
        };
        Arc::clone(places).try_acquire_owned().map(Some).map_err(|_| refusal)
    }
}

/// What goes around a route's answers: limits, and within them its guard.
pub(super) async fn limit(
    State((api, kind, need)): State<(ReadApi, Kind, Need)>,
    request: Request,
    next: Next,
) -> Response {
    let settings = &api.settings;
    if let Err(refusal) = check_size(&request, settings) {
        return respond::error(&refusal.into(), None);
    }
    let place = match api.places.take(kind) {
        Ok(place) => place,
        Err(refusal) => {
            api.metrics.refused();
            return respond::error(&refusal.into(), None);
        }
    };
    let answering = guard::guard(&api, need, request, next);
    let response = match kind {
        Kind::Stream => answering.await,
        _ => match tokio::time::timeout(settings.request_timeout, answering).await {
            Ok(response) => response,
            Err(_) => {
                let timeout_ms = settings.request_timeout.as_millis();
                return respond::error(&LimitError::TooSlow { timeout_ms }.into(), None);
            }
        },
    };
    let response = compression::lay_aside(response);
    match place {
        None => response,
        Some(place) => response.map(|body| Body::new(Placed { body, _place: place })),
    }
}

fn check_size(request: &Request, settings: &ApiSettings) -> Result<(), LimitError> {
    let uri_bytes = request.uri().path_and_query().map_or(0, |text| text.as_str().len());
    if uri_bytes > settings.uri_bytes_max {
        return Err(LimitError::UriTooLong { bytes_max: settings.uri_bytes_max });
    }
    if header_bytes(request.headers()) > settings.header_bytes_max {
        return Err(LimitError::HeadersTooLarge { bytes_max: settings.header_bytes_max });
    }
    // A body without a length is counted as it is read.
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let announced = announced.and_then(|length| length.parse::<u64>().ok()).unwrap_or(0);
    match usize::try_from(announced) {
        Ok(bytes) if bytes <= settings.body_bytes_max => Ok(()),
        _ => Err(LimitError::BodyTooLarge { bytes_max: settings.body_bytes_max }),
    }
}

fn header_bytes(headers: &HeaderMap) -> usize {
    let line = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len() + 4;
    headers.iter().map(line).sum()
}

/// A body whose place is taken until it has been sent or dropped.
struct Placed {
    body: Body,
    _place: OwnedSemaphorePermit,
}

impl HttpBody for Placed {
    type Data = <Body as HttpBody>::Data;
    type Error = <Body as HttpBody>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
