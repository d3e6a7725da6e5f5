//! One entry for each input of an aggregate in a group, where counting is not enough.
//!
//! After the prefix of `Layout`, the key of an entry holds:
//!
//! | aggregate | key | value |
//! |---|---|---|
//! | min | the input's key bytes, cut; the source row's key, inverted | the input |
//! | max | the input's key bytes, inverted and cut; the source row's key, inverted | the input |
//! | count(DISTINCT) | the input's key bytes, shortened | how many inputs are equal to it |
//! | others | the source row's key | the input |
//!
//! So the first entry holds the least input, or the greatest, and among equal ones that of the last row.

use prejoin_model::{Row, TableSchema, Value, decode_row, encode_key_value, encode_row};
use prejoin_sql::Accumulation;
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
    accumulation: Accumulation,
    prefix: Vec<u8>,
    inputs: &'a TableSchema,
}

impl<'a> Entries<'a> {
    pub(crate) fn new(layout: &'a Layout<'_>, aggregate: usize, group_key: &[u8]) -> Entries<'a> {
        Entries {
            accumulation: layout.table.aggregates[aggregate].accumulation,
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
        let mut key = self.prefix.clone();
        key.extend(self.input_bytes(input));
        shorten(&mut key, self.prefix.len(), INPUT_BYTES_MAX);
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

    /// Every input, in the key order of the source's rows.
    pub(crate) fn collected(&self, after: &dyn Snapshot) -> Result<Vec<Row>, EngineError> {
        let entries = after.scan(Space::Accumulators, &self.prefix, &[]);
        entries.map(|entry| Ok(decode_row(self.inputs, &entry?.1)?)).collect()
    }

    fn key(&self, input: &[Value], source_key: &[u8]) -> Vec<u8> {
        let mut source_key = source_key.to_vec();
        shorten(&mut source_key, 0, SOURCE_KEY_BYTES_MAX);
        let mut key = self.prefix.clone();
        if self.accumulation != Accumulation::Collect {
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
        if self.accumulation == Accumulation::Maximum {
            invert(&mut bytes);
        }
        bytes
    }
}

fn invert(bytes: &mut [u8]) {
    bytes.iter_mut().for_each(|byte| *byte = !*byte);
}
