//! Relaying: everything, once, in order, whatever the log does.

use std::sync::Arc;
use std::time::Duration;

use prejoin_event_log::EventLog;
use prejoin_outbox::{NewEvent, RelaySettings};
use serde_json::json;

use crate::stores::{Kind, on_every_store};
use crate::support::{Fixture, MoodyLog, RunningRelay, SERVICE, assert_log_holds, events, quick, read_all};

on_every_store!(
    commits_out_of_id_order_are_not_passed_over,
    transactions_that_commit_in_another_order_are_not_passed_over,
    a_backlog_goes_out_in_windows_and_in_order,
    a_log_that_is_away_for_a_while_gets_everything_afterwards,
    lost_acknowledgements_double_nothing,
    a_row_too_large_for_the_log_is_parked_and_blocks_nobody,
    a_log_stricter_than_expected_parks_a_numbered_row_and_keeps_the_numbers_dense,
    two_processes_on_one_database_double_and_reorder_nothing,
    of_two_relays_over_one_outbox_one_stands_by_and_takes_over,
    asked_to_stop_it_finishes_what_was_recorded_before,
    rows_are_kept_for_the_log_to_be_checked_and_forgotten_later,
    every_event_keeps_its_entity_order,
);

async fn commits_out_of_id_order_are_not_passed_over(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    let relay = RunningRelay::start(&database.outbox, &fixture.log, quick());
    // Transactions that took their ids early and commit late.
    for outbox_id in [10, 12, 11, 3, 40, 5] {
        let row = format!(
            "INSERT INTO prejoin_outbox (outbox_id, recorded_at_ms, event_id, kind, entity, time, data)
             VALUES ({outbox_id}, 0, 'event-{outbox_id}', 'orders.placed.v1', 'a', '2026-01-01T00:00:00Z',
                     '{{\"number\":{outbox_id}}}')"
        );
        database.pool.run(&row).await;
        database.wait_until_drained().await;
    }
    relay.stop().await.unwrap();
    assert_log_holds(&fixture.log, [10, 12, 11, 3, 40, 5]).await;
}

async fn transactions_that_commit_in_another_order_are_not_passed_over(kind: Kind) {
    if kind == Kind::Sqlite {
        // One transaction writes at a time.
        return;
    }
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    // A command that takes its time keeps the relay from nothing, neither from forgetting.
    let eager = RelaySettings {
        keep_for: Duration::ZERO,
        keep_rows: 3,
        reconcile_every: Duration::from_millis(1),
        ..quick()
    };
    let relay = RunningRelay::start(&database.outbox, &fixture.log, eager);
    let begin = async |number: usize| {
        let mut tx = database.pool.begin().await;
        let event = NewEvent::new("orders.placed.v1", "a", &json!({ "number": number })).unwrap();
        (tx.record(&database.outbox, event).await.unwrap(), tx)
    };
    let (early_id, early) = begin(20).await;
    let (late_id, late) = begin(0).await;
    assert!(early_id < late_id);
    late.commit().await;
    database.record_many(1..20).await;
    database.wait_until_drained().await;
    let forgotten = async {
        while database.pool.integer("SELECT count(*) FROM prejoin_outbox").await > 3 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), forgotten).await.expect("a command blocks the relay");
    early.commit().await;
    database.wait_until_drained().await;
    relay.stop().await.unwrap();
    assert_log_holds(&fixture.log, 0..21).await;
}

async fn a_backlog_goes_out_in_windows_and_in_order(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    let mut tx = database.pool.begin().await;
    for number in 0..600 {
        let event = NewEvent::new("orders.placed.v1", "a", &json!({ "number": number })).unwrap();
        tx.record(&database.outbox, event).await.unwrap();
    }
    tx.commit().await;
    let settings = RelaySettings { window_bytes: 100, ..quick() };
    let relay = RunningRelay::start(&database.outbox, &fixture.log, settings);
    database.wait_until_drained().await;
    relay.stop().await.unwrap();
    assert_log_holds(&fixture.log, 0..600).await;
}

