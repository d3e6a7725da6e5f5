//! Which group tables the state has: others are dropped, missing ones built, before the first step.

use bytes::Bytes;
use prejoin_model::decode_row;
use prejoin_state::{Batch, Snapshot, Space, State};

use crate::groups::step::Gathering;
use crate::indexes::{Indexes, drop_over};
use crate::keys::{StoredTable, meta, row_key, table_prefix};
use crate::recompute::{RowOutcome, Source, evaluate};
use crate::stored::{StoredGroupStage, StoredGroupTable, from_bytes, to_bytes};
use crate::{Definition, EngineError};

/// Removes group tables that are no longer wanted or mean something else now. The indexes over them are noted for
/// removal in the first commit, so that none outlives its rows.
pub(crate) fn drop_others(
    state: &dyn State,
    definition: &Definition,
    slice_rows: usize,
) -> Result<(), EngineError> {
    let snapshot = state.snapshot();
    let mut stored = read(snapshot.as_ref())?;
    let mut dropping = Vec::new();
    for table in &mut stored {
        let is_wanted = place_of(definition, table).is_some();
        if !is_wanted || table.stage == StoredGroupStage::Dropping {
            table.stage = StoredGroupStage::Dropping;
            dropping.push(StoredTable(table.table));
        }
    }
    if dropping.is_empty() {
        return Ok(());
    }
    let mut batch = Batch::default();
    drop_over(snapshot.as_ref(), &dropping, &mut batch)?;
    drop(snapshot);
    save(state, &stored, batch)?;
    while let Some(place) = stored.iter().position(|table| table.stage == StoredGroupStage::Dropping) {
        drop_slice(state, &mut stored, place, slice_rows)?;
    }
    Ok(())
}

/// Builds the group tables that the state does not have, in their order. It is the one writer while it does so; killed,
/// it goes on from the last slice.
pub(crate) fn build_missing(
    state: &dyn State,
    definition: &Definition,
    indexes: &Indexes,
    slice_rows: usize,
) -> Result<(), EngineError> {
    let mut stored = read(state.snapshot().as_ref())?;
    for place in 0..definition.groups.len() {
        let known = stored.iter().position(|table| place_of(definition, table) == Some(place));
        let known = known.unwrap_or_else(|| {
            stored.push(StoredGroupTable {
                table: definition.stored(definition.group_table(place)).0,
                fingerprint: definition.group_fingerprints[place].clone(),
                stage: StoredGroupStage::Building { cursor: Vec::new() },
            });
            stored.len() - 1
        });
        while let StoredGroupStage::Building { cursor } = &stored[known].stage {
            let mut batch = Batch::default();
            stored[known].stage =
                build_slice(state, definition, indexes, (place, cursor), slice_rows, &mut batch)?;
            save(state, &stored, batch)?;
        }
    }
    Ok(())
}

/// Gathers the next rows of a group table's source after the cursor, as a step would to which they are new. Returns how
/// far that is.
fn build_slice(
    state: &dyn State,
    definition: &Definition,
    indexes: &Indexes,
    (place, cursor): (usize, &[u8]),
    slice_rows: usize,
    batch: &mut Batch,
) -> Result<StoredGroupStage, EngineError> {
    let snapshot = state.snapshot();
    let plan = &definition.groups[place].source;
    let grain = plan.relations[0].table;
    let mut source = Source::new(definition, indexes, snapshot.as_ref());
    let mut gathering = Gathering::new(definition, place, snapshot.as_ref());
    gathering.begin()?;
    let mut last: Option<Bytes> = None;
    let rows = snapshot.scan(Space::Tables, &table_prefix(definition.stored(grain)), cursor);
    for entry in rows.take(slice_rows) {
        let (table_key, bytes) = entry?;
        let row = decode_row(definition.schema(grain), &bytes)?;
        let outcome = evaluate(plan, row, &mut source)?;
        gathering.change(&row_key(&table_key), RowOutcome::Absent, outcome)?;
        last = Some(table_key);
    }
    gathering.finish(definition, indexes, &mut Vec::new(), batch)?;
    Ok(match last {
        // The least key after the last one read.
        Some(last) => StoredGroupStage::Building { cursor: [&last[..], &[0]].concat() },
        None => StoredGroupStage::Ready,
    })
}

fn drop_slice(
    state: &dyn State,
    stored: &mut Vec<StoredGroupTable>,
    place: usize,
    slice_rows: usize,
) -> Result<(), EngineError> {
    let prefix = table_prefix(StoredTable(stored[place].table));
    let snapshot = state.snapshot();
    let mut batch = Batch::default();
    for space in [Space::Tables, Space::Accumulators] {
        for entry in snapshot.scan(space, &prefix, &[]).take(slice_rows) {
            batch.remove(space, entry?.0);
        }
    }
    drop(snapshot);
    if batch.is_empty() {
        stored.remove(place);
    }
    save(state, stored, batch)
}

/// The place in the definition of the group table that is stored so.
fn place_of(definition: &Definition, stored: &StoredGroupTable) -> Option<usize> {
    (0..definition.groups.len()).find(|&place| {
        definition.stored(definition.group_table(place)).0 == stored.table
            && definition.group_fingerprints[place] == stored.fingerprint
    })
}

fn read(snapshot: &dyn Snapshot) -> Result<Vec<StoredGroupTable>, EngineError> {
    match snapshot.get(Space::Meta, meta::GROUP_TABLES)? {
        Some(bytes) => from_bytes("the list of group tables", &bytes),
        None => Ok(Vec::new()),
    }
}

fn save(state: &dyn State, stored: &[StoredGroupTable], mut batch: Batch) -> Result<(), EngineError> {
    batch.put(Space::Meta, meta::GROUP_TABLES, to_bytes(&stored));
    Ok(state.commit(batch)?)
}
