//! The users service over HTTP, with a real listener and a real event log.

#![expect(clippy::unwrap_used, reason = "the helpers of these tests are tests too")]

use std::sync::Arc;
use std::time::Duration;

use prejoin_event_log::{BatchLimit, EmbeddedLog, EventLog};
use prejoin_users::UsersService;
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const PATIENCE: Duration = Duration::from_secs(60);

struct Running {
    directory: TempDir,
    address: String,
    client: Client,
    log: Arc<dyn EventLog>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    async fn start() -> Running {
        let directory = tempfile::tempdir().unwrap();
        let log: Arc<dyn EventLog> = Arc::new(EmbeddedLog::open(directory.path().join("log")).unwrap());
        let database = directory.path().join("data").join("users.db");
        let service = UsersService::open(&database, Arc::clone(&log)).await.unwrap();
        let service = service.with_position_wait(PATIENCE);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async move {
            let _ = stopped.await;
        };
        let task = tokio::spawn(async move { service.run(listener, shutdown).await.unwrap() });
        Running { directory, address, client: Client::new(), log, stop, task }
    }

    async fn send(&self, method: Method, path: &str, body: Value) -> Response {
        let request = self.client.request(method, format!("{}{path}", self.address)).json(&body);
        request.send().await.unwrap()
    }

    async fn stop(self) -> (TempDir, Arc<dyn EventLog>) {
        self.stop.send(()).unwrap();
        tokio::time::timeout(PATIENCE, self.task).await.expect("the service does not stop").unwrap();
        (self.directory, self.log)
    }
}

/// Type, subject and data of each event in the log.
async fn events(log: &Arc<dyn EventLog>) -> Vec<(String, String, Value)> {
    let last = log.bounds("users").await.unwrap().last;
    let mut reader = log.read("users", 0).await.unwrap();
    let mut messages = Vec::new();
    while (messages.len() as u64) < last {
        messages
            .extend(reader.next_batch(BatchLimit { messages: 100, bytes: 1 << 20 }, PATIENCE).await.unwrap());
    }
    let event = |payload: &[u8]| {
        let event: Value = serde_json::from_slice(payload).unwrap();
        (
            event["type"].as_str().unwrap().to_owned(),
            event["subject"].as_str().unwrap().to_owned(),
            event["data"].clone(),
        )
    };
    messages.iter().map(|message| event(&message.payload)).collect()
}

