//! One group: what is counted of its rows, and the row of the group table that this gives.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use prejoin_model::{Row, Value, decode_row, encode_row};
use prejoin_sql::{Accumulation, EvaluateError};
use prejoin_state::{Batch, Snapshot, Space};

use crate::EngineError;
use crate::groups::entries::{Entries, Kept};
use crate::groups::layout::Layout;
use crate::groups::tally::{Direction, Tally, count};
use crate::stored::{StoredGroup, from_bytes, to_bytes};

/// A group that rows come into and are taken out of.
#[derive(Debug)]
pub(crate) struct Group {
    rows: u64,
    /// The values that make the group and those that they decide, in the bytes of a row, and how many rows have them.
    /// There is one but for values that are equal and print differently: 1.0 and 1.00.
    variants: BTreeMap<Vec<u8>, u64>,
    tallies: Vec<Tally>,
    /// Of which aggregates the inputs have changed.
    changed: Vec<bool>,
    /// Aggregates, and the keys of equal inputs among which another may be the first now: what counts of them is settled
    /// once for all changes of a step, however many there are.
    unsettled: BTreeSet<(usize, Vec<u8>)>,
}

/// Where a group and its entries lie.
pub(crate) struct Place<'a> {
    pub(crate) layout: &'a Layout<'a>,
    pub(crate) group_key: &'a [u8],
    /// The state before the step.
    pub(crate) before: &'a dyn Snapshot,
}

impl Place<'_> {
    fn entries(&self, aggregate: usize) -> Entries<'_> {
        Entries::new(self.layout, aggregate, self.group_key)
    }
}

impl Group {
    /// The group as it was before the step.
    pub(crate) fn load(place: &Place<'_>) -> Result<Group, EngineError> {
        let aggregates = &place.layout.table.aggregates;
        let changed = vec![false; aggregates.len()];
        let key = place.layout.counted_key(place.group_key);
        let Some(bytes) = place.before.get(Space::Accumulators, &key)? else {
            let tallies = aggregates.iter().map(|aggregate| Tally::new(aggregate.accumulation)).collect();
            let variants = BTreeMap::new();
            return Ok(Group { rows: 0, variants, tallies, changed, unsettled: BTreeSet::new() });
        };
        let stored: StoredGroup = from_bytes("a group", &bytes)?;
        let tallies: Vec<Tally> =
            stored.tallies.into_iter().map(Tally::from_stored).collect::<Result<_, _>>()?;
        if tallies.len() != aggregates.len() {
            return Err(EngineError::Damaged("a group has another number of aggregates".to_owned()));
        }
        let variants = stored.variants.into_iter().collect();
        Ok(Group { rows: stored.rows, variants, tallies, changed, unsettled: BTreeSet::new() })
    }

    /// How many rows of the source are in the group.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Writes what is counted; nothing is kept of a group without rows.
    pub(crate) fn store(&self, place: &Place<'_>, batch: &mut Batch) {
        let key = place.layout.counted_key(place.group_key);
        if self.rows == 0 {
            return batch.remove(Space::Accumulators, key);
        }
        let stored = StoredGroup {
            rows: self.rows,
            variants: self.variants.iter().map(|(bytes, count)| (bytes.clone(), *count)).collect(),
            tallies: self.tallies.iter().map(Tally::to_stored).collect(),
        };
        batch.put(Space::Accumulators, key, to_bytes(&stored));
    }

    /// Takes a row of the source out and another one in: what the source has under this key before and after the step,
    /// as far as it belongs to the group.
    pub(crate) fn change(
        &mut self,
        place: &Place<'_>,
        source_key: &[u8],
        old: Option<&Row>,
        new: Option<&Row>,
        batch: &mut Batch,
    ) -> Result<(), EngineError> {
        let head = &place.layout.head;
        let (old_head, new_head) =
            (old.map(|row| &row[..head.columns.len()]), new.map(|row| &row[..head.columns.len()]));
        if old_head != new_head {
            for (values, direction) in [(old_head, Direction::Out), (new_head, Direction::In)] {
                if let Some(values) = values {
                    self.take_variant(encode_row(head, values), direction)?;
                }
            }
        }
        for (number, aggregate) in place.layout.table.aggregates.iter().enumerate() {
            let old = old.and_then(|row| aggregate.input(row));
            let new = new.and_then(|row| aggregate.input(row));
            if old == new {
                continue;
            }
            self.changed[number] = true;
            for (input, direction) in [(old, Direction::Out), (new, Direction::In)] {
                if let Some(input) = input {
                    self.take_input(place, number, input, source_key, direction, batch)?;
                }
            }
        }
        Ok(())
    }

