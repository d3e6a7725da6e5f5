//! `/rest/v1/`, `/status`, `/healthz`, `/readyz`, the page, and the functions behind `prejoin status`.

use prejoin_model::Type;
use prejoin_read_api::{State, read_dead_letters, read_status};
use serde_json::json;

use crate::api::Server;
use crate::store::TestStore;

const DEAD_LETTERS: [(&str, Type); 11] = [
    ("service", Type::Text),
    ("sequence", Type::Bigint),
    ("stream_sequence", Type::Bigint),
    ("event_id", Type::Text),
    ("type", Type::Text),
    ("entity", Type::Text),
    ("reason", Type::Text),
    ("behind", Type::Bigint),
    ("event_time", Type::Timestamptz),
    ("payload", Type::Text),
    ("payload_base64", Type::Text),
];

async fn store(directory: &tempfile::TempDir) -> TestStore {
    TestStore::create(&directory.path().join("views.sqlite")).await
}

fn running() -> serde_json::Value {
    json!({
        "state": "running", "pid": 42, "version": "0.1.0",
        "services": { "orders": {
            "state": "reading", "detail": null, "applied": 831, "log_last": 840, "lag_events": 9, "lag_seconds": 0.4,
            "events_applied": 831, "duplicates": 2, "unknown_types": 1, "dead_letters": 2, "retries": 7,
        } },
        "sinks": { "orders": { "position": { "orders": 831 }, "rows": 1, "last_error": null, "row_errors": 1 } },
    })
}

async fn publish_dead_letters(store: &mut TestStore) {
    let letter = |service, sequence, stream_sequence, reason, behind, event_time, payload, base64| {
        [
            service,
            sequence,
            stream_sequence,
            Some("id"),
            Some("orders.paid.v1"),
            Some("7"),
            reason,
            behind,
            event_time,
            payload,
            base64,
        ]
    };
    let rows = [
        letter(
            Some("users"),
            Some("3"),
            Some("3"),
            Some("no key"),
            None,
            Some("2026-01-01 00:00:02+00"),
            Some("{<b>}"),
            None,
        ),
        letter(Some("orders"), None, Some("12"), Some("not JSON"), None, None, None, Some("/w==")),
        letter(
            Some("orders"),
            Some("11"),
            Some("11"),
            Some("parked"),
            Some("10"),
            Some("2026-01-01 00:00:01+00"),
            Some("{}"),
            None,
        ),
        letter(
            Some("orders"),
            Some("10"),
            Some("10"),
            Some("wrong type"),
            None,
            Some("2025-12-31 00:00:00+00"),
            Some("{}"),
            None,
        ),
    ];
    let rows: Vec<&[Option<&str>]> = rows.iter().map(|row| row.as_slice()).collect();
    store.publish("_dead_letters", &DEAD_LETTERS, "{}", &rows).await;
}

#[tokio::test]
async fn without_a_store_everything_says_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("views.sqlite");
    let server = Server::start(&path).await;
    assert_eq!(server.get("/healthz").await.status, 200);
    let status = server.get("/status").await;
    assert_eq!((status.status, status.json()["state"].as_str()), (200, Some("absent")));
    assert!(status.json()["hint"].as_str().unwrap().contains("prejoin up"), "{}", status.body);
    let ready = server.get("/readyz").await;
    assert_eq!((ready.status, &ready.json()["ready"]), (503, &json!(false)));
    assert!(ready.json()["reasons"][0].as_str().unwrap().contains("no such file"), "{}", ready.body);
    assert_eq!(server.get("/rest/v1/").await.status, 503);
    assert!(server.get("/").await.body.contains("no projector yet"));
    assert_eq!(server.get("/nowhere").await.json()["code"], "PGRST125");
    assert_eq!(read_status(&path).await.unwrap().state, State::Absent);
    assert_eq!(read_dead_letters(&path).await.unwrap(), []);
    server.stop().await;
}

