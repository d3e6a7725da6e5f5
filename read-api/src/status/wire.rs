//! The JSON of a status: as the projector writes it into the store (format 1), and as `/status` answers it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How the projector is, and what it could not apply.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Status {
    pub state: State,
    /// What to do about it, if anything.
    pub hint: Option<String>,
    /// Since the projector last reported.
    pub age_seconds: Option<f64>,
    /// The projector should have reported since, and did not.
    pub stale: bool,
    pub pid: Option<u32>,
    /// By service.
    pub services: BTreeMap<String, ServiceStatus>,
    /// By view.
    pub sinks: BTreeMap<String, SinkStatus>,
    pub dead_letters: DeadLetters,
    pub row_errors: RowErrors,
    /// What a later projector reports beyond this.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// No projector has run yet.
    #[default]
    Absent,
    Running,
    Stopped,
}

/// What the projector wrote.
#[derive(Debug, Deserialize)]
pub(crate) struct StoredStatus {
    pub(crate) state: State,
    #[serde(default)]
    pub(crate) pid: Option<u32>,
    #[serde(default)]
    pub(crate) services: BTreeMap<String, ServiceStatus>,
    #[serde(default)]
    pub(crate) sinks: BTreeMap<String, SinkStatus>,
    #[serde(flatten)]
    pub(crate) other: Map<String, Value>,
}

/// How far the projector is with one service's events.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceStatus {
    /// `reading`, `waiting`, `refused` or `hole`.
    pub state: String,
    /// For what it waits, or why it refuses.
    pub detail: Option<String>,
    /// The last sequence applied.
    pub applied: u64,
    /// The last sequence in the log.
    pub log_last: Option<u64>,
    pub lag_events: Option<u64>,
    pub lag_seconds: Option<f64>,
    /// Since the state began, as are unknown types.
    pub events_applied: u64,
    /// Since the projector started.
    pub duplicates: u64,
    pub unknown_types: u64,
    /// Parked now.
    pub dead_letters: u64,
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// How far a view's rows are.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SinkStatus {
    /// The last sequence of each service that the rows reflect.
    pub position: BTreeMap<String, u64>,
    pub rows: u64,
    pub last_error: Option<String>,
    pub row_errors: u64,
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Messages that could not be applied.
#[derive(Debug, Clone, Default, Serialize)]
pub struct DeadLetters {
    pub count: u64,
    /// Count by service.
    pub services: BTreeMap<String, u64>,
    /// Each service's latest in the log first, at most 20, without their payloads.
    pub newest: Vec<DeadLetter>,
}

/// A message that could not be applied, or that is parked behind one of the same entity.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DeadLetter {
    pub service: String,
    /// Nothing if the message has no usable sequence.
    pub sequence: Option<u64>,
    pub stream_sequence: Option<u64>,
    pub event_id: Option<String>,
    pub r#type: Option<String>,
    pub entity: Option<String>,
    pub reason: String,
    /// The sequence of the dead letter that this one is parked behind.
    pub behind: Option<u64>,
    /// When the event says it happened, in PostgreSQL's text form, UTC.
    pub event_time: Option<String>,
    /// The message, if it is UTF-8 and was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
    /// The message in base64, if it is not UTF-8 and was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_base64: Option<String>,
}

/// A decision on a dead letter, and what became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DecisionTaken {
    /// The sequence of the decision's own event.
    pub decision: u64,
    /// `retry`, `amend` or `discard`.
    pub kind: String,
    pub service: String,
    /// Nothing if the message has no usable sequence.
    pub sequence: Option<u64>,
    pub stream_sequence: Option<u64>,
    /// Why it discards.
    pub reason: Option<String>,
    /// `waiting`, `discarded`, `amended`, `retried`, `unfit`, `behind`, `no_letter` or `other_event`.
    pub outcome: String,
    pub detail: Option<String>,
}

/// Rows whose view failed to evaluate; they keep their last good values.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RowErrors {
    pub count: u64,
    /// In order of view and key, at most 20.
    pub first: Vec<RowError>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RowError {
    pub view: String,
    pub key: Option<String>,
    pub error: Option<String>,
}