async fn a_log_that_is_away_for_a_while_gets_everything_afterwards(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    let moody = MoodyLog::new(Arc::clone(&fixture.log));
    let log: Arc<dyn EventLog> = moody.clone();
    let relay = RunningRelay::start(&database.outbox, &log, quick());
    for round in 0..5 {
        moody.set_away(true);
        database.record_many(round * 20..round * 20 + 10).await;
        let unsent = database.outbox.counts().await.unwrap().unsent;
        assert!(unsent >= 1, "events recorded while the log is away stay unsent");
        moody.set_away(false);
        database.record_many(round * 20 + 10..round * 20 + 20).await;
        database.wait_until_drained().await;
    }
    relay.stop().await.unwrap();
    assert_log_holds(&fixture.log, 0..100).await;
}

async fn lost_acknowledgements_double_nothing(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    let moody = MoodyLog::new(Arc::clone(&fixture.log));
    moody.set_loses_acks(true);
    let log: Arc<dyn EventLog> = moody.clone();
    let relay = RunningRelay::start(&database.outbox, &log, quick());
    database.record_many(0..60).await;
    database.wait_until_drained().await;
    relay.stop().await.unwrap();
    assert_log_holds(&fixture.log, 0..60).await;
}

async fn a_row_too_large_for_the_log_is_parked_and_blocks_nobody(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    database.record_many(0..3).await;
    let poison = database.record_data("poison", json!({ "number": 3, "text": "x".repeat(2 << 20) })).await;
    database.record_many(4..8).await;
    database.drain(&fixture.log).await;
    assert_log_holds(&fixture.log, [0, 1, 2, 4, 5, 6, 7]).await;
    assert_eq!(database.outbox.counts().await.unwrap().parked, 1);
    let parked = database.outbox.parked(10).await.unwrap();
    let [row] = parked.as_slice() else { panic!("{parked:?}") };
    assert_eq!((row.outbox_id, row.entity.as_str(), row.waiting), (poison, "poison", 0));
    let reason = &row.reason;
    assert!(reason.contains("bytes") && reason.contains("smaller"), "{reason}");
}

async fn a_log_stricter_than_expected_parks_a_numbered_row_and_keeps_the_numbers_dense(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    let moody = MoodyLog::new(Arc::clone(&fixture.log));
    moody.set_payload_bytes_max(2000);
    let log: Arc<dyn EventLog> = moody.clone();
    for number in 0..40 {
        let padding = if number % 5 == 3 { 3000 } else { 10 };
        let data = json!({ "number": number, "text": "x".repeat(padding) });
        database.record_data(&format!("order-{number}"), data).await;
    }
    database.drain(&log).await;
    assert_log_holds(&fixture.log, (0..40).filter(|number| number % 5 != 3)).await;
    assert_eq!(database.outbox.counts().await.unwrap().parked, 8);
}

async fn two_processes_on_one_database_double_and_reorder_nothing(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let first = &fixture.database;
    // As another process would: pool, outbox and relay of its own.
    let second = first.open_again().await;
    let relays = [
        RunningRelay::start(&first.outbox, &fixture.log, quick()),
        RunningRelay::start(&second.outbox, &fixture.log, quick()),
    ];
    for number in 0..300 {
        let recorder = if number % 2 == 0 { first } else { &second };
        recorder.record(&format!("order-{}", number % 7), number).await;
    }
    first.wait_until_drained().await;
    for relay in relays {
        relay.stop().await.unwrap();
    }
    assert_log_holds(&fixture.log, 0..300).await;
    assert_eq!(first.places().await, (1..=300).collect::<Vec<_>>(), "every row knows where the log holds it");
}

