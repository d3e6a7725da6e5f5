//! Table changes of many events, folded to one net change per row.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Bound;

use bytes::Bytes;
use prejoin_contract::TableChange;
use prejoin_model::{Row, TableId, Value, decode_row, encode_row};
use prejoin_state::{Batch, Snapshot, Space};

use crate::indexes::Indexes;
use crate::keys::{table_key_of_row, table_key_of_values};
use crate::{Definition, EngineError};

/// A row before and after the step.
#[derive(Debug, Clone)]
pub(crate) struct RowChange {
    pub table: TableId,
    pub old: Option<Row>,
    pub new: Option<Row>,
}

/// The rows touched so far, over the state before the step.
pub(crate) struct Fold<'a> {
    definition: &'a Definition,
    before: &'a dyn Snapshot,
    rows: BTreeMap<Bytes, RowChange>,
}

impl<'a> Fold<'a> {
    pub(crate) fn new(definition: &'a Definition, before: &'a dyn Snapshot) -> Self {
        Fold { definition, before, rows: BTreeMap::new() }
    }

    pub(crate) fn apply(&mut self, change: TableChange) -> Result<(), EngineError> {
        match change {
            TableChange::Upsert { table, key, set } => {
                let schema = self.definition.schema(table);
                let table_key = table_key_of_values(self.definition.stored(table), &key);
                let touched = self.touch(table, table_key.into())?;
                let row = touched.new.get_or_insert_with(|| vec![Value::Null; schema.columns.len()]);
                for (&column, value) in schema.key.iter().zip(key) {
                    row[column] = value;
                }
                for (column, value) in set {
                    row[column] = value;
                }
                Ok(())
            }
            TableChange::Delete { table, key_prefix } => self.delete(table, &key_prefix),
            TableChange::Replace { table, key_prefix, rows } => {
                self.delete(table, &key_prefix)?;
                for row in rows {
                    self.put(table, row)?;
                }
                Ok(())
            }
        }
    }

    /// Puts a whole row, whatever was there.
    pub(crate) fn put(&mut self, table: TableId, row: Row) -> Result<(), EngineError> {
        let key = self.key_of(table, &row);
        self.touch(table, key.into())?.new = Some(row);
        Ok(())
    }

    /// Puts a whole row unless one with its key is there. Returns whether it was put.
    pub(crate) fn put_new(&mut self, table: TableId, row: Row) -> Result<bool, EngineError> {
        let key = self.key_of(table, &row);
        let touched = self.touch(table, key.into())?;
        let is_new = touched.new.is_none();
        touched.new.get_or_insert(row);
        Ok(is_new)
    }

    /// Rows that differ from before, by table key.
    pub(crate) fn into_net_changes(self) -> Vec<(Bytes, RowChange)> {
        let mut changes = Vec::with_capacity(self.rows.len());
        changes.extend(self.rows.into_iter().filter(|(_, change)| change.old != change.new));
        changes
    }

    fn delete(&mut self, table: TableId, key_prefix: &[Value]) -> Result<(), EngineError> {
        let prefix = table_key_of_values(self.definition.stored(table), key_prefix);
        let schema = self.definition.schema(table);
        for entry in self.before.scan(Space::Tables, &prefix, &[]) {
            let (key, bytes) = entry?;
            if let Entry::Vacant(vacant) = self.rows.entry(key) {
                vacant.insert(RowChange { table, old: Some(decode_row(schema, &bytes)?), new: None });
            }
        }
        let touched = self.rows.range_mut::<[u8], _>((Bound::Included(&prefix[..]), Bound::Unbounded));
        for (_, change) in touched.take_while(|(key, _)| key.starts_with(&prefix)) {
            change.new = None;
        }
        Ok(())
    }

    fn key_of(&self, table: TableId, row: &[Value]) -> Vec<u8> {
        table_key_of_row(self.definition.stored(table), self.definition.schema(table), row)
    }

    fn touch(&mut self, table: TableId, key: Bytes) -> Result<&mut RowChange, EngineError> {
        match self.rows.entry(key) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                let bytes = self.before.get(Space::Tables, entry.key())?;
                let old = bytes.map(|bytes| decode_row(self.definition.schema(table), &bytes)).transpose()?;
                Ok(entry.insert(RowChange { table, new: old.clone(), old }))
            }
        }
    }
}

/// Writes the rows as they are after the changes, and their index entries.
pub(crate) fn write_changes(
    definition: &Definition,
    indexes: &Indexes,
    changes: &[(Bytes, RowChange)],
    batch: &mut Batch,
) {
    let row = |(key, change): &(Bytes, RowChange)| {
        let row = change.new.as_ref().map(|row| encode_row(definition.schema(change.table), row).into());
        (key.clone(), row)
    };
    batch.write_all(Space::Tables, changes.iter().map(row));
    let mut entries = Vec::new();
    for (key, change) in changes {
        indexes.collect_entries(key, change, &mut entries);
    }
    batch.write_all(Space::Indexes, entries);
}
