//! What every kind of database promises the services.

#![expect(clippy::unwrap_used, reason = "the helpers of these tests are tests too")]

mod stores;

use std::sync::Arc;

use prejoin_event_log::{EmbeddedLog, EventLog};
use prejoin_service::testing::Place;
use prejoin_service::{Address, Context, Database, Kind, Migrations, values};
use sqlx::{AssertSqlSafe, Connection as _};

use crate::stores::{NOTES, new_place, on_every_store, open, take_note};

on_every_store! {
    what_belongs_to_somebody_else_is_refused_and_left_as_it_is,
    migrations_are_applied_once_and_in_order,
    a_transaction_is_done_whole_or_not_at_all,
    what_was_read_to_be_changed_is_not_changed_by_others,
    a_key_that_is_taken_is_no_failure,
    values_come_back_as_they_went_in,
    a_question_sees_one_moment,
}

fn log() -> Arc<dyn EventLog> {
    let directory = tempfile::tempdir().unwrap();
    Arc::new(EmbeddedLog::open(directory.path().join("log")).unwrap())
}

/// The same place, under the schema of the service called notes.
fn for_notes(place: &Place) -> Address {
    match &place.address {
        Address::Postgres { url, .. } => {
            Address::Postgres { url: url.clone(), schema: Some("notes".to_owned()) }
        }
        same => same.clone(),
    }
}

/// A script as somebody else would run it.
async fn run_script(place: &Place, script: &str) {
    let script = AssertSqlSafe(script.to_owned());
    match &place.address {
        Address::Sqlite(path) => {
            let url = format!("sqlite:{}?mode=rwc", path.display());
            let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
            sqlx::raw_sql(script).execute(&mut connection).await.unwrap();
        }
        Address::Postgres { url, .. } => {
            let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
            let schema = "CREATE SCHEMA IF NOT EXISTS notes; SET search_path = notes";
            sqlx::raw_sql(schema).execute(&mut connection).await.unwrap();
            sqlx::raw_sql(script).execute(&mut connection).await.unwrap();
        }
        Address::MySql { url } => {
            let mut connection = sqlx::MySqlConnection::connect(url).await.unwrap();
            sqlx::raw_sql(script).execute(&mut connection).await.unwrap();
        }
    }
}

async fn texts(database: &Database) -> Vec<String> {
    let mut tx = database.read().await.unwrap();
    let rows = tx.rows("SELECT text FROM notes ORDER BY note_no", &[]).await.unwrap();
    rows.into_iter().map(|mut row| row.text().unwrap()).collect()
}

async fn refused(service: &str, address: &Address) -> String {
    Context::open(service, address, NOTES.migrations, log()).await.err().unwrap().to_string()
}

async fn what_belongs_to_somebody_else_is_refused_and_left_as_it_is(kind: Kind) {
    let place = new_place(kind);
    let context = open(&place, &log()).await;
    take_note(&context, "kept").await;
    context.database.close().await;
    let told = refused("bills", &for_notes(&place)).await;
    assert!(told.contains("belongs to notes, not to bills"), "{told}");
    // One of our own, but from the future.
    run_script(&place, "UPDATE prejoin_service SET version = 99").await;
    let told = refused("notes", &place.address).await;
    assert!(told.contains("version 99") && told.contains("up to 1"), "{told}");
    run_script(&place, "UPDATE prejoin_service SET version = 1").await;
    assert_eq!(texts(&open(&place, &log()).await.database).await, ["kept"]);

    let place = new_place(kind);
    run_script(&place, "CREATE TABLE invoices (id INTEGER)").await;
    for _ in 0..2 {
        let told = refused("notes", &place.address).await;
        assert!(told.contains("\"invoices\""), "{told}");
    }
    // Nothing was made in it.
    run_script(&place, "CREATE TABLE prejoin_service (id INTEGER); CREATE TABLE notes (id INTEGER)").await;
}

async fn migrations_are_applied_once_and_in_order(kind: Kind) {
    let place = new_place(kind);
    let first = open(&place, &log()).await;
    take_note(&first, "of the first version").await;
    first.database.close().await;
    let first = NOTES.migrations.iter().find(|migrations| migrations.kind == kind).unwrap();
    // Leaked: a service's scripts are part of its program.
    let scripts =
        [first.scripts, &["ALTER TABLE notes ADD COLUMN colour TEXT", "UPDATE notes SET colour = 'red'"]]
            .concat();
    let migrations = [Migrations { kind, scripts: Vec::leak(scripts) }];
    // Two programs at a time.
    let (one, other) = tokio::join!(
        Database::open("notes", &place.address, &migrations),
        Database::open("notes", &place.address, &migrations)
    );
    let (one, _other) = (one.unwrap(), other.unwrap());
    let mut tx = one.begin().await.unwrap();
    tx.execute("INSERT INTO notes (text) VALUES (?)", values!["of the third"]).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = one.read().await.unwrap();
    let rows = tx.rows("SELECT colour FROM notes ORDER BY note_no", &[]).await.unwrap();
    let colours: Vec<_> = rows.into_iter().map(|mut row| row.optional_text().unwrap()).collect();
    assert_eq!(colours, [Some("red".to_owned()), None]);
}

