//! The rows of a view at one commit, for given grain keys.

use std::cell::Cell;
use std::collections::HashMap;

use bytes::Bytes;
use prejoin_model::{Row, TableId, Value, decode_row};
use prejoin_sql::{EvaluateError, LookupRow, RowView};
use prejoin_state::{Snapshot, Space};

use crate::indexes::Indexes;
use crate::keys::{
    StoredTable, equality_bytes, index_prefix, row_key, table_key, table_key_of_values, table_key_prefix,
    table_prefix,
};
use crate::{Committed, Definition, EngineError};

/// Rows of joined tables kept while view rows are computed, with what they take in memory: many orders share a customer.
const REMEMBERED_BYTES_MAX: usize = 64 << 20;
/// A slice ends when so many bytes of tables were read for it, however few its rows.
const SLICE_BYTES_MAX: usize = 32 << 20;
/// What a remembered row takes beside its bytes, for each of its columns and as a whole.
const COLUMN_BYTES: usize = 32;
const ROW_BYTES: usize = 128;

/// What a view has under a key.
#[derive(Debug, Clone, PartialEq)]
pub enum RowOutcome {
    Row(Row),
    /// No such grain row, or the view's WHERE or an inner join leaves it out.
    Absent,
    /// The row cannot be computed: the last good one stays until a change makes it good.
    Failed(EvaluateError),
}

/// A part of a whole view, in key order.
#[derive(Debug)]
pub struct Slice {
    pub rows: Vec<(Bytes, RowOutcome)>,
    /// Where the next slice begins; nothing at the end.
    pub next: Option<Bytes>,
}

impl Committed {
    /// Every row of a table, in key order.
    pub fn table_rows(&self, table: TableId) -> impl Iterator<Item = Result<Row, EngineError>> + '_ {
        let schema = self.definition.schema(table);
        let entries = self.snapshot.scan(Space::Tables, &table_prefix(self.definition.stored(table)), &[]);
        entries.map(|entry| Ok(decode_row(schema, &entry?.1)?))
    }
}

/// Rows of joined tables, as of one commit.
#[derive(Debug, Default)]
pub struct Remembered {
    commit: Option<u64>,
    rows: HashMap<Vec<u8>, Option<Row>>,
    bytes: usize,
}

/// Computes up to `rows_max` rows of a view from its grain table, beginning at the row key `from`.
pub fn build_slice(
    committed: &Committed,
    view: usize,
    from: Option<&Bytes>,
    rows_max: usize,
) -> Result<Slice, EngineError> {
    build_next_slice(committed, view, from, rows_max, &mut Remembered::default())
}

/// The same, with what the slice before has left behind; it is of no use to another state, nor under another definition.
pub fn build_next_slice(
    committed: &Committed,
    view: usize,
    from: Option<&Bytes>,
    rows_max: usize,
    remembered: &mut Remembered,
) -> Result<Slice, EngineError> {
    let plan = &committed.definition.views[view].plan;
    let mut source = Source::of(committed);
    if remembered.commit == Some(committed.commit) {
        source.remembered = std::mem::take(remembered);
    }
    let slice = slice_of(committed, plan, from, rows_max, &mut source)?;
    *remembered = Remembered { commit: Some(committed.commit), ..source.remembered };
    Ok(slice)
}

fn slice_of(
    committed: &Committed,
    plan: &RowView,
    from: Option<&Bytes>,
    rows_max: usize,
    source: &mut Source<'_>,
) -> Result<Slice, EngineError> {
    let grain = plan.relations[0].table;
    let stored = committed.definition.stored(grain);
    let start = from.map_or_else(Vec::new, |from| table_key(stored, from));
    let mut rows = Vec::new();
    for entry in committed.snapshot.scan(Space::Tables, &table_prefix(stored), &start) {
        let (key, bytes) = entry?;
        let is_full = rows.len() == rows_max || source.read_bytes.get() >= SLICE_BYTES_MAX;
        if is_full && !rows.is_empty() {
            return Ok(Slice { rows, next: Some(row_key(&key)) });
        }
        source.note_read(bytes.len());
        let row = decode_row(committed.definition.schema(grain), &bytes)?;
        rows.push((row_key(&key), evaluate(plan, row, source)?));
    }
    Ok(Slice { rows, next: None })
}

/// Computes the rows of a view under the given grain keys, which may be keys of no row at all.
pub fn recompute(
    committed: &Committed,
    view: usize,
    keys: impl Iterator<Item = Bytes>,
) -> Result<Vec<(Bytes, RowOutcome)>, EngineError> {
    let plan = &committed.definition.views[view].plan;
    let grain = plan.relations[0].table;
    let mut source = Source::of(committed);
    let mut rows = Vec::new();
    for key in keys {
        let outcome = match source.read_row(grain, &key)? {
            Some(row) => evaluate(plan, row, &mut source)?,
            None => RowOutcome::Absent,
        };
        rows.push((key, outcome));
    }
    Ok(rows)
}

