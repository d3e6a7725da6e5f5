//! How the evaluation of a view's rows finds rows of tables in the state.

use bytes::Bytes;
use prejoin_model::{Row, SharedRow, TableId, Value, decode_columns};
use prejoin_sql::{LookupRow, RowView};
use prejoin_state::{Snapshot, Space};

use crate::indexes::Indexes;
use crate::keys::{
    StoredTable, equality_bytes, index_prefix, table_key, table_key_prefix, table_prefix,
    write_table_key_of_values,
};
use crate::neighbours::{Neighbours, entries_under, entry_at};
use crate::remembered::Remembered;
use crate::{Committed, Definition, EngineError};

/// Reads those columns of rows of tables that a view reads, and remembers rows found by their whole key.
pub(crate) struct Source<'a> {
    definition: &'a Definition,
    indexes: &'a Indexes,
    snapshot: &'a dyn Snapshot,
    tables: Vec<OfTable<'a>>,
    remembered: Remembered,
    /// Of rows that were not remembered.
    read_bytes: usize,
    /// A row being decoded.
    decoded: Row,
    /// The key of a row being looked up.
    table_key: Vec<u8>,
}

/// A table that the view reads.
struct OfTable<'a> {
    table: TableId,
    /// For each column, whether one of the view's relations of this table reads it.
    wanted: Vec<bool>,
    neighbours: Neighbours<'a>,
    /// What was found last under a prefix of the key: subqueries of one view often read the same rows.
    last_scan: Option<(Vec<u8>, Vec<SharedRow>)>,
}

impl<'a> Source<'a> {
    /// For rows of one view.
    pub(crate) fn new(
        definition: &'a Definition,
        indexes: &'a Indexes,
        snapshot: &'a dyn Snapshot,
        plan: &RowView,
    ) -> Self {
        let mut tables: Vec<OfTable<'a>> = Vec::new();
        for relation in &plan.relations {
            let known = tables.iter().position(|of| of.table == relation.table);
            let known = known.unwrap_or_else(|| {
                let wanted = vec![false; definition.schema(relation.table).columns.len()];
                let neighbours = Neighbours::default();
                tables.push(OfTable { table: relation.table, wanted, neighbours, last_scan: None });
                tables.len() - 1
            });
            for &column in &relation.columns_read {
                tables[known].wanted[column] = true;
            }
        }
        Source {
            definition,
            indexes,
            snapshot,
            tables,
            remembered: Remembered::default(),
            read_bytes: 0,
            decoded: Row::new(),
            table_key: Vec::new(),
        }
    }

    pub(crate) fn of(committed: &'a Committed, plan: &RowView) -> Self {
        Source::new(&committed.definition, &committed.indexes, committed.snapshot.as_ref(), plan)
    }

    /// The same, with what others remember of this commit.
    pub(crate) fn sharing(committed: &'a Committed, plan: &RowView, remembered: Remembered) -> Self {
        Source { remembered, ..Source::of(committed, plan) }
    }

    /// Of rows read so far, as they are stored.
    pub(crate) fn read_bytes(&self) -> usize {
        self.read_bytes
    }

    /// The row of a table under a row key.
    pub(crate) fn read_row(
        &mut self,
        table: TableId,
        row_key: &[u8],
    ) -> Result<Option<SharedRow>, EngineError> {
        let bytes = self.snapshot.get(Space::Tables, &table_key(self.stored(table), row_key))?;
        bytes.map(|bytes| self.decode(table, &bytes)).transpose()
    }

    /// A row of a table that the view reads.
    pub(crate) fn decode(&mut self, table: TableId, bytes: &[u8]) -> Result<SharedRow, EngineError> {
        self.read_bytes += bytes.len();
        let place = self.place(table);
        self.decoded.clear();
        decode_columns(self.definition.schema(table), bytes, &self.tables[place].wanted, &mut self.decoded)?;
        Ok(self.decoded.drain(..).collect())
    }

