//! Generated events as a reader of the log hands them to the engine.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use prejoin_engine::Incoming;
use prejoin_fixtures::generate;

/// Messages in the order in which they happened, made before any clock starts.
pub struct History {
    messages: Vec<Incoming>,
}

impl History {
    pub fn generate(events: u64, seed: u64) -> History {
        let mut services: BTreeMap<&str, Arc<str>> = BTreeMap::new();
        let message = |event: prejoin_fixtures::GeneratedEvent| {
            let service = services.entry(event.service).or_insert_with(|| event.service.into()).clone();
            Incoming {
                message_id: Some(format!("{service}-{}", event.sequence)),
                service,
                stream_sequence: event.sequence,
                payload_hash: event.sequence,
                payload: Bytes::from(event.json),
            }
        };
        History { messages: generate(events, seed).map(message).collect() }
    }

    pub fn messages(&self) -> &[Incoming] {
        &self.messages
    }

    /// Of all payloads.
    pub fn bytes(&self) -> usize {
        self.messages.iter().map(|message| message.payload.len()).sum()
    }
}
