//! What the engine writes into the state and hands to sinks to keep, in format 1: postcard bytes of the types here.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::EngineError;

/// Raised with every change of a stored type or key layout.
pub(crate) const FORMAT: u32 = 1;

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
    pub keys: Vec<Vec<u8>>,
    pub fan_outs: Vec<StoredCause>,
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
