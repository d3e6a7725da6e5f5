//! The port: what every state promises.

use bytes::Bytes;
use thiserror::Error;

use crate::Batch;

/// A separate, ordered space of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// Rows of tables.
    Tables,
    /// Index entries over tables.
    Indexes,
    /// One entry per commit.
    Journal,
    /// Everything that there is one of: progress, definitions, counters.
    Meta,
    /// What is kept of each group of a group table, so that its rows can be told from one change to the next.
    Accumulators,
}

impl Space {
    pub const ALL: [Space; 5] =
        [Space::Tables, Space::Indexes, Space::Journal, Space::Meta, Space::Accumulators];

    pub(crate) fn index(self) -> usize {
        match self {
            Space::Tables => 0,
            Space::Indexes => 1,
            Space::Journal => 2,
            Space::Meta => 3,
            Space::Accumulators => 4,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Space::Tables => "tables",
            Space::Indexes => "indexes",
            Space::Journal => "journal",
            Space::Meta => "meta",
            Space::Accumulators => "accumulators",
        }
    }
}

/// The state's storage failed. What was committed before is untouched; nothing of the failed batch is visible.
#[derive(Debug, Error)]
#[error(
    "the state in {path} failed: {detail}. The state is a cache of the log: if it cannot be repaired, remove the directory and it is replayed"
)]
pub struct StateError {
    pub path: String,
    pub detail: String,
}

pub type Entry = (Bytes, Bytes);
pub type Entries<'a> = Box<dyn Iterator<Item = Result<Entry, StateError>> + 'a>;

/// The state as of one commit, unchanged by later ones.
pub trait Snapshot: Send + Sync {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StateError>;

    /// Entries whose key begins with `prefix` and is not less than `from`, in key order. An empty `from` begins at
    /// the first one.
    fn scan<'a>(&'a self, space: Space, prefix: &[u8], from: &[u8]) -> Entries<'a>;
}

/// An ordered store. There is one writer; snapshots may be taken and read from any thread.
pub trait State: Send + Sync {
    fn snapshot(&self) -> Box<dyn Snapshot>;

    /// Applies the whole batch or nothing of it, whatever dies in between. Durable after the next `sync`.
    fn commit(&self, batch: Batch) -> Result<(), StateError>;

    /// Returns when everything committed has reached the disk.
    fn sync(&self) -> Result<(), StateError>;
}
