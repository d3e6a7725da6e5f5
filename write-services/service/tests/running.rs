//! Running and ending a service.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use bytes::Bytes;
use prejoin_event_log::{EmbeddedLog, EventLog, NewMessage};
use prejoin_outbox::NewEvent;
use prejoin_service::testing::NO_TABLES;
use prejoin_service::{Address, Context, ServiceError};
use reqwest::Client;
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};

const PATIENCE: Duration = Duration::from_secs(60);

async fn open(path: &Path, log: &Arc<dyn EventLog>) -> Context {
    let address = Address::from(path);
    Context::open("notes", &address, NO_TABLES, Arc::clone(log)).await.expect("it opens")
}

async fn record(context: &Context) {
    let mut tx = context.database.begin().await.expect("it begins");
    let event = NewEvent::new("notes.taken.v1", "1", &"text").expect("text is JSON");
    context.outbox.record(&mut tx, event).await.expect("it is recorded");
    tx.commit().await.expect("it commits");
}

fn embedded(path: &Path) -> Arc<dyn EventLog> {
    Arc::new(EmbeddedLog::open(path).expect("the log opens"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_being_answered_at_the_end_is_answered_and_its_event_published() {
    let directory = tempfile::tempdir().unwrap();
    let log = embedded(&directory.path().join("log"));
    let context = open(&directory.path().join("notes.db"), &log).await;
    let (arrived, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = {
        let (arrived, go_on) = (Arc::clone(&arrived), Arc::clone(&go_on));
        move |State(context): State<Context>| async move {
            arrived.notify_one();
            go_on.notified().await;
            record(&context).await;
            "done"
        }
    };
    let routes = Router::new().route("/notes", post(slow)).with_state(context.clone());
    let router = context.complete(routes);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let service = tokio::spawn(context.run(router, &[], None, listener, async move {
        let _ = stopped.await;
    }));
    let request = tokio::spawn(Client::new().post(format!("http://{address}/notes")).send());
    arrived.notified().await;
    stop.send(()).unwrap();
    // No new connections, so the service knows that it is to end.
    let refused = async {
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.expect("the listener stays open");
    go_on.notify_one();
    let answer = request.await.unwrap().unwrap();
    assert_eq!(answer.text().await.unwrap(), "done");
    tokio::time::timeout(PATIENCE, service).await.expect("the service does not end").unwrap().unwrap();
    assert_eq!(log.bounds("notes").await.unwrap().last, 1, "its event is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_cannot_go_on_ends_the_service_with_the_reason() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("notes.db");
    let log = embedded(&directory.path().join("log"));
    let context = open(&database, &log).await;
    record(&context).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let router = context.complete(Router::new());
    let sent = {
        let log = log.clone();
        async move {
            while log.bounds("notes").await.map_or(0, |bounds| bounds.last) == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    };
    context.run(router, &[], None, listener, sent).await.unwrap();

    // Another log, with another event under the number that was sent.
    let other = embedded(&directory.path().join("other"));
    other.ensure_stream("notes").await.unwrap();
    let payload =
        r#"{"specversion":"1.0","id":"theirs","source":"/notes","type":"notes.taken.v1","sequence":"1"}"#;
    let payload = Bytes::from_static(payload.as_bytes());
    let message = NewMessage { subject: "notes.taken.1".into(), message_id: None, payload };
    other.send("notes", message, None).await.unwrap().await.unwrap();
    let context = open(&database, &other).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let router = context.complete(Router::new());
    let run = context.run(router, &[], None, listener, std::future::pending());
    let ended = tokio::time::timeout(PATIENCE, run).await.expect("the service does not end");
    let Err(ServiceError::Outbox(error)) = ended else { panic!("{ended:?}") };
    assert!(error.to_string().contains("theirs"), "{error}");
}