async fn of_two_relays_over_one_outbox_one_stands_by_and_takes_over(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    let moody = MoodyLog::new(Arc::clone(&fixture.log));
    let idle = MoodyLog::new(Arc::clone(&fixture.log));
    let [first_log, second_log]: [Arc<dyn EventLog>; 2] = [moody.clone(), idle.clone()];
    let first = RunningRelay::start(&database.outbox, &first_log, quick());
    let long = Duration::from_secs(60);
    let row = database.record("a", 0).await;
    assert_eq!(database.outbox.wait_until_sent(row, long).await.unwrap(), Some(1));
    let second = RunningRelay::start(&database.outbox, &second_log, quick());
    database.record_many(1..50).await;
    database.wait_until_drained().await;
    assert_eq!((moody.sends(), idle.sends()), (50, 0), "one at work, one standing by");
    first.kill().await;
    database.record_many(50..60).await;
    database.wait_until_drained().await;
    second.stop().await.unwrap();
    assert_log_holds(&fixture.log, 0..60).await;
}

async fn asked_to_stop_it_finishes_what_was_recorded_before(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    let slow = RelaySettings { poll: Duration::from_secs(3600), ..RelaySettings::default() };
    for round in 0..20_usize {
        let relay = RunningRelay::start(&database.outbox, &fixture.log, slow.clone());
        tokio::task::yield_now().await;
        database.record("a", round).await;
        relay.stop().await.unwrap();
    }
    database.drain(&fixture.log).await;
    assert_log_holds(&fixture.log, 0..20).await;
    // Asked before it begins.
    for round in 20..40 {
        database.record("a", round).await;
        let relay = database.outbox.relay(Arc::clone(&fixture.log), slow.clone());
        relay.run(std::future::ready(())).await.unwrap();
        assert_log_holds(&fixture.log, 0..=round).await;
    }
}

async fn rows_are_kept_for_the_log_to_be_checked_and_forgotten_later(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    let settings = RelaySettings { keep_for: Duration::ZERO, keep_rows: 20, ..quick() };
    let relay = RunningRelay::start(&database.outbox, &fixture.log, settings);
    database.record_many(0..200).await;
    database.wait_until_drained().await;
    let kept = || async {
        let rows = database.pool.integer("SELECT count(*) FROM prejoin_outbox").await;
        (rows, database.pool.integer("SELECT min(sequence) FROM prejoin_outbox").await)
    };
    let forgotten = async {
        while kept().await.0 > 20 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), forgotten).await.expect("old rows stay for ever");
    assert_eq!(kept().await, (20, 181), "the last rows are kept whatever their age");
    relay.stop().await.unwrap();
    // The log is still checked against what is left, and numbering goes on.
    database.record_many(200..210).await;
    database.drain(&fixture.log).await;
    assert_log_holds(&fixture.log, 0..210).await;
}

async fn every_event_keeps_its_entity_order(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let database = Arc::new(fixture.database.open_again().await);
    let relay = RunningRelay::start(&database.outbox, &fixture.log, quick());
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let database = Arc::clone(&database);
            tokio::spawn(async move {
                for number in 0..50 {
                    database.record(&format!("writer-{writer}"), number).await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    database.wait_until_drained().await;
    relay.stop().await.unwrap();
    let sequences: Vec<u64> = events(&fixture.log).await.into_iter().map(|(sequence, ..)| sequence).collect();
    assert_eq!(sequences, (1..=200).collect::<Vec<_>>());
    for writer in 0..4 {
        let subject = format!("{SERVICE}.placed.writer-{writer}");
        let messages = read_all(&fixture.log).await;
        let own = messages.iter().filter(|message| message.subject == subject);
        let numbers: Vec<u64> = own
            .map(|message| {
                let body: serde_json::Value = serde_json::from_slice(&message.payload).unwrap();
                body["data"]["number"].as_u64().unwrap()
            })
            .collect();
        assert_eq!(numbers, (0..50).collect::<Vec<_>>());
    }
}
