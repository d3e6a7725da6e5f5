//! From what a step changed to the rows of the group tables.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use prejoin_model::{Row, SharedRow, Value, decode_row};
use prejoin_state::{Batch, Layered, Snapshot, Space};

use crate::fold::{RowChange, write_changes};
use crate::groups::group::{Group, Place};
use crate::groups::layout::Layout;
use crate::indexes::Indexes;
use crate::keys::{failed_row_key, table_key};
use crate::lookups::Source;
use crate::recompute::{RowOutcome, evaluate};
use crate::stale::every_stale_key;
use crate::walk::Walker;
use crate::{Definition, EngineError};

/// Takes the changes of contracts' tables, which are in the batch, through every group table: its accumulators, rows and
/// index entries go into the batch too, and the changes of its rows are added to the others.
pub(crate) fn change_group_tables(
    definition: &Definition,
    indexes: &Indexes,
    before: &dyn Snapshot,
    changes: &mut Vec<(Bytes, RowChange)>,
    batch: &mut Batch,
) -> Result<(), EngineError> {
    for place in 0..definition.groups.len() {
        let after = Layered::new(before, batch);
        let walker = Walker { definition, indexes, snapshot: &after };
        let keys = every_stale_key(&walker, &definition.groups[place].source, changes)?;
        if keys.is_empty() {
            continue;
        }
        let gathering = gather_changes(&walker, definition, place, before, changes, keys)?;
        gathering.finish(definition, indexes, changes, batch)?;
    }
    Ok(())
}

/// Takes the rows of one group table's source under these keys from what they were to what they are.
fn gather_changes<'a>(
    walker: &Walker<'_>,
    definition: &'a Definition,
    place: usize,
    before: &'a dyn Snapshot,
    changes: &[(Bytes, RowChange)],
    keys: Vec<Bytes>,
) -> Result<Gathering<'a>, EngineError> {
    let &Walker { indexes, snapshot: after, .. } = walker;
    let plan = &definition.groups[place].source;
    let grain = plan.relations[0].table;
    let stored = definition.stored(grain);
    let grain_changes: HashMap<&[u8], &RowChange> = changes
        .iter()
        .filter(|(_, change)| change.table == grain)
        .map(|(table_key, change)| (&table_key[..], change))
        .collect();
    let mut source_before = Source::new(definition, indexes, before, plan);
    let mut source_after = Source::new(definition, indexes, after, plan);
    let outcome = |row: Option<SharedRow>, source: &mut Source<'_>| match row {
        Some(row) => evaluate(plan, row, source),
        None => Ok(RowOutcome::Absent),
    };
    let mut gathering = Gathering::new(definition, place, before);
    for key in keys {
        let (old, new) = match grain_changes.get(&table_key(stored, &key)[..]) {
            Some(change) => (change.old.clone().map(Into::into), change.new.clone().map(Into::into)),
            None => {
                let row = source_before.read_row(grain, &key)?;
                (row.clone(), row)
            }
        };
        let old = outcome(old, &mut source_before)?;
        let new = outcome(new, &mut source_after)?;
        gathering.change(&key, old, new)?;
    }
    Ok(gathering)
}

/// The groups of one group table that a step touches, or a slice of its build.
pub(crate) struct Gathering<'a> {
    layout: Layout<'a>,
    /// The state before the step.
    before: &'a dyn Snapshot,
    /// Writes to entries.
    entries: Batch,
    /// By row key.
    groups: BTreeMap<Bytes, Group>,
    /// Rows of the source that cannot be computed after the step, or could not before: by row key, with the error after.
    failed: BTreeMap<Bytes, Option<String>>,
}

