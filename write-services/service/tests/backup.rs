//! Copies of a service's database, and what the service does after one was put back.

#![expect(clippy::unwrap_used, reason = "the helpers of these tests are tests too")]

mod stores;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use prejoin_event_log::{EmbeddedLog, EventLog, tail};
use prejoin_outbox::{Decision, NewEvent};
use prejoin_service::testing::{NO_TABLES, Place};
use prejoin_service::{Address, Context, Kind, RelaySettings, Service, backup, restore};
use prejoin_test_servers::{MariaDb, Postgres};
use tokio::net::TcpListener;

use crate::stores::{NOTES, new_place, on_every_store, open, take_note};

on_every_store! {
    a_restored_service_goes_on_after_what_the_log_holds,
    what_was_put_back_by_hand_is_not_published_again_either,
    rows_that_were_parked_or_waiting_in_the_copy_and_published_since_are_forgotten,
    another_services_copy_is_refused_and_nothing_is_touched,
    a_service_at_work_is_not_restored,
}

const PATIENCE: Duration = Duration::from_secs(60);

fn embedded(directory: &Path) -> Arc<dyn EventLog> {
    Arc::new(EmbeddedLog::open(directory.join("log")).expect("the log opens"))
}

async fn notes(context: &Context) -> Vec<String> {
    let mut tx = context.database.read().await.expect("it begins");
    let rows = tx.rows("SELECT text FROM notes ORDER BY note_no", &[]).await.expect("they can be read");
    rows.into_iter().map(|mut row| row.text().expect("it is a text")).collect()
}

async fn last_in(log: &Arc<dyn EventLog>) -> (u64, u64) {
    let tail = tail(log.as_ref(), "notes").await.expect("there is a stream");
    (tail.stream_last, tail.sequence())
}

async fn copy(place: &Place, file: &Path) {
    backup("notes", &place.address, file).await.expect("it is copied");
}

async fn a_restored_service_goes_on_after_what_the_log_holds(kind: Kind) {
    let directory = tempfile::tempdir().unwrap();
    let (place, file) = (new_place(kind), directory.path().join("copy"));
    let log = embedded(directory.path());
    let context = open(&place, &log).await;
    take_note(&context, "first").await;
    take_note(&context, "not sent when the copy is taken").await;
    copy(&place, &file).await;
    let again = backup("notes", &place.address, &file).await.unwrap_err().to_string();
    assert!(again.contains("copy"), "{again}");
    take_note(&context, "later").await;
    assert_eq!(context.reconcile(PATIENCE).await.unwrap(), Some(3));

    let kept = restore("notes", &file, &place.address).await.unwrap().expect("there was one");
    assert!(kept.contains("before"), "{kept}");
    let context = open(&place, &log).await;
    assert_eq!(notes(&context).await, ["first", "not sent when the copy is taken"]);
    assert_eq!(context.forget_published().await.unwrap(), 2);
    assert_eq!(context.clone().reconcile(PATIENCE).await.unwrap(), Some(3), "nothing is published twice");
    let context = open(&place, &log).await;
    take_note(&context, "after").await;
    assert_eq!(context.reconcile(PATIENCE).await.unwrap(), Some(4), "no number is given out twice");
    assert_eq!(last_in(&log).await, (4, 4));

    // What was there is kept until the next restore, and can be put back.
    restore("notes", &file, &place.address).await.unwrap();
    assert_eq!(notes(&open(&place, &log).await).await.len(), 2);
}

/// By the database's own means, without the command: the service finds out when it starts.
async fn what_was_put_back_by_hand_is_not_published_again_either(kind: Kind) {
    let directory = tempfile::tempdir().unwrap();
    let (place, file) = (new_place(kind), directory.path().join("copy"));
    let log = embedded(directory.path());
    let context = open(&place, &log).await;
    take_note(&context, "unsent in the copy").await;
    copy(&place, &file).await;
    take_note(&context, "later").await;
    context.reconcile(PATIENCE).await.unwrap();
    restore("notes", &file, &place.address).await.unwrap();

    let service = Service::open(&NOTES, &place.address, Arc::clone(&log)).await.unwrap();
    let context = service.context().clone();
    take_note(&context, "after").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sent = {
        let log = Arc::clone(&log);
        async move {
            while last_in(&log).await.1 < 3 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    };
    tokio::time::timeout(PATIENCE, service.run(listener, sent)).await.expect("it does not end").unwrap();
    assert_eq!(last_in(&log).await, (3, 3), "the one event that is new");
    let message = log.get("notes", 3).await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&message.payload).contains("\"after\""), "{message:?}");
}

