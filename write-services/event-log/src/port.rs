//! The port: what every event log promises.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::BoxFuture;
use thiserror::Error;

/// The largest payload a log accepts, in bytes: NATS's default `max_payload` of 1 MiB less a KiB for the headers, which
/// count towards it. The embedded log keeps to it too, so that what works on a laptop works on a cluster.
pub const PAYLOAD_BYTES_MAX: usize = 1024 * 1024 - 1024;

/// A message as the log holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Rises by reading order within a stream; starts at 1.
    pub stream_sequence: u64,
    pub subject: String,
    pub message_id: Option<String>,
    pub payload: Bytes,
    /// When the log took it.
    pub time: SystemTime,
}

/// A message to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    pub subject: String,
    /// Repeated within the log's window of two minutes, the message is stored once and acknowledged again.
    pub message_id: Option<String>,
    pub payload: Bytes,
}

/// The log holds the message durably.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack {
    pub stream_sequence: u64,
    /// The message id was known already; `stream_sequence` is where it lies.
    pub duplicate: bool,
}

/// The stream sequences that a stream retains. Empty when `first > last`; `last` is 0 if nothing was ever published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    pub first: u64,
    pub last: u64,
}

/// Where a publisher expects the stream to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedEnd {
    pub stream_sequence: u64,
    /// The id of the message there. It is checked too if given, which is possible for a message sent just before.
    pub message_id: Option<String>,
}

/// How much a batch may hold. At least one message is returned whatever its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimit {
    pub messages: usize,
    pub bytes: usize,
}

#[derive(Debug, Error)]
pub enum LogError {
    /// Another message was published in between, or an earlier one of the same window did not arrive. Nothing was stored.
    #[error("the stream of {service} does not end where the publisher expected it to ({expected}): {detail}")]
    WrongLastSequence { service: String, expected: u64, detail: String },
    #[error(
        "the message on {subject} has {bytes} bytes; the event log takes {limit} at most. Make the event smaller or put the large part elsewhere and refer to it"
    )]
    TooLarge { subject: String, bytes: usize, limit: usize },
    /// The log cannot be reached, or did not answer in time; the outcome of a publication is unknown.
    #[error("the event log is not available: {0}")]
    Unavailable(String),
    /// The connection or the stream changed under a reader: compare the log with what was processed, then read anew.
    #[error("reading {service} was interrupted: {detail}")]
    Interrupted { service: String, detail: String },
    #[error("the event log has no stream for {service}")]
    NoStream { service: String },
    /// What the log holds is damaged or not of its format.
    #[error("{0}")]
    Damaged(String),
    #[error("not permitted: {0}")]
    Denied(String),
}

/// An acknowledgement on its way.
pub type PendingAck = BoxFuture<'static, Result<Ack, LogError>>;

/// Streams of messages, one per service, in the order they were published.
#[async_trait]
pub trait EventLog: Send + Sync {
    /// Creates the stream of a service when it is missing; leaves an existing one as it is.
    async fn ensure_stream(&self, service: &str) -> Result<(), LogError>;

    /// Hands a message over and returns its acknowledgement without waiting for it, so that a window of them may be
    /// outstanding. Messages handed over by one publisher reach the stream in that order or not at all: with
    /// `expected_last` the log refuses a message unless the stream ends at that stream sequence.
    /// An acknowledged message is durable as far as the log can promise.
    async fn send(
        &self,
        service: &str,
        message: NewMessage,
        expected_last: Option<u64>,
    ) -> Result<PendingAck, LogError>;

    /// As `send` with `expected_last`, for a window: names the message before as well, which is still on its way.
    /// Stream sequences alone would let a window go on behind somebody else's message that took the place of one of
    /// its own. Logs that only one publisher can write may leave it at the sequence.
    async fn send_after(
        &self,
        service: &str,
        message: NewMessage,
        expected: ExpectedEnd,
    ) -> Result<PendingAck, LogError> {
        self.send(service, message, Some(expected.stream_sequence)).await
    }

    /// What the stream retains now.
    async fn bounds(&self, service: &str) -> Result<Bounds, LogError>;

    /// The message at a stream sequence, or nothing if it is not retained.
    async fn get(&self, service: &str, stream_sequence: u64) -> Result<Option<Message>, LogError>;

    /// Reads the messages after a stream sequence (0: from the first retained), then those that arrive. Nothing is
    /// skipped or repeated by one reader; it never survives a reconnect but ends in `LogError::Interrupted`. A position
    /// beyond the end of the stream is `Interrupted` at once: the log is not the one that the position speaks of.
    async fn read(&self, service: &str, after: u64) -> Result<Box<dyn LogReader>, LogError>;
}

#[async_trait]
pub trait LogReader: Send {
    /// The next messages in rising stream sequence: whatever has arrived, within the limit. Waits for the first one
    /// at most `wait`; empty when nothing came. Cancelling the call loses no message.
    async fn next_batch(&mut self, limit: BatchLimit, wait: Duration) -> Result<Vec<Message>, LogError>;
}
