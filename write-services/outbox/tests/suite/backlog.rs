//! Many rows at once, and tables of an earlier format.

use std::sync::Arc;
use std::time::Duration;

use prejoin_event_log::{EventLog, NewMessage};
use prejoin_outbox::{Decision, OutboxId, RelaySettings};
use tempfile::tempdir;

use crate::stores::{Kind, Place, Pool, on_every_store};
use crate::support::{Database, Fixture, MoodyLog, RunningRelay, assert_log_holds, embedded, events};

on_every_store!(
    a_large_backlog_goes_out_in_batches,
    tables_of_the_second_format_are_brought_to_the_present_one
);

/// PREJOIN_BACKLOG_ROWS is for the long form.
fn backlog_rows(kind: Kind) -> usize {
    let rows = std::env::var("PREJOIN_BACKLOG_ROWS").ok().and_then(|rows| rows.parse().ok());
    rows.unwrap_or(if kind == Kind::Postgres { 100_000 } else { 10_000 })
}

async fn a_large_backlog_goes_out_in_batches(kind: Kind) {
    let rows = backlog_rows(kind);
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    let digits = "(SELECT 0 AS d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4
                   UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)";
    database
        .pool
        .run(&format!(
            "INSERT INTO prejoin_outbox (recorded_at_ms, event_id, kind, entity, time, data)
             SELECT 0, concat('event-', n), 'orders.placed.v1', concat('order-', n % 100), '2026-01-01T00:00:00Z',
                    concat('{{\"number\":', n, '}}')
               FROM (SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS n
                       FROM {digits} AS a, {digits} AS b, {digits} AS c, {digits} AS e, {digits} AS f) AS numbers
              WHERE n < {rows} ORDER BY n"
        ))
        .await;
    let settings = RelaySettings { window_messages: 300, batch_rows: 1000, ..RelaySettings::default() };
    let moody = MoodyLog::new(Arc::clone(&fixture.log));
    let log: Arc<dyn EventLog> = moody.clone();
    let relay = RunningRelay::start(&database.outbox, &log, settings);
    // More come in the middle of it, and wait for their turn.
    let last = database.record("order-0", rows).await;
    let sent = database.outbox.wait_until_sent(last, Duration::from_secs(300)).await.unwrap();
    assert_eq!(sent, Some(rows as u64 + 1));
    relay.stop().await.unwrap();
    let outstanding = moody.outstanding_max();
    assert!((2..=300).contains(&outstanding), "{outstanding} messages were on their way at once");
    let places = database.places().await;
    assert!((1..).zip(&places).all(|(sequence, place)| sequence == *place), "every row knows its place");
    assert_eq!(places.len(), rows + 1);
    assert_log_holds(&fixture.log, 0..=rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_the_first_format_are_brought_to_the_present_one() {
    let directory = tempdir().unwrap();
    let place = Place::new(Kind::Sqlite, directory.path().join("orders.db"));
    let old = Pool::open(&place).await;
    old.run(include_str!("format_1_sqlite.sql")).await;
    old.run(
        "INSERT INTO prejoin_outbox_meta VALUES (1, 'orders', 1, 3);
         INSERT INTO prejoin_outbox (outbox_id, mark, sequence, stream_sequence, sent_at_ms, event_id, kind, entity, time,
                                     data, parked_because)
         VALUES (2, 'sent', 2, 2, 5, 'event-2', 'orders.placed.v1', 'a', '2026-01-01T00:00:00Z', '{\"number\":1}', NULL),
                (3, 'unsent', 3, NULL, NULL, 'event-3', 'orders.placed.v1', 'a', '2026-01-01T00:00:00Z', '{\"number\":2}', NULL),
                (4, 'parked', NULL, NULL, NULL, 'event-4', 'orders.placed.v1', 'b', '2026-01-01T00:00:00Z', '{\"number\":9}',
                 'it is large'),
                (5, 'unsent', NULL, NULL, NULL, 'event-5', 'orders.placed.v1', 'a', '2026-01-01T00:00:00Z', '{\"number\":3}', NULL),
                (9, 'unsent', NULL, NULL, NULL, 'event-9', 'orders.placed.v1', 'a', '2026-01-01T00:00:00Z', '{}', NULL);
         DELETE FROM prejoin_outbox WHERE outbox_id = 9;",
    )
    .await;
    drop(old);

    let log = embedded(&directory.path().join("log"));
    log.ensure_stream("orders").await.unwrap();
    for sequence in [1, 2] {
        let payload = format!(
            r#"{{"specversion":"1.0","id":"event-{sequence}","source":"/orders","type":"orders.placed.v1","subject":"a","sequence":"{sequence}","data":{{"number":{}}}}}"#,
            sequence - 1
        );
        publish(&log, payload).await;
    }
    let database = Database::open(place).await;
    let fresh = database.record("a", 4).await;
    assert_eq!(fresh.0, 10, "an id is not given out twice");
    // What was behind a parked row before stays where it was; what comes now waits.
    database.record("b", 10).await;
    database.drain(&log).await;
    assert_log_holds(&log, 0..5).await;
    let parked = database.outbox.parked(10).await.unwrap();
    assert_eq!((parked[0].outbox_id.0, parked[0].reason.as_str(), parked[0].waiting), (4, "it is large", 1));
    // Opened again, nothing changes.
    assert_eq!(database.open_again().await.outbox.counts().await.unwrap().parked, 1);
    database.pool.run("UPDATE prejoin_outbox_meta SET format = 4").await;
    let refused = database.pool.outbox("orders").migrate().await.unwrap_err().to_string();
    assert!(refused.contains("format 4") && refused.contains("newer"), "{refused}");
}

/// Four rows sent, of which the log lost the last again; one numbered, one not, one parked with one behind it.
async fn tables_of_the_second_format_are_brought_to_the_present_one(kind: Kind) {
    let directory = tempdir().unwrap();
    let place = Place::new(kind, directory.path().join("orders.db"));
    let old = Pool::open(&place).await;
    old.run(match kind {
        Kind::Sqlite => include_str!("format_2_sqlite.sql"),
        Kind::Postgres => include_str!("format_2_postgres.sql"),
        Kind::MariaDb => include_str!("format_2_mysql.sql"),
    })
    .await;
    let log = embedded(&directory.path().join("log"));
    log.ensure_stream("orders").await.unwrap();
    let event = |sequence: u64| {
        format!(
            r#"{{"specversion":"1.0","id":"event-{sequence}","source":"/orders","type":"orders.placed.v1","subject":"a","time":"2026-01-01T00:00:00Z","sequence":"{sequence}","datacontenttype":"application/json","data":{{"number":{}}}}}"#,
            sequence - 1
        )
    };
    for sequence in 1..=3 {
        publish(&log, event(sequence)).await;
    }
    let row =
        |id: i64, mark: &str, sequence: &str, place: &str, entity: &str, because: &str, behind: &str| {
            format!(
            "({id}, '{mark}', {sequence}, {place}, 5, {place}, 'event-{id}', 'orders.placed.v1', '{entity}',
              '2026-01-01T00:00:00Z', '{{\"number\":{}}}', {because}, {behind})",
            id - 1
        )
        };
    let rows = [
        row(1, "sent", "1", "1", "a", "NULL", "NULL"),
        row(2, "sent", "2", "2", "a", "NULL", "NULL"),
        row(3, "sent", "3", "3", "a", "NULL", "NULL"),
        row(4, "unsent", "4", "4", "a", "NULL", "NULL"),
        row(5, "unsent", "5", "NULL", "a", "NULL", "NULL"),
        row(6, "unsent", "NULL", "NULL", "a", "NULL", "NULL"),
        row(11, "parked", "NULL", "NULL", "b", "'it is large'", "NULL"),
        row(12, "waiting", "NULL", "NULL", "b", "NULL", "11"),
    ];
    old.run(&format!(
        "INSERT INTO prejoin_outbox_meta (only_row, service, format, last_sequence) VALUES (1, 'orders', 2, 5);
         INSERT INTO prejoin_outbox (outbox_id, mark, sequence, stream_sequence, recorded_at_ms, sent_at_ms, event_id,
                                     kind, entity, time, data, parked_because, behind)
         VALUES {};",
        rows.join(", ")
    ))
    .await;
    if kind == Kind::Postgres {
        old.run("ALTER TABLE prejoin_outbox ALTER COLUMN outbox_id RESTART WITH 13").await;
    }
    drop(old);

    let database = Database::open(place).await;
    let counts = database.outbox.counts().await.unwrap();
    assert_eq!((counts.unsent, counts.parked, counts.waiting), (3, 1, 1));
    assert_eq!(database.record("a", 6).await.0, 13);
    database.drain(&log).await;
    let found: Vec<(u64, String)> = events(&log).await.into_iter().map(|(seq, id, _)| (seq, id)).collect();
    let numbers: Vec<u64> = found.iter().map(|(sequence, _)| *sequence).collect();
    assert_eq!(numbers, (1..=7).collect::<Vec<_>>());
    assert!(found.iter().take(6).all(|(sequence, id)| *id == format!("event-{sequence}")), "{found:?}");
    assert_eq!(database.places().await, (1..=7).collect::<Vec<_>>());
    let parked = database.outbox.parked(10).await.unwrap();
    assert_eq!((parked[0].outbox_id.0, parked[0].reason.as_str(), parked[0].waiting), (11, "it is large", 1));
    assert!(database.outbox.decide(OutboxId(11), &Decision::Retry).await.unwrap());
    database.drain(&log).await;
    assert_eq!(events(&log).await.len(), 9);
    // Opened again, nothing changes.
    assert_eq!(database.open_again().await.outbox.counts().await.unwrap().parked, 0);
}

async fn publish(log: &Arc<dyn EventLog>, payload: String) {
    let subject = "orders.placed.a".to_owned();
    let message = NewMessage { subject, message_id: None, payload: payload.into() };
    log.send("orders", message, None).await.unwrap().await.unwrap();
}
