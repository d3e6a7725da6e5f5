//! Indexes over tables: from the values of an equality to the keys of the rows that have them.

use bytes::Bytes;
use prejoin_model::{Row, TableId, decode_row};
use prejoin_sql::TableIndex;
use prejoin_state::{Batch, Snapshot, Space, State, Write};

use crate::fold::RowChange;
use crate::keys::{self, StoredTable, TABLE_PREFIX_BYTES, equality_bytes, index_prefix, meta};
use crate::stored::{StoredIndex, StoredIndexStage, StoredIndexes, from_bytes, to_bytes};
use crate::{Definition, EngineError};

/// The indexes that are complete and kept up to date, with their ids.
#[derive(Debug, Default)]
pub(crate) struct Indexes {
    ready: Vec<(u32, TableIndex)>,
}

impl Indexes {
    /// Makes the state hold exactly the required indexes: drops others, builds what is missing. It is the one writer
    /// while it does so, `slice_rows` rows or entries per commit; killed, it goes on from the last slice.
    pub(crate) fn open(
        state: &dyn State,
        definition: &Definition,
        slice_rows: usize,
    ) -> Result<Self, EngineError> {
        let mut stored = read(state.snapshot().as_ref())?;
        let required = &definition.table_indexes;
        // A half-built index that was not required for a while has missed changes; so has one half dropped.
        for index in &mut stored.indexes {
            if !index_of(definition, index).is_some_and(|index| required.contains(&index)) {
                index.stage = StoredIndexStage::Dropping;
            }
        }
        for index in required {
            let known = |known: &StoredIndex| {
                known.stage != StoredIndexStage::Dropping
                    && index_of(definition, known).is_some_and(|known| known == *index)
            };
            if !stored.indexes.iter().any(known) {
                stored.indexes.push(new_stored(stored.next_id, definition, index));
                stored.next_id += 1;
            }
        }
        save(state, &stored, Batch::default())?;
        while let Some(place) = stored.indexes.iter().position(|index| index.stage != StoredIndexStage::Ready)
        {
            match stored.indexes[place].stage {
                StoredIndexStage::Dropping => drop_slice(state, &mut stored, place, slice_rows)?,
                _ => build_slice(state, definition, &mut stored, place, slice_rows)?,
            }
        }
        let ready = |index: &StoredIndex| Some((index.id, index_of(definition, index)?));
        Ok(Indexes { ready: stored.indexes.iter().filter_map(ready).collect() })
    }

    pub(crate) fn id(&self, table: TableId, columns: &[usize]) -> u32 {
        let found = self.ready.iter().find(|(_, index)| index.table == table && index.columns == columns);
        found.expect("the plan declares every index that its paths and scans use").0
    }

    /// Adds the index entries that a changed row loses and gains.
    pub(crate) fn collect_entries(&self, table_key: &Bytes, change: &RowChange, entries: &mut Vec<Write>) {
        for (id, index) in self.ready.iter().filter(|(_, index)| index.table == change.table) {
            if let (Some(old), Some(new)) = (&change.old, &change.new)
                && index.columns.iter().all(|&column| old[column] == new[column])
            {
                continue;
            }
            let entry =
                |row: &Option<Row>| entry_key(*id, index, row.as_ref()?, &table_key[TABLE_PREFIX_BYTES..]);
            let (old, new) = (entry(&change.old), entry(&change.new));
            if old == new {
                continue;
            }
            entries.extend(old.map(|old| (old.into(), None)));
            entries.extend(new.map(|new| (new.into(), Some(Bytes::new()))));
        }
    }
}

fn entry_key(id: u32, index: &TableIndex, row: &Row, row_key: &[u8]) -> Option<Vec<u8>> {
    let values = equality_bytes(index.columns.iter().map(|&column| &row[column]))?;
    let mut key = index_prefix(id, &values);
    key.reserve_exact(row_key.len());
    key.extend(row_key);
    Some(key)
}

