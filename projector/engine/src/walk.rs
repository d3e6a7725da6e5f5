//! From a changed row back to the grain: the keys of the view rows that read it.

use std::ops::ControlFlow;

use bytes::Bytes;
use prejoin_model::decode_row;
use prejoin_sql::{Hop, IndexUse, Path};
use prejoin_state::{Entries, Snapshot, Space};

use crate::keys::{TABLE_PREFIX_BYTES, equality_bytes, index_prefix, table_key, table_key_prefix};
use crate::{Definition, EngineError, indexes::Indexes};

/// The row keys passed on the way to a grain key, hop by hop; the last one is the grain key.
pub(crate) type Trail = Vec<Bytes>;

/// Follows paths through one state of tables and indexes.
///
/// The state after a step is enough: a row on the way that the step changed is itself a changed row, from which a walk
/// starts with its old and its new values.
pub(crate) struct Walker<'a> {
    pub definition: &'a Definition,
    pub indexes: &'a Indexes,
    pub snapshot: &'a dyn Snapshot,
}

impl Walker<'_> {
    /// Visits every grain key that the values lead to, in the order of the trails, beginning after `cursor`. The
    /// visitor sees the whole trail and may stop the walk. Returns whether it was stopped.
    pub(crate) fn walk(
        &self,
        path: &Path,
        values: &[u8],
        cursor: Option<&[Bytes]>,
        visit: &mut dyn FnMut(&Trail) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, EngineError> {
        self.hop(&path.hops, values, cursor, &mut Trail::new(), visit)
    }

    fn hop(
        &self,
        hops: &[Hop],
        values: &[u8],
        cursor: Option<&[Bytes]>,
        trail: &mut Trail,
        visit: &mut dyn FnMut(&Trail) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, EngineError> {
        let Some((hop, further)) = hops.split_first() else { return Ok(visit(trail)) };
        let (space, prefix, strip) = self.place(hop, values);
        let resumed = cursor.and_then(|cursor| cursor.split_first());
        let from = resumed.map_or_else(Vec::new, |(key, _)| [&prefix[..strip], key].concat());
        let is_whole_key = self.is_whole_key(hop) && prefix.len() == strip + values.len();
        for entry in self.entries(space, prefix, &from, is_whole_key)? {
            let row_key = entry?.0.slice(strip..);
            let below = match resumed {
                Some((key, _)) if *key != row_key => None,
                // The trail ends here: this grain key was visited.
                Some((_, [])) => continue,
                Some((_, below)) => Some(below),
                None => None,
            };
            trail.push(row_key);
            let flow = self.beyond(hop, further, below, trail, visit)?;
            trail.pop();
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Goes on from the row whose key ends the trail.
    fn beyond(
        &self,
        hop: &Hop,
        further: &[Hop],
        cursor: Option<&[Bytes]>,
        trail: &mut Trail,
        visit: &mut dyn FnMut(&Trail) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, EngineError> {
        let (Some(next), Some(row_key)) = (further.first(), trail.last()) else { return Ok(visit(trail)) };
        let Some(bytes) =
            self.snapshot.get(Space::Tables, &table_key(self.definition.stored(hop.to_table), row_key))?
        else {
            return Err(EngineError::Damaged(format!(
                "an index names a row of {:?} that is not there",
                hop.to_table
            )));
        };
        let row = decode_row(self.definition.schema(hop.to_table), &bytes)?;
        match equality_bytes(next.from_columns.iter().map(|&column| &row[column])) {
            Some(values) => self.hop(further, &values, cursor, trail, visit),
            None => Ok(ControlFlow::Continue(())),
        }
    }

    /// Whether the equality is one on every column of the table's key.
    fn is_whole_key(&self, hop: &Hop) -> bool {
        let key_columns = self.definition.schema(hop.to_table).key.len();
        hop.index == IndexUse::PrimaryKey && hop.to_columns.len() == key_columns
    }

    /// What `scan` finds; at a whole key that is one entry at most, which costs less to look up.
    fn entries(
        &self,
        space: Space,
        prefix: Vec<u8>,
        from: &[u8],
        is_whole_key: bool,
    ) -> Result<Entries<'_>, EngineError> {
        if !is_whole_key {
            return Ok(self.snapshot.scan(space, &prefix, from));
        }
        let found = match &prefix[..] < from {
            true => None,
            false => self.snapshot.get(space, &prefix)?,
        };
        Ok(Box::new(found.map(|value| Ok((prefix.into(), value))).into_iter()))
    }

    /// Space, key prefix of the equality, and the bytes before the row key in what is found there.
    fn place(&self, hop: &Hop, values: &[u8]) -> (Space, Vec<u8>, usize) {
        match hop.index {
            IndexUse::PrimaryKey => {
                let prefix = table_key_prefix(self.definition.stored(hop.to_table), values);
                (Space::Tables, prefix, TABLE_PREFIX_BYTES)
            }
            IndexUse::TableIndex => {
                let id = self.indexes.id(hop.to_table, &hop.to_columns);
                let prefix = index_prefix(id, values);
                let strip = prefix.len();
                (Space::Indexes, prefix, strip)
            }
        }
    }
}
