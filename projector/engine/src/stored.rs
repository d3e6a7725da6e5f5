//! What the engine writes into the state and hands to sinks to keep, in format 2: postcard bytes of the types here.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::EngineError;

/// Raised with every change of a stored type or key layout.
pub(crate) const FORMAT: u32 = 2;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct StoredProgress {
    pub sequence: u64,
    pub stream_sequence: u64,
    pub message_id: Option<String>,
    pub payload_hash: u64,
    pub events_applied: u64,
    pub unknown_types: u64,
    pub dead_letters: u64,
}

/// What one commit made stale.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredJournalEntry {
    pub position: Vec<(String, u64)>,
    pub views: Vec<StoredStale>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredStale {
    /// Fingerprint of the view.
    pub view: String,
    pub keys: Vec<StoredKey>,
    pub fan_outs: Vec<StoredCause>,
}

/// Bytes at once, where `Vec<u8>` would go byte by byte, to the same form.
#[derive(Debug, Clone)]
pub(crate) struct StoredKey(pub Bytes);

impl Serialize for StoredKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for StoredKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes: &[u8] = Deserialize::deserialize(deserializer)?;
        Ok(StoredKey(Bytes::copy_from_slice(bytes)))
    }
}

/// Many stale keys by their cause: the path that leads to them and the values it starts from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct StoredCause {
    pub path: u32,
    pub values: Vec<u8>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredPending {
    pub cause: StoredCause,
    /// The row keys, hop by hop, after which to go on.
    pub cursor: Option<Vec<Vec<u8>>>,
    pub before: Vec<(String, u64)>,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct StoredJournalBounds {
    pub first: u64,
    pub last: u64,
    pub bytes: u64,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct StoredIndexes {
    pub next_id: u32,
    pub indexes: Vec<StoredIndex>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredIndex {
    pub id: u32,
    pub table: u32,
    pub columns: Vec<u32>,
    pub stage: StoredIndexStage,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum StoredIndexStage {
    /// Entries up to and including this table key are there.
    Building {
        cursor: Vec<u8>,
    },
    Ready,
    /// No longer needed; its entries are being removed.
    Dropping,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredGroupTable {
    pub table: u16,
    pub fingerprint: String,
    pub stage: StoredGroupStage,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum StoredGroupStage {
    /// Rows of the source up to and including the one before this table key are gathered into accumulators.
    Gathering {
        cursor: Vec<u8>,
    },
    /// All are; groups before this key of their accumulators have their rows.
    Computing {
        cursor: Vec<u8>,
    },
    Ready,
    /// No longer needed; its rows and accumulators are being removed.
    Dropping,
}

/// What is counted of one group.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct StoredGroup {
    pub rows: u64,
    /// The values that make the group and those that they decide, in the bytes of a row, and how many rows have them.
    pub variants: Vec<(Vec<u8>, u64)>,
    /// One for each aggregate.
    pub tallies: Vec<StoredTally>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum StoredTally {
    Entries,
    Count(u64),
    Truths { true_count: u64, false_count: u64 },
    Integers { count: u64, sum: i128 },
    Numerics(StoredSum),
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredSum {
    /// The bytes of a row of one numeric.
    pub finite: Vec<u8>,
    pub carry: i64,
    pub scales: Vec<(u32, u64)>,
    pub nan_count: u64,
    pub infinity_count: u64,
    pub negative_infinity_count: u64,
}

/// Since which commit the journal names the stale keys of a view.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredTrackedView {
    pub fingerprint: String,
    pub since_commit: u64,
}

pub(crate) fn to_bytes<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_allocvec(value).expect("plain data always serializes")
}

pub(crate) fn from_bytes<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, EngineError> {
    postcard::from_bytes(bytes).map_err(|error| EngineError::Damaged(format!("{what}: {error}")))
}
