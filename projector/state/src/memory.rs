//! The in-memory twin: for tests, simulation, and replays that fit.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;

use crate::{Batch, Entries, Snapshot, Space, State, StateError};

type Spaces = [Arc<BTreeMap<Bytes, Bytes>>; Space::ALL.len()];

/// Ordered maps that a snapshot shares and a commit copies only while a snapshot is held.
#[derive(Debug, Default)]
pub struct MemoryState {
    spaces: RwLock<Spaces>,
}

struct MemorySnapshot {
    spaces: Spaces,
}

impl State for MemoryState {
    fn snapshot(&self) -> Box<dyn Snapshot> {
        let spaces = self.spaces.read().unwrap_or_else(PoisonError::into_inner).clone();
        Box::new(MemorySnapshot { spaces })
    }

    fn commit(&self, batch: Batch) -> Result<(), StateError> {
        let mut spaces = self.spaces.write().unwrap_or_else(PoisonError::into_inner);
        for (space, writes) in batch.into_spaces() {
            if writes.is_empty() {
                continue;
            }
            let map = Arc::make_mut(&mut spaces[space.index()]);
            for (key, value) in writes {
                match value {
                    Some(value) => drop(map.insert(key, value)),
                    None => drop(map.remove(&key)),
                }
            }
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), StateError> {
        Ok(())
    }
}

impl Snapshot for MemorySnapshot {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StateError> {
        Ok(self.spaces[space.index()].get(key).cloned())
    }

    fn scan<'a>(&'a self, space: Space, prefix: &[u8], from: &[u8]) -> Entries<'a> {
        let prefix = Bytes::copy_from_slice(prefix);
        let start = Bytes::copy_from_slice(from.max(&prefix));
        let entries = self.spaces[space.index()].range((Bound::Included(start), Bound::Unbounded));
        Box::new(
            entries
                .take_while(move |(key, _)| key.starts_with(&prefix))
                .map(|(key, value)| Ok((key.clone(), value.clone()))),
        )
    }
}
