//! One entry for each input of an aggregate in a group, where counting is not enough.
//!
//! After the prefix of `Layout`, the key of an entry holds:
//!
//! | aggregate | key | value |
//! |---|---|---|
//! | min | the input's key bytes, cut; the source row's key, inverted | the input |
//! | max | the input's key bytes, inverted and cut; the source row's key, inverted | the input |
//! | count(DISTINCT); sum(DISTINCT) and avg(DISTINCT) of integers | the input's key bytes, shortened | how many inputs are equal to it |
//! | sum(DISTINCT) and avg(DISTINCT) of numerics | the input's key bytes, shortened; the source row's key | the input |
//! | others | the source row's key | the input |
//!
//! So the first entry of min and max holds the least input, or the greatest, and among equal ones that of the last row; the
//! first of equal numerics is the one that DISTINCT keeps.

use prejoin_model::{Row, TableSchema, Type, Value, decode_row, encode_key_value, encode_row};
use prejoin_sql::{Accumulation, GroupAggregate};
use prejoin_state::{Batch, Layered, Snapshot, Space};

use crate::EngineError;
use crate::groups::layout::Layout;
use crate::groups::tally::{Direction, count};
use crate::keys::shorten;
use crate::stored::{from_bytes, to_bytes};

/// Of longer inputs the key has only this much.
const INPUT_BYTES_MAX: usize = 1_000;
/// Longer keys of source rows are hashed: a key of the state has 64 KiB. No order is asked for among keys that agree so
/// far.
const SOURCE_KEY_BYTES_MAX: usize = 60_000;

/// The entries of one aggregate in one group.
pub(crate) struct Entries<'a> {
    kept: Kept,
    prefix: Vec<u8>,
    inputs: &'a TableSchema,
}

/// What there is an entry for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Nothing: counting is enough.
    Nothing,
    /// Each different input, with the number of those that equal it.
    Different,
    /// Each input, equal ones side by side.
    Equal,
    /// Each input, the least first.
    Ascending,
    /// Each input, the greatest first.
    Descending,
    /// Each input, in the key order of the source's rows.
    InRowOrder,
}

impl Kept {
    pub(crate) fn of(aggregate: &GroupAggregate) -> Kept {
        match aggregate.accumulation {
            Accumulation::Minimum => Kept::Ascending,
            Accumulation::Maximum => Kept::Descending,
            Accumulation::Collect => Kept::InRowOrder,
            _ if !aggregate.distinct => Kept::Nothing,
            Accumulation::Count => Kept::Different,
            // Only numerics may be equal without being the same.
            _ if aggregate.input_kinds().first() == Some(&Type::Numeric) => Kept::Equal,
            _ => Kept::Different,
        }
    }
}

impl<'a> Entries<'a> {
    pub(crate) fn new(layout: &'a Layout<'_>, aggregate: usize, group_key: &[u8]) -> Entries<'a> {
        Entries {
            kept: layout.kept[aggregate],
            prefix: layout.entries_prefix(aggregate, group_key),
            inputs: &layout.inputs[aggregate],
        }
    }

    pub(crate) fn put(&self, input: &[Value], source_key: &[u8], batch: &mut Batch) {
        batch.put(Space::Accumulators, self.key(input, source_key), encode_row(self.inputs, input));
    }

    pub(crate) fn remove(&self, input: &[Value], source_key: &[u8], batch: &mut Batch) {
        batch.remove(Space::Accumulators, self.key(input, source_key));
    }

    /// Counts an input in or out. Returns whether no other input is equal to it.
    pub(crate) fn count(
        &self,
        input: &[Value],
        direction: Direction,
        before: &dyn Snapshot,
        batch: &mut Batch,
    ) -> Result<bool, EngineError> {
        let key = self.key_of_equal(input);
        let mut equal: u64 = match Layered::new(before, batch).get(Space::Accumulators, &key)? {
            Some(bytes) => from_bytes("the count of an input", &bytes)?,
            None => 0,
        };
        let was_absent = equal == 0;
        count(&mut equal, direction)?;
        match equal {
            0 => batch.remove(Space::Accumulators, key),
            _ => batch.put(Space::Accumulators, key, to_bytes(&equal)),
        }
        Ok(was_absent || equal == 0)
    }

    /// Of min and max: the least or greatest input; NULL if there is none.
    pub(crate) fn extreme(&self, after: &dyn Snapshot) -> Result<Value, EngineError> {
        let mut best: Option<(Vec<u8>, Value)> = None;
        let mut cut_prefix = Vec::new();
        for entry in after.scan(Space::Accumulators, &self.prefix, &[]) {
            let (key, bytes) = entry?;
            if !key.starts_with(&cut_prefix) {
                break;
            }
            let input = decode_row(self.inputs, &bytes)?;
            let order = self.input_bytes(&input);
            let is_cut = order.len() > INPUT_BYTES_MAX;
            if cut_prefix.is_empty() {
                cut_prefix.extend(key.iter().take(self.prefix.len() + INPUT_BYTES_MAX));
            }
            // Of equal inputs the first entry stays.
            if best.as_ref().is_none_or(|(least, _)| order < *least) {
                best = Some((order, input.into_iter().next().unwrap_or(Value::Null)));
            }
            if !is_cut {
                break;
            }
        }
        Ok(best.map_or(Value::Null, |(_, value)| value))
    }

    /// Begins the key of every input that is equal to this one, and of no other.
    pub(crate) fn key_of_equal(&self, input: &[Value]) -> Vec<u8> {
        let mut key = self.prefix.clone();
        key.extend(self.input_bytes(input));
        shorten(&mut key, self.prefix.len(), INPUT_BYTES_MAX);
        key
    }

    /// Of the inputs under the key of equal ones, that of the first row.
    pub(crate) fn first_of_equal(
        &self,
        key_of_equal: &[u8],
        snapshot: &dyn Snapshot,
    ) -> Result<Option<Row>, EngineError> {
        match snapshot.scan(Space::Accumulators, key_of_equal, &[]).next() {
            Some(entry) => Ok(Some(decode_row(self.inputs, &entry?.1)?)),
            None => Ok(None),
        }
    }

    /// Every input, in the key order of the source's rows.
    pub(crate) fn collected(&self, after: &dyn Snapshot) -> Result<Vec<Row>, EngineError> {
        let entries = after.scan(Space::Accumulators, &self.prefix, &[]);
        entries.map(|entry| Ok(decode_row(self.inputs, &entry?.1)?)).collect()
    }

    fn key(&self, input: &[Value], source_key: &[u8]) -> Vec<u8> {
        let mut source_key = source_key.to_vec();
        shorten(&mut source_key, 0, SOURCE_KEY_BYTES_MAX);
        let mut key = match self.kept {
            Kept::Equal => self.key_of_equal(input),
            _ => self.prefix.clone(),
        };
        if matches!(self.kept, Kept::Ascending | Kept::Descending) {
            key.extend(self.input_bytes(input).iter().take(INPUT_BYTES_MAX));
            invert(&mut source_key);
        }
        key.extend(source_key);
        key
    }

    /// Bytes in whose order the inputs are wanted.
    fn input_bytes(&self, input: &[Value]) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode_key_value(input.first().unwrap_or(&Value::Null), &mut bytes);
        if self.kept == Kept::Descending {
            invert(&mut bytes);
        }
        bytes
    }
}

fn invert(bytes: &mut [u8]) {
    bytes.iter_mut().for_each(|byte| *byte = !*byte);
}
