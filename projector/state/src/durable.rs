//! The durable state: an LSM tree per space, one write-ahead journal over all.

use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode, Readable, UserValue};

use crate::{Batch, Entries, Snapshot, Space, State, StateError};

/// The longest key that can be stored, and so the longest that can be found.
const KEY_BYTES_MAX: usize = u16::MAX as usize;

/// How much memory a state takes, whatever its size.
#[derive(Debug, Clone, Copy)]
pub struct StateBounds {
    /// Of each space: what was written last and is in no file yet. With more of it, files are larger, fewer, and merged less
    /// often. A state keeps the bound that it was created with.
    pub memtable_bytes: u64,
    /// Unpacked blocks of files.
    pub cache_bytes: u64,
}

impl Default for StateBounds {
    fn default() -> Self {
        StateBounds { memtable_bytes: 64 << 20, cache_bytes: 256 << 20 }
    }
}

pub struct DurableState {
    path: Arc<str>,
    database: Database,
    keyspaces: Arc<[Keyspace]>,
}

struct DurableSnapshot {
    path: Arc<str>,
    snapshot: fjall::Snapshot,
    keyspaces: Arc<[Keyspace]>,
}

impl DurableState {
    /// Opens the state in a directory, creating it if missing. One process at a time.
    pub fn open(directory: &Path) -> Result<Self, StateError> {
        DurableState::open_with(directory, StateBounds::default())
    }

    /// The same with other bounds than the defaults.
    pub fn open_with(directory: &Path, bounds: StateBounds) -> Result<Self, StateError> {
        if !directory.exists() {
            create(directory, bounds)?;
        }
        open_or_begin(directory, bounds)
    }
}

/// Makes an empty state. It gets its name when it is complete: fjall does not open a directory that it was killed
/// while making.
fn create(directory: &Path, bounds: StateBounds) -> Result<(), StateError> {
    let shown = directory.display().to_string();
    let unfinished = directory.with_extension("unfinished");
    let in_files = |error: std::io::Error| StateError { path: shown.clone(), detail: error.to_string() };
    match std::fs::remove_dir_all(&unfinished) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(in_files(error)),
        _ => {}
    }
    drop(open_or_begin(&unfinished, bounds)?);
    std::fs::rename(&unfinished, directory).map_err(in_files)
}

fn open_or_begin(directory: &Path, bounds: StateBounds) -> Result<DurableState, StateError> {
    let path: Arc<str> = directory.display().to_string().into();
    let database = Database::builder(directory)
        .cache_size(bounds.cache_bytes)
        .open()
        .map_err(|error| failed(&path, error))?;
    let options = || KeyspaceCreateOptions::default().max_memtable_size(bounds.memtable_bytes);
    let keyspaces = Space::ALL
        .into_iter()
        .map(|space| database.keyspace(space.name(), options))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| failed(&path, error))?;
    Ok(DurableState { path, database, keyspaces: keyspaces.into() })
}

impl State for DurableState {
    fn snapshot(&self) -> Box<dyn Snapshot> {
        Box::new(DurableSnapshot {
            path: self.path.clone(),
            snapshot: self.database.snapshot(),
            keyspaces: self.keyspaces.clone(),
        })
    }

    fn commit(&self, batch: Batch) -> Result<(), StateError> {
        let count = Space::ALL.into_iter().map(|space| batch.len(space)).sum();
        let writes = OwnedWriteBatch::with_capacity(self.database.clone(), count);
        // With the operating system when committed, on the disk when synced.
        let mut writes = writes.durability(Some(PersistMode::Buffer));
        for (space, entries) in batch.into_spaces() {
            let keyspace = &self.keyspaces[space.index()];
            for (key, value) in entries {
                match value {
                    Some(value) => writes.insert(keyspace, key, value),
                    None => writes.remove(keyspace, key),
                }
            }
        }
        writes.commit().map_err(|error| failed(&self.path, error))
    }

    fn sync(&self) -> Result<(), StateError> {
        self.database.persist(PersistMode::SyncData).map_err(|error| failed(&self.path, error))
    }
}

impl Snapshot for DurableSnapshot {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StateError> {
        if key.len() > KEY_BYTES_MAX {
            return Ok(None);
        }
        let value = self.snapshot.get(&self.keyspaces[space.index()], key);
        Ok(value.map_err(|error| failed(&self.path, error))?.map(UserValue::into))
    }

    fn scan<'a>(&'a self, space: Space, prefix: &[u8], from: &[u8]) -> Entries<'a> {
        let end = match successor(prefix) {
            Some(end) => Bound::Excluded(end),
            None => Bound::Unbounded,
        };
        let start = from.max(prefix).to_vec();
        if prefix.len() > KEY_BYTES_MAX || matches!(&end, Bound::Excluded(end) if *end <= start) {
            return Box::new(std::iter::empty());
        }
        let range = (Bound::Included(start), end);
        let entries = self.snapshot.range(&self.keyspaces[space.index()], range);
        Box::new(entries.map(|entry| {
            let (key, value) = entry.into_inner().map_err(|error| failed(&self.path, error))?;
            Ok((key.into(), value.into()))
        }))
    }
}

/// The least key that is greater than every key with the prefix; nothing if there is none.
fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let kept = prefix.iter().rposition(|&byte| byte != u8::MAX)?;
    let mut end = prefix[..=kept].to_vec();
    end[kept] += 1;
    Some(end)
}

fn failed(path: &str, error: fjall::Error) -> StateError {
    StateError { path: path.to_owned(), detail: error.to_string() }
}
