//! A database that an earlier version wrote: its orders are there, and go on.

use std::sync::Arc;

use prejoin_event_log::{EmbeddedLog, EventLog};
use prejoin_orders::ORDERS;
use prejoin_service::testing::assert_problem;
use prejoin_service::{Address, Service};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// As version 1 left it: an order that was placed and one that was cancelled.
const VERSION_1: &str = "
    CREATE TABLE prejoin_service (
        only_row INTEGER PRIMARY KEY CHECK (only_row = 1), service TEXT NOT NULL, version INTEGER NOT NULL
    ) STRICT;
    INSERT INTO prejoin_service VALUES (1, 'orders', 1);
    INSERT INTO orders (order_id, customer_id, status, total_cents, placed_at)
    VALUES ('1', 'VINET', 'placed', 300, '2026-01-31T09:00:00Z');
    INSERT INTO orders (order_id, customer_id, status, total_cents, placed_at, cancelled_at, cancel_reason)
    VALUES ('2', 'VINET', 'cancelled', 100, '2026-01-31T09:00:00Z', '2026-01-31T10:00:00Z', 'too late');
    INSERT INTO order_lines VALUES ('1', 1, '11', 3, 100, 0), ('2', 1, '11', 1, 100, 0);";

#[tokio::test(flavor = "multi_thread")]
async fn orders_of_version_1_are_kept_and_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("orders.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&database).create_if_missing(true);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    sqlx::raw_sql(include_str!("../migrations/sqlite/0001_orders.sql")).execute(&pool).await.unwrap();
    sqlx::raw_sql(VERSION_1).execute(&pool).await.unwrap();
    pool.close().await;

    let log: Arc<dyn EventLog> = Arc::new(EmbeddedLog::open(directory.path().join("log")).unwrap());
    let service = Service::open(&ORDERS, &Address::from(database.as_path()), log).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/v1/orders", listener.local_addr().unwrap());
    let router = service.router();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let client = Client::new();
    let page: Value = client.get(&address).send().await.unwrap().json().await.unwrap();
    let told: Vec<_> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|order| {
            json!([order["order_id"], order["status"], order["reason"], order["lines"][0]["quantity"]])
        })
        .collect();
    assert_eq!(told, [json!(["1", "placed", null, 3]), json!(["2", "cancelled", "too late", 1])]);
    let paid = client.post(format!("{address}/1/pay")).send().await.unwrap();
    assert_eq!(paid.status(), StatusCode::OK);
    let refused = client.post(format!("{address}/2/pay")).send().await.unwrap();
    assert_problem(refused, StatusCode::CONFLICT, "cancelled").await;
}
