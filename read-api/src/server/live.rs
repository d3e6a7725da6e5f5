//! `/live/v1/<view>`: server-sent events, as `crate::live` makes them.

use std::sync::Arc;
use std::time::SystemTime;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::response::Response;
use bytes::Bytes;
use futures::stream;

use super::{ReadApi, respond, rest};
use crate::Error;
use crate::access::Caller;
use crate::live::{Chunks, Client, Selection, Viewer};

const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Tells proxies that gather answers to hand on each part at once.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Clients that lost their connections at one moment come back spread over this time.
const RETRY_MS: u64 = 1_000;
const RETRY_SPREAD_MS: u32 = 2_000;

pub(super) async fn view(
    State(api): State<ReadApi>,
    caller: Caller,
    path: Result<Path<String>, PathRejection>,
    RawQuery(query_string): RawQuery,
    method: Method,
    headers: HeaderMap,
) -> Response {
    if let Some(response) = rest::not_a_read(&method) {
        return response;
    }
    let Ok(Path(name)) = path else { return respond::error(&Error::UnknownPath, None) };
    let followed = follow(&api, &caller, &name, query_string.unwrap_or_default(), &headers, &method).await;
    followed.unwrap_or_else(|error| respond::error(&error, None))
}

async fn follow(
    api: &ReadApi,
    caller: &Caller,
    name: &str,
    query_string: String,
    headers: &HeaderMap,
    method: &Method,
) -> Result<Response, Error> {
    let required = caller.grant(name)?.required;
    let (view, selection) = {
        let snapshot = api.store.snapshot().await?;
        let view = snapshot.catalog.public_view(name).cloned();
        let view = view.ok_or_else(|| rest::unknown_view(&snapshot, name, caller))?;
        (Arc::clone(&view), Selection::new(view, &query_string, &required)?)
    };
    let seen = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok()).filter(|id| !id.is_empty());
    let viewer = Viewer { required, expires_at: caller.expires_at() };
    let body = match *method {
        Method::HEAD => Body::from_stream(stream::empty::<std::io::Result<Bytes>>()),
        _ => {
            let live = Arc::clone(&api.live);
            let asked = (query_string, viewer);
            let (client, events) = Client::new(live, selection, asked, seen.map(str::to_owned));
            tokio::spawn(client.run(retry_ms(), api.draining.subscribe()));
            Body::from_stream(chunks(events))
        }
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, EVENT_STREAM);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(BUFFERING, HeaderValue::from_static("no"));
    respond::add_position(headers, &view.position);
    Ok(response)
}

fn chunks(chunks: Chunks) -> impl futures::Stream<Item = std::io::Result<Bytes>> + Send {
    stream::unfold(chunks, async |mut chunks| {
        let chunk = chunks.next().await?;
        Some((Ok(chunk), chunks))
    })
}

/// The clock's last digits are as good as chance.
fn retry_ms() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    RETRY_MS + u64::from(now.subsec_micros() % RETRY_SPREAD_MS)
}
