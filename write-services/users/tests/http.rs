//! The users service over HTTP, with a real listener, a real event log and every kind of database that it runs on.

#![expect(clippy::unwrap_used, reason = "the helpers of these tests are tests too")]

mod stores;

use std::sync::Arc;

use prejoin_event_log::{EmbeddedLog, EventLog};
use prejoin_service::testing::{Running, assert_problem, check_document, said};
use prejoin_service::{Address, Kind, Service, values};
use prejoin_users::USERS;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::stores::{new_place, on_every_store};

on_every_store! {
    a_user_from_registration_to_erasure,
    ids_are_made_when_absent_and_unique_when_given,
    every_failure_is_a_problem,
    what_was_recorded_without_a_relay_is_published_when_it_runs,
    a_change_can_depend_on_what_was_read,
    a_command_with_a_key_is_done_once,
    an_erased_user_is_not_in_kept_answers_either,
    lists_come_in_pages,
    of_commands_at_the_same_time_one_is_done,
    what_waits_and_what_is_open_can_be_watched,
}

async fn a_user_from_registration_to_erasure(kind: Kind) {
    let service = Running::start_on(&USERS, new_place(kind)).await;
    let body = json!({ "user_id": "ALFKI", "name": "Alfreds Futterkiste", "city": "Berlin", "phone": null });
    let answer = service.send(Method::POST, "/users", body).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(answer.headers()["location"], "/v1/users/ALFKI");
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

    let events = service.stop_and_read().await;
    let expected = |kind: &'static str, data: Value| (kind, "ALFKI", data);
    assert_eq!(
        events.iter().map(said).collect::<Vec<_>>(),
        [
            expected("users.registered.v1", user),
            expected("users.renamed.v1", json!({ "user_id": "ALFKI", "name": "Alfred" })),
            expected(
                "users.changed.v1",
                json!({ "user_id": "ALFKI", "contact": null, "city": null, "country": "Germany", "phone": null })
            ),
            expected("users.renamed.v1", json!({ "user_id": "ALFKI", "name": "Alfreds" })),
            expected(
                "users.changed.v1",
                json!({ "user_id": "ALFKI", "contact": null, "city": null, "country": "Germany", "phone": "030" })
            ),
            expected("users.erased.v1", json!({ "user_id": "ALFKI" })),
        ]
        .iter()
        .map(|(kind, subject, data)| (*kind, *subject, data))
        .collect::<Vec<_>>()
    );
}

async fn ids_are_made_when_absent_and_unique_when_given(kind: Kind) {
    let service = Running::start_on(&USERS, new_place(kind)).await;
    let made = service.send(Method::POST, "/users", json!({ "name": "Ana" })).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    let location = made.headers()["location"].to_str().unwrap().to_owned();
    let user: Value = made.json().await.unwrap();
    assert_eq!(location, format!("/v1/users/{}", user["user_id"].as_str().unwrap()));

    let odd = json!({ "user_id": "a/b ü", "name": "Odd" });
    let created = service.send(Method::POST, "/users", odd.clone()).await;
    let location = created.headers()["location"].to_str().unwrap().to_owned();
    let shown: Value = service.send(Method::GET, &location, json!(null)).await.json().await.unwrap();
    assert_eq!(shown["name"], "Odd");
    assert_problem(service.send(Method::POST, "/users", odd).await, StatusCode::CONFLICT, "a/b ü").await;
    assert_eq!(service.stop_and_read().await.len(), 2, "what was refused is not an event");
}

async fn every_failure_is_a_problem(kind: Kind) {
    let service = Running::start_on(&USERS, new_place(kind)).await;
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
    assert_eq!(service.stop_and_read().await.len(), 1, "what was refused is not an event");
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
    let refused = Service::open(&USERS, &Address::from(foreign.as_path()), Arc::clone(&log))
        .await
        .err()
        .unwrap()
        .to_string();
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
    let refused = Service::open(&USERS, &Address::from(other.as_path()), Arc::clone(&log))
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(refused.contains("belongs to orders"), "{refused}");
    // One of our own, but from the future.
    sqlx::raw_sql("UPDATE prejoin_service SET service = 'users', version = 99").execute(&pool).await.unwrap();
    let refused = Service::open(&USERS, &Address::from(other.as_path()), Arc::clone(&log))
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(refused.contains("version 99"), "{refused}");
    std::fs::write(directory.path().join("text.db"), "not a database, but long enough to look like one")
        .unwrap();
    let text = Address::from(directory.path().join("text.db").as_path());
    let refused = Service::open(&USERS, &text, log).await.err().unwrap().to_string();
    assert!(refused.contains("text.db"), "{refused}");
}