impl<'a> Gathering<'a> {
    pub(crate) fn new(definition: &'a Definition, place: usize, before: &'a dyn Snapshot) -> Gathering<'a> {
        Gathering {
            layout: Layout::new(definition, place),
            before,
            entries: Batch::default(),
            groups: BTreeMap::new(),
            failed: BTreeMap::new(),
        }
    }

    /// A table that groups by nothing has its one row from the beginning, whatever comes.
    pub(crate) fn begin(&mut self) -> Result<(), EngineError> {
        match self.layout.table.key_columns {
            0 => self.change_group(Bytes::new(), &[], None, None),
            _ => Ok(()),
        }
    }

    /// Takes what the source has under a key before the step out of its group, and what it has after the step into its
    /// group.
    pub(crate) fn change(
        &mut self,
        source_key: &[u8],
        old: RowOutcome,
        new: RowOutcome,
    ) -> Result<(), EngineError> {
        if old == new {
            return Ok(());
        }
        if matches!(old, RowOutcome::Failed(_)) || matches!(new, RowOutcome::Failed(_)) {
            let error = match &new {
                RowOutcome::Failed(error) => Some(error.0.clone()),
                _ => None,
            };
            self.failed.insert(failed_row_key(source_key).into(), error);
        }
        let placed = |outcome| match outcome {
            RowOutcome::Row(row) => Some((Bytes::from(self.layout.group_key(&row)), row)),
            RowOutcome::Absent | RowOutcome::Failed(_) => None,
        };
        match (placed(old), placed(new)) {
            (Some((old_key, old)), Some((new_key, new))) if old_key == new_key => {
                self.change_group(new_key, source_key, Some(&old), Some(&new))
            }
            (old, new) => {
                if let Some((key, old)) = old {
                    self.change_group(key, source_key, Some(&old), None)?;
                }
                match new {
                    Some((key, new)) => self.change_group(key, source_key, None, Some(&new)),
                    None => Ok(()),
                }
            }
        }
    }

    fn change_group(
        &mut self,
        key: Bytes,
        source_key: &[u8],
        old: Option<&Row>,
        new: Option<&Row>,
    ) -> Result<(), EngineError> {
        let place = Place { layout: &self.layout, group_key: &key, before: self.before };
        if !self.groups.contains_key(&key) {
            self.groups.insert(key.clone(), Group::load(&place)?);
        }
        let group = self.groups.get_mut(&key).expect("it was put there if it was missing");
        group.change(&place, source_key, old, new, &mut self.entries)
    }

    /// Writes accumulators, rows and index entries into the batch of the step, and adds what changed to its changes.
    pub(crate) fn finish(
        mut self,
        definition: &Definition,
        indexes: &Indexes,
        changes: &mut Vec<(Bytes, RowChange)>,
        batch: &mut Batch,
    ) -> Result<(), EngineError> {
        self.store_counted(batch)?;
        let mut own_changes = self.group_changes()?;
        own_changes.extend(self.failed_changes()?);
        write_changes(definition, indexes, &own_changes, batch);
        batch.append(self.entries);
        changes.extend(own_changes);
        Ok(())
    }

    /// Writes accumulators, and the rows that stand for rows which cannot be computed, into the batch. Rows of groups
    /// are left to `finish_rows`.
    pub(crate) fn finish_without_groups(
        mut self,
        definition: &Definition,
        indexes: &Indexes,
        batch: &mut Batch,
    ) -> Result<(), EngineError> {
        self.store_counted(batch)?;
        write_changes(definition, indexes, &self.failed_changes()?, batch);
        batch.append(self.entries);
        Ok(())
    }

    /// Takes up groups of which accumulators are stored and rows are not, beginning at a key of the accumulators, until
    /// they have this many rows of the source. Returns the key to go on from, nothing at the end.
    pub(crate) fn take_up(&mut self, from: &[u8], rows_max: usize) -> Result<Option<Vec<u8>>, EngineError> {
        let prefix = self.layout.counted_prefix();
        let mut rows: u64 = 0;
        for entry in self.before.scan(Space::Accumulators, &prefix, from) {
            let counted_key = entry?.0;
            if rows >= rows_max as u64 {
                return Ok(Some(counted_key.to_vec()));
            }
            let key = counted_key.slice(prefix.len()..);
            let place = Place { layout: &self.layout, group_key: &key, before: self.before };
            let group = Group::load(&place)?;
            rows = rows.saturating_add(group.rows());
            self.groups.insert(key, group);
        }
        Ok(None)
    }

    /// Writes the rows of the groups that were taken up, and their index entries, into the batch.
    pub(crate) fn finish_rows(
        &self,
        definition: &Definition,
        indexes: &Indexes,
        batch: &mut Batch,
    ) -> Result<(), EngineError> {
        write_changes(definition, indexes, &self.group_changes()?, batch);
        Ok(())
    }

    fn store_counted(&mut self, batch: &mut Batch) -> Result<(), EngineError> {
        let after = Layered::new(self.before, &self.entries);
        for (key, group) in &mut self.groups {
            let place = Place { layout: &self.layout, group_key: key, before: self.before };
            group.settle(&place, &after)?;
            group.store(&place, batch);
        }
        Ok(())
    }

    fn group_changes(&self) -> Result<Vec<(Bytes, RowChange)>, EngineError> {
        let after = Layered::new(self.before, &self.entries);
        let mut changes = Vec::new();
        for (key, group) in &self.groups {
            let place = Place { layout: &self.layout, group_key: key, before: self.before };
            let old = self.row_before(key)?;
            let new = group.row(&place, old.as_ref(), &after)?;
            changes.extend(self.row_change(key, old, new));
        }
        Ok(changes)
    }

    fn failed_changes(&self) -> Result<Vec<(Bytes, RowChange)>, EngineError> {
        let mut changes = Vec::new();
        for (key, error) in &self.failed {
            let new = error.clone().map(|error| failed_row(&self.layout, error));
            changes.extend(self.row_change(key, self.row_before(key)?, new));
        }
        Ok(changes)
    }

    fn row_before(&self, row_key: &[u8]) -> Result<Option<Row>, EngineError> {
        let bytes = self.before.get(Space::Tables, &table_key(self.layout.stored, row_key))?;
        Ok(bytes.map(|bytes| decode_row(&self.layout.table.schema, &bytes)).transpose()?)
    }

    /// Nothing if the row stays as it is.
    fn row_change(&self, row_key: &[u8], old: Option<Row>, new: Option<Row>) -> Option<(Bytes, RowChange)> {
        let key = || table_key(self.layout.stored, row_key).into();
        (old != new).then(|| (key(), RowChange { table: self.layout.id, old, new }))
    }
}

/// The row that stands for a row of the source which cannot be computed.
fn failed_row(layout: &Layout<'_>, error: String) -> Row {
    let mut row = vec![Value::Null; layout.table.error_column()];
    row.push(Value::text(error));
    row
}
