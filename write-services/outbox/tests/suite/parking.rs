//! An event that the log cannot take waits for a decision, and its entity's later events wait behind it.

use std::sync::Arc;

use prejoin_event_log::EventLog;
use prejoin_outbox::{Decision, OutboxId};
use serde_json::json;

use crate::stores::{Kind, on_every_store};
use crate::support::{Database, Fixture, MoodyLog, RunningRelay, assert_log_holds, quick};

on_every_store!(
    later_events_of_its_entity_wait_and_others_pass,
    a_retried_row_is_published_before_those_behind_it,
    a_discarded_row_is_kept_and_those_behind_it_go_on,
    a_row_parked_after_it_was_numbered_holds_its_entity_back,
    more_rows_behind_one_than_fit_a_batch,
);

fn discard() -> Decision {
    Decision::Discard { by: "an operator".into(), because: "the upload is elsewhere".into() }
}

/// Far beyond what any log takes.
async fn record_poison(database: &Database, entity: &str) -> OutboxId {
    database.record_data(entity, json!({ "number": 999, "text": "x".repeat(2 << 20) })).await
}

async fn later_events_of_its_entity_wait_and_others_pass(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    database.record("a", 0).await;
    let first = record_poison(database, "a").await;
    database.record("b", 1).await;
    database.record("a", 100).await;
    let second = record_poison(database, "a").await;
    let other = record_poison(database, "c").await;
    // Alike, and not the same.
    database.record("A", 2).await;
    database.drain(&fixture.log).await;
    database.record("a", 101).await;
    database.record("d", 3).await;
    database.drain(&fixture.log).await;
    assert_log_holds(&fixture.log, 0..4).await;

    let counts = database.outbox.counts().await.unwrap();
    assert_eq!((counts.unsent, counts.parked, counts.waiting), (0, 2, 3));
    assert_eq!(counts.oldest_unsent_age, None, "nothing is on its way");
    let parked = database.outbox.parked(10).await.unwrap();
    let listed: Vec<_> = parked.iter().map(|row| (row.outbox_id, row.entity.as_str(), row.waiting)).collect();
    assert_eq!(listed, [(first, "a", 3), (other, "c", 0)], "the second one of a waits with the others");
    assert!(parked.iter().all(|row| row.kind == "orders.placed.v1" && row.reason.contains("bytes")));
    assert_eq!(database.outbox.parked(1).await.unwrap().len(), 1);

    // What waits behind one is parked for itself when it is its turn.
    assert!(database.outbox.decide(first, &discard()).await.unwrap());
    database.drain(&fixture.log).await;
    let parked = database.outbox.parked(10).await.unwrap();
    let listed: Vec<_> = parked.iter().map(|row| (row.outbox_id, row.waiting)).collect();
    assert_eq!(listed, [(second, 1), (other, 0)]);
    assert_log_holds(&fixture.log, [0, 1, 2, 3, 100]).await;
}

async fn a_retried_row_is_published_before_those_behind_it(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    let moody = MoodyLog::new(Arc::clone(&fixture.log));
    moody.set_payload_bytes_max(2000);
    let log: Arc<dyn EventLog> = moody.clone();
    let relay = RunningRelay::start(&database.outbox, &log, quick());
    let row = database.record_data("a", json!({ "number": 1, "text": "x".repeat(3000) })).await;
    database.wait_until_drained().await;
    for number in 2..6 {
        database.record("a", number).await;
    }
    database.record("b", 0).await;
    database.wait_until_drained().await;
    assert_eq!(database.outbox.counts().await.unwrap().waiting, 4);
    // In vain: it is parked again, and those behind it wait again.
    assert!(database.outbox.decide(row, &Decision::Retry).await.unwrap());
    database.wait_until_drained().await;
    assert_eq!(database.outbox.parked(10).await.unwrap()[0].waiting, 4);
    assert_log_holds(&fixture.log, [0]).await;

    moody.set_payload_bytes_max(usize::MAX);
    assert!(database.outbox.decide(row, &Decision::Retry).await.unwrap());
    database.wait_until_drained().await;
    assert!(!database.outbox.decide(row, &Decision::Retry).await.unwrap(), "it is not parked any more");
    relay.stop().await.unwrap();
    assert_log_holds(&fixture.log, 0..6).await;
}

async fn a_discarded_row_is_kept_and_those_behind_it_go_on(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    let row = record_poison(database, "a").await;
    database.record("a", 0).await;
    database.drain(&fixture.log).await;
    assert_eq!(database.outbox.counts().await.unwrap().waiting, 1);
    assert!(database.outbox.decide(row, &discard()).await.unwrap());
    assert!(!database.outbox.decide(row, &discard()).await.unwrap(), "it is decided already");
    database.record("a", 1).await;
    database.drain(&fixture.log).await;
    assert_log_holds(&fixture.log, 0..2).await;
    let kept = database.outbox.discarded(10).await.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(
        (kept[0].outbox_id, kept[0].kind.as_str(), kept[0].entity.as_str()),
        (row, "orders.placed.v1", "a")
    );
    assert_eq!((kept[0].by.as_str(), kept[0].because.as_str()), ("an operator", "the upload is elsewhere"));
    assert!(kept[0].at.is_some() && kept[0].reason.contains("bytes"), "{kept:?}");
    assert_eq!(database.outbox.parked(10).await.unwrap(), []);
    let whole =
        "SELECT count(*) FROM prejoin_outbox WHERE mark = 'discarded' AND octet_length(data) > 2097152";
    assert_eq!(database.pool.integer(whole).await, 1, "it is kept whole");
}

async fn a_row_parked_after_it_was_numbered_holds_its_entity_back(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    let moody = MoodyLog::new(Arc::clone(&fixture.log));
    moody.set_payload_bytes_max(2000);
    let log: Arc<dyn EventLog> = moody.clone();
    for number in 0..60 {
        // The tenth of each entity but one is too large, and only the log knows.
        let entity = number % 3;
        let large = number / 3 == 10 && entity != 0;
        let data = json!({ "number": number, "text": "x".repeat(if large { 3000 } else { 10 }) });
        database.record_data(&format!("entity-{entity}"), data).await;
    }
    database.drain(&log).await;
    assert_log_holds(&fixture.log, (0..60).filter(|number| number % 3 == 0 || number / 3 < 10)).await;
    let waiting: Vec<u64> =
        database.outbox.parked(10).await.unwrap().into_iter().map(|row| row.waiting).collect();
    assert_eq!(waiting, [9, 9]);
}

async fn more_rows_behind_one_than_fit_a_batch(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    let row = record_poison(database, "a").await;
    for number in 1..100 {
        database.record("a", number).await;
    }
    database.record("b", 0).await;
    database.drain(&fixture.log).await;
    assert_log_holds(&fixture.log, [0]).await;
    assert_eq!(database.outbox.counts().await.unwrap().waiting, 99);
    database.outbox.decide(row, &discard()).await.unwrap();
    database.drain(&fixture.log).await;
    assert_log_holds(&fixture.log, 0..100).await;
}