    fn stored(&self, table: TableId) -> StoredTable {
        self.definition.stored(table)
    }

    fn place(&self, table: TableId) -> usize {
        let place = self.tables.iter().position(|of| of.table == table);
        place.expect("a view's relations name every table that it reads")
    }

    /// The bytes under a table key.
    fn get(&mut self, table: TableId, table_key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        let (place, prefix) = (self.place(table), table_prefix(self.stored(table)));
        let neighbours = &mut self.tables[place].neighbours;
        Ok(match neighbours.at(self.snapshot, &prefix, table_key)? {
            Some(entries) => entry_at(entries, table_key)?,
            None => self.snapshot.get(Space::Tables, table_key)?,
        })
    }

    /// The row under a table key, remembered or read.
    fn find(&mut self, table: TableId, table_key: &[u8]) -> Result<Option<SharedRow>, EngineError> {
        if let Some(row) = self.remembered.get(table_key) {
            return Ok(row);
        }
        let bytes = self.get(table, table_key)?;
        let row = bytes.as_ref().map(|bytes| self.decode(table, bytes)).transpose()?;
        let place = self.place(table);
        // What comes in the order of its keys does not come again.
        if !self.tables[place].neighbours.are_read() {
            let size = bytes.map_or(0, |bytes| bytes.len());
            self.remembered.note(table_key, row.clone(), size);
        }
        Ok(row)
    }

    /// The rows whose table keys begin with a prefix.
    fn scan_table(&mut self, table: TableId, prefix: Vec<u8>) -> Result<Vec<SharedRow>, EngineError> {
        let place = self.place(table);
        if let Some((last, rows)) = &self.tables[place].last_scan
            && *last == prefix
        {
            return Ok(rows.clone());
        }
        let stored = self.stored(table);
        let neighbours = &mut self.tables[place].neighbours;
        let bytes: Vec<Bytes> = match neighbours.at(self.snapshot, &table_prefix(stored), &prefix)? {
            Some(entries) => entries_under(entries, &prefix).collect::<Result<_, _>>()?,
            None => {
                let entries = self.snapshot.scan(Space::Tables, &prefix, &[]);
                entries.map(|entry| entry.map(|(_, bytes)| bytes)).collect::<Result<_, _>>()?
            }
        };
        let rows = bytes.iter().map(|bytes| self.decode(table, bytes)).collect::<Result<Vec<_>, _>>()?;
        self.tables[place].last_scan = Some((prefix, rows.clone()));
        Ok(rows)
    }

    /// The rows that an index names under a prefix.
    fn scan_index(&mut self, table: TableId, prefix: &[u8]) -> Result<Vec<SharedRow>, EngineError> {
        let mut rows = Vec::new();
        for entry in self.snapshot.scan(Space::Indexes, prefix, &[]) {
            let row_key = entry?.0.slice(prefix.len()..);
            let row = self.read_row(table, &row_key)?;
            rows.push(row.ok_or_else(|| {
                EngineError::Damaged(format!("an index names a row of {table:?} that is not there"))
            })?);
        }
        Ok(rows)
    }
}

impl LookupRow for Source<'_> {
    type Error = EngineError;

    fn lookup(&mut self, table: TableId, key: &[Value]) -> Result<Option<SharedRow>, EngineError> {
        let mut table_key = std::mem::take(&mut self.table_key);
        write_table_key_of_values(self.stored(table), key, &mut table_key);
        let row = self.find(table, &table_key);
        self.table_key = table_key;
        row
    }

    fn scan(
        &mut self,
        table: TableId,
        columns: &[usize],
        values: &[Value],
    ) -> Result<Vec<SharedRow>, EngineError> {
        let Some(bytes) = equality_bytes(values.iter()) else { return Ok(Vec::new()) };
        if self.definition.schema(table).key.starts_with(columns) {
            return self.scan_table(table, table_key_prefix(self.stored(table), &bytes));
        }
        self.scan_index(table, &index_prefix(self.indexes.id(table, columns), &bytes))
    }
}
