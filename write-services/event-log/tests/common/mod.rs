//! What the tests of the logs share: the places logs live in, events, and reading to the end.
#![allow(dead_code, reason = "every test file uses a part of it")]

use std::sync::Arc;
use std::time::Duration;

use prejoin_envelope::{Event, message_id, subject};
use prejoin_event_log::{
    BatchLimit, EmbeddedLog, EventLog, JetStreamLog, JetStreamOptions, LogReader, Message, NewMessage,
    Numbered,
};
use prejoin_test_servers::NatsServer;
use tempfile::TempDir;

pub(crate) const SERVICE: &str = "orders";
pub(crate) const ALL: BatchLimit = BatchLimit { messages: 100_000, bytes: 64 * 1024 * 1024 };
/// Long enough for the slowest machine; no test waits for it to pass.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A log that can be opened, crashed and opened again.
pub(crate) enum Place {
    Embedded(TempDir),
    JetStream(NatsServer),
}

impl Place {
    pub(crate) fn embedded() -> Self {
        Place::Embedded(tempfile::tempdir().unwrap())
    }

    pub(crate) fn jetstream() -> Self {
        Place::JetStream(NatsServer::start(""))
    }

    pub(crate) async fn open(&self) -> Arc<dyn EventLog> {
        match self {
            Place::Embedded(directory) => {
                Arc::new(EmbeddedLog::open(directory.path().join("event-log")).unwrap())
            }
            Place::JetStream(server) => Arc::new(jetstream(server, Duration::from_secs(20)).await),
        }
    }

    /// As `open`, with the stream of `SERVICE`.
    pub(crate) async fn open_with_stream(&self) -> Arc<dyn EventLog> {
        let log = self.open().await;
        log.ensure_stream(SERVICE).await.unwrap();
        log
    }

    /// Ends what serves the log, where that is not this process. Every handle must have been dropped before.
    pub(crate) fn crash(&mut self) {
        if let Place::JetStream(server) = self {
            server.kill_9();
            server.restart();
        }
    }
}

pub(crate) async fn jetstream(server: &NatsServer, timeout: Duration) -> JetStreamLog {
    let options =
        JetStreamOptions { ack_timeout: timeout, request_timeout: timeout, ..JetStreamOptions::default() };
    JetStreamLog::connect(&server.url(), options).await.unwrap()
}

/// The event `sequence` of `SERVICE`; `variant` makes another one under the same sequence.
pub(crate) fn event(sequence: u64, variant: &str) -> Numbered {
    let data = serde_json::value::RawValue::from_string(format!("{{\"variant\":{variant:?}}}")).unwrap();
    let event = Event {
        id: format!("event-{sequence}{variant}"),
        source: "/orders".to_owned(),
        kind: "orders.placed.v1".to_owned(),
        subject: sequence.to_string(),
        time: "2026-01-01T00:00:00Z".to_owned(),
        sequence,
        data,
    };
    let message = NewMessage {
        subject: subject(&event.kind, &event.subject),
        message_id: Some(message_id(SERVICE, sequence)),
        payload: event.to_json().into(),
    };
    Numbered { sequence, message }
}

pub(crate) fn events(sequences: impl IntoIterator<Item = u64>) -> Vec<Numbered> {
    sequences.into_iter().map(|sequence| event(sequence, "")).collect()
}

/// A message that says its number, without being an event.
pub(crate) fn plain(service: &str, number: usize) -> NewMessage {
    NewMessage {
        subject: format!("{service}.noted.{number}"),
        message_id: None,
        payload: format!("{service} {number}").into(),
    }
}

/// Publishes and waits for every acknowledgement.
pub(crate) async fn publish(
    log: &dyn EventLog,
    service: &str,
    messages: impl IntoIterator<Item = NewMessage>,
) -> Vec<u64> {
    let mut pending = Vec::new();
    for message in messages {
        pending.push(log.send(service, message, None).await.unwrap());
    }
    let mut sequences = Vec::new();
    for ack in pending {
        sequences.push(ack.await.unwrap().stream_sequence);
    }
    sequences
}

/// Reads exactly so many messages.
pub(crate) async fn take(reader: &mut dyn LogReader, count: usize) -> Vec<Message> {
    let mut messages = Vec::new();
    while messages.len() < count {
        let limit = BatchLimit { messages: count - messages.len(), ..ALL };
        let batch = reader.next_batch(limit, PATIENCE).await.unwrap();
        assert!(!batch.is_empty(), "{} of {count} messages came", messages.len());
        messages.extend(batch);
    }
    messages
}

/// Everything that the stream of `SERVICE` holds.
pub(crate) async fn whole_stream(log: &dyn EventLog) -> Vec<Message> {
    let bounds = log.bounds(SERVICE).await.unwrap();
    let count = usize::try_from(bounds.last + 1 - bounds.first).unwrap();
    take(log.read(SERVICE, 0).await.unwrap().as_mut(), count).await
}

pub(crate) fn stream_sequences(messages: &[Message]) -> Vec<u64> {
    messages.iter().map(|message| message.stream_sequence).collect()
}

pub(crate) fn payloads(messages: &[Message]) -> Vec<String> {
    messages.iter().map(|message| String::from_utf8(message.payload.to_vec()).unwrap()).collect()
}

/// The stream holds exactly the events 1 to `last`, each once, in order.
pub(crate) async fn assert_exactly(log: &dyn EventLog, last: u64) {
    let messages = whole_stream(log).await;
    let expected: Vec<_> = events(1..=last).into_iter().map(|event| event.message.payload).collect();
    let held: Vec<_> = messages.into_iter().map(|message| message.payload).collect();
    assert_eq!(held.len(), expected.len());
    assert!(held == expected, "the stream holds other events than 1 to {last} in order");
}
