//! Recording: with the change or not at all.

use std::time::Duration;

use prejoin_envelope::EventHead;
use prejoin_outbox::{NewEvent, OutboxError, OutboxId};
use serde_json::json;

use crate::stores::{Kind, on_every_store};
use crate::support::{Fixture, RunningRelay, SERVICE, assert_log_holds, quick, read_all};

on_every_store!(
    an_event_reaches_the_log_as_it_was_recorded,
    a_transaction_that_is_rolled_back_records_nothing,
    events_of_others_and_types_that_no_subject_can_carry_are_refused,
    who_waits_learns_the_sequence_and_who_waits_in_vain_learns_nothing,
    an_outbox_belongs_to_one_service,
);

async fn an_event_reaches_the_log_as_it_was_recorded(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let mut tx = fixture.database.pool.begin().await;
    let time = "2026-01-02T03:04:05.123456789Z".parse().unwrap();
    let event = NewEvent::new("orders.placed.v1", "a.1", &json!({ "total": 1 })).unwrap().at(time);
    tx.record(&fixture.database.outbox, event).await.unwrap();
    tx.commit().await;
    fixture.database.drain(&fixture.log).await;

    let messages = read_all(&fixture.log).await;
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].subject, "orders.placed.a%2E1");
    assert_eq!(messages[0].message_id.as_deref(), Some("orders-1"));
    let head = EventHead::parse(&messages[0].payload).unwrap();
    assert_eq!((head.kind.as_str(), head.source.as_str()), ("orders.placed.v1", "/orders"));
    assert_eq!((head.subject.as_deref(), head.sequence), (Some("a.1"), Some(1)));
    assert_eq!(head.time.as_deref(), Some("2026-01-02T03:04:05.123456Z"));
    assert_eq!(head.id.len(), 36);
    let body: serde_json::Value = serde_json::from_slice(&messages[0].payload).unwrap();
    assert_eq!(body["data"], json!({ "total": 1 }));
}

async fn a_transaction_that_is_rolled_back_records_nothing(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    database.record("1", 1).await;
    let mut tx = database.pool.begin().await;
    let event = NewEvent::new("orders.placed.v1", "1", &json!({ "number": 2 })).unwrap();
    tx.record(&database.outbox, event).await.unwrap();
    tx.roll_back().await;
    database.record("1", 3).await;
    database.drain(&fixture.log).await;
    assert_log_holds(&fixture.log, [1, 3]).await;
}

async fn events_of_others_and_types_that_no_subject_can_carry_are_refused(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    for kind in
        ["users.renamed.v1", "orders", "orders.", "orders..v1", "orders.pla ced.v1", "orders.>.v1", ""]
    {
        assert_refused(&fixture, kind, "1").await;
    }
    assert_refused(&fixture, "orders.placed.v1", "a\0b").await;
    assert_eq!(fixture.database.outbox.counts().await.unwrap().unsent, 0);
}

async fn who_waits_learns_the_sequence_and_who_waits_in_vain_learns_nothing(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    let before = database.record("1", 1).await;
    let soon = Duration::from_millis(1);
    assert_eq!(database.outbox.wait_until_sent(before, soon).await.unwrap(), None);

    let relay = RunningRelay::start(&database.outbox, &fixture.log, quick());
    let long = Duration::from_secs(60);
    assert_eq!(database.outbox.wait_until_sent(before, long).await.unwrap(), Some(1));
    for number in 2..40 {
        let row = database.record("1", number).await;
        let sequence = database.outbox.wait_until_sent(row, long).await.unwrap();
        assert_eq!(sequence, Some(number as u64));
        assert_eq!(database.outbox.wait_until_sent(row, long).await.unwrap(), sequence, "asked again");
    }
    assert_eq!(database.outbox.wait_until_sent(OutboxId(999), soon).await.unwrap(), None);
    relay.stop().await.unwrap();
}

async fn an_outbox_belongs_to_one_service(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let other = fixture.database.pool.outbox("users");
    let refused = other.migrate().await.unwrap_err();
    assert!(matches!(refused, OutboxError::Owner { .. }), "{refused}");
    assert!(refused.to_string().contains(SERVICE) && refused.to_string().contains("users"));
    // The owner opens it again and finds everything in place.
    fixture.database.record("1", 1).await;
    let again = fixture.database.open_again().await;
    assert_eq!(again.outbox.counts().await.unwrap().unsent, 1);
}

async fn assert_refused(fixture: &Fixture, kind: &str, entity: &str) {
    let mut tx = fixture.database.pool.begin().await;
    let event = NewEvent::new(kind, entity, &json!({})).unwrap();
    let refused = tx.record(&fixture.database.outbox, event).await;
    assert!(matches!(refused, Err(OutboxError::Event { .. })), "{kind}");
    tx.roll_back().await;
}
