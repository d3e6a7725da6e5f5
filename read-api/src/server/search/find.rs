//! Which rows are the best: the index ranks, the view store filters.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::TryStreamExt;
use tantivy::query::Query;

use super::blocking;
use super::body::Body;
use crate::answer::{Format, Writer};
use crate::catalog::View;
use crate::plan::{self, Condition, ReadPlan, Required};
use crate::query;
use crate::request;
use crate::search::{Hit, IndexSnapshot, MATCHES_MAX, SearchRequest, Weighing};
use crate::store::{Row, Snapshot};
use crate::{Error, hexadecimal};

/// Of rows that have the words, how many are looked at first for those that pass the filters.
const WINDOW_MIN: usize = 256;
const WINDOW_GROWTH: usize = 4;

/// A search on its way: an index and a store, each of one moment.
pub(super) struct Search<'a> {
    snapshot: Snapshot,
    view: &'a View,
    request: &'a SearchRequest,
    required: &'a [Required],
    index: Arc<IndexSnapshot>,
    weighing: Weighing,
    /// What must hold of every row that is shown or counted.
    conditions: Vec<Condition>,
}

pub(super) struct Found {
    /// Rows to be shown, the best first.
    pub(super) page: Vec<Hit>,
    /// The keys of all of them, if they were needed.
    pub(super) all: Option<Vec<Vec<u8>>>,
    /// If it is known.
    pub(super) total: Option<usize>,
    /// Whether all rows were looked at.
    pub(super) is_complete: bool,
}

impl Found {
    pub(super) fn nothing() -> Found {
        Found { page: Vec::new(), all: Some(Vec::new()), total: Some(0), is_complete: true }
    }
}

impl<'a> Search<'a> {
    pub(super) fn new(
        snapshot: Snapshot,
        view: &'a View,
        request: &'a SearchRequest,
        required: &'a [Required],
        index: Arc<IndexSnapshot>,
        weighing: Weighing,
    ) -> Result<Search<'a>, Error> {
        let mut conditions = plan::conditions(view, &request.rows.filters, required)?;
        crate::search::resolve(&mut conditions, &index)?;
        Ok(Search { snapshot, view, request, required, index, weighing, conditions })
    }

    pub(super) async fn find(&mut self, query: Arc<dyn Query>, counts: bool) -> Result<Found, Error> {
        let needs_all = !self.request.facets.is_empty();
        if self.conditions.is_empty() {
            return self.unfiltered(query, needs_all).await;
        }
        let index = self.index.clone();
        let counted = query.clone();
        if blocking(move || index.count(&*counted)).await? > MATCHES_MAX {
            let passing = self.passing(None).await?;
            if passing.len() <= MATCHES_MAX {
                let query = self.index.restricted(query.box_clone(), &passing);
                return self.unfiltered(Arc::from(query), needs_all).await;
            }
        }
        self.filtered(query, needs_all || counts).await
    }

    /// Where each row that has the words is a result.
    async fn unfiltered(&self, query: Arc<dyn Query>, needs_all: bool) -> Result<Found, Error> {
        let rows_max = if needs_all { MATCHES_MAX } else { self.request.wanted() };
        let (hits, total) = self.best(query, rows_max).await?;
        let all = needs_all.then(|| hits.iter().map(|hit| hit.key.clone()).collect());
        let is_complete = !needs_all || total <= MATCHES_MAX;
        Ok(Found { page: page(self.request, hits), all, total: Some(total), is_complete })
    }

    /// Looks at more and more of the best rows until enough of them pass.
    async fn filtered(&mut self, query: Arc<dyn Query>, needs_all: bool) -> Result<Found, Error> {
        let wanted = self.request.wanted();
        let mut window = if needs_all { MATCHES_MAX } else { (wanted * WINDOW_GROWTH).max(WINDOW_MIN) };
        loop {
            window = window.min(MATCHES_MAX);
            let (mut hits, total) = self.best(query.clone(), window).await?;
            let is_complete = hits.len() == total;
            let keys = hits.iter().map(|hit| hit.key.clone()).collect();
            let passing: HashSet<Vec<u8>> = self.passing(Some(keys)).await?.into_iter().collect();
            hits.retain(|hit| passing.contains(&hit.key));
            let is_enough = !needs_all && hits.len() >= wanted;
            if is_complete || is_enough || window == MATCHES_MAX {
                let all = needs_all.then(|| hits.iter().map(|hit| hit.key.clone()).collect());
                let total = is_complete.then_some(hits.len());
                return Ok(Found {
                    page: page(self.request, hits),
                    all,
                    total,
                    is_complete: is_complete || is_enough,
                });
            }
            window *= WINDOW_GROWTH;
        }
    }

    async fn best(&self, query: Arc<dyn Query>, rows_max: usize) -> Result<(Vec<Hit>, usize), Error> {
        let (index, weighing) = (self.index.clone(), self.weighing);
        blocking(move || index.best(&*query, rows_max, weighing)).await
    }

    /// Rows that pass the filters, of those with the given keys or of all; of those one more than could be looked at.
    async fn passing(&mut self, keys: Option<Vec<Vec<u8>>>) -> Result<Vec<Vec<u8>>, Error> {
        let mut plan = plan::plan(self.view, &request::keyed_rows(Vec::new()), self.required)?;
        plan.conditions.clone_from(&self.conditions);
        match keys {
            Some(keys) => plan.conditions.push(Condition::KeyIn(keys)),
            None => plan.limit = Some(MATCHES_MAX as u64 + 1),
        }
        let statement = query::rows(&plan, self.snapshot.session.dialect())?;
        let mut rows = self.snapshot.session.rows(statement);
        let mut passing = Vec::new();
        while let Some(row) = rows.try_next().await? {
            passing.push(key(&row, &plan)?);
        }
        Ok(passing)
    }

    /// Writes the rows of these hits, in their order. A row that has gone since is left out.
    pub(super) async fn rows(&mut self, hits: &[Hit], body: &mut Body) -> Result<(), Error> {
        let mut shown = Shown::new(self.view, self.request, hits, body)?;
        shown.plan.conditions.splice(..0, self.conditions.iter().cloned());
        let statement = query::rows(&shown.plan, self.snapshot.session.dialect())?;
        let mut rows = self.snapshot.session.rows(statement);
        let mut found = shown.found();
        while let Some(row) = rows.try_next().await? {
            found.take(row)?;
        }
        drop(rows);
        found.write(hits, body)
    }

    /// Writes the values of a column and how often each is among these rows, the most frequent first.
    pub(super) async fn facet(
        &mut self,
        column: &str,
        keys: &[Vec<u8>],
        body: &mut Body,
    ) -> Result<(), Error> {
        let mut counts = request::value_counts(column);
        counts.limit = Some(self.request.facet_values_max);
        let mut plan = plan::plan(self.view, &counts, self.required)?;
        plan.conditions.clone_from(&self.conditions);
        plan.conditions.push(Condition::KeyIn(keys.to_vec()));
        let statement = query::rows(&plan, self.snapshot.session.dialect())?;
        let mut rows = self.snapshot.session.rows(statement);
        let mut writer = Writer::new(&plan, Format::Array);
        while let Some(row) = rows.try_next().await? {
            writer.row(&row)?;
        }
        writer.end();
        body.facet(column, &writer.take());
        Ok(())
    }
}

