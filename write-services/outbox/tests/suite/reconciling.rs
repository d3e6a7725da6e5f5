//! Reconciling: what database and log do when one of them is not what it was.

use std::sync::Arc;

use bytes::Bytes;
use prejoin_event_log::{EventLog, NewMessage};
use prejoin_outbox::{OutboxError, RelaySettings};

use crate::stores::{Kind, on_every_store};
use crate::support::{
    Database, Fixture, MoodyLog, RunningRelay, SERVICE, assert_log_holds, beginning_of, embedded, events,
    quick, wait_for_events,
};

on_every_store!(
    a_log_that_lost_its_tail_gets_it_back_under_the_same_numbers,
    a_log_that_loses_its_tail_while_the_relay_runs_gets_it_back,
    a_tail_that_the_database_has_forgotten_is_named_and_stops_the_relay,
    an_imported_history_is_adopted,
    a_history_imported_while_the_relay_runs_is_adopted,
    a_restored_database_goes_on_behind_what_the_log_has,
    a_backup_made_amid_a_window_recognises_its_own_and_renumbers_the_rest,
    two_histories_of_one_service_are_named_and_stop_the_relay,
    messages_that_are_no_events_do_not_confuse_the_numbers,
    publishing_again_by_hand_checks_every_row_and_completes_the_log,
    publishing_again_by_hand_refuses_what_it_cannot_mend,
);

async fn a_log_that_lost_its_tail_gets_it_back_under_the_same_numbers(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    database.record_many(0..100).await;
    database.drain(&fixture.log).await;
    let before = events(&fixture.log).await;
    for (round, left) in [99, 60, 1, 0].into_iter().enumerate() {
        let shorter = beginning_of(&fixture.log, left, &fixture.path(&format!("log-{round}"))).await;
        assert_eq!(events(&shorter).await.len(), left);
        database.drain(&shorter).await;
        // Nothing is unsent at first: the relay itself has to notice.
        let relay = RunningRelay::start(&database.outbox, &shorter, quick());
        wait_for_events(&shorter, 100).await;
        relay.stop().await.unwrap();
        assert_eq!(events(&shorter).await, before, "the same events under the same numbers");
    }
}

async fn a_log_that_loses_its_tail_while_the_relay_runs_gets_it_back(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    let moody = MoodyLog::new(Arc::clone(&fixture.log));
    let log: Arc<dyn EventLog> = moody.clone();
    let relay = RunningRelay::start(&database.outbox, &log, quick());
    database.record_many(0..50).await;
    database.wait_until_drained().await;
    // Idle: noticed by the check at intervals.
    moody.exchange(beginning_of(&log, 30, &fixture.path("idle")).await);
    wait_for_events(&log, 50).await;
    // Busy: noticed by the refusal of the next event.
    moody.exchange(beginning_of(&log, 45, &fixture.path("busy")).await);
    database.record_many(50..80).await;
    wait_for_events(&log, 80).await;
    relay.stop().await.unwrap();
    assert_log_holds(&log, 0..80).await;
}

async fn a_tail_that_the_database_has_forgotten_is_named_and_stops_the_relay(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    let forgetful = RelaySettings { keep_for: std::time::Duration::ZERO, keep_rows: 10, ..quick() };
    let relay = RunningRelay::start(&database.outbox, &fixture.log, forgetful);
    database.record_many(0..100).await;
    database.wait_until_drained().await;
    while rows(database).await > 10 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    relay.stop().await.unwrap();
    let shorter = beginning_of(&fixture.log, 50, &fixture.path("shorter")).await;
    match database.run_into_error(&shorter).await {
        OutboxError::LostHistory { first: 51, last: 100, missing: 51, .. } => {}
        other => panic!("{other}"),
    }
    assert_eq!(events(&shorter).await.len(), 50, "nothing is published behind a gap");
    // What is still kept can be given back.
    let shorter = beginning_of(&fixture.log, 90, &fixture.path("short")).await;
    database.drain(&shorter).await;
    wait_with_relay(database, &shorter, 100).await;
    assert_log_holds(&shorter, 0..100).await;
}

