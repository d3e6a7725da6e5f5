//! How fast a log is read, written and opened, each beside a measured floor: reading and checking the same bytes from a file.
//!
//! `cargo bench -p prejoin-event-log -- [events]`
#![expect(clippy::unwrap_used, reason = "a failed step ends the measurement, with its place and its error")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use prejoin_envelope::{Event, message_id, subject};
use prejoin_event_log::{
    BatchLimit, EmbeddedLog, EventLog, JetStreamLog, JetStreamOptions, NewMessage, Numbered, OrderedPublisher,
};
use prejoin_test_servers::NatsServer;

const SERVICE: &str = "orders";
const LIMIT: BatchLimit = BatchLimit { messages: 65_536, bytes: 32 * 1024 * 1024 };

fn main() {
    let count = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(1_000_000_u64);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("event-log");

    let embedded = runtime.block_on(async {
        let log: Arc<dyn EventLog> = Arc::new(EmbeddedLog::open(&path).unwrap());
        let published = publish(&log, count).await;
        let read = read(&log, count).await;
        (published, read)
    });
    let floor = floor(&path);
    let opening = Instant::now();
    drop(EmbeddedLog::open(&path).unwrap());
    let opening = opening.elapsed();
    report("embedded: publish", count, embedded.0, floor);
    report("embedded: read", count, embedded.1, floor);
    report("embedded: open", count, opening, floor);

    let server = NatsServer::start("");
    let jetstream = runtime.block_on(async {
        let options = JetStreamOptions::default();
        let log: Arc<dyn EventLog> = Arc::new(JetStreamLog::connect(&server.url(), options).await.unwrap());
        let published = publish(&log, count).await;
        let read = read(&log, count).await;
        (published, read)
    });
    report("jetstream: publish", count, jetstream.0, floor);
    report("jetstream: read", count, jetstream.1, floor);
}

async fn publish(log: &Arc<dyn EventLog>, count: u64) -> Duration {
    log.ensure_stream(SERVICE).await.unwrap();
    let mut publisher = OrderedPublisher::new(Arc::clone(log), SERVICE);
    let mut elapsed = Duration::ZERO;
    for start in (1..=count).step_by(10_000) {
        let batch: Vec<_> = (start..(start + 10_000).min(count + 1)).map(event).collect();
        let publishing = Instant::now();
        publisher.publish(&batch).await.unwrap();
        elapsed += publishing.elapsed();
    }
    elapsed
}

async fn read(log: &Arc<dyn EventLog>, count: u64) -> Duration {
    let reading = Instant::now();
    let mut reader = log.read(SERVICE, 0).await.unwrap();
    let mut last = 0;
    let mut bytes = 0;
    while last < count {
        for message in reader.next_batch(LIMIT, Duration::from_secs(30)).await.unwrap() {
            last = message.stream_sequence;
            bytes += message.payload.len();
        }
    }
    assert!(bytes > 0);
    reading.elapsed()
}

/// Reading the file and taking its checksum, and nothing else.
fn floor(path: &std::path::Path) -> Duration {
    let reading = Instant::now();
    let bytes = std::fs::read(path).unwrap();
    assert_ne!(crc32fast::hash(&bytes), 0);
    reading.elapsed()
}

fn report(what: &str, count: u64, elapsed: Duration, floor: Duration) {
    let per_second = count as f64 / elapsed.as_secs_f64();
    let ratio = elapsed.as_secs_f64() / floor.as_secs_f64();
    println!(
        "{what:20} {count} events in {elapsed:.2?}: {per_second:.0} events/s, {ratio:.1} times the floor of {floor:.2?}"
    );
}

/// About 400 bytes, as an order with two lines has.
fn event(sequence: u64) -> Numbered {
    let data = format!(
        r#"{{"order_id":"{sequence}","customer_id":"C{}","total_cents":{},"placed_at":"2026-01-01T00:00:00Z","lines":[{{"product_id":"P1","quantity":2,"unit_price_cents":1250}},{{"product_id":"P{}","quantity":1,"unit_price_cents":990}}]}}"#,
        sequence % 1000,
        sequence % 100_000,
        sequence % 77
    );
    let event = Event {
        id: format!("orders-{sequence}"),
        source: "/orders".to_owned(),
        kind: "orders.placed.v1".to_owned(),
        subject: sequence.to_string(),
        time: "2026-01-01T00:00:00Z".to_owned(),
        sequence,
        data: serde_json::value::RawValue::from_string(data).unwrap(),
    };
    let message = NewMessage {
        subject: subject(&event.kind, &event.subject),
        message_id: Some(message_id(SERVICE, sequence)),
        payload: event.to_json().into(),
    };
    Numbered { sequence, message }
}