async fn what_was_recorded_without_a_relay_is_published_when_it_runs(kind: Kind) {
    let directory = tempfile::tempdir().unwrap();
    let log: Arc<dyn EventLog> = Arc::new(EmbeddedLog::open(directory.path().join("log")).unwrap());
    let place = new_place(kind);
    let service = Service::open(&USERS, &place.address, Arc::clone(&log)).await.unwrap();
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

    let service = Service::open(&USERS, &place.address, Arc::clone(&log)).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    service.run(listener, std::future::ready(())).await.unwrap();
    let message = log.get("users", 1).await.unwrap().unwrap();
    let event: Value = serde_json::from_slice(&message.payload).unwrap();
    let (kind, _, data) = said(&event);
    assert_eq!((kind, &data["name"]), ("users.registered.v1", &json!("Early")));
}

async fn a_change_can_depend_on_what_was_read(kind: Kind) {
    let service = Running::start_on(&USERS, new_place(kind)).await;
    let made = service.post("/v1/users", json!({ "user_id": "1", "name": "a" })).await;
    let tag = made.headers()["etag"].clone();
    let shown = service.request(Method::GET, "/v1/users/1").send().await.unwrap();
    assert_eq!(shown.headers()["etag"], tag);
    let known =
        service.request(Method::GET, "/v1/users/1").header("if-none-match", &tag).send().await.unwrap();
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    let patch = |name: &str| {
        let request = service.request(Method::PATCH, "/v1/users/1").header("if-match", &tag);
        request.json(&json!({ "name": name })).send()
    };
    let first = patch("b").await.unwrap();
    assert_eq!(first.status(), StatusCode::OK);
    assert_ne!(first.headers()["etag"], tag);
    assert_problem(patch("c").await.unwrap(), StatusCode::PRECONDITION_FAILED, "read it again").await;
    let late = service.request(Method::DELETE, "/v1/users/1").header("if-match", &tag).send().await.unwrap();
    assert_problem(late, StatusCode::PRECONDITION_FAILED, "read it again").await;
    assert_eq!(service.show("/v1/users/1").await["name"], "b");
    assert_eq!(service.stop_and_read().await.len(), 2);
}

async fn a_command_with_a_key_is_done_once(kind: Kind) {
    let service = Running::start_on(&USERS, new_place(kind)).await;
    let register = |name: &str| {
        let request = service.request(Method::POST, "/v1/users").header("idempotency-key", "k1");
        request.json(&json!({ "name": name })).send()
    };
    let first = register("a").await.unwrap();
    assert_eq!(first.status(), StatusCode::CREATED);
    let (location, position) =
        (first.headers()["location"].clone(), first.headers()["prejoin-position"].clone());
    let user: Value = first.json().await.unwrap();
    let again = register("a").await.unwrap();
    assert_eq!(again.status(), StatusCode::CREATED);
    assert_eq!((&again.headers()["location"], &again.headers()["prejoin-position"]), (&location, &position));
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(again.json::<Value>().await.unwrap(), user);
    assert_problem(register("b").await.unwrap(), StatusCode::UNPROCESSABLE_ENTITY, "another request").await;
    // A refusal is not kept: the same command may succeed later.
    let rename = || {
        let request = service.request(Method::PATCH, "/v1/users/later").header("idempotency-key", "k2");
        request.json(&json!({ "name": "x" })).send()
    };
    assert_problem(rename().await.unwrap(), StatusCode::NOT_FOUND, "later").await;
    service.post("/v1/users", json!({ "user_id": "later", "name": "y" })).await;
    assert_eq!(rename().await.unwrap().status(), StatusCode::OK);
    assert_eq!(service.stop_and_read().await.len(), 3);
}

async fn an_erased_user_is_not_in_kept_answers_either(kind: Kind) {
    let service = Running::start_on(&USERS, new_place(kind)).await;
    let register = || {
        let request = service.request(Method::POST, "/v1/users").header("idempotency-key", "k1");
        request.json(&json!({ "user_id": "1", "name": "Secret" })).send()
    };
    register().await.unwrap();
    service.send(Method::DELETE, "/v1/users/1", json!({})).await;
    let again = register().await.unwrap();
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(again.text().await.unwrap(), "");
    service.stop().await;
}

