//! The orders service while its database is killed and comes back.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use prejoin_orders::ORDERS;
use prejoin_service::testing::{PATIENCE, Place, Running, assert_problem, said};
use prejoin_test_servers::MariaDb;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

fn order(order_id: &str) -> Value {
    let line = json!({ "product_id": "11", "quantity": 1, "unit_price_cents": 100 });
    json!({ "order_id": order_id, "customer_id": "VINET", "lines": [line] })
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_refused_for_a_while_and_nothing_is_lost() {
    let server = Arc::new(Mutex::new(MariaDb::start()));
    server.lock().unwrap().run_script("CREATE DATABASE orders");
    let address = ORDERS.address(&server.lock().unwrap().url("orders"), None).unwrap();
    let place = Place { address, server: Arc::clone(&server) as _ };
    let service = Running::start_on(&ORDERS, place).await;
    assert_eq!(service.post("/orders", order("1")).await.status(), StatusCode::CREATED);
    let ask = async |path: &str| service.request(Method::GET, path).send().await.unwrap();

    server.lock().unwrap().kill_9();
    let (refused, shown, health) =
        tokio::join!(service.post("/orders", order("2")), ask("/orders/1"), ask("/healthz"));
    for answer in [refused, shown] {
        assert_problem(answer, StatusCode::SERVICE_UNAVAILABLE, "send it again").await;
    }
    assert_problem(health, StatusCode::SERVICE_UNAVAILABLE, "the database does not answer").await;
    server.lock().unwrap().restart();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while service.post("/orders", order("2")).await.status() != StatusCode::CREATED {
        assert!(tokio::time::Instant::now() < deadline, "the service does not find its database again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let paid = service.post("/orders/1/pay", json!({})).await;
    assert_eq!(paid.status(), StatusCode::OK);
    let events = service.stop_and_read().await;
    let told: Vec<_> = events.iter().map(|event| (said(event).0, said(event).1)).collect();
    assert_eq!(told, [("orders.placed.v1", "1"), ("orders.placed.v1", "2"), ("orders.paid.v1", "1")]);
}