    fn take_variant(&mut self, variant: Vec<u8>, direction: Direction) -> Result<(), EngineError> {
        count(&mut self.rows, direction)?;
        match self.variants.entry(variant) {
            Entry::Occupied(rows) if *rows.get() == 1 && direction == Direction::Out => {
                rows.remove();
                Ok(())
            }
            rows => count(rows.or_default(), direction),
        }
    }

    fn take_input(
        &mut self,
        place: &Place<'_>,
        number: usize,
        input: &[Value],
        source_key: &[u8],
        direction: Direction,
        batch: &mut Batch,
    ) -> Result<(), EngineError> {
        let kept = place.layout.kept[number];
        if kept == Kept::Nothing {
            return self.tallies[number].take(input, direction);
        }
        let entries = place.entries(number);
        if kept == Kept::Different {
            return match entries.count(input, direction, place.before, batch)? {
                true => self.tallies[number].take(input, direction),
                false => Ok(()),
            };
        }
        match direction {
            Direction::In => entries.put(input, source_key, batch),
            Direction::Out => entries.remove(input, source_key, batch),
        }
        if kept == Kept::Equal {
            self.unsettled.insert((number, entries.key_of_equal(input)));
        }
        Ok(())
    }

    /// After all changes of a step: counts of equal inputs the first one, in the place of the one that was it before the
    /// step. `after` holds the entries.
    pub(crate) fn settle(&mut self, place: &Place<'_>, after: &dyn Snapshot) -> Result<(), EngineError> {
        for (number, key) in std::mem::take(&mut self.unsettled) {
            let entries = place.entries(number);
            let (old, new) =
                (entries.first_of_equal(&key, place.before)?, entries.first_of_equal(&key, after)?);
            if old == new {
                continue;
            }
            for (input, direction) in [(old, Direction::Out), (new, Direction::In)] {
                if let Some(input) = input {
                    self.tallies[number].take(&input, direction)?;
                }
            }
        }
        Ok(())
    }

    /// The group's row after the step, if it has one: a table that groups by nothing always has its one row. `old` is the
    /// row before, whose results stay where no input has changed; `after` holds the entries.
    pub(crate) fn row(
        &self,
        place: &Place<'_>,
        old: Option<&Row>,
        after: &dyn Snapshot,
    ) -> Result<Option<Row>, EngineError> {
        let table = place.layout.table;
        if self.rows == 0 && table.key_columns > 0 {
            return Ok(None);
        }
        let head = &place.layout.head;
        let mut row = match self.variants.first_key_value() {
            Some((bytes, _)) => decode_row(head, bytes)?,
            None => vec![Value::Null; head.columns.len()],
        };
        let good = old.filter(|old| old[table.error_column()].is_null());
        for (number, changed) in self.changed.iter().enumerate() {
            let result = match good {
                Some(old) if !changed => Ok(old[head.columns.len() + number].clone()),
                _ => self.result(place, number, after)?,
            };
            match result {
                Ok(value) => row.push(value),
                Err(EvaluateError(error)) => {
                    row.truncate(head.columns.len());
                    row.resize(table.error_column(), Value::Null);
                    row.push(Value::text(error));
                    return Ok(Some(row));
                }
            }
        }
        row.push(Value::Null);
        Ok(Some(row))
    }

    fn result(
        &self,
        place: &Place<'_>,
        number: usize,
        after: &dyn Snapshot,
    ) -> Result<Result<Value, EvaluateError>, EngineError> {
        let aggregate = &place.layout.table.aggregates[number];
        if let Some(result) = self.tallies[number].result(aggregate.accumulation) {
            return Ok(result);
        }
        let entries = place.entries(number);
        Ok(match aggregate.accumulation {
            Accumulation::Collect => aggregate.collected(entries.collected(after)?),
            _ => Ok(entries.extreme(after)?),
        })
    }
}
