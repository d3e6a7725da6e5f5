//! `/rest/v1/<view>` as of a position that the client names, and not at all if the client has the same already.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequestParts as _, Path, Request, State};
use axum::handler::Handler as _;
use axum::http::header::{ACCEPT, CACHE_CONTROL, ETAG, IF_NONE_MATCH, RANGE, VARY};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::Response;
use prejoin_envelope::Position;

use super::{ReadApi, respond, rest};
use crate::Error;
use crate::access::Caller;
use crate::catalog::View;
use crate::freshness::{WaitFor, entity_tag, is_match};
use crate::plan::Required;
use crate::request::{self, Preferences, canonical};

const PREFER: HeaderName = HeaderName::from_static("prefer");
/// What an answer is made of beside the query.
const NEGOTIATED: [HeaderName; 4] = [ACCEPT, RANGE, PREFER, HeaderName::from_static("range-unit")];
/// What a cache must not take one caller's answer for another's by.
const VARIES: HeaderValue = HeaderValue::from_static("Authorization, Accept, Prefer, Range");

/// How often it is looked whether an index has come further: its commits tell nobody.
const INDEX_LOOK: Duration = Duration::from_millis(25);

/// What an answer was made from, for its tag. Whoever answers with rows of a view puts it among the response's extensions.
#[derive(Debug, Clone)]
pub(super) struct MadeFrom {
    /// `View::stamp`
    pub(super) stamp: String,
    pub(super) position: Position,
}

impl MadeFrom {
    pub(super) fn noted_in(self, mut response: Response) -> Response {
        response.extensions_mut().insert(self);
        response
    }
}

/// `rest::query` behind the wait: what is asked in a body is not kept by caches.
pub(super) async fn query(State(api): State<ReadApi>, caller: Caller, request: Request) -> Response {
    let (name, request) = named(request, &api).await;
    if let Some(asked) = name.and_then(|name| Asked::of(name, request.uri(), &caller))
        && let Err(error) = asked.wait(&api, request.headers()).await
    {
        return respond::error(&error, api.position_of(&asked.view).await.as_ref());
    }
    rest::query.call(request, api).await
}

/// The view that a path names.
async fn named(request: Request, api: &ReadApi) -> (Option<String>, Request) {
    let (mut parts, body) = request.into_parts();
    let name = Path::<String>::from_request_parts(&mut parts, api).await.ok();
    (name.map(|Path(name)| name), Request::from_parts(parts, body))
}

/// `rest::view` behind the wait and before the tag.
pub(super) async fn view(State(api): State<ReadApi>, caller: Caller, request: Request) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let (name, request) = named(request, &api).await;
    let asked = match name.and_then(|name| Asked::of(name, request.uri(), &caller)) {
        Some(asked) if is_read => asked,
        _ => return rest::view.call(request, api).await,
    };
    if let Err(error) = asked.wait(&api, request.headers()).await {
        return respond::error(&error, api.position_of(&asked.view).await.as_ref());
    }
    if request.headers().contains_key(IF_NONE_MATCH)
        && let Some(not_modified) = asked.not_modified(&api, request.headers()).await
    {
        return not_modified;
    }
    let negotiated = negotiated(request.headers());
    let mut response = rest::view.call(request, api.clone()).await;
    let made_from = response.extensions().get::<MadeFrom>().cloned();
    if let Some(made_from) = made_from.filter(|_| response.status().is_success()) {
        let tag = asked.tag(&made_from, &negotiated);
        asked.add_headers(response.headers_mut(), &api, tag);
    }
    response
}

/// Which answer a request is for.
struct Asked {
    view: String,
    query: String,
    required: Vec<Required>,
}

impl Asked {
    /// Nothing for a request that is answered without looking at a view: it is not granted, or not well-formed.
    fn of(view: String, uri: &Uri, caller: &Caller) -> Option<Asked> {
        let required = caller.grant(&view).ok()?.required;
        let query = canonical(uri.query().unwrap_or_default()).ok()?;
        Some(Asked { view, query, required })
    }

