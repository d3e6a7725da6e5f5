//! Rows of joined tables kept while view rows are computed, for many orders share a customer.

use std::sync::Arc;

use prejoin_model::SharedRow;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

/// What they take in memory at most, together.
const BYTES_MAX: usize = 64 << 20;
/// What one takes beside its bytes, for each of its columns and as a whole.
const COLUMN_BYTES: usize = 32;
const ROW_BYTES: usize = 128;
/// Threads rarely want the same shard at once.
const SHARDS: usize = 8;

/// Rows found by their whole table keys, as of one commit. Its clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Remembered(Arc<Cache<Box<[u8]>, Found, Sizes>>);

/// What is under a table key: a row, or none.
#[derive(Debug, Clone)]
struct Found {
    row: Option<SharedRow>,
    /// As it is stored.
    bytes: usize,
}

#[derive(Debug, Clone)]
struct Sizes;

impl Weighter<Box<[u8]>, Found> for Sizes {
    fn weight(&self, table_key: &Box<[u8]>, found: &Found) -> u64 {
        let columns = found.row.as_ref().map_or(0, |row| row.len());
        (ROW_BYTES + table_key.len() + columns * COLUMN_BYTES + found.bytes) as u64
    }
}

impl Default for Remembered {
    fn default() -> Self {
        let options = OptionsBuilder::new()
            .shards(SHARDS)
            .estimated_items_capacity(BYTES_MAX / (2 * ROW_BYTES))
            .weight_capacity(BYTES_MAX as u64)
            .build()
            .expect("both capacities are given");
        let (hashes, lifecycle) = (DefaultHashBuilder::default(), DefaultLifecycle::default());
        Remembered(Arc::new(Cache::with_options(options, Sizes, hashes, lifecycle)))
    }
}

impl Remembered {
    /// Nothing if the key was not noted, or is forgotten.
    pub(crate) fn get(&self, table_key: &[u8]) -> Option<Option<SharedRow>> {
        self.0.get(table_key).map(|found| found.row)
    }

    /// Notes what is under a key, which takes so many bytes there.
    pub(crate) fn note(&self, table_key: &[u8], row: Option<SharedRow>, bytes: usize) {
        self.0.insert(table_key.into(), Found { row, bytes });
    }
}

/// What a slice of a build leaves behind for the next one.
#[derive(Debug, Default)]
pub struct LeftBehind(Option<(u64, Remembered)>);

impl LeftBehind {
    /// What is remembered of a commit; nothing of another one is kept.
    pub(crate) fn of(&mut self, commit: u64) -> Remembered {
        match &self.0 {
            Some((known, remembered)) if *known == commit => remembered.clone(),
            _ => self.0.insert((commit, Remembered::default())).1.clone(),
        }
    }
}
