//! Which group tables the state has: others are dropped, missing ones built, before the first step.

use bytes::Bytes;
use prejoin_state::{Batch, Snapshot, Space, State};

use crate::groups::step::Gathering;
use crate::indexes::{Indexes, drop_over};
use crate::keys::{StoredTable, meta, row_key, table_prefix};
use crate::lookups::Source;
use crate::recompute::{RowOutcome, evaluate};
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
                stage: StoredGroupStage::Gathering { cursor: Vec::new() },
            });
            stored.len() - 1
        });
        let building = Building { definition, indexes, place, slice_rows };
        loop {
            let mut batch = Batch::default();
            let snapshot = state.snapshot();
            stored[known].stage = match &stored[known].stage {
                StoredGroupStage::Gathering { cursor } => {
                    building.gather_slice(snapshot.as_ref(), cursor, &mut batch)?
                }
                StoredGroupStage::Computing { cursor } => {
                    building.compute_slice(snapshot.as_ref(), cursor, &mut batch)?
                }
                StoredGroupStage::Ready | StoredGroupStage::Dropping => break,
            };
            drop(snapshot);
            save(state, &stored, batch)?;
        }
    }
    Ok(())
}

/// A group table in the making: first its source's rows are gathered, then each group's row is computed, once. A list of
/// all that a group has would otherwise be made anew with every slice.
struct Building<'a> {
    definition: &'a Definition,
    indexes: &'a Indexes,
    /// In the definition's group tables.
    place: usize,
    slice_rows: usize,
}

impl Building<'_> {
    /// Gathers the next rows of the source after the cursor, as a step would to which they are new. Returns how far that
    /// is.
    fn gather_slice(
        &self,
        snapshot: &dyn Snapshot,
        cursor: &[u8],
        batch: &mut Batch,
    ) -> Result<StoredGroupStage, EngineError> {
        let &Building { definition, indexes, place, slice_rows } = self;
        let plan = &definition.groups[place].source;
        let grain = plan.relations[0].table;
        let mut source = Source::new(definition, indexes, snapshot, plan);
        let mut gathering = Gathering::new(definition, place, snapshot);
        let mut last: Option<Bytes> = None;
        let rows = snapshot.scan(Space::Tables, &table_prefix(definition.stored(grain)), cursor);
        for entry in rows.take(slice_rows) {
            let (table_key, bytes) = entry?;
            let row = source.decode(grain, &bytes)?;
            let outcome = evaluate(plan, row, &mut source)?;
            gathering.change(&row_key(&table_key), RowOutcome::Absent, outcome)?;
            last = Some(table_key);
        }
        gathering.finish_without_groups(definition, indexes, batch)?;
        Ok(match last {
            // The least key after the last one read.
            Some(last) => StoredGroupStage::Gathering { cursor: [&last[..], &[0]].concat() },
            None => StoredGroupStage::Computing { cursor: Vec::new() },
        })
    }

    /// Computes the rows of the next groups. Returns how far that is.
    fn compute_slice(
        &self,
        snapshot: &dyn Snapshot,
        cursor: &[u8],
        batch: &mut Batch,
    ) -> Result<StoredGroupStage, EngineError> {
        let mut gathering = Gathering::new(self.definition, self.place, snapshot);
        gathering.begin()?;
        let next = gathering.take_up(cursor, self.slice_rows)?;
        gathering.finish_rows(self.definition, self.indexes, batch)?;
        Ok(match next {
            Some(cursor) => StoredGroupStage::Computing { cursor },
            None => StoredGroupStage::Ready,
        })
    }
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use prejoin_contract::ContractFile;
    use prejoin_model::Value;
    use prejoin_sql::ViewFile;
    use prejoin_state::MemoryState;

    use super::*;
    use crate::fold::{RowChange, write_changes};
    use crate::{Engine, Settings};

    const CONTRACT: &str = r#"
service = "orders"
[tables.orders]
key = ["order_id"]
columns = { order_id = "text", customer_id = "text", amount = "bigint" }
[[on]]
event = "orders.placed.v1"
table = "orders"
set = { order_id = "$.id", customer_id = "$.customer", amount = "$.amount" }
"#;

    /// Groups by a column and the customer, and a view for which an index over the customers of the groups is needed.
    fn definition(column: &str) -> Definition {
        let views = format!(
            "CREATE MATERIALIZED VIEW beside AS SELECT o.order_id,
             (SELECT count(*) FROM (SELECT {column} AS of, customer_id, count(*) FROM orders GROUP BY 1, 2) AS g
               WHERE g.customer_id = o.customer_id) AS groups FROM orders o;"
        );
        let contract = ContractFile { path: "orders.toml".to_owned(), text: CONTRACT.to_owned() };
        let views = ViewFile { path: "views.sql".to_owned(), text: views };
        Definition::load(&[contract], &[views]).unwrap()
    }

    fn state_with_orders(definition: &Definition) -> Arc<MemoryState> {
        let state = Arc::new(MemoryState::default());
        let mut batch = Batch::default();
        for number in 0..7 {
            let row = vec![
                Value::text(format!("o{number}")),
                Value::text(format!("u{}", number % 2)),
                Value::Bigint(number % 3),
            ];
            let table = prejoin_model::TableId(0);
            let key = crate::keys::table_key_of_row(definition.stored(table), definition.schema(table), &row);
            let change = RowChange { table, old: None, new: Some(row) };
            write_changes(definition, &Indexes::default(), &[(key.into(), change)], &mut batch);
        }
        state.commit(batch).unwrap();
        state
    }

    fn open(definition: Definition, state: &Arc<MemoryState>) {
        let settings = Settings { opening_slice_rows: 2, ..Settings::default() };
        Engine::open(Arc::new(definition), state.clone(), settings).unwrap();
    }

    fn content(state: &MemoryState) -> [BTreeMap<Bytes, Bytes>; 3] {
        let snapshot = state.snapshot();
        let all = |space| snapshot.scan(space, &[], &[]).map(Result::unwrap);
        // Without the number of the index, which is given anew.
        let index_entries = all(Space::Indexes).map(|(key, value)| (key.slice(4..), value)).collect();
        [all(Space::Tables).collect(), all(Space::Accumulators).collect(), index_entries]
    }

    #[test]
    fn a_table_may_get_the_number_of_one_that_is_dropped() {
        let (first, mut second) = (definition("amount"), definition("amount % 2"));
        let group = first.group_table(0);
        assert!(first.stored(group) != second.stored(group), "they mean different things");
        second.store_as(group, first.stored(group));
        let state = state_with_orders(&first);
        open(first, &state);
        let of_first = content(&state);
        let fresh = state_with_orders(&second);
        let mut again = definition("amount % 2");
        again.store_as(group, second.stored(group));
        open(again, &fresh);
        open(second, &state);
        assert_eq!(content(&state), content(&fresh));
        assert!(of_first[2] != content(&state)[2], "the index has other entries");
    }
}
