//! The common search, for a page of all rows that have the words: the index as it is, then one statement, which says of which
//! moment its rows are. Whatever is not as it was when the catalog was last read is answered in a snapshot instead.

use std::sync::Arc;

use axum::response::Response;
use futures::TryStreamExt;
use prejoin_envelope::Position;
use tantivy::query::Query;

use super::body::Body;
use super::find::{Found, Shown, page};
use super::{blocking, respond_with, searched};
use crate::Error;
use crate::access::Grant;
use crate::query::{self, Heading, Total};
use crate::search;
use crate::server::ReadApi;

/// Nothing if it has to be looked at closer: the catalog changed, the request is wrong or asks for more than a page.
pub(super) async fn at_once(
    api: &ReadApi,
    grant: &Grant,
    name: &str,
    query_string: &str,
    position: &mut Option<Position>,
) -> Result<Option<Response>, Error> {
    let Ok(request) = search::parse(query_string) else { return Ok(None) };
    if !grant.is_whole() || !request.facets.is_empty() || !request.rows.filters.is_empty() {
        return Ok(None);
    }
    let mut session = api.store.session().await?;
    let last = api.store.last_catalog(&session);
    let Some(view) = last.and_then(|last| last.public_view(name).cloned()) else { return Ok(None) };
    let Ok(index) = api.index_of(&view).await else { return Ok(None) };
    let Ok(columns) = searched(&index, &request) else { return Ok(None) };
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    let query = request.query.as_ref().and_then(|query| index.compile(query, &columns, request.typos));
    let Some(query): Option<Arc<dyn Query>> = query.map(Arc::from) else { return Ok(None) };
    let Ok(mut body) = Body::new(&request, &index, &names) else { return Ok(None) };
    let (asked, wanted) = (index.clone(), request.wanted());
    let hits = page(&request, blocking(move || asked.first(&*query, wanted)).await?);
    let Ok(shown) = Shown::new(&view, &request, &hits, &mut body) else { return Ok(None) };
    let statement = query::rows_with_heading(
        &shown.plan,
        &view,
        api.store.dialect(),
        Total::Unasked,
        view.search_index.as_deref(),
    )?;
    let mut rows = session.rows(statement);
    let heading_place = query::heading_place(&shown.plan);
    let mut found = shown.found();
    let mut heading = None;
    loop {
        match rows.try_next().await {
            Ok(Some(row)) => {
                if heading.is_none() {
                    let first = row.text(heading_place)?.map(Heading::parse).transpose()?;
                    let Some(first) = first.filter(|first| first.stamp == view.stamp) else {
                        return Ok(None);
                    };
                    heading = Some(first);
                }
                found.take(row)?;
            }
            Ok(None) => break,
            // Cancelled for its time: it would take as long again.
            Err(error) if error.code() == "57014" => return Err(error),
            Err(error) => {
                if let Error::Store(error) = &error {
                    api.store.lost(error);
                }
                return Ok(None);
            }
        }
    }
    drop(rows);
    let Some(heading) = heading else { return Ok(None) };
    let reflected = heading.position.meet(&index.position);
    *position = Some(reflected.clone());
    found.write(&hits, &mut body)?;
    let found = Found { page: hits, all: None, total: None, is_complete: true };
    Ok(Some(respond_with(body, &found, &request, &reflected, false)))
}