async fn lists_come_in_pages(kind: Kind) {
    let service = Running::start_on(&USERS, new_place(kind)).await;
    check_document(&service).await;
    for number in 0..5 {
        service.post("/v1/users", json!({ "user_id": format!("ü{number}"), "name": "a" })).await;
    }
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = service.show(&format!("/v1/users?limit=2{after}")).await;
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        seen.extend(items.iter().map(|user| user["user_id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(seen, ["ü0", "ü1", "ü2", "ü3", "ü4"]);
    for query in ["limit=0", "limit=1001", "limit=x", "after=%21", "colour=red"] {
        let answer = service.request(Method::GET, &format!("/v1/users?{query}")).send().await.unwrap();
        assert_problem(answer, StatusCode::BAD_REQUEST, "").await;
    }
    service.stop().await;
}

async fn of_commands_at_the_same_time_one_is_done(kind: Kind) {
    let service = Running::start_on(&USERS, new_place(kind)).await;
    let at_once = async |command: &dyn Fn(usize) -> reqwest::RequestBuilder| {
        let commands: Vec<_> = (0..12).map(|number| tokio::spawn(command(number).send())).collect();
        let mut answers = Vec::new();
        for command in commands {
            answers.push(command.await.unwrap().unwrap());
        }
        answers
    };
    // One key, one user; each gets the same answer.
    let same_key = |_| {
        let request = service.request(Method::POST, "/v1/users").header("idempotency-key", "k1");
        request.json(&json!({ "name": "a" }))
    };
    let answers = at_once(&same_key).await;
    assert!(answers.iter().all(|answer| answer.status() == StatusCode::CREATED), "{answers:?}");
    let replayed = |answer: &&reqwest::Response| answer.headers().contains_key("idempotency-replayed");
    assert_eq!(answers.iter().filter(replayed).count(), 11);
    let location = answers[0].headers()["location"].to_str().unwrap().to_owned();
    assert!(answers.iter().all(|answer| answer.headers()["location"] == location.as_str()));

    // One entity, read by all: one changes it, the others see that it was changed.
    service.post("/v1/users", json!({ "user_id": "1", "name": "a" })).await;
    let tag = service.request(Method::GET, "/v1/users/1").send().await.unwrap().headers()["etag"].clone();
    let same_tag = |number| {
        let request = service.request(Method::PATCH, "/v1/users/1").header("if-match", &tag);
        request.json(&json!({ "name": format!("n{number}") }))
    };
    let answers = at_once(&same_tag).await;
    let mut statuses: Vec<StatusCode> = answers.iter().map(|answer| answer.status()).collect();
    statuses.sort();
    let mut expected = vec![StatusCode::OK];
    expected.resize(12, StatusCode::PRECONDITION_FAILED);
    assert_eq!(statuses, expected);
    assert_eq!(service.stop_and_read().await.len(), 3, "registered twice, renamed once");
}

async fn what_waits_and_what_is_open_can_be_watched(kind: Kind) {
    let directory = tempfile::tempdir().unwrap();
    let log: Arc<dyn EventLog> = Arc::new(EmbeddedLog::open(directory.path().join("log")).unwrap());
    let place = new_place(kind);
    let service = Service::open(&USERS, &place.address, Arc::clone(&log)).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = service.router();
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let client = Client::new();
    let metric = async |name: &str| {
        let page = client.get(format!("{url}/metrics")).send().await.unwrap().text().await.unwrap();
        let lines = page.lines().filter(|line| line.starts_with(&format!("{name}{{")));
        let values: Vec<u64> = lines.map(|line| line.rsplit(' ').next().unwrap().parse().unwrap()).collect();
        assert!(!values.is_empty(), "{name} is not in {page}");
        values.iter().sum::<u64>()
    };
    let outbox = async || {
        let mut counts = Vec::new();
        for state in ["unsent", "numbered", "parked", "waiting"] {
            counts.push(metric(&format!("prejoin_outbox_{state}_events")).await);
        }
        counts
    };
    assert_eq!((outbox().await, metric("prejoin_outbox_oldest_unsent_seconds").await), (vec![0; 4], 0));
    for name in ["a", "a", "b"] {
        client.post(format!("{url}/users")).json(&json!({ "name": name })).send().await.unwrap();
    }
    assert_eq!(outbox().await, [3, 0, 0, 0]);
    // As a relay would leave them: one on its way, one parked, one behind it; the first a minute ago.
    let mut tx = service.context().database.begin().await.unwrap();
    let mut rows = tx.rows("SELECT outbox_id FROM prejoin_outbox ORDER BY outbox_id", &[]).await.unwrap();
    let ids: Vec<i64> = rows.iter_mut().map(|row| row.integer().unwrap()).collect();
    for (set, id) in [
        "mark = 'numbered', sequence = 1, recorded_at_ms = recorded_at_ms - 60000",
        "mark = 'parked'",
        "mark = 'waiting'",
    ]
    .iter()
    .zip(ids)
    {
        let update = format!("UPDATE prejoin_outbox SET {set} WHERE outbox_id = ?");
        tx.execute(&update, values![id]).await.unwrap();
    }
    tx.commit().await.unwrap();
    assert_eq!(outbox().await, [1, 1, 1, 1]);
    let age = metric("prejoin_outbox_oldest_unsent_seconds").await;
    assert!((60..600).contains(&age), "{age}");
    let (size, max) =
        (metric("prejoin_pool_connections").await, metric("prejoin_pool_connections_max").await);
    let idle = metric("prejoin_pool_idle_connections").await;
    assert!(size >= 1 && size <= max && idle <= size, "{size}, {idle}, {max}");
    let held = service.context().database.read().await.unwrap();
    assert!(metric("prejoin_pool_used_connections").await >= 1);
    drop(held);
    serving.abort();
}
