//! The relay beside a bare publisher with the same window. Run it with `--ignored --nocapture`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use prejoin_envelope::{Event, message_id, subject};
use prejoin_event_log::{
    EventLog, JetStreamLog, JetStreamOptions, NewMessage, Numbered, OrderedPublisher, Window,
};
use prejoin_outbox::{NewEvent, RelaySettings};
use prejoin_test_servers::NatsServer;
use serde_json::{json, value::RawValue};

use crate::stores::{Kind, Place};
use crate::support::{Database, RunningRelay, SERVICE, embedded, wait_for_events};

const EVENTS: usize = 40_000;
/// Relay and bare publisher take turns: what else the machine does slows both.
const ROUNDS: usize = 5;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures; it proves nothing"]
async fn the_relay_beside_a_bare_publisher() {
    for name in ["jetstream", "embedded"] {
        for kind in [Kind::Sqlite, Kind::Postgres, Kind::MariaDb] {
            let mut rounds = Vec::new();
            for _ in 0..ROUNDS {
                rounds.push(round(kind, name).await);
            }
            rounds.sort_by(|(a, ..), (b, ..)| a.total_cmp(b));
            let ratios: Vec<String> = rounds.iter().map(|(ratio, ..)| format!("{ratio:.2}")).collect();
            let (ratio, relayed, bare) = rounds[ROUNDS / 2];
            println!(
                "{kind:?}, {name}: relayed {:.0} events/s, bare {:.0} events/s, ratio {ratio:.2} (of {})",
                EVENTS as f64 / relayed.as_secs_f64(),
                EVENTS as f64 / bare.as_secs_f64(),
                ratios.join(", ")
            );
        }
    }
}

/// The ratio, and how long each took.
async fn round(kind: Kind, name: &str) -> (f64, Duration, Duration) {
    let directory = tempfile::tempdir().unwrap();
    let server = NatsServer::start("");
    let log: Arc<dyn EventLog> = match name {
        "embedded" => embedded(&directory.path().join("log")),
        _ => Arc::new(JetStreamLog::connect(&server.url(), JetStreamOptions::default()).await.unwrap()),
    };
    log.ensure_stream(SERVICE).await.unwrap();
    let relayed = relay(Place::new(kind, directory.path().join("orders.db")), &log).await;
    let bare = publish(&log).await;
    (bare.as_secs_f64() / relayed.as_secs_f64(), relayed, bare)
}

fn data(number: usize) -> serde_json::Value {
    json!({ "number": number, "order_id": number.to_string(), "paid_at": "2026-01-01T00:00:00Z" })
}

async fn relay(place: Place, log: &Arc<dyn EventLog>) -> Duration {
    let database = Database::open(place).await;
    let mut tx = database.pool.begin().await;
    let mut last = None;
    for number in 0..EVENTS {
        let event = NewEvent::new("orders.paid.v1", &number.to_string(), &data(number)).unwrap();
        last = Some(tx.record(&database.outbox, event).await.unwrap());
    }
    tx.commit().await;
    let started = Instant::now();
    let relay = RunningRelay::start(&database.outbox, log, RelaySettings::default());
    // Told, not asked: counting rows would take the database's time.
    let sent = database.outbox.wait_until_sent(last.unwrap(), Duration::from_secs(300)).await.unwrap();
    let took = started.elapsed();
    assert_eq!(sent, Some(EVENTS as u64));
    relay.stop().await.unwrap();
    wait_for_events(log, EVENTS).await;
    took
}

async fn publish(log: &Arc<dyn EventLog>) -> Duration {
    let settings = RelaySettings::default();
    let window = Window { messages: settings.window_messages, bytes: settings.window_bytes };
    let mut publisher = OrderedPublisher::new(Arc::clone(log), SERVICE).with_window(window);
    let first = EVENTS as u64 + 1;
    let batch: Vec<Numbered> = (first..first + EVENTS as u64)
        .map(|sequence| {
            let event = Event {
                id: format!("bare-{sequence:031}"),
                source: "/orders".into(),
                kind: "orders.paid.v1".into(),
                subject: sequence.to_string(),
                time: "2026-01-01T00:00:00Z".into(),
                sequence,
                data: RawValue::from_string(data(0).to_string()).unwrap(),
            };
            let message = NewMessage {
                subject: subject(&event.kind, &event.subject),
                message_id: Some(message_id(SERVICE, sequence)),
                payload: Bytes::from(event.to_json()),
            };
            Numbered { sequence, message }
        })
        .collect();
    let started = Instant::now();
    publisher.publish(&batch).await.unwrap();
    started.elapsed()
}