async fn an_imported_history_is_adopted(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    import(&fixture.log, 1..=30, "imported").await;
    database.record_many(30..40).await;
    database.drain(&fixture.log).await;
    // Imported behind the service's back, between two runs.
    import(&fixture.log, 41..=50, "later").await;
    database.record_many(50..60).await;
    database.drain(&fixture.log).await;
    let numbers: Vec<(u64, u64)> =
        events(&fixture.log).await.into_iter().map(|(seq, _, n)| (seq, n)).collect();
    let expected: Vec<(u64, u64)> = (1..=60).map(|sequence| (sequence, sequence - 1)).collect();
    assert_eq!(numbers, expected);
}

async fn a_history_imported_while_the_relay_runs_is_adopted(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    let relay = RunningRelay::start(&database.outbox, &fixture.log, quick());
    for round in 0..5 {
        let start = round * 20;
        database.record_many(start..start + 10).await;
        database.wait_until_drained().await;
        let sequence = u64::try_from(start).unwrap() + 11;
        import(&fixture.log, sequence..=sequence + 9, "imported").await;
    }
    database.record_many(100..110).await;
    database.wait_until_drained().await;
    relay.stop().await.unwrap();
    assert_log_holds(&fixture.log, 0..110).await;
}

async fn a_restored_database_goes_on_behind_what_the_log_has(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    database.record_many(0..20).await;
    database.drain(&fixture.log).await;
    let backup = database.copy_to(&fixture.path("backup.db")).await;
    database.record_many(20..35).await;
    database.drain(&fixture.log).await;

    backup.record_many(35..45).await;
    backup.drain(&fixture.log).await;
    assert_log_holds(&fixture.log, 0..45).await;
}

async fn a_backup_made_amid_a_window_recognises_its_own_and_renumbers_the_rest(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    database.record_many(0..5).await;
    database.drain(&fixture.log).await;
    database.record_many(5..8).await;
    // Numbered, not yet published.
    database
        .pool
        .run(
            "UPDATE prejoin_outbox SET mark = 'numbered', sequence = outbox_id WHERE sequence IS NULL;
             UPDATE prejoin_outbox_meta SET last_sequence = 8;",
        )
        .await;
    let own = database.copy_to(&fixture.path("own.db")).await;
    let other = database.copy_to(&fixture.path("other.db")).await;
    database.drain(&fixture.log).await;
    // The log took them: found there and marked.
    own.drain(&fixture.log).await;
    assert_log_holds(&fixture.log, 0..8).await;

    // Another log, where others took two of the three numbers: all three move behind, in order.
    let taken = beginning_of(&fixture.log, 5, &fixture.path("taken")).await;
    import(&taken, 6..=7, "foreign").await;
    other.drain(&taken).await;
    let numbers: Vec<u64> = events(&taken).await.into_iter().map(|(_, _, number)| number).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 5, 6, 7]);
}

async fn two_histories_of_one_service_are_named_and_stop_the_relay(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    database.record_many(0..10).await;
    database.drain(&fixture.log).await;
    let ours = events(&fixture.log).await;
    for (name, kept, foreign) in [("same", 4, 5..=10), ("longer", 9, 10..=30), ("shorter", 0, 1..=3)] {
        let other = beginning_of(&fixture.log, kept, &fixture.path(name)).await;
        import(&other, foreign, "foreign").await;
        let before = events(&other).await;
        database.record("late", 10).await;
        let error = database.run_into_error(&other).await;
        let OutboxError::Conflict { sequence, ours: own_id, theirs, .. } = &error else { panic!("{error}") };
        let (found, id, _) = ours.iter().find(|(found, ..)| found == sequence).unwrap();
        assert_eq!((found, id), (sequence, own_id));
        assert_eq!(theirs, &format!("foreign-{sequence}"));
        assert!(error.to_string().contains(own_id.as_str()) && error.to_string().contains(theirs.as_str()));
        assert_eq!(events(&other).await, before, "nothing is published");
    }
}

async fn messages_that_are_no_events_do_not_confuse_the_numbers(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    let moody = MoodyLog::new(embedded(&fixture.path("noisy")));
    let log: Arc<dyn EventLog> = moody.clone();
    log.ensure_stream(SERVICE).await.unwrap();
    for number in 0..6 {
        publish(&log, "orders.noise.1", None, format!("noise {number}")).await;
        database.record("a", number).await;
        database.drain(&log).await;
    }
    assert_eq!(database.places().await, [2, 4, 6, 8, 10, 12]);
}

