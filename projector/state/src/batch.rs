//! Writes to be committed together, readable before that through `Layered`.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::Space;

/// A key and its value from now on. `None` removes.
pub type Write = (Bytes, Option<Bytes>);

/// The last write to each key, in key order. `None` removes.
#[derive(Debug, Default, Clone)]
pub struct Batch {
    spaces: [BTreeMap<Bytes, Option<Bytes>>; Space::ALL.len()],
}

impl Batch {
    pub fn put(&mut self, space: Space, key: impl Into<Bytes>, value: impl Into<Bytes>) {
        self.spaces[space.index()].insert(key.into(), Some(value.into()));
    }

    pub fn remove(&mut self, space: Space, key: impl Into<Bytes>) {
        self.spaces[space.index()].insert(key.into(), None);
    }

    /// Adds the writes of another batch, as if they were made after these.
    pub fn append(&mut self, other: Batch) {
        for (space, mut entries) in self.spaces.iter_mut().zip(other.spaces) {
            space.append(&mut entries);
        }
    }

    /// Makes many writes. The first ones in a space cost less than one by one, least if their keys are in order.
    pub fn write_all(&mut self, space: Space, writes: impl IntoIterator<Item = Write>) {
        match &mut self.spaces[space.index()] {
            empty if empty.is_empty() => *empty = writes.into_iter().collect(),
            earlier => earlier.extend(writes),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.spaces.iter().all(BTreeMap::is_empty)
    }

    /// The number of keys written in a space.
    pub fn len(&self, space: Space) -> usize {
        self.spaces[space.index()].len()
    }

    pub(crate) fn space(&self, space: Space) -> &BTreeMap<Bytes, Option<Bytes>> {
        &self.spaces[space.index()]
    }

    pub(crate) fn into_spaces(self) -> impl Iterator<Item = (Space, BTreeMap<Bytes, Option<Bytes>>)> {
        Space::ALL.into_iter().zip(self.spaces)
    }
}
