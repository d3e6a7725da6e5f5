//! Publishing again by hand.

use std::path::Path;
use std::sync::Arc;

use prejoin_event_log::{EmbeddedLog, EventLog};
use prejoin_outbox::NewEvent;
use prejoin_service::testing::NO_TABLES;
use prejoin_service::{Address, Context};

async fn open(path: &Path, log: &Arc<dyn EventLog>) -> Context {
    let address = Address::from(path);
    Context::open("notes", &address, NO_TABLES, Arc::clone(log)).await.expect("it opens")
}

fn embedded(path: &Path) -> Arc<dyn EventLog> {
    Arc::new(EmbeddedLog::open(path).expect("the log opens"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_log_gets_every_event_again() {
    let directory = tempfile::tempdir().unwrap();
    let log = embedded(&directory.path().join("log"));
    let context = open(&directory.path().join("notes.db"), &log).await;
    for _ in 0..5 {
        let mut tx = context.database.begin().await.unwrap();
        let event = NewEvent::new("notes.taken.v1", "1", &"text").unwrap();
        context.outbox.record(&mut tx, event).await.unwrap();
        tx.commit().await.unwrap();
    }
    let first = context.republish_from(1).await.unwrap();
    assert_eq!((first.in_log, first.published), (0, 0), "what had no number yet is published, and not again");
    assert_eq!(log.bounds("notes").await.unwrap().last, 5);
    drop(context);

    let other = embedded(&directory.path().join("other"));
    let context = open(&directory.path().join("notes.db"), &other).await;
    let again = context.republish_from(3).await.unwrap();
    assert_eq!((again.in_log, again.published), (0, 5));
    assert_eq!(other.bounds("notes").await.unwrap().last, 5);
    let ids = |message: Option<prejoin_event_log::Message>| message.unwrap().payload;
    for place in 1..=5 {
        assert_eq!(
            ids(other.get("notes", place).await.unwrap()),
            ids(log.get("notes", place).await.unwrap())
        );
    }
    let done = context.republish_from(4).await.unwrap();
    assert_eq!((done.in_log, done.published), (2, 0));
}
