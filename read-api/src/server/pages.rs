//! The pages for people, and the stream that keeps the overview as it is.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use bytes::Bytes;
use futures::{Stream, stream};
use tokio::sync::watch;

use super::overview::Overview;
use super::{ReadApi, respond};
use crate::access::Caller;
use crate::catalog::View;
use crate::history::SAMPLE_EVERY;
use crate::pages;

/// Scripts and events come from here alone.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'";

pub(super) async fn overview(State(api): State<ReadApi>, caller: Caller) -> Response {
    match api.overview().await {
        Err(error) => respond::error(&error, None),
        Ok(overview) => {
            let samples = api.history.samples();
            html(pages::overview(&overview.board(&caller, &samples)))
        }
    }
}

pub(super) async fn script() -> Response {
    let mut response = Response::new(pages::SCRIPT.into());
    let kind = HeaderValue::from_static("text/javascript; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// The page of a reader: examples are with names of views that it sees.
pub(super) async fn docs(State(api): State<ReadApi>, caller: Caller, headers: HeaderMap) -> Response {
    let views = match api.views().await {
        Ok(views) => views,
        Err(error) => return respond::error(&error, None),
    };
    let seen: Vec<&View> = views.iter().map(Arc::as_ref).filter(|view| caller.sees(&view.name)).collect();
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).filter(|host| is_plain_host(host));
    let address = format!("http://{}", host.unwrap_or("127.0.0.1:8080"));
    html(pages::reference(&seen, &address, !api.access.is_open()))
}

/// It stands in commands that people copy.
fn is_plain_host(host: &str) -> bool {
    host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
}

fn html(page: String) -> Response {
    let mut response = Response::new(page.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

/// Server-sent events: a fragment now, and one whenever the status has been looked at again.
pub(super) async fn events(State(api): State<ReadApi>, caller: Caller) -> Response {
    let mut response = Response::new(Body::from_stream(fragments(api, caller)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn fragments(api: ReadApi, caller: Caller) -> impl Stream<Item = Result<Bytes, Infallible>> + Send {
    let (looked, draining) = (api.looked.subscribe(), api.draining.subscribe());
    let state = (api, caller, looked, draining, true);
    stream::unfold(state, async |(api, caller, mut looked, mut draining, is_first)| {
        let is_shown = is_first && looked.borrow().is_some();
        if !is_shown && !goes_on(&mut looked, &mut draining, &caller).await {
            return None;
        }
        let overview = looked.borrow_and_update().clone()?;
        let samples = api.history.samples();
        let event = event(&pages::fragment(&overview.board(&caller, &samples)));
        Some((Ok(event), (api, caller, looked, draining, false)))
    })
}

/// Waits for something to show. Nothing more is shown once the server is to end or the caller's token has expired.
async fn goes_on(
    looked: &mut watch::Receiver<Option<Arc<Overview>>>,
    draining: &mut watch::Receiver<bool>,
    caller: &Caller,
) -> bool {
    let changed = tokio::select! {
        changed = looked.changed() => changed.is_ok(),
        _ = draining.wait_for(|draining| *draining) => false,
    };
    changed && caller.expires_at().is_none_or(|at| SystemTime::now() < at)
}

/// Each line of the text is a line of the event; carriage returns would end lines as well.
fn event(text: &str) -> Bytes {
    let mut event = String::from("event: board\n");
    for line in text.replace('\r', " ").lines() {
        event += "data: ";
        event += line;
        event.push('\n');
    }
    event.push('\n');
    event.into()
}

impl ReadApi {
    /// Looks at the status again and again, for charts and for whoever has the overview open.
    pub(super) async fn keep_looking(self) {
        let mut ticks = tokio::time::interval(SAMPLE_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            // What cannot be read now is looked at again.
            if let Ok(overview) = self.overview().await {
                self.history.push(&overview.status, overview.rows(), Instant::now());
                self.looked.send_replace(Some(Arc::new(overview)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_holds_any_text() {
        assert_eq!(event("a\nb\rc\r\nd"), "event: board\ndata: a\ndata: b c \ndata: d\n\n");
    }
}
