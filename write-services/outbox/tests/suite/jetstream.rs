//! The same promises with a real broker, which dies, forgets and starts anew.

use std::sync::Arc;
use std::time::Duration;

use prejoin_event_log::{EventLog, JetStreamLog, JetStreamOptions};
use prejoin_test_servers::NatsServer;

use crate::stores::{Kind, Place, on_every_store};
use crate::support::{Database, RunningRelay, SERVICE, assert_log_holds, events, quick, wait_for_events};

on_every_store!(
    a_broker_killed_while_events_flow_gets_each_of_them_once,
    a_broker_that_lost_its_last_data_or_all_of_it_gets_it_back,
    two_processes_on_one_database_and_broker_double_and_reorder_nothing,
);

async fn log_on(server: &NatsServer) -> Arc<dyn EventLog> {
    let patience = Duration::from_secs(2);
    let options = JetStreamOptions { ack_timeout: patience, request_timeout: patience, ..Default::default() };
    Arc::new(JetStreamLog::connect(&server.url(), options).await.unwrap())
}

/// Until the broker answers again.
async fn ready(log: &Arc<dyn EventLog>) {
    let answers = async {
        while log.ensure_stream(SERVICE).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), answers).await.expect("the broker does not come back");
}

async fn a_broker_killed_while_events_flow_gets_each_of_them_once(kind: Kind) {
    let mut server = NatsServer::start("");
    let log = log_on(&server).await;
    let directory = tempfile::tempdir().unwrap();
    let database = Arc::new(Database::open(Place::new(kind, directory.path().join("orders.db"))).await);
    let relay = RunningRelay::start(&database.outbox, &log, quick());
    let recording = {
        let database = Arc::clone(&database);
        tokio::spawn(async move { database.record_many(0..1000).await })
    };
    for round in 1..=3 {
        wait_until_sent(&database, &recording, round * 200).await;
        server.kill_9();
        server.restart();
    }
    recording.await.unwrap();
    database.wait_until_drained().await;
    relay.stop().await.unwrap();
    ready(&log).await;
    assert_log_holds(&log, 0..1000).await;
}

async fn a_broker_that_lost_its_last_data_or_all_of_it_gets_it_back(kind: Kind) {
    let mut server = NatsServer::start("");
    let log = log_on(&server).await;
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(Place::new(kind, directory.path().join("orders.db"))).await;
    let relay = RunningRelay::start(&database.outbox, &log, quick());
    database.record_many(0..60).await;
    database.wait_until_drained().await;
    server.kill_9();
    server.save_store();
    server.restart();
    database.record_many(60..100).await;
    database.wait_until_drained().await;
    ready(&log).await;
    let before = events(&log).await;
    assert_eq!(before.len(), 100);

    server.kill_9();
    server.restore_store();
    server.restart();
    ready(&log).await;
    wait_for_events(&log, 100).await;
    assert_eq!(events(&log).await, before, "the same events under the same numbers");

    server.kill_9();
    server.wipe_store();
    server.restart();
    ready(&log).await;
    wait_for_events(&log, 100).await;
    assert_eq!(events(&log).await, before, "the same events under the same numbers");
    relay.stop().await.unwrap();
}

async fn two_processes_on_one_database_and_broker_double_and_reorder_nothing(kind: Kind) {
    let server = NatsServer::start("");
    let directory = tempfile::tempdir().unwrap();
    let first = Database::open(Place::new(kind, directory.path().join("orders.db"))).await;
    let second = first.open_again().await;
    let (first_log, second_log) = (log_on(&server).await, log_on(&server).await);
    let relays = [
        RunningRelay::start(&first.outbox, &first_log, quick()),
        RunningRelay::start(&second.outbox, &second_log, quick()),
    ];
    for number in 0..300 {
        let recorder = if number % 2 == 0 { &first } else { &second };
        recorder.record(&format!("order-{}", number % 7), number).await;
    }
    first.wait_until_drained().await;
    for relay in relays {
        relay.stop().await.unwrap();
    }
    assert_log_holds(&first_log, 0..300).await;
}

/// Until so many rows were sent, or all are recorded.
async fn wait_until_sent(database: &Database, recording: &tokio::task::JoinHandle<()>, sent: i64) {
    let reached = async {
        loop {
            let marked = database.pool.integer("SELECT sent_sequence FROM prejoin_outbox_meta").await;
            if marked >= sent || recording.is_finished() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), reached).await.expect("the relay stands still");
}