    /// Returns when the view has the position that the request names, if any.
    async fn wait(&self, api: &ReadApi, headers: &HeaderMap) -> Result<(), Error> {
        let preferred = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
        let preferences = Preferences::parse(preferred);
        match WaitFor::read(headers, preferences.wait_seconds, api.settings.wait_max)? {
            Some(wait_for) => {
                api.wait(&self.view, &wait_for).await?;
                match request::parse(&self.query, None).is_ok_and(|request| request.searches()) {
                    true => api.wait_for_index(&self.view, &wait_for).await,
                    false => Ok(()),
                }
            }
            None => Ok(()),
        }
    }

    fn tag(&self, made_from: &MadeFrom, negotiated: &[String]) -> HeaderValue {
        let position = made_from.position.to_string();
        let mut parts = vec![self.view.as_str(), &made_from.stamp, &position, &self.query];
        parts.extend(negotiated.iter().map(String::as_str));
        parts.extend(self.required.iter().flat_map(|required| [&*required.column, &*required.value]));
        entity_tag(&parts)
    }

    /// 304, if the client has what it would get.
    async fn not_modified(&self, api: &ReadApi, headers: &HeaderMap) -> Option<Response> {
        let view = api.current(&self.view).await?;
        let made_from = MadeFrom { stamp: view.stamp.clone(), position: view.position.clone() };
        let tag = self.tag(&made_from, &negotiated(headers));
        is_match(headers, &tag).then(|| {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            respond::add_position(response.headers_mut(), &view.position);
            self.add_headers(response.headers_mut(), api, tag);
            response
        })
    }

    fn add_headers(&self, headers: &mut HeaderMap, api: &ReadApi, tag: HeaderValue) {
        headers.insert(ETAG, tag);
        headers.insert(VARY, VARIES);
        if let Some(control) = api.settings.cache_control.get(&self.view)
            && let Ok(control) = HeaderValue::from_str(control)
        {
            headers.insert(CACHE_CONTROL, control);
        }
    }
}

fn negotiated(headers: &HeaderMap) -> Vec<String> {
    let all = |name: &HeaderName| {
        let values = headers.get_all(name).iter();
        values
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect::<Vec<_>>()
            .join("\n")
    };
    NEGOTIATED.iter().map(all).collect()
}

impl ReadApi {
    /// Waits until the view has a position. No connection to the store is held meanwhile.
    pub(super) async fn wait(&self, view: &str, wait_for: &WaitFor) -> Result<(), Error> {
        let missing = |present: Option<Position>| wait_for.missing(&present.unwrap_or_default());
        if missing(self.position_of(view).await).iter().next().is_none() {
            return Ok(());
        }
        if !wait_for.patience.is_zero() {
            let mut interest = self.live.observer.interest();
            let reached = interest.reached(view, &wait_for.position);
            if tokio::time::timeout(wait_for.patience, reached).await == Ok(true) {
                return Ok(());
            }
        }
        // It may have been reached at the last moment.
        let missing = missing(self.position_of(view).await);
        match missing.iter().next() {
            None => Ok(()),
            Some(_) => Err(Error::NotReached { missing: missing.to_string() }),
        }
    }

    /// Waits until the search index of a view has a position. Where there is no index to wait for, whoever asks it says so.
    pub(super) async fn wait_for_index(&self, view: &str, wait_for: &WaitFor) -> Result<(), Error> {
        let deadline = tokio::time::Instant::now() + wait_for.patience;
        loop {
            let Some(current) = self.current(view).await else { return Ok(()) };
            let Ok(index) = self.index_of(&current).await else { return Ok(()) };
            let missing = wait_for.missing(&index.position);
            if missing.iter().next().is_none() {
                return Ok(());
            }
            if tokio::time::Instant::now() >= deadline {
                return Err(Error::NotReached { missing: missing.to_string() });
            }
            tokio::time::sleep(INDEX_LOOK.min(wait_for.patience)).await;
        }
    }

    async fn current(&self, view: &str) -> Option<std::sync::Arc<View>> {
        let snapshot = self.store.snapshot().await.ok()?;
        snapshot.catalog.public_view(view).cloned()
    }

    async fn position_of(&self, view: &str) -> Option<Position> {
        self.current(view).await.map(|view| view.position.clone())
    }
}