async fn publishing_again_by_hand_checks_every_row_and_completes_the_log(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    database.record_many(0..100).await;
    database.drain(&fixture.log).await;
    let before = events(&fixture.log).await;
    let again =
        |log: &Arc<dyn EventLog>, from| database.outbox.relay(Arc::clone(log), quick()).republish_from(from);
    let nothing = again(&fixture.log, 1).await.unwrap();
    assert_eq!((nothing.in_log, nothing.published), (100, 0));
    let beyond = again(&fixture.log, 101).await.unwrap();
    assert_eq!((beyond.in_log, beyond.published), (0, 0));
    for (left, from, expected) in [(60, 41, (20, 40)), (60, 61, (0, 40)), (0, 0, (0, 100))] {
        let shorter = beginning_of(&fixture.log, left, &fixture.path(&format!("log-{left}-{from}"))).await;
        let done = again(&shorter, from).await.unwrap();
        assert_eq!((done.in_log, done.published), expected);
        assert_eq!(events(&shorter).await, before, "the same events under the same numbers");
    }
    // What was recorded meanwhile goes out with the rest.
    database.record_many(100..105).await;
    again(&fixture.log, 50).await.unwrap();
    assert_log_holds(&fixture.log, 0..105).await;
}

async fn publishing_again_by_hand_refuses_what_it_cannot_mend(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    database.record_many(0..20).await;
    database.drain(&fixture.log).await;
    let again =
        |log: &Arc<dyn EventLog>, from| database.outbox.relay(Arc::clone(log), quick()).republish_from(from);

    let foreign = beginning_of(&fixture.log, 4, &fixture.path("foreign")).await;
    import(&foreign, 5..=20, "foreign").await;
    match again(&foreign, 2).await.unwrap_err() {
        OutboxError::Conflict { sequence: 5, .. } => {}
        other => panic!("{other}"),
    }
    let holed = beginning_of(&fixture.log, 4, &fixture.path("holed")).await;
    import(&holed, 6..=20, "foreign").await;
    match again(&holed, 2).await.unwrap_err() {
        OutboxError::Hole { sequence: 5, .. } => {}
        other => panic!("{other}"),
    }
    let other = database.open_again().await;
    let working = RunningRelay::start(&other.outbox, &fixture.log, quick());
    other.record("a", 20).await;
    other.wait_until_drained().await;
    let refused = again(&fixture.log, 1).await.unwrap_err().to_string();
    assert!(refused.contains("another relay is at work"), "{refused}");
    working.stop().await.unwrap();

    database.pool.run("DELETE FROM prejoin_outbox WHERE sequence IN (3, 4, 9)").await;
    for (from, missing) in [(1, 3), (4, 4), (5, 9)] {
        match again(&fixture.log, from).await.unwrap_err() {
            OutboxError::LostHistory { missing: found, last: 21, .. } if found == missing => {}
            other => panic!("{other}"),
        }
    }
    assert_eq!(again(&fixture.log, 10).await.unwrap().in_log, 12);
}

async fn rows(database: &Database) -> i64 {
    database.pool.integer("SELECT count(*) FROM prejoin_outbox").await
}

async fn wait_with_relay(database: &Database, log: &Arc<dyn EventLog>, count: usize) {
    let relay = RunningRelay::start(&database.outbox, log, quick());
    wait_for_events(log, count).await;
    relay.stop().await.unwrap();
}

/// Puts events into the log that the database knows nothing of; their data number is one less than their sequence.
async fn import(log: &Arc<dyn EventLog>, sequences: std::ops::RangeInclusive<u64>, source: &str) {
    for sequence in sequences {
        let payload = serde_json::json!({
            "specversion": "1.0", "id": format!("{source}-{sequence}"), "source": "/orders", "type": "orders.placed.v1",
            "subject": "x", "sequence": sequence.to_string(), "data": { "number": sequence - 1 },
        });
        publish(log, "orders.placed.x", Some(format!("orders-{sequence}")), payload.to_string()).await;
    }
}

async fn publish(log: &Arc<dyn EventLog>, subject: &str, message_id: Option<String>, payload: String) {
    let message = NewMessage { subject: subject.to_owned(), message_id, payload: Bytes::from(payload) };
    log.send(SERVICE, message, None).await.unwrap().await.unwrap();
}
