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

    /// The row with this key, as it is by now.
    pub(crate) fn get(&mut self, table: TableId, key: &[Value]) -> Result<Option<&Row>, EngineError> {
        let key = table_key_of_values(self.definition.stored(table), key);
        Ok(self.touch(table, key.into())?.new.as_ref())
    }

    /// Takes the row with this key away, if it is there.
    pub(crate) fn remove(&mut self, table: TableId, key: &[Value]) -> Result<(), EngineError> {
        let key = table_key_of_values(self.definition.stored(table), key);
        self.touch(table, key.into())?.new = None;
        Ok(())
    }

    /// The rows whose key begins with these values, as they are by now, in key order.
    pub(crate) fn rows_under(&self, table: TableId, key_prefix: &[Value]) -> Result<Vec<Row>, EngineError> {
        let prefix = table_key_of_values(self.definition.stored(table), key_prefix);
        let mut rows = BTreeMap::new();
        for entry in self.before.scan(Space::Tables, &prefix, &[]) {
            let (key, bytes) = entry?;
            if !self.rows.contains_key(&key) {
                rows.insert(key, decode_row(self.definition.schema(table), &bytes)?);
            }
        }
        let touched = self.rows.range::<[u8], _>((Bound::Included(&prefix[..]), Bound::Unbounded));
        for (key, change) in touched.take_while(|(key, _)| key.starts_with(&prefix)) {
            rows.extend(change.new.clone().map(|row| (key.clone(), row)));
        }
        Ok(rows.into_values().collect())
    }

    /// The first row whose key begins with `key_prefix` and is not less than `from`, as it is by now.
    pub(crate) fn first_from(
        &self,
        table: TableId,
        key_prefix: &[Value],
        from: &[Value],
    ) -> Result<Option<Row>, EngineError> {
        let stored = self.definition.stored(table);
        let (prefix, from) = (table_key_of_values(stored, key_prefix), table_key_of_values(stored, from));
        let mut before = None;
        for entry in self.before.scan(Space::Tables, &prefix, &from) {
            let (key, bytes) = entry?;
            if !self.rows.contains_key(&key) {
                before = Some((key, decode_row(self.definition.schema(table), &bytes)?));
                break;
            }
        }
        let touched = self.rows.range::<[u8], _>((Bound::Included(&from[..]), Bound::Unbounded));
        let mut touched = touched.take_while(|(key, _)| key.starts_with(&prefix));
        let touched = touched.find_map(|(key, change)| Some((key, change.new.as_ref()?)));
        Ok(match (before, touched) {
            (Some((before, row)), Some((touched, _))) if before < *touched => Some(row),
            (_, Some((_, row))) => Some(row.clone()),
            (before, None) => before.map(|(_, row)| row),
        })
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