#[tokio::test]
async fn the_list_of_views() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = store(&directory).await;
    publish_dead_letters(&mut store).await;
    let columns = [("order_id", Type::Text), ("total", Type::Numeric)];
    store.publish("orders", &columns, "{\"orders\":5,\"users\":9}", &[&[Some("1"), Some("2.50")]]).await;
    store.publish("customers", &[("id", Type::Bigint)], "{\"users\":7}", &[]).await;
    let server = Server::start(&store.path).await;
    for path in ["/rest/v1/", "/rest/v1"] {
        let answer = server.get(path).await;
        assert_eq!(answer.header("prejoin-position"), "users=7", "what all views reflect");
        assert_eq!(
            answer.json(),
            json!([
                { "name": "customers", "description": "The view customers",
                  "columns": [{ "name": "id", "type": "bigint" }], "rows": 0, "position": { "users": 7 }, "generation": 3 },
                { "name": "orders", "description": "The view orders",
                  "columns": [{ "name": "order_id", "type": "text" }, { "name": "total", "type": "numeric" }],
                  "rows": 1, "position": { "orders": 5, "users": 9 }, "generation": 2 },
            ])
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn status_and_readiness_follow_the_projector() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = store(&directory).await;
    let server = Server::start(&store.path).await;
    let reasons = async || server.get("/readyz").await.json()["reasons"].clone();
    assert_eq!(reasons().await, json!(["no view has been built yet", "the projector has not reported yet"]));
    assert_eq!(server.get("/status").await.json()["state"], "absent");

    store.publish("orders", &[("order_id", Type::Text)], "{\"orders\":831}", &[&[Some("1")]]).await;
    store.write_status(0, &running()).await;
    assert_eq!(reasons().await, json!([]));
    assert_eq!(server.get("/readyz").await.status, 200);
    let status = server.get("/status").await.json();
    assert_eq!(
        (&status["state"], &status["stale"], &status["pid"]),
        (&json!("running"), &json!(false), &json!(42))
    );
    assert_eq!(
        status["services"]["orders"],
        running()["services"]["orders"],
        "nothing the projector says is lost"
    );
    assert_eq!(status["sinks"], running()["sinks"]);
    assert_eq!(status["version"], "0.1.0");

    store.write_status(3_600_000, &running()).await;
    let status = server.get("/status").await.json();
    assert_eq!(status["stale"], true);
    assert!(status["age_seconds"].as_f64().unwrap() >= 3600.0, "{status}");
    assert_eq!(server.get("/readyz").await.status, 503);

    store.write_status(3_600_000, &json!({ "state": "stopped" })).await;
    let status = server.get("/status").await.json();
    assert_eq!((&status["state"], &status["stale"]), (&json!("stopped"), &json!(false)));
    assert_eq!(server.get("/readyz").await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn dead_letters_and_rows_in_error() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = store(&directory).await;
    publish_dead_letters(&mut store).await;
    store.publish("orders", &[("order_id", Type::Text)], "{}", &[]).await;
    store.publish("orders", &[("order_id", Type::Text)], "{}", &[]).await;
    store
        .execute(
            "INSERT INTO _prejoin_row_errors VALUES ('orders', 2, x'00', 'old', 'of a retired generation'), \
            ('orders', 3, x'01', '(7)', 'division by zero')",
        )
        .await;
    store.write_status(0, &running()).await;
    let server = Server::start(&store.path).await;
    let status = server.get("/status").await.json();
    let letters = &status["dead_letters"];
    assert_eq!((&letters["count"], &letters["services"]), (&json!(4), &json!({ "orders": 3, "users": 1 })));
    let newest: Vec<_> =
        letters["newest"].as_array().unwrap().iter().map(|letter| letter["reason"].clone()).collect();
    assert_eq!(newest, ["not JSON", "no key", "parked", "wrong type"]);
    assert_eq!(
        letters["newest"][2],
        json!({
            "service": "orders", "sequence": 11, "stream_sequence": 11, "event_id": "id", "type": "orders.paid.v1",
            "entity": "7", "reason": "parked", "behind": 10, "event_time": "2026-01-01 00:00:01+00",
        })
    );
    assert_eq!(
        status["row_errors"],
        json!({ "count": 1, "first": [{ "view": "orders", "key": "(7)", "error": "division by zero" }] })
    );
    let all = read_dead_letters(&store.path).await.unwrap();
    let all: Vec<_> = all
        .iter()
        .map(|letter| {
            (
                letter.service.as_str(),
                letter.sequence,
                letter.payload.as_deref(),
                letter.payload_base64.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        all,
        [
            ("orders", Some(10), Some("{}"), None),
            ("orders", Some(11), Some("{}"), None),
            ("orders", None, None, Some("/w==")),
            ("users", Some(3), Some("{<b>}"), None),
        ]
    );
    let of_function = read_status(&store.path).await.unwrap();
    assert_eq!((of_function.state, of_function.dead_letters.count), (State::Running, 4));
    server.stop().await;
}

#[tokio::test]
async fn the_page_shows_it_all() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = store(&directory).await;
    publish_dead_letters(&mut store).await;
    let columns = [("order id", Type::Text), ("total", Type::Numeric)];
    store.publish("odd/name & co", &columns, "{\"orders\":831}", &[&[Some("1"), None]]).await;
    store.write_status(0, &running()).await;
    let server = Server::start(&store.path).await;
    let page = server.get("/").await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    for expected in [
        "src=\"/overview.js\"",
        "<svg",
        "projector running",
        "odd/name &amp; co",
        "href=\"/rest/v1/odd%2Fname%20%26%20co?limit=10\"",
        "order id",
        "orders=831",
        "9 · 0.4 s",
        "wrong type",
        "(behind 10)",
    ] {
        assert!(page.body.contains(expected), "{expected} in {}", page.body);
    }
    assert!(!page.body.contains("_dead_letters"), "internal views are not shown");
    // The sample link works.
    assert_eq!(
        server.rows("/rest/v1/odd%2Fname%20%26%20co?limit=10&select=total").await,
        "[{\"total\":null}]"
    );
    server.stop().await;
}
