//! Writes to be committed together, readable before that through `Layered`.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::Space;

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