async fn assert_problem(response: Response, status: StatusCode, says: &str) {
    assert_eq!(response.status(), status);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let problem: Value = response.json().await.unwrap();
    assert_eq!(problem["status"], status.as_u16());
    assert_eq!(problem["title"], status.canonical_reason().unwrap());
    assert_eq!(problem["type"], "about:blank");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(says), "{detail:?} does not say {says:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_from_registration_to_erasure() {
    let service = Running::start().await;
    let body = json!({ "user_id": "ALFKI", "name": "Alfreds Futterkiste", "city": "Berlin", "phone": null });
    let answer = service.send(Method::POST, "/users", body).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(answer.headers()["location"], "/users/ALFKI");
    assert_eq!(answer.headers()["prejoin-position"], "users=1");
    let user = json!({
        "user_id": "ALFKI", "name": "Alfreds Futterkiste", "contact": null, "city": "Berlin", "country": null, "phone": null,
    });
    assert_eq!(answer.json::<Value>().await.unwrap(), user);
    let shown = service.send(Method::GET, "/users/ALFKI", json!(null)).await;
    assert_eq!(shown.json::<Value>().await.unwrap(), user);

    for (patch, position) in [
        (json!({ "name": "Alfred" }), Some("users=2")),
        (json!({ "city": null, "country": "Germany" }), Some("users=3")),
        (json!({ "name": "Alfreds", "phone": "030" }), Some("users=5")),
        // Nothing new, nothing said.
        (json!({ "name": "Alfreds" }), None),
        (json!({}), None),
    ] {
        let answer = service.send(Method::PATCH, "/users/ALFKI", patch.clone()).await;
        assert_eq!(answer.status(), StatusCode::OK, "{patch}");
        let header = answer.headers().get("prejoin-position").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(header.as_deref(), position, "{patch}");
    }
    let erased = service.send(Method::DELETE, "/users/ALFKI", json!(null)).await;
    assert_eq!(erased.status(), StatusCode::NO_CONTENT);
    assert_eq!(erased.headers()["prejoin-position"], "users=6");
    let gone = service.send(Method::GET, "/users/ALFKI", json!(null)).await;
    assert_problem(gone, StatusCode::NOT_FOUND, "ALFKI").await;

    let (_directory, log) = service.stop().await;
    let said = |kind: &str, data: Value| (kind.to_owned(), "ALFKI".to_owned(), data);
    assert_eq!(
        events(&log).await,
        [
            said("users.registered.v1", user),
            said("users.renamed.v1", json!({ "user_id": "ALFKI", "name": "Alfred" })),
            said(
                "users.changed.v1",
                json!({ "user_id": "ALFKI", "contact": null, "city": null, "country": "Germany", "phone": null })
            ),
            said("users.renamed.v1", json!({ "user_id": "ALFKI", "name": "Alfreds" })),
            said(
                "users.changed.v1",
                json!({ "user_id": "ALFKI", "contact": null, "city": null, "country": "Germany", "phone": "030" })
            ),
            said("users.erased.v1", json!({ "user_id": "ALFKI" })),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_are_made_when_absent_and_unique_when_given() {
    let service = Running::start().await;
    let made = service.send(Method::POST, "/users", json!({ "name": "Ana" })).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    let location = made.headers()["location"].to_str().unwrap().to_owned();
    let user: Value = made.json().await.unwrap();
    assert_eq!(location, format!("/users/{}", user["user_id"].as_str().unwrap()));

    let odd = json!({ "user_id": "a/b ü", "name": "Odd" });
    let created = service.send(Method::POST, "/users", odd.clone()).await;
    let location = created.headers()["location"].to_str().unwrap().to_owned();
    let shown: Value = service.send(Method::GET, &location, json!(null)).await.json().await.unwrap();
    assert_eq!(shown["name"], "Odd");
    assert_problem(service.send(Method::POST, "/users", odd).await, StatusCode::CONFLICT, "a/b ü").await;
    let (_directory, log) = service.stop().await;
    assert_eq!(events(&log).await.len(), 2, "what was refused is not an event");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_failure_is_a_problem() {
    let service = Running::start().await;
    let name = "x".repeat(501);
    let id = "x".repeat(129);
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    for (body, says) in [
        (json!({}), "name"),
        (json!({ "name": 7 }), "name"),
        (json!({ "name": null }), "name"),
        (json!({ "name": " " }), "name is empty"),
        (json!({ "name": name }), "501 characters"),
        (json!({ "name": "a\nb" }), "control character"),
        (json!({ "name": "a", "nickname": "b" }), "nickname"),
        (json!({ "name": "a", "user_id": "" }), "user_id"),
        (json!({ "name": "a", "user_id": null }), "user_id"),
        (json!({ "name": "a", "user_id": ".." }), "user_id"),
        (json!({ "name": "a", "user_id": "a\u{0}" }), "control character"),
        (json!({ "name": "a", "user_id": id }), "129 characters"),
        (json!([1]), ""),
    ] {
        assert_problem(service.send(Method::POST, "/users", body).await, unprocessable, says).await;
    }
    service.send(Method::POST, "/users", json!({ "user_id": "1", "name": "a" })).await;
    for (body, says) in [(json!({ "name": null }), "name"), (json!({ "user_id": "2" }), "user_id")] {
        assert_problem(service.send(Method::PATCH, "/users/1", body).await, unprocessable, says).await;
    }
    let unknown = service.send(Method::PATCH, "/users/2", json!({ "name": "b" })).await;
    assert_problem(unknown, StatusCode::NOT_FOUND, "2").await;
    assert_problem(service.send(Method::DELETE, "/users/2", json!({})).await, StatusCode::NOT_FOUND, "2")
        .await;
    assert_problem(service.send(Method::GET, "/nothing", json!({})).await, StatusCode::NOT_FOUND, "/nothing")
        .await;
    let wrong_method = service.send(Method::PUT, "/users/1", json!({})).await;
    assert!(wrong_method.headers()["allow"].to_str().unwrap().contains("PATCH"));
    assert_problem(wrong_method, StatusCode::METHOD_NOT_ALLOWED, "PUT").await;

    let post = || service.client.post(format!("{}/users", service.address));
    let malformed =
        post().header("content-type", "application/json").body("{\"name\":").send().await.unwrap();
    assert_problem(malformed, StatusCode::BAD_REQUEST, "JSON").await;
    let not_json = post().header("content-type", "text/plain").body("{}").send().await.unwrap();
    assert_problem(not_json, StatusCode::UNSUPPORTED_MEDIA_TYPE, "application/json").await;
    let large = post().json(&json!({ "name": "x".repeat(300 * 1024) })).send().await.unwrap();
    assert_problem(large, StatusCode::PAYLOAD_TOO_LARGE, "").await;
    let bad_path = service.client.get(format!("{}/users/%FF", service.address)).send().await.unwrap();
    assert_problem(bad_path, StatusCode::BAD_REQUEST, "").await;

    let health: Value = service.send(Method::GET, "/healthz", json!(null)).await.json().await.unwrap();
    assert_eq!((&health["status"], &health["service"]), (&json!("ok"), &json!("users")));
    let (_directory, log) = service.stop().await;
    assert_eq!(events(&log).await.len(), 1, "what was refused is not an event");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_another_service_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let log: Arc<dyn EventLog> = Arc::new(EmbeddedLog::open(directory.path().join("log")).unwrap());
    let foreign = directory.path().join("foreign.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&foreign).create_if_missing(true);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    sqlx::raw_sql("CREATE TABLE invoices (id INTEGER)").execute(&pool).await.unwrap();
    pool.close().await;
    let bytes = std::fs::read(&foreign).unwrap();
    let refused = UsersService::open(&foreign, Arc::clone(&log)).await.err().unwrap().to_string();
    assert!(refused.contains("invoices") && refused.contains("foreign.db"), "{refused}");
    assert_eq!(std::fs::read(&foreign).unwrap(), bytes);

    let other = directory.path().join("orders.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&other).create_if_missing(true);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    sqlx::raw_sql(
        "CREATE TABLE prejoin_service (only_row INTEGER PRIMARY KEY, service TEXT NOT NULL, version INTEGER NOT NULL);
         INSERT INTO prejoin_service VALUES (1, 'orders', 1);",
    )
    .execute(&pool)
    .await
    .unwrap();
    let refused = UsersService::open(&other, Arc::clone(&log)).await.err().unwrap().to_string();
    assert!(refused.contains("belongs to orders"), "{refused}");
    // One of our own, but from the future.
    sqlx::raw_sql("UPDATE prejoin_service SET service = 'users', version = 99").execute(&pool).await.unwrap();
    let refused = UsersService::open(&other, Arc::clone(&log)).await.err().unwrap().to_string();
    assert!(refused.contains("version 99"), "{refused}");
    std::fs::write(directory.path().join("text.db"), "not a database, but long enough to look like one")
        .unwrap();
    let refused = UsersService::open(directory.path().join("text.db"), log).await.err().unwrap().to_string();
    assert!(refused.contains("text.db"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_recorded_without_a_relay_is_published_when_it_runs() {
    let directory = tempfile::tempdir().unwrap();
    let log: Arc<dyn EventLog> = Arc::new(EmbeddedLog::open(directory.path().join("log")).unwrap());
    let database = directory.path().join("users.db");
    let service = UsersService::open(&database, Arc::clone(&log)).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // The router alone: commands work, their events wait.
    let router = service.router();
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let url = format!("http://{address}/users");
    let answer = Client::new().post(url).json(&json!({ "name": "Early" })).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert!(answer.headers().get("prejoin-position").is_none(), "its event is not in the log");
    serving.abort();
    drop(service);

    let service = UsersService::open(&database, Arc::clone(&log)).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    service.run(listener, std::future::ready(())).await.unwrap();
    let (kind, _, data) = events(&log).await.remove(0);
    assert_eq!((kind.as_str(), &data["name"]), ("users.registered.v1", &json!("Early")));
}