async fn rows_that_were_parked_or_waiting_in_the_copy_and_published_since_are_forgotten(kind: Kind) {
    let directory = tempfile::tempdir().unwrap();
    let (place, file) = (new_place(kind), directory.path().join("copy"));
    let log = embedded(directory.path());
    let small = RelaySettings { event_bytes_max: 1000, ..RelaySettings::default() };
    let context = open(&place, &log).await.with_relay_settings(small);
    let record = async |context: &Context, text: &str| {
        let mut tx = context.database.begin().await.unwrap();
        context.outbox.record(&mut tx, NewEvent::new("notes.taken.v1", "1", &text).unwrap()).await.unwrap();
        tx.commit().await.unwrap();
    };
    record(&context, &"too large".repeat(500)).await;
    record(&context, "waits behind it").await;
    assert_eq!(context.reconcile(PATIENCE).await.unwrap(), Some(0));
    let context = open(&place, &log).await;
    let counts = context.outbox.counts().await.unwrap();
    assert_eq!((counts.parked, counts.waiting), (1, 1));
    copy(&place, &file).await;
    // Since then, the log takes more, and both went out.
    let parked = context.outbox.parked(10).await.unwrap();
    assert!(context.outbox.decide(parked[0].outbox_id, &Decision::Retry).await.unwrap());
    assert_eq!(context.reconcile(PATIENCE).await.unwrap(), Some(2));

    restore("notes", &file, &place.address).await.unwrap();
    let context = open(&place, &log).await;
    // This one waits behind what is gone.
    record(&context, "after").await;
    let parked = context.outbox.parked(10).await.unwrap()[0].outbox_id.0;
    let mut tx = context.database.begin().await.unwrap();
    let wait = "UPDATE prejoin_outbox SET mark = 'waiting', behind = ? WHERE mark = 'unsent'";
    assert_eq!(tx.execute(wait, prejoin_service::values![parked]).await.unwrap(), 1);
    tx.commit().await.unwrap();
    assert_eq!(context.forget_published().await.unwrap(), 2);
    assert_eq!(context.clone().reconcile(PATIENCE).await.unwrap(), Some(3));
    assert_eq!(last_in(&log).await, (3, 3));
    let counts = open(&place, &log).await.outbox.counts().await.unwrap();
    assert_eq!((counts.unsent, counts.parked, counts.waiting), (0, 0, 0));
}

async fn another_services_copy_is_refused_and_nothing_is_touched(kind: Kind) {
    let directory = tempfile::tempdir().unwrap();
    let (place, other) = (new_place(kind), new_place(kind));
    let log = embedded(directory.path());
    let context = open(&place, &log).await;
    take_note(&context, "kept").await;
    context.database.close().await;
    // Under a name of its own in the place of its own; on PostgreSQL, in a schema of the same name.
    let others = match &other.address {
        Address::Postgres { url, .. } => {
            Address::Postgres { url: url.clone(), schema: Some("notes".to_owned()) }
        }
        same => same.clone(),
    };
    let bills = Context::open("bills", &others, NOTES.migrations, Arc::clone(&log)).await.unwrap();
    bills.database.close().await;
    backup("bills", &others, &directory.path().join("bills")).await.unwrap();
    std::fs::write(directory.path().join("text"), "no database").unwrap();
    for (file, says) in [("bills", "belongs to bills"), ("text", "text"), ("none", "none")] {
        let refused =
            restore("notes", &directory.path().join(file), &place.address).await.unwrap_err().to_string();
        assert!(refused.contains(says), "{refused}");
    }
    let refused = backup("notes", &others, &directory.path().join("wrong")).await.unwrap_err().to_string();
    assert!(refused.contains("belongs to bills"), "{refused}");
    assert_eq!(notes(&open(&place, &log).await).await, ["kept"]);

    if kind != Kind::Sqlite {
        // A copy that breaks off in the middle leaves everything as it was.
        let whole = directory.path().join("whole");
        copy(&place, &whole).await;
        let bytes = std::fs::read(&whole).unwrap();
        let cut = directory.path().join("cut");
        std::fs::write(&cut, &bytes[..bytes.len() * 2 / 3]).unwrap();
        restore("notes", &cut, &place.address).await.unwrap_err();
        assert_eq!(notes(&open(&place, &log).await).await, ["kept"]);
    }
}