pub(crate) fn evaluate(
    plan: &RowView,
    grain: Row,
    source: &mut Source<'_>,
) -> Result<RowOutcome, EngineError> {
    Ok(match plan.evaluate(grain, source)? {
        Ok(Some(row)) => RowOutcome::Row(row),
        Ok(None) => RowOutcome::Absent,
        Err(error) => RowOutcome::Failed(error),
    })
}

/// Reads rows of tables, and remembers those found by their whole key.
pub(crate) struct Source<'a> {
    definition: &'a Definition,
    indexes: &'a Indexes,
    snapshot: &'a dyn Snapshot,
    remembered: Remembered,
    /// Of rows that were not remembered.
    read_bytes: Cell<usize>,
}

impl<'a> Source<'a> {
    pub(crate) fn new(definition: &'a Definition, indexes: &'a Indexes, snapshot: &'a dyn Snapshot) -> Self {
        Source { definition, indexes, snapshot, remembered: Remembered::default(), read_bytes: Cell::new(0) }
    }

    fn of(committed: &'a Committed) -> Self {
        Source::new(&committed.definition, &committed.indexes, committed.snapshot.as_ref())
    }

    fn stored(&self, table: TableId) -> StoredTable {
        self.definition.stored(table)
    }

    /// The row of a table under a row key.
    pub(crate) fn read_row(&self, table: TableId, row_key: &[u8]) -> Result<Option<Row>, EngineError> {
        self.read(table, &table_key(self.stored(table), row_key))
    }

    fn read(&self, table: TableId, table_key: &[u8]) -> Result<Option<Row>, EngineError> {
        Ok(self.read_sized(table, table_key)?.0)
    }

    fn note_read(&self, bytes: usize) {
        self.read_bytes.set(self.read_bytes.get() + bytes);
    }

    /// With its size in the state.
    fn read_sized(&self, table: TableId, table_key: &[u8]) -> Result<(Option<Row>, usize), EngineError> {
        let bytes = self.snapshot.get(Space::Tables, table_key)?;
        let size = bytes.as_ref().map_or(0, |bytes| bytes.len());
        self.note_read(size);
        let row = bytes.map(|bytes| decode_row(self.definition.schema(table), &bytes)).transpose()?;
        Ok((row, size))
    }
}

impl Remembered {
    fn note(&mut self, table_key: Vec<u8>, row: &Option<Row>, size: usize) {
        if self.bytes >= REMEMBERED_BYTES_MAX {
            self.rows.clear();
            self.bytes = 0;
        }
        let columns = row.as_ref().map_or(0, |row| row.len());
        self.bytes += ROW_BYTES + table_key.len() + columns * COLUMN_BYTES + size;
        self.rows.insert(table_key, row.clone());
    }
}

impl LookupRow for Source<'_> {
    type Error = EngineError;

    fn lookup(&mut self, table: TableId, key: &[Value]) -> Result<Option<Row>, EngineError> {
        let table_key = table_key_of_values(self.stored(table), key);
        if let Some(row) = self.remembered.rows.get(&table_key) {
            return Ok(row.clone());
        }
        let (row, size) = self.read_sized(table, &table_key)?;
        self.remembered.note(table_key, &row, size);
        Ok(row)
    }

    fn scan(&mut self, table: TableId, columns: &[usize], values: &[Value]) -> Result<Vec<Row>, EngineError> {
        let Some(bytes) = equality_bytes(values.iter()) else { return Ok(Vec::new()) };
        let schema = self.definition.schema(table);
        if schema.key.starts_with(columns) {
            let prefix = table_key_prefix(self.stored(table), &bytes);
            let rows = self.snapshot.scan(Space::Tables, &prefix, &[]);
            let decoded = rows.map(|entry| {
                let (_, bytes) = entry?;
                self.note_read(bytes.len());
                Ok(decode_row(schema, &bytes)?)
            });
            return decoded.collect();
        }
        let prefix = index_prefix(self.indexes.id(table, columns), &bytes);
        let mut rows = Vec::new();
        for entry in self.snapshot.scan(Space::Indexes, &prefix, &[]) {
            let row_key = entry?.0.slice(prefix.len()..);
            let row = self.read_row(table, &row_key)?;
            rows.push(row.ok_or_else(|| {
                EngineError::Damaged(format!("an index names a row of {table:?} that is not there"))
            })?);
        }
        Ok(rows)
    }
}