/// Those to be shown of the best rows.
pub(super) fn page(request: &SearchRequest, hits: Vec<Hit>) -> Vec<Hit> {
    let [offset, limit] =
        [request.offset_rows, request.limit].map(|rows| usize::try_from(rows).unwrap_or(usize::MAX));
    hits.into_iter().skip(offset).take(limit).collect()
}

/// What is read of the rows of a page.
pub(super) struct Shown {
    /// Shown columns, columns to be highlighted, and the key; of these rows, and no further condition.
    pub(super) plan: ReadPlan,
    columns: usize,
}

impl Shown {
    pub(super) fn new(
        view: &View,
        request: &SearchRequest,
        hits: &[Hit],
        body: &mut Body,
    ) -> Result<Shown, Error> {
        let mut plan = plan::plan(view, &request::keyed_rows(request.rows.select.clone()), &[])?;
        let columns = plan.output.len();
        body.add_highlighted(view, &mut plan.output)?;
        plan.conditions.push(Condition::KeyIn(hits.iter().map(|hit| hit.key.clone()).collect()));
        Ok(Shown { plan, columns })
    }

    pub(super) fn found(&self) -> FoundRows<'_> {
        FoundRows { shown: self, rows: HashMap::new() }
    }
}

/// Rows in whichever order the store has them.
pub(super) struct FoundRows<'a> {
    shown: &'a Shown,
    rows: HashMap<Vec<u8>, Row>,
}

impl FoundRows<'_> {
    pub(super) fn take(&mut self, row: Row) -> Result<(), Error> {
        self.rows.insert(key(&row, &self.shown.plan)?, row);
        Ok(())
    }

    /// Writes them in the order of the hits. A row that has gone since is left out.
    pub(super) fn write(&self, hits: &[Hit], body: &mut Body) -> Result<(), Error> {
        let Shown { plan, columns } = self.shown;
        let mut writer = Writer::of(&plan.output[..*columns], Format::NdJson, plan.limit);
        for hit in hits {
            if let Some(row) = self.rows.get(&hit.key) {
                writer.row(row)?;
                body.hit(hit.score, &writer.take(), row)?;
            }
        }
        Ok(())
    }
}

/// A row's key, which comes after what a plan selects.
fn key(row: &Row, plan: &ReadPlan) -> Result<Vec<u8>, Error> {
    let digits = row.required(plan.output.len())?;
    hexadecimal::decode(digits).ok_or_else(|| Error::unreadable(format!("the key {digits:?}")))
}