fn build_slice(
    state: &dyn State,
    definition: &Definition,
    stored: &mut StoredIndexes,
    place: usize,
    slice_rows: usize,
) -> Result<(), EngineError> {
    let id = stored.indexes[place].id;
    let index = index_of(definition, &stored.indexes[place])
        .expect("an index over a table that is not there is being dropped");
    let StoredIndexStage::Building { cursor } = &stored.indexes[place].stage else { return Ok(()) };
    let snapshot = state.snapshot();
    let mut batch = Batch::default();
    let mut last = None;
    let rows = snapshot.scan(Space::Tables, &keys::table_prefix(definition.stored(index.table)), cursor);
    for entry in rows.take(slice_rows) {
        let (table_key, bytes) = entry?;
        let row = decode_row(definition.schema(index.table), &bytes)?;
        if let Some(key) = entry_key(id, &index, &row, &table_key[TABLE_PREFIX_BYTES..]) {
            batch.put(Space::Indexes, key, Bytes::new());
        }
        last = Some(table_key);
    }
    stored.indexes[place].stage = match last {
        // The least key after the last one read.
        Some(last) => StoredIndexStage::Building { cursor: [&last[..], &[0]].concat() },
        None => StoredIndexStage::Ready,
    };
    save(state, stored, batch)
}

fn drop_slice(
    state: &dyn State,
    stored: &mut StoredIndexes,
    place: usize,
    slice_rows: usize,
) -> Result<(), EngineError> {
    let prefix = stored.indexes[place].id.to_be_bytes();
    let snapshot = state.snapshot();
    let mut batch = Batch::default();
    for entry in snapshot.scan(Space::Indexes, &prefix, &[]).take(slice_rows) {
        batch.remove(Space::Indexes, entry?.0);
    }
    if batch.is_empty() {
        stored.indexes.remove(place);
    }
    save(state, stored, batch)
}

fn save(state: &dyn State, stored: &StoredIndexes, mut batch: Batch) -> Result<(), EngineError> {
    batch.put(Space::Meta, meta::INDEXES, to_bytes(stored));
    Ok(state.commit(batch)?)
}

fn new_stored(id: u32, definition: &Definition, index: &TableIndex) -> StoredIndex {
    let number = |value: usize| u32::try_from(value).expect("columns are counted in thousands");
    StoredIndex {
        id,
        table: definition.stored(index.table).0.into(),
        columns: index.columns.iter().map(|&column| number(column)).collect(),
        stage: StoredIndexStage::Building { cursor: Vec::new() },
    }
}

/// Nothing if its table is no longer there.
fn index_of(definition: &Definition, stored: &StoredIndex) -> Option<TableIndex> {
    let table = definition.table_stored_as(u16::try_from(stored.table).ok().map(StoredTable)?)?;
    Some(TableIndex { table, columns: stored.columns.iter().map(|&column| column as usize).collect() })
}

/// Notes that the indexes over these tables, whose rows are about to be removed, are to be removed too.
pub(crate) fn drop_over(
    snapshot: &dyn Snapshot,
    tables: &[StoredTable],
    batch: &mut Batch,
) -> Result<(), EngineError> {
    let mut stored = read(snapshot)?;
    for index in &mut stored.indexes {
        if tables.iter().any(|table| u32::from(table.0) == index.table) {
            index.stage = StoredIndexStage::Dropping;
        }
    }
    batch.put(Space::Meta, meta::INDEXES, to_bytes(&stored));
    Ok(())
}

fn read(snapshot: &dyn Snapshot) -> Result<StoredIndexes, EngineError> {
    match snapshot.get(Space::Meta, meta::INDEXES)? {
        Some(bytes) => from_bytes("the list of indexes", &bytes),
        None => Ok(StoredIndexes::default()),
    }
}

/// The first row key under an equality on an index, if any.
pub(crate) fn first_row_key(snapshot: &dyn Snapshot, prefix: &[u8]) -> Result<Option<Bytes>, EngineError> {
    match snapshot.scan(Space::Indexes, prefix, &[]).next() {
        Some(entry) => Ok(Some(entry?.0.slice(prefix.len()..))),
        None => Ok(None),
    }
}
