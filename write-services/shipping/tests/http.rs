//! The shipping service over HTTP and by other services' events.

use prejoin_service::testing::{Running, assert_problem, check_document, said};
use prejoin_shipping::SHIPPING;
use reqwest::StatusCode;
use serde_json::{Value, json};

async fn order(service: &Running, kind: &str, order_id: &str) {
    service.other_says("orders", kind, order_id, json!({ "order_id": order_id })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parcel_leaves_once_the_order_is_paid() {
    let service = Running::start(&SHIPPING).await;
    check_document(&service).await;
    order(&service, "orders.confirmed.v1", "1").await;
    service.wait_for("/v1/shipments/1", |shipment| shipment["status"] == "created").await;
    let dispatch = || service.post("/v1/shipments/1/dispatch", json!({ "carrier": "C", "city": "Graz" }));
    assert_problem(dispatch().await, StatusCode::CONFLICT, "not paid").await;
    // Seen twice, it is the same shipment.
    order(&service, "orders.confirmed.v1", "1").await;
    order(&service, "orders.paid.v1", "1").await;
    service.wait_for("/v1/shipments/1", |shipment| shipment["paid"] == true).await;
    assert_eq!(dispatch().await.status(), StatusCode::OK);
    assert_problem(dispatch().await, StatusCode::CONFLICT, "is dispatched").await;
    let delivered = service.post("/v1/shipments/1/deliver", json!({})).await;
    assert_eq!(delivered.json::<Value>().await.unwrap()["status"], "delivered");
    let events = service.stop_and_read().await;
    let kinds: Vec<&str> = events.iter().map(|event| said(event).0).collect();
    assert_eq!(kinds, ["shipping.created.v1", "shipping.dispatched.v1", "shipping.delivered.v1"]);
    assert_eq!(
        (&events[1]["data"]["shipment_id"], &events[1]["data"]["city"]),
        (&json!("S1"), &json!("Graz"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parcel_is_called_back_when_its_order_is_cancelled() {
    let service = Running::start(&SHIPPING).await;
    // Of an order that took nothing from stock.
    order(&service, "orders.cancelled.v1", "other").await;
    order(&service, "orders.confirmed.v1", "1").await;
    order(&service, "orders.cancelled.v1", "1").await;
    service.wait_for("/v1/shipments/1", |shipment| shipment["status"] == "cancelled").await;
    let late = service.post("/v1/shipments/1/dispatch", json!({ "carrier": "C" })).await;
    assert_problem(late, StatusCode::CONFLICT, "is cancelled").await;
    let listed = service.show("/v1/shipments?status=cancelled").await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    let unknown = service.request(reqwest::Method::GET, "/v1/shipments?status=lost").send().await.unwrap();
    assert_problem(unknown, StatusCode::UNPROCESSABLE_ENTITY, "lost").await;
    service.stop().await;
}
