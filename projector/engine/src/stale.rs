//! Which view rows a step may have changed.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use bytes::Bytes;
use prejoin_model::Row;
use prejoin_sql::{Relation, RowView};
use prejoin_state::Snapshot;

use crate::fold::RowChange;
use crate::keys::{equality_bytes, row_key};
use crate::stored::{StoredCause, StoredKey, StoredStale};
use crate::walk::Walker;
use crate::{Definition, EngineError, View, indexes::Indexes};

/// Limits within which stale keys are named one by one; beyond them, by their cause.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FanOutLimits {
    pub keys_per_cause: usize,
    pub keys_per_step: usize,
}

/// The stale keys of every view, given the net changes of a step and the state after it. Views that nothing touched
/// are left out.
pub(crate) fn stale_keys(
    definition: &Definition,
    indexes: &Indexes,
    changes: &[(Bytes, RowChange)],
    after: &dyn Snapshot,
    limits: FanOutLimits,
) -> Result<Vec<StoredStale>, EngineError> {
    let walker = Walker { definition, indexes, snapshot: after };
    let mut budget = limits.keys_per_step;
    let mut found = Vec::new();
    for view in &definition.views {
        let mut stale = ViewStale::new(&walker, &view.plan);
        for (table_key, change) in changes {
            stale.add(table_key, change, limits.keys_per_cause, &mut budget)?;
        }
        found.extend(stale.into_stored(view));
    }
    Ok(found)
}

/// Every row key of the source of a group table whose row the changes may have touched, without limits: accumulators
/// change completely in the step's commit.
pub(crate) fn every_stale_key(
    walker: &Walker<'_>,
    source: &RowView,
    changes: &[(Bytes, RowChange)],
) -> Result<Vec<Bytes>, EngineError> {
    let mut stale = ViewStale::new(walker, source);
    let mut budget = usize::MAX;
    for (table_key, change) in changes {
        stale.add(table_key, change, usize::MAX, &mut budget)?;
    }
    Ok(stale.keys.sorted())
}

/// Keys that come mostly in order, many of them more than once: sorted at the end, and before that whenever they have
/// doubled, so that repetitions do not pile up.
#[derive(Default)]
struct Keys {
    keys: Vec<Bytes>,
    /// How many there were when they were last sorted.
    distinct: usize,
}

impl Keys {
    /// Fewer than this are not worth sorting before the end.
    const SORTED_FROM: usize = 4_096;

    fn push(&mut self, key: Bytes) {
        if self.keys.len() >= Keys::SORTED_FROM.max(2 * self.distinct) {
            self.sort();
        }
        self.keys.push(key);
    }

    fn sort(&mut self) {
        self.keys.sort_unstable();
        self.keys.dedup();
        self.distinct = self.keys.len();
    }

    fn sorted(mut self) -> Vec<Bytes> {
        self.sort();
        self.keys
    }
}

struct ViewStale<'a> {
    walker: &'a Walker<'a>,
    plan: &'a RowView,
    keys: Keys,
    causes: BTreeSet<StoredCause>,
    /// Where each path was walked from last: changes come in the order of their keys, and the lines of one order all lead
    /// back to it.
    last_starts: Vec<Option<Vec<u8>>>,
}

impl<'a> ViewStale<'a> {
    fn new(walker: &'a Walker<'a>, plan: &'a RowView) -> Self {
        let last_starts = vec![None; plan.paths.len()];
        ViewStale { walker, plan, keys: Keys::default(), causes: BTreeSet::new(), last_starts }
    }

    fn add(
        &mut self,
        table_key: &Bytes,
        change: &RowChange,
        keys_max: usize,
        budget: &mut usize,
    ) -> Result<(), EngineError> {
        for (place, relation) in self.plan.relations.iter().enumerate() {
            if relation.table != change.table || !touches(relation, change) {
                continue;
            }
            match place.checked_sub(1) {
                None => self.keys.push(row_key(table_key)),
                Some(path) => self.add_path(path, change, keys_max, budget)?,
            }
        }
        Ok(())
    }

    fn add_path(
        &mut self,
        path: usize,
        change: &RowChange,
        keys_max: usize,
        budget: &mut usize,
    ) -> Result<(), EngineError> {
        let columns = &self.plan.paths[path].hops[0].from_columns;
        let values = |row: &Option<Row>| {
            row.as_ref().and_then(|row| equality_bytes(columns.iter().map(|&column| &row[column])))
        };
        let starts: BTreeSet<Vec<u8>> =
            [values(&change.old), values(&change.new)].into_iter().flatten().collect();
        for start in starts {
            self.add_start(path, start, keys_max, budget)?;
        }
        Ok(())
    }

    fn add_start(
        &mut self,
        path: usize,
        values: Vec<u8>,
        keys_max: usize,
        budget: &mut usize,
    ) -> Result<(), EngineError> {
        if self.last_starts[path].as_ref() == Some(&values) {
            return Ok(());
        }
        self.last_starts[path] = Some(values.clone());
        let keys_max = keys_max.min(*budget);
        let mut keys = Vec::new();
        let flow = self.walker.walk(&self.plan.paths[path], &values, None, &mut |trail| {
            if keys.len() == keys_max {
                return ControlFlow::Break(());
            }
            keys.extend(trail.last().cloned());
            ControlFlow::Continue(())
        })?;
        if flow.is_break() {
            let path = u32::try_from(path).expect("a view joins few tables");
            self.causes.insert(StoredCause { path, values });
        } else {
            *budget -= keys.len();
            keys.into_iter().for_each(|key| self.keys.push(key));
        }
        Ok(())
    }

    fn into_stored(self, view: &View) -> Option<StoredStale> {
        let keys: Vec<StoredKey> = self.keys.sorted().into_iter().map(StoredKey).collect();
        if keys.is_empty() && self.causes.is_empty() {
            return None;
        }
        Some(StoredStale {
            view: view.fingerprint.clone(),
            keys,
            fan_outs: self.causes.into_iter().collect(),
        })
    }
}

/// Whether the change is one that the relation can see: a row that came or went, or a column that is read.
fn touches(relation: &Relation, change: &RowChange) -> bool {
    match (&change.old, &change.new) {
        (Some(old), Some(new)) => relation.columns_read.iter().any(|&column| old[column] != new[column]),
        _ => true,
    }
}