async fn a_service_at_work_is_not_restored(kind: Kind) {
    if kind == Kind::Sqlite {
        // The command holds the data directory's lock instead.
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (place, file) = (new_place(kind), directory.path().join("copy"));
    let log = embedded(directory.path());
    let context = open(&place, &log).await;
    take_note(&context, "kept").await;
    copy(&place, &file).await;
    let relay = tokio::spawn(
        context.outbox.relay(Arc::clone(&log), RelaySettings::default()).run(std::future::pending()),
    );
    let sent = async {
        while context.outbox.counts().await.unwrap().unsent > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, sent).await.expect("the relay is at work");
    let refused = restore("notes", &file, &place.address).await.unwrap_err().to_string();
    assert!(refused.contains("is at work"), "{refused}");
    relay.abort();
    drop(relay.await);
    assert_eq!(notes(&context).await, ["kept"]);
}

/// A role as the documentation makes it, with a password that an address must escape.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_of_postgresql_that_may_do_no_more_than_it_must_is_enough() {
    let place = new_place(Kind::Postgres);
    let Address::Postgres { url, .. } = &place.address else { panic!("{}", place.address) };
    let database = url.split(['/', '?']).nth(3).unwrap();
    let server = place.server.downcast_ref::<Postgres>().unwrap();
    server.run_script(&format!(
        "CREATE ROLE keeper LOGIN PASSWORD 'p@ss/w';
         GRANT CREATE ON DATABASE {database} TO keeper;
         \\connect {database}
         CREATE SCHEMA \"order\" AUTHORIZATION keeper;"
    ));
    let url = url.replace("postgres://postgres@", "postgres://keeper:p%40ss%2Fw@");
    let address = NOTES.address(&url, Some("order")).unwrap();
    keep_notes_and_put_them_back(Place { address, server: place.server }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_of_mariadb_that_may_do_no_more_than_it_must_is_enough() {
    let place = new_place(Kind::MySql);
    let Address::MySql { url } = &place.address else { panic!("{}", place.address) };
    let database = url.split(['/', '?']).nth(3).unwrap();
    let server = place.server.downcast_ref::<MariaDb>().unwrap();
    server.run_script(&format!(
        "CREATE USER keeper@localhost IDENTIFIED BY 'p@ss/w'; GRANT ALL ON {database}.* TO keeper@localhost;"
    ));
    let url = url.replace("mysql://root@", "mysql://keeper:p%40ss%2Fw@");
    let address = NOTES.address(&url, None).unwrap();
    keep_notes_and_put_them_back(Place { address, server: place.server }).await;
}

async fn keep_notes_and_put_them_back(place: Place) {
    let directory = tempfile::tempdir().unwrap();
    let (file, log) = (directory.path().join("copy"), embedded(directory.path()));
    let context = open(&place, &log).await;
    take_note(&context, "first").await;
    assert_eq!(context.reconcile(PATIENCE).await.unwrap(), Some(1));
    for later in ["second", "third"] {
        backup("notes", &place.address, &file).await.unwrap();
        let context = open(&place, &log).await;
        take_note(&context, later).await;
        context.reconcile(PATIENCE).await.unwrap();
        assert!(restore("notes", &file, &place.address).await.unwrap().is_some());
        assert_eq!(notes(&open(&place, &log).await).await, ["first"]);
        std::fs::remove_file(&file).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_service_does_not_run_on_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let log = embedded(directory.path());
    let address = NOTES.address("mysql://nobody:secret@localhost/notes", None).unwrap();
    let refused = Context::open("notes", &address, NO_TABLES, log).await.err().unwrap().to_string();
    assert!(refused.contains("sqlite:FILE") && !refused.contains("secret"), "{refused}");
    let refused = NOTES.address("mongodb://nobody:secret@localhost/notes", None).unwrap_err().to_string();
    assert!(refused.contains("postgres://") && refused.contains("mongodb"), "{refused}");
    assert!(!refused.contains("secret"), "{refused}");
}
