//! Acting on another service's events, on every kind of database.

#![expect(clippy::unwrap_used, reason = "the helpers of these tests are tests too")]

mod stores;

use std::sync::Arc;

use prejoin_event_log::EventLog;
use prejoin_outbox::NewEvent;
use prejoin_service::testing::{PATIENCE, Running, read_log, said, say};
use prejoin_service::{
    Api, ConsumeError, Consumer, Context, Database, Domain, Kind, Received, Service, Transaction, values,
};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::stores::{NOTES, new_place, on_every_store};

on_every_store! {
    two_processes_of_a_service_act_on_each_event_once,
    what_an_event_that_does_not_fit_did_is_undone,
}

/// Keeps a note of every bill, and says so: acting twice would show.
static COPYIST: Domain = Domain {
    name: "notes",
    migrations: NOTES.migrations,
    api: || Api::new("Copyist", "What bills were written"),
    consumers: &[Consumer {
        source: "bills",
        kinds: &["bills.written.v1"],
        act: |context, tx, event| Box::pin(copy(context, tx, event)),
    }],
    tick: None,
};

#[derive(Deserialize)]
struct Bill {
    text: String,
    #[serde(default)]
    is_odd: bool,
}

async fn copy(context: &Context, tx: &mut Transaction, event: &Received) -> Result<(), ConsumeError> {
    let Bill { text, is_odd } = event.data()?;
    // First what is to be undone if it does not fit.
    context.record(tx, NewEvent::new("notes.taken.v1", &text, &text)?).await?;
    tx.execute("INSERT INTO notes (text) VALUES (?)", values![&text]).await?;
    match is_odd {
        true => Err(ConsumeError::Unfit("it is odd".to_owned())),
        false => Ok(()),
    }
}

async fn texts(database: &Database) -> Vec<String> {
    let mut tx = database.read().await.unwrap();
    let rows = tx.rows("SELECT text FROM notes ORDER BY note_no", &[]).await.unwrap();
    rows.into_iter().map(|mut row| row.text().unwrap()).collect()
}

/// A second process on the place and the log of a first one. Send to stop it.
async fn run_beside(first: &Running) -> (oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
    let service = Service::open(&COPYIST, &first.place.address, Arc::clone(&first.log)).await.unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let shutdown = async {
        let _ = stopped.await;
    };
    (stop, tokio::spawn(async move { service.run(listener, shutdown).await.unwrap() }))
}

async fn wait_for_events(log: &Arc<dyn EventLog>, events: u64) {
    let all = async {
        while log.bounds("notes").await.map_or(0, |bounds| bounds.last) < events {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, all).await.expect("not every event is acted on");
}

async fn two_processes_of_a_service_act_on_each_event_once(kind: Kind) {
    let service = Running::start_on(&COPYIST, new_place(kind)).await;
    let (stop, other) = run_beside(&service).await;
    let bills: Vec<String> = (0..60).map(|number| format!("bill {number}")).collect();
    let events: Vec<_> =
        bills.iter().map(|text| ("bills.written.v1", text.as_str(), json!({ "text": text }))).collect();
    for events in events.chunks(7) {
        say(service.directory.path(), &service.log, "bills", events).await;
    }
    wait_for_events(&service.log, 60).await;
    stop.send(()).unwrap();
    tokio::time::timeout(PATIENCE, other).await.expect("it does not stop").unwrap();
    let place = service.place.clone();
    let (_directory, log) = service.stop().await;
    let published = read_log(&log, "notes").await;
    assert_eq!(published.iter().map(|event| said(event).1).collect::<Vec<_>>(), bills);
    let database = Database::open("notes", &place.address, NOTES.migrations).await.unwrap();
    assert_eq!(texts(&database).await, bills);
}

async fn what_an_event_that_does_not_fit_did_is_undone(kind: Kind) {
    let service = Running::start_on(&COPYIST, new_place(kind)).await;
    let bill = |text: &str, is_odd: bool| json!({ "text": text, "is_odd": is_odd });
    let too_long = "x".repeat(200);
    let mut events = vec![
        ("bills.written.v1", "1", bill("first", false)),
        ("bills.written.v1", "2", bill("odd", true)),
        ("bills.written.v1", "3", json!({ "text": 7 })),
        // PostgreSQL keeps no such text; the error says nothing that could not be kept.
        ("bills.written.v1", "4", json!({ "text": "odd\u{0}", "is_odd": true })),
        ("bills.paid.v1", "5", json!({ "text": "nobody listens" })),
        ("bills.written.v1", "6", bill("second", false)),
    ];
    if kind == Kind::MySql {
        events.insert(5, ("bills.written.v1", "5", bill(&too_long, false)));
    }
    let refused = events.len() - 3;
    say(service.directory.path(), &service.log, "bills", &events).await;
    wait_for_events(&service.log, 2).await;
    let metrics =
        service.request(reqwest::Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    let expected = format!("prejoin_inbox_refused_events{{service=\"notes\"}} {refused}");
    assert!(metrics.contains(&expected), "{metrics}");
    let place = service.place.clone();
    let published = service.stop_and_read().await;
    assert_eq!(published.iter().map(|event| said(event).1).collect::<Vec<_>>(), ["first", "second"]);
    let database = Database::open("notes", &place.address, NOTES.migrations).await.unwrap();
    assert_eq!(texts(&database).await, ["first", "second"]);
}