async fn a_transaction_is_done_whole_or_not_at_all(kind: Kind) {
    let place = new_place(kind);
    let context = open(&place, &log()).await;
    take_note(&context, "done").await;
    let mut tx = context.database.begin().await.unwrap();
    tx.execute("INSERT INTO notes (text) VALUES (?)", values!["dropped"]).await.unwrap();
    let event = prejoin_outbox::NewEvent::new("notes.taken.v1", "1", &1).unwrap();
    context.outbox.record(&mut tx, event).await.unwrap();
    drop(tx);
    assert_eq!(texts(&context.database).await, ["done"]);
    assert_eq!(context.outbox.counts().await.unwrap().unsent, 1);
}

async fn what_was_read_to_be_changed_is_not_changed_by_others(kind: Kind) {
    let place = new_place(kind);
    let context = open(&place, &log()).await;
    take_note(&context, "0").await;
    let adding = (0..20).map(|_| {
        let database = context.database.clone();
        tokio::spawn(async move {
            let mut tx = database.begin().await.unwrap();
            let mut row =
                tx.entity("SELECT text FROM notes WHERE note_no = ?", values![1]).await.unwrap().unwrap();
            let number: i64 = row.text().unwrap().parse().unwrap();
            let more = (number + 1).to_string();
            let changed = tx.execute("UPDATE notes SET text = ? WHERE note_no = ?", values![&more, 1]).await;
            assert_eq!(changed.unwrap(), 1);
            tx.commit().await.unwrap();
        })
    });
    for added in adding.collect::<Vec<_>>() {
        added.await.unwrap();
    }
    assert_eq!(texts(&context.database).await, ["20"]);
}

async fn a_key_that_is_taken_is_no_failure(kind: Kind) {
    let place = new_place(kind);
    let context = open(&place, &log()).await;
    let mut tx = context.database.begin().await.unwrap();
    let insert = "INSERT INTO notes (note_no, text) VALUES (?, ?)";
    let insert = if kind == Kind::Postgres {
        "INSERT INTO notes (note_no, text) OVERRIDING SYSTEM VALUE VALUES (?, ?)"
    } else {
        insert
    };
    assert!(tx.insert_new(insert, values![7, "first"]).await.unwrap());
    assert!(!tx.insert_new(insert, values![7, "second"]).await.unwrap());
    // The transaction goes on.
    assert!(tx.insert_new(insert, values![8, "third"]).await.unwrap());
    // What fails for another reason is a failure.
    assert!(tx.insert_new(insert, values![9, None::<&str>]).await.is_err());
    drop(tx);
    let mut tx = context.database.begin().await.unwrap();
    assert!(tx.insert_new(insert, values![7, "first"]).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(texts(&context.database).await, ["first"]);
}

async fn values_come_back_as_they_went_in(kind: Kind) {
    let place = new_place(kind);
    let context = open(&place, &log()).await;
    let (bytes, long) = ([0_u8, 255, 39, 92].as_slice(), "ü'\\?%_ \u{1f980} ".repeat(10));
    let mut tx = context.database.begin().await.unwrap();
    let insert = "INSERT INTO prejoin_idempotency VALUES (?, ?, ?, ?, ?, ?, ?)";
    let row = values!["a ", bytes, i64::MAX, None::<&str>, &long, None::<i64>, i64::MIN];
    assert!(tx.insert_new(insert, row).await.unwrap());
    // Keys are compared as they are.
    assert!(tx.insert_new(insert, values!["a", bytes, 0, "", "", 5, 0]).await.unwrap());
    assert!(tx.insert_new(insert, values!["A", bytes, 0, "", "", 5, 0]).await.unwrap());
    tx.commit().await.unwrap();
    let mut tx = context.database.read().await.unwrap();
    let query = "SELECT status, location, body, outbox_id, kept_at_ms, prejoin_idempotency.key
                   FROM prejoin_idempotency WHERE prejoin_idempotency.key = ?";
    let mut found = tx.rows(query, values!["a "]).await.unwrap();
    assert_eq!(found.len(), 1);
    let row = &mut found[0];
    assert_eq!(row.integer().unwrap(), i64::MAX);
    assert_eq!(row.optional_text().unwrap(), None);
    assert_eq!(row.text().unwrap(), long);
    assert_eq!(row.optional_integer().unwrap(), None);
    assert_eq!(row.integer().unwrap(), i64::MIN);
    assert_eq!(row.text().unwrap(), "a ");
    assert!(row.integer().is_err(), "there is no such column");
    let order = "SELECT prejoin_idempotency.key FROM prejoin_idempotency ORDER BY prejoin_idempotency.key";
    let keys = tx.rows(order, &[]).await.unwrap();
    let keys: Vec<_> = keys.into_iter().map(|mut row| row.text().unwrap()).collect();
    assert_eq!(keys, ["A", "a", "a "]);
}

async fn a_question_sees_one_moment(kind: Kind) {
    let place = new_place(kind);
    let context = open(&place, &log()).await;
    take_note(&context, "before").await;
    let mut tx = context.database.read().await.unwrap();
    let count = async |tx: &mut prejoin_service::Transaction| {
        tx.row("SELECT count(*) FROM notes", &[]).await.unwrap().unwrap().integer().unwrap()
    };
    assert_eq!(count(&mut tx).await, 1);
    take_note(&context, "meanwhile").await;
    assert_eq!(count(&mut tx).await, 1);
    assert!(tx.execute("DELETE FROM notes", &[]).await.is_err(), "it only reads");
    drop(tx);
    assert_eq!(texts(&context.database).await.len(), 2);
}
