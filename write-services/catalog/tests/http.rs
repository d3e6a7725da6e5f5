//! The catalog service over HTTP and by other services' events.

use prejoin_catalog::CATALOG;
use prejoin_service::testing::{Running, assert_problem, check_document, said};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

async fn list(service: &Running, product_id: &str, stock: i64) {
    let body = json!({ "product_id": product_id, "name": "Tea", "unit_price_cents": 450, "stock": stock });
    assert_eq!(service.post("/v1/products", body).await.status(), StatusCode::CREATED);
}

async fn available(service: &Running, product_id: &str) -> Value {
    service.show(&format!("/v1/products/{product_id}")).await["available"].clone()
}

async fn order(service: &Running, order_id: &str, attempt: i64, lines: &[(&str, i64)]) {
    let line = |(product_id, quantity): &(&str, i64)| json!({ "product_id": product_id, "quantity": quantity, "unit_price_cents": 450, "from_stock": true });
    let lines: Vec<Value> = lines.iter().map(line).collect();
    let data = json!({
        "order_id": order_id, "lines": lines, "attempt": attempt, "reserve_by": "2026-01-01T00:00:00Z",
    });
    service.other_says("orders", "orders.placed.v1", order_id, data).await;
}

async fn end(service: &Running, kind: &str, order_id: &str, attempt: i64, cancelled_from: Option<&str>) {
    let data = json!({ "order_id": order_id, "attempt": attempt, "cancelled_from": cancelled_from });
    service.other_says("orders", kind, order_id, data).await;
}

async fn state(service: &Running, order_id: &str, state: &str) -> Value {
    let path = format!("/v1/reservations/{order_id}");
    service.wait_for(&path, |reservation| reservation["state"] == state).await
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_is_changed_and_never_below_zero() {
    let service = Running::start(&CATALOG).await;
    check_document(&service).await;
    list(&service, "tea", 5).await;
    let body = json!({ "product_id": "x", "name": "X", "unit_price_cents": 1, "stock": -1 });
    assert_problem(service.post("/v1/products", body).await, StatusCode::UNPROCESSABLE_ENTITY, "stock is -1")
        .await;
    let add = |pieces: i64| service.post("/v1/products/tea/stock", json!({ "add": pieces }));
    assert_eq!(add(-5).await.json::<Value>().await.unwrap()["available"], 0);
    assert_problem(add(-1).await, StatusCode::CONFLICT, "0 pieces").await;
    assert_eq!(add(i64::MAX).await.status(), StatusCode::OK);
    assert_problem(add(1).await, StatusCode::CONFLICT, "pieces").await;
    let patch = json!({ "name": "Green tea", "unit_price_cents": 500, "discontinued": true });
    assert_eq!(service.send(Method::PATCH, "/v1/products/tea", patch).await.status(), StatusCode::OK);
    let back = service.send(Method::PATCH, "/v1/products/tea", json!({ "discontinued": false })).await;
    assert_problem(back, StatusCode::CONFLICT, "discontinued").await;
    let events = service.stop_and_read().await;
    let kinds: Vec<&str> = events.iter().map(|event| said(event).0).collect();
    assert_eq!(
        kinds,
        [
            "catalog.product_listed.v1",
            "catalog.stock_changed.v1",
            "catalog.stock_changed.v1",
            "catalog.stock_changed.v1",
            "catalog.product_renamed.v1",
            "catalog.price_changed.v1",
            "catalog.product_discontinued.v1",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_is_reserved_whole_or_not_at_all_and_given_back() {
    let service = Running::start(&CATALOG).await;
    list(&service, "tea", 5).await;
    list(&service, "cup", 1).await;
    order(&service, "1", 1, &[("tea", 2), ("cup", 1), ("tea", 1)]).await;
    state(&service, "1", "reserved").await;
    assert_eq!((available(&service, "tea").await, available(&service, "cup").await), (json!(2), json!(0)));
    order(&service, "2", 1, &[("tea", 1), ("cup", 1)]).await;
    let refused = state(&service, "2", "rejected").await;
    assert!(refused["reason"].as_str().unwrap().contains("0 are available"), "{refused}");
    order(&service, "3", 1, &[("pot", 1)]).await;
    state(&service, "3", "rejected").await;
    assert_eq!(available(&service, "tea").await, json!(2), "a refused order reserves nothing");

    end(&service, "orders.rejected.v1", "1", 1, None).await;
    state(&service, "1", "released").await;
    assert_eq!((available(&service, "tea").await, available(&service, "cup").await), (json!(5), json!(1)));
    // Once more: nothing is given back twice, nor for an attempt that reserved nothing.
    end(&service, "orders.rejected.v1", "1", 1, None).await;
    end(&service, "orders.rejected.v1", "2", 1, None).await;
    order(&service, "1", 1, &[("tea", 5)]).await;
    order(&service, "1", 2, &[("tea", 5)]).await;
    let last = state(&service, "1", "reserved").await;
    assert_eq!((&last["attempt"], available(&service, "tea").await), (&json!(2), json!(0)));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmed_order_gives_its_stock_back_when_its_parcel_is_called_back() {
    let service = Running::start(&CATALOG).await;
    list(&service, "tea", 9).await;
    for order_id in ["1", "2", "3"] {
        order(&service, order_id, 1, &[("tea", 1)]).await;
    }
    end(&service, "orders.cancelled.v1", "1", 1, Some("confirmed")).await;
    end(&service, "orders.cancelled.v1", "2", 1, Some("placed")).await;
    state(&service, "2", "released").await;
    assert_eq!(state(&service, "1", "reserved").await["attempt"], 1, "its parcel is not called back yet");
    let parcel = |order_id: &str| json!({ "order_id": order_id, "shipment_id": "S" });
    service.other_says("shipping", "shipping.cancelled.v1", "1", parcel("1")).await;
    service.other_says("shipping", "shipping.dispatched.v1", "3", parcel("3")).await;
    state(&service, "1", "released").await;
    state(&service, "3", "taken").await;
    end(&service, "orders.rejected.v1", "3", 1, None).await;
    // An order of history, which asked for nothing.
    let data = json!({ "order_id": "old", "lines": [{ "product_id": "tea", "quantity": 1 }] });
    service.other_says("orders", "orders.placed.v1", "old", data).await;
    order(&service, "4", 1, &[("tea", 1)]).await;
    state(&service, "4", "reserved").await;
    assert_eq!(available(&service, "tea").await, json!(7));
    let gone = service.request(Method::GET, "/v1/reservations/old").send().await.unwrap();
    assert_problem(gone, StatusCode::NOT_FOUND, "old").await;
    service.stop().await;
}
