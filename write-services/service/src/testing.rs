//! For the tests of services: one at work with a real listener and a real event log.

#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use std::any::Any;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use prejoin_event_log::{BatchLimit, EmbeddedLog, EventLog};
use prejoin_outbox::NewEvent;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::context::Context;
use crate::database::{Address, Kind, Migrations};
use crate::domain::{Domain, Service};

/// How long a test waits for what must happen.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// For services that the tests themselves make up: on SQLite, without tables of their own.
pub const NO_TABLES: &[Migrations] = &[Migrations { kind: Kind::Sqlite, scripts: &[] }];

/// Where the database of a test lies.
#[derive(Clone)]
pub struct Place {
    pub address: Address,
    /// What must live as long as the database is used: its server.
    pub server: Arc<dyn Any + Send + Sync>,
}

impl From<&Path> for Place {
    fn from(file: &Path) -> Self {
        Place { address: Address::from(file), server: Arc::new(()) }
    }
}

/// A service at work in a directory of its own, with a log that it shares with nobody but the test.
pub struct Running {
    pub directory: TempDir,
    pub address: String,
    pub client: Client,
    pub log: Arc<dyn EventLog>,
    pub place: Place,
    domain: &'static Domain,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    /// On a file in a directory that is not there yet.
    pub async fn start(domain: &'static Domain) -> Running {
        let directory = tempfile::tempdir().unwrap();
        let place = Place::from(directory.path().join("data").join("service.db").as_path());
        Running::start_in(directory, domain, place, |service| service).await
    }

    pub async fn start_on(domain: &'static Domain, place: Place) -> Running {
        Running::start_with(domain, place, |service| service).await
    }

    pub async fn start_with(
        domain: &'static Domain,
        place: Place,
        with: impl FnOnce(Service) -> Service,
    ) -> Running {
        Running::start_in(tempfile::tempdir().unwrap(), domain, place, with).await
    }

    /// Over the log that lies in the directory, if one does.
    pub async fn start_in(
        directory: TempDir,
        domain: &'static Domain,
        place: Place,
        with: impl FnOnce(Service) -> Service,
    ) -> Running {
        let log: Arc<dyn EventLog> = Arc::new(EmbeddedLog::open(directory.path().join("log")).unwrap());
        let service = Service::open(domain, &place.address, Arc::clone(&log)).await.unwrap();
        let service = with(service.with_position_wait(PATIENCE));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async move {
            let _ = stopped.await;
        };
        let task = tokio::spawn(async move { service.run(listener, shutdown).await.unwrap() });
        Running { directory, address, client: Client::new(), log, place, domain, stop, task }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.address))
    }

    pub async fn send(&self, method: Method, path: &str, body: Value) -> Response {
        self.request(method, path).json(&body).send().await.unwrap()
    }

    pub async fn post(&self, path: &str, body: Value) -> Response {
        self.send(Method::POST, path, body).await
    }

    /// An entity that must be there.
    pub async fn show(&self, path: &str) -> Value {
        let shown = self.request(Method::GET, path).send().await.unwrap();
        assert_eq!(shown.status(), StatusCode::OK, "{path}");
        shown.json().await.unwrap()
    }

    /// Publishes an event of another service into the log.
    pub async fn other_says(&self, source: &'static str, kind: &str, entity: &str, data: Value) {
        say(self.directory.path(), &self.log, source, &[(kind, entity, data)]).await;
    }

    /// Waits until what the service shows at a path is as wanted; returns it.
    pub async fn wait_for(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let response = self.request(Method::GET, path).send().await.unwrap();
            let status = response.status();
            let shown: Value = response.json().await.unwrap_or_default();
            if status.is_success() && wanted(&shown) {
                return shown;
            }
            assert!(tokio::time::Instant::now() < deadline, "{path} stays {status} {shown}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub async fn stop(self) -> (TempDir, Arc<dyn EventLog>) {
        self.stop.send(()).unwrap();
        tokio::time::timeout(PATIENCE, self.task).await.expect("the service does not stop").unwrap();
        (self.directory, self.log)
    }

    /// Stops the service; returns the events that it published, whole.
    pub async fn stop_and_read(self) -> Vec<Value> {
        let service = self.domain.name;
        let (_directory, log) = self.stop().await;
        read_log(&log, service).await
    }
}

/// Publishes events (type, entity, data) of a service into the log, through an outbox of its own.
pub async fn say(
    directory: &Path,
    log: &Arc<dyn EventLog>,
    source: &'static str,
    events: &[(&str, &str, Value)],
) {
    let database = Address::from(directory.join(format!("{source}.db")).as_path());
    let other = Context::open(source, &database, NO_TABLES, Arc::clone(log)).await.unwrap();
    let relay = other.outbox.relay(Arc::clone(log), other.relay_settings.clone());
    let relay = tokio::spawn(relay.run(std::future::pending()));
    let mut tx = other.database.begin().await.unwrap();
    let mut last = None;
    for (kind, entity, data) in events {
        let event = NewEvent::new(kind, entity, data).unwrap();
        last = Some(other.outbox.record(&mut tx, event).await.unwrap());
    }
    tx.commit().await.unwrap();
    let last = last.expect("something is said");
    other.outbox.wait_until_sent(last, PATIENCE).await.unwrap().expect("it is sent");
    relay.abort();
    other.database.close().await;
}

/// The events of a service in the log, whole.
pub async fn read_log(log: &Arc<dyn EventLog>, service: &str) -> Vec<Value> {
    let last = log.bounds(service).await.unwrap().last;
    let mut reader = log.read(service, 0).await.unwrap();
    let mut messages = Vec::new();
    while (messages.len() as u64) < last {
        let limit = BatchLimit { messages: 100, bytes: 1 << 20 };
        messages.extend(reader.next_batch(limit, PATIENCE).await.unwrap());
    }
    messages.iter().map(|message| serde_json::from_slice(&message.payload).unwrap()).collect()
}

/// Type, subject and data of an event.
pub fn said(event: &Value) -> (&str, &str, &Value) {
    (event["type"].as_str().unwrap(), event["subject"].as_str().unwrap(), &event["data"])
}

/// Fails unless the answer is a problem with this status whose detail says this; returns it.
pub async fn assert_problem(response: Response, status: StatusCode, says: &str) -> Value {
    assert_eq!(response.status(), status);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let problem: Value = response.json().await.unwrap();
    assert_eq!(problem["status"], status.as_u16());
    assert_eq!(problem["title"], status.canonical_reason().unwrap());
    assert_eq!(problem["type"], "about:blank");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(says), "{detail:?} does not say {says:?}");
    problem
}

/// What every service promises about its description: each operation is there, under its version and without it.
pub async fn check_document(service: &Running) {
    let document = service.show("/openapi.json").await;
    assert_eq!(document["openapi"], "3.1.0");
    let mut operations = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        let path = path.replace("{user_id}", "-").replace("{order_id}", "-").replace("{product_id}", "-");
        for method in methods.as_object().unwrap().keys() {
            operations += 1;
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            for path in [path.as_str(), path.strip_prefix("/v1").unwrap()] {
                let answer = service.send(method.clone(), path, json!({})).await;
                let status = answer.status();
                let text = answer.text().await.unwrap();
                assert_ne!(status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}: {text}");
                assert!(!text.contains("there is nothing at"), "{method} {path}: {text}");
                assert!(!status.is_server_error(), "{method} {path}: {text}");
            }
        }
    }
    assert!(operations > 2, "{document}");
    let metrics = service.request(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    assert!(
        metrics.contains(&format!("prejoin_outbox_unsent_events{{service=\"{}\"}}", service.domain.name))
    );
}
