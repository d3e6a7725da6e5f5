//! `/search/v1/<view>`: the best rows by their words.

mod at_once;
mod body;
mod find;

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use prejoin_envelope::Position;
use tantivy::query::Query;

use self::body::Body;
use self::find::{Found, Search};
use super::{ReadApi, respond};
use crate::Error;
use crate::access::Caller;
use crate::catalog::View;
use crate::freshness::WaitFor;
use crate::plan::Condition;
use crate::request::Count;
use crate::search::{self, IndexSnapshot, SearchRequest, SearchedColumn, Weighing};

/// `GET /search/v1/<view>`.
pub(super) async fn view(
    State(api): State<ReadApi>,
    caller: Caller,
    path: Result<Path<String>, PathRejection>,
    RawQuery(query_string): RawQuery,
    headers: HeaderMap,
) -> Response {
    let Ok(Path(name)) = path else { return respond::error(&Error::UnknownPath, None) };
    let mut position = None;
    let query_string = query_string.as_deref().unwrap_or("");
    match answer(&api, &caller, &name, query_string, &headers, &mut position).await {
        Ok(response) => response,
        Err(error) => respond::error(&api.store.explain(error), position.as_ref()),
    }
}

async fn answer(
    api: &ReadApi,
    caller: &Caller,
    name: &str,
    query_string: &str,
    headers: &HeaderMap,
    position: &mut Option<Position>,
) -> Result<Response, Error> {
    // Before anything is looked up: the answer to what is not granted says nothing about what there is.
    let grant = caller.grant(name)?;
    let preferences = super::rest::preferences(headers);
    if let Some(wait_for) = WaitFor::read(headers, preferences.wait_seconds, api.settings.wait_max)? {
        api.wait(name, &wait_for).await?;
        api.wait_for_index(name, &wait_for).await?;
    }
    let counts = preferences.count == Some(Count::Exact);
    if !counts && let Some(response) = at_once::at_once(api, &grant, name, query_string, position).await? {
        return Ok(response);
    }
    let snapshot = api.store.snapshot().await?;
    let Some(view) = snapshot.catalog.public_view(name).cloned() else {
        return Err(super::rest::unknown_view(&snapshot, name, caller));
    };
    *position = Some(view.position.clone());
    let request = search::parse(query_string)?;
    let index = api.index_of(&view).await?;
    let reflected = view.position.meet(&index.position);
    *position = Some(reflected.clone());
    let columns = searched(&index, &request)?;
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    let query = request.query.as_ref().and_then(|query| index.compile(query, &columns, request.typos));
    let query: Option<Arc<dyn Query>> = query.map(Arc::from);
    let weighing = if grant.is_whole() { Weighing::ByRarity } else { Weighing::Alike };
    let mut search = Search::new(snapshot, &view, &request, &grant.required, index.clone(), weighing)?;
    let found = match query {
        None => Found::nothing(),
        Some(query) => search.find(query, counts).await?,
    };
    let mut body = Body::new(&request, &index, &names)?;
    search.rows(&found.page, &mut body).await?;
    for facet in &request.facets {
        search.facet(facet, found.all.as_deref().unwrap_or_default(), &mut body).await?;
    }
    Ok(respond_with(body, &found, &request, &reflected, counts))
}

fn respond_with(
    body: Body,
    found: &Found,
    request: &SearchRequest,
    reflected: &Position,
    counts: bool,
) -> Response {
    let hits = body.hits();
    let mut response = respond::json(StatusCode::OK, body.end(found, counts));
    let headers = response.headers_mut();
    respond::add_position(headers, reflected);
    let range = content_range(request.offset_rows, hits, found.total.filter(|_| counts));
    if let Ok(range) = HeaderValue::from_str(&range) {
        headers.insert(respond::CONTENT_RANGE, range);
    }
    response
}

fn content_range(offset_rows: u64, rows: u64, total: Option<usize>) -> String {
    let total = total.map_or_else(|| "*".to_owned(), |total| total.to_string());
    match rows {
        0 => format!("*/{total}"),
        rows => format!("{offset_rows}-{}/{total}", offset_rows + rows - 1),
    }
}

/// The columns that the client names, or all.
fn searched<'a>(index: &'a IndexSnapshot, request: &SearchRequest) -> Result<Vec<&'a SearchedColumn>, Error> {
    match &request.columns {
        None => Ok(index.columns().iter().collect()),
        Some(names) => names.iter().map(|name| index.column(name)).collect(),
    }
}

impl ReadApi {
    /// The index of a view's generation that readers see, as it is now.
    pub(super) async fn index_of(&self, view: &View) -> Result<Arc<IndexSnapshot>, Error> {
        let Some(directory) = view.search_index.clone() else {
            let reason = format!(
                "View '{0}' has no search index, or none yet: CREATE INDEX ON {0} USING fulltext (column) declares one.",
                view.name
            );
            return Err(Error::NotImplemented { reason });
        };
        let Some(indexes) = self.indexes.clone() else {
            let reason = "Search indexes lie beside the projector, in its data directory, which this server was not given.";
            return Err(Error::NotImplemented { reason: reason.to_owned() });
        };
        if let Some(index) = indexes.unchanged(&view.name, &directory) {
            return Ok(Arc::new(index));
        }
        let (name, generation) = (view.name.clone(), view.generation);
        blocking(move || indexes.snapshot(&name, generation, &directory)).await.map(Arc::new)
    }

    /// Lets the index answer the text operators among a plan's conditions. Returns the view as it is then: at the position
    /// that both reflect.
    pub(super) async fn search(
        &self,
        view: Arc<View>,
        conditions: &mut Vec<Condition>,
    ) -> Result<Arc<View>, Error> {
        if !search::searches(conditions) {
            return Ok(view);
        }
        let index = self.index_of(&view).await?;
        let reflected = view.position.meet(&index.position);
        let mut searched = std::mem::take(conditions);
        *conditions = blocking(move || search::resolve(&mut searched, &index).map(|()| searched)).await?;
        Ok(Arc::new(View { position: reflected, ..View::clone(&view) }))
    }
}

/// Runs what reads an index on a thread that may wait for files.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(panic) => Err(Error::unreadable(format!("a search that failed ({panic})"))),
    }
}
