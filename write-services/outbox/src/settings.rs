//! How the relay paces itself.

use std::time::Duration;

use prejoin_event_log::PAYLOAD_BYTES_MAX;

#[derive(Debug, Clone)]
pub struct RelaySettings {
    /// How many messages may be on their way to the log without an acknowledgement.
    pub window_messages: usize,
    /// How many bytes of data they may hold; one message passes whatever its size. Two batches of so many bytes are in
    /// memory at most.
    pub window_bytes: usize,
    /// How many rows are numbered and read at a time at most. The first batch of a backlog has a window of messages,
    /// each that is full lets the next one have four times as many.
    pub batch_rows: usize,
    /// An event larger than this is parked.
    pub event_bytes_max: usize,
    /// How often to look for rows that were recorded by another process, or without a call of `wake`.
    pub poll: Duration,
    /// The pause after a failure; doubles with each in a row up to `back_off_max`.
    pub back_off_min: Duration,
    pub back_off_max: Duration,
    /// How often to check that the log still holds what was sent.
    pub reconcile_every: Duration,
    /// How many of the last sent rows are compared with the log on start.
    pub check_rows: u64,
    /// Sent rows are kept at least this long …
    pub keep_for: Duration,
    /// … and at least so many of them, so that a log that lost its tail can get it back.
    pub keep_rows: u64,
}

impl Default for RelaySettings {
    fn default() -> Self {
        RelaySettings {
            window_messages: 512,
            window_bytes: 4 * 1024 * 1024,
            batch_rows: 8192,
            event_bytes_max: PAYLOAD_BYTES_MAX,
            poll: Duration::from_millis(500),
            back_off_min: Duration::from_millis(100),
            back_off_max: Duration::from_secs(10),
            reconcile_every: Duration::from_secs(30),
            check_rows: 256,
            keep_for: Duration::from_secs(7 * 24 * 60 * 60),
            keep_rows: 10_000,
        }
    }
}
