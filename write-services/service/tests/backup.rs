//! Copies of a service's database, and what its outbox does after one was put back.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use prejoin_event_log::{EmbeddedLog, EventLog, tail};
use prejoin_outbox::NewEvent;
use prejoin_service::{Context, backup, restore};

const PATIENCE: Duration = Duration::from_secs(60);

async fn open(path: &Path, log: &Arc<dyn EventLog>) -> Context {
    let migrations = &["CREATE TABLE notes (text TEXT) STRICT"];
    Context::open("notes", path, migrations, Arc::clone(log)).await.expect("it opens")
}

async fn take_note(context: &Context, text: &str) {
    let mut tx = context.database.begin().await.expect("it begins");
    sqlx::query("INSERT INTO notes VALUES (?)").bind(text).execute(&mut *tx).await.expect("it is written");
    let event = NewEvent::new("notes.taken.v1", text, &text).expect("text is JSON");
    context.outbox.record(&mut *tx, event).await.expect("it is recorded");
    tx.commit().await.expect("it commits");
}

async fn notes(context: &Context) -> Vec<String> {
    let read =
        sqlx::query_scalar("SELECT text FROM notes ORDER BY rowid").fetch_all(context.database.reader());
    read.await.expect("they can be read")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_service_goes_on_after_what_the_log_holds() {
    let directory = tempfile::tempdir().unwrap();
    let (database, copy) = (directory.path().join("notes.db"), directory.path().join("copy.db"));
    let log: Arc<dyn EventLog> = Arc::new(EmbeddedLog::open(directory.path().join("log")).unwrap());
    let context = open(&database, &log).await;
    take_note(&context, "first").await;
    take_note(&context, "not sent when the copy is taken").await;
    backup("notes", &database, &copy).await.unwrap();
    let again = backup("notes", &database, &copy).await.unwrap_err().to_string();
    assert!(again.contains("copy.db"), "{again}");
    take_note(&context, "later").await;
    assert_eq!(context.reconcile(PATIENCE).await.unwrap(), Some(3));

    let kept = restore("notes", &copy, &database).await.unwrap().expect("there was one");
    let context = open(&database, &log).await;
    assert_eq!(notes(&context).await, ["first", "not sent when the copy is taken"]);
    assert_eq!(context.forget_published().await.unwrap(), 2);
    assert_eq!(context.clone().reconcile(PATIENCE).await.unwrap(), Some(3), "nothing is published twice");
    let context = open(&database, &log).await;
    take_note(&context, "after").await;
    assert_eq!(context.reconcile(PATIENCE).await.unwrap(), Some(4));
    assert_eq!(tail(log.as_ref(), "notes").await.unwrap().stream_last, 4);
    // What was there before can be looked at.
    assert_eq!(notes(&open(&kept, &log).await).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_services_copy_is_refused_and_nothing_is_touched() {
    let directory = tempfile::tempdir().unwrap();
    let (database, other) = (directory.path().join("notes.db"), directory.path().join("other.db"));
    let log: Arc<dyn EventLog> = Arc::new(EmbeddedLog::open(directory.path().join("log")).unwrap());
    let context = open(&database, &log).await;
    take_note(&context, "kept").await;
    context.database.close().await;
    Context::open("bills", &other, &[], Arc::clone(&log)).await.unwrap().database.close().await;
    std::fs::write(directory.path().join("text.db"), "no database").unwrap();
    for (file, says) in [("other.db", "belongs to bills"), ("text.db", "text.db"), ("none.db", "none.db")] {
        let refused =
            restore("notes", &directory.path().join(file), &database).await.unwrap_err().to_string();
        assert!(refused.contains(says), "{refused}");
    }
    assert_eq!(notes(&open(&database, &log).await).await, ["kept"]);
}
