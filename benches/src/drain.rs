//! Events into a log, and out of it again as fast as it gives them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use bytes::Bytes;
use prejoin_envelope::{message_id, subject};
use prejoin_event_log::{BatchLimit, EventLog, LogError, Message, NewMessage, Numbered, OrderedPublisher};
use prejoin_fixtures::GeneratedEvent;
use tokio::sync::mpsc;

const BATCH_EVENTS: usize = 16_384;
const BATCH: BatchLimit = BatchLimit { messages: 8_192, bytes: 4 << 20 };
const WAIT: Duration = Duration::from_secs(10);
/// Batches that may wait for who takes them.
const BATCHES_WAITING_MAX: usize = 8;

/// Publishes events in their order; those of different services at once.
pub async fn publish(
    log: Arc<dyn EventLog>,
    mut events: impl Iterator<Item = GeneratedEvent>,
) -> anyhow::Result<()> {
    let mut publishers: BTreeMap<&'static str, OrderedPublisher> = BTreeMap::new();
    loop {
        let mut batches: BTreeMap<&'static str, Vec<Numbered>> = BTreeMap::new();
        for event in events.by_ref().take(BATCH_EVENTS) {
            let message = NewMessage {
                subject: subject(event.kind, &event.subject),
                message_id: Some(message_id(event.service, event.sequence)),
                payload: Bytes::from(event.json),
            };
            batches.entry(event.service).or_default().push(Numbered { sequence: event.sequence, message });
        }
        if batches.is_empty() {
            return Ok(());
        }
        for (service, batch) in batches {
            if !publishers.contains_key(service) {
                log.ensure_stream(service).await?;
                publishers.insert(service, OrderedPublisher::new(log.clone(), service));
            }
            if let Some(publisher) = publishers.get_mut(service) {
                publisher.publish(&batch).await?;
            }
        }
    }
}

/// Hands over every message that the services' streams hold now, all streams at once, and returns how many there were.
pub async fn drain(
    log: &Arc<dyn EventLog>,
    services: &[&'static str],
    mut take: impl AsyncFnMut(Vec<Message>) -> anyhow::Result<()>,
) -> anyhow::Result<u64> {
    let (sender, mut batches) = mpsc::channel(BATCHES_WAITING_MAX);
    for service in services {
        tokio::spawn(drain_stream(log.clone(), service, sender.clone()));
    }
    drop(sender);
    let mut messages = 0;
    while let Some(batch) = batches.recv().await {
        let batch = batch?;
        messages += batch.len() as u64;
        take(batch).await?;
    }
    ensure!(messages > 0, "the log is empty");
    Ok(messages)
}

async fn drain_stream(
    log: Arc<dyn EventLog>,
    service: &'static str,
    batches: mpsc::Sender<Result<Vec<Message>, LogError>>,
) {
    let read = async {
        let last = log.bounds(service).await?.last;
        let mut reader = log.read(service, 0).await?;
        let mut after = 0;
        while after < last {
            let batch = reader.next_batch(BATCH, WAIT).await?;
            after = batch.last().map_or(after, |message| message.stream_sequence);
            if batches.send(Ok(batch)).await.is_err() {
                break;
            }
        }
        Ok(())
    };
    if let Err(error) = read.await {
        // Who takes the batches may be gone.
        drop(batches.send(Err(error)).await);
    }
}
