//! How far the events of one service are applied.

use crate::stored::StoredProgress;

/// What is known of one service's events, as of a commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// The last sequence applied; 0 at the beginning.
    pub sequence: u64,
    /// Where the log held that event: a hint, for a log may be recreated.
    pub stream_sequence: u64,
    pub message_id: Option<String>,
    pub payload_hash: u64,
    pub events_applied: u64,
    /// Events of types that no contract mentions, passed over.
    pub unknown_types: u64,
    /// Events that are parked, the ones without a usable sequence included.
    pub dead_letters: u64,
}

impl From<StoredProgress> for Progress {
    fn from(stored: StoredProgress) -> Self {
        let StoredProgress {
            sequence,
            stream_sequence,
            message_id,
            payload_hash,
            events_applied,
            unknown_types,
            dead_letters,
        } = stored;
        Progress {
            sequence,
            stream_sequence,
            message_id,
            payload_hash,
            events_applied,
            unknown_types,
            dead_letters,
        }
    }
}

impl From<&Progress> for StoredProgress {
    fn from(progress: &Progress) -> Self {
        StoredProgress {
            sequence: progress.sequence,
            stream_sequence: progress.stream_sequence,
            message_id: progress.message_id.clone(),
            payload_hash: progress.payload_hash,
            events_applied: progress.events_applied,
            unknown_types: progress.unknown_types,
            dead_letters: progress.dead_letters,
        }
    }
}
