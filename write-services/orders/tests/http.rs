//! The orders service over HTTP, with a real listener, a real event log and every kind of database that it runs on.

#![expect(clippy::unwrap_used, reason = "the helpers of these tests are tests too")]

mod stores;

use std::sync::Arc;
use std::time::Duration;

use prejoin_orders::ORDERS;
use prejoin_service::testing::{Running, check_document, said, say};
use prejoin_service::{Kind, Service};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::stores::{new_place, on_every_store};

on_every_store! {
    an_order_from_placing_to_delivery,
    moves_that_are_not_allowed_say_which_are,
    a_cancellation_may_have_a_reason,
    orders_that_cannot_be_are_refused,
    commands_at_the_same_time_are_all_done_once,
    an_order_from_stock_goes_on_when_the_catalog_has_answered,
    an_order_that_gets_no_answer_is_rejected_and_can_ask_again,
    an_event_that_does_not_fit_is_kept_and_the_next_one_is_acted_on,
    keys_conditions_and_pages_hold,
    what_was_answered_while_nobody_was_here_is_heard_before_the_clock_acts,
}

/// A move without a body.
async fn make(service: &Running, order_id: &str, step: &str) -> Response {
    service.request(Method::POST, &format!("/orders/{order_id}/{step}")).send().await.unwrap()
}

async fn place(service: &Running, order_id: &str) {
    let answer = service.post("/orders", one_line(order_id)).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
}

fn one_line(order_id: &str) -> Value {
    let line = json!({ "product_id": "11", "quantity": 1, "unit_price_cents": 100 });
    json!({ "order_id": order_id, "customer_id": "VINET", "lines": [line] })
}

async fn problem(response: Response, status: StatusCode) -> Value {
    assert_eq!(response.status(), status);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    response.json().await.unwrap()
}

async fn an_order_from_placing_to_delivery(kind: Kind) {
    let service = Running::start_on(&ORDERS, new_place(kind)).await;
    let lines = json!([
        { "product_id": "11", "quantity": 12, "unit_price_cents": 1400, "discount_percent": 0 },
        { "product_id": "42", "quantity": 3, "unit_price_cents": 333, "discount_percent": 15 },
    ]);
    let body = json!({ "order_id": "10248", "customer_id": "VINET", "lines": lines });
    let placed = service.post("/orders", body).await;
    assert_eq!(placed.status(), StatusCode::CREATED);
    assert_eq!(placed.headers()["location"], "/v1/orders/10248");
    assert_eq!(placed.headers()["prejoin-position"], "orders=1");
    let order: Value = placed.json().await.unwrap();
    // 16800 + 849.15
    assert_eq!((&order["total_cents"], &order["status"]), (&json!(17_649), &json!("placed")));
    for (sequence, (step, status)) in
        (2..).zip([("pay", "paid"), ("ship", "shipped"), ("deliver", "delivered")])
    {
        let answer = make(&service, "10248", step).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["prejoin-position"], format!("orders={sequence}"));
        assert_eq!(answer.json::<Value>().await.unwrap()["status"], status);
    }
    let shown = service.show("/orders/10248").await;
    assert_eq!((&shown["lines"], &shown["customer_id"]), (&lines, &json!("VINET")));

    let events = service.stop_and_read().await;
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["orders.placed.v1", "orders.paid.v1", "orders.shipped.v1", "orders.delivered.v1"]);
    let data = json!({
        "order_id": "10248", "customer_id": "VINET", "lines": lines, "total_cents": 17_649, "placed_at": shown["placed_at"],
    });
    assert_eq!(events[0]["data"], data);
    for (event, field) in events.iter().zip(["placed_at", "paid_at", "shipped_at", "delivered_at"]) {
        assert_eq!((&event["subject"], &event["source"]), (&json!("10248"), &json!("/orders")));
        assert!(shown[field].is_string());
        assert_eq!(event["time"], shown[field], "{field}");
        assert_eq!(event["data"][field], shown[field]);
    }
    assert_eq!(events[1]["data"], json!({ "order_id": "10248", "paid_at": shown["paid_at"] }));
}

async fn moves_that_are_not_allowed_say_which_are(kind: Kind) {
    let service = Running::start_on(&ORDERS, new_place(kind)).await;
    let ways: [(&[&str], &[&str]); 6] = [
        (&[], &["pay", "cancel"]),
        (&["pay"], &["ship", "cancel"]),
        (&["pay", "ship"], &["deliver"]),
        (&["pay", "ship", "deliver"], &[]),
        (&["cancel"], &[]),
        (&["pay", "cancel"], &[]),
    ];
    let mut moves = 0;
    for (index, (way, allowed)) in ways.into_iter().enumerate() {
        let order_id = index.to_string();
        place(&service, &order_id).await;
        for step in way {
            assert_eq!(make(&service, &order_id, step).await.status(), StatusCode::OK);
            moves += 1;
        }
        for step in ["pay", "ship", "deliver", "cancel"] {
            if allowed.contains(&step) {
                continue;
            }
            let before = service.show(&format!("/orders/{order_id}")).await;
            let refused = problem(make(&service, &order_id, step).await, StatusCode::CONFLICT).await;
            assert_eq!(refused["allowed_moves"], json!(allowed), "{step} after {way:?}");
            assert_eq!(refused["order_status"], before["status"]);
            assert_eq!(service.show(&format!("/orders/{order_id}")).await, before);
        }
    }
    assert_eq!(service.stop_and_read().await.len(), ways.len() + moves, "what was refused is not an event");
}

async fn a_cancellation_may_have_a_reason(kind: Kind) {
    let service = Running::start_on(&ORDERS, new_place(kind)).await;
    place(&service, "1").await;
    place(&service, "2").await;
    let with = service.post("/orders/1/cancel", json!({ "reason": "too late" })).await;
    assert_eq!(with.json::<Value>().await.unwrap()["reason"], "too late");
    assert_eq!(make(&service, "2", "cancel").await.status(), StatusCode::OK);
    let events = service.stop_and_read().await;
    let reasons: Vec<Value> =
        events.into_iter().skip(2).map(|event| event["data"]["reason"].clone()).collect();
    assert_eq!(reasons, [json!("too late"), json!(null)]);
}

async fn orders_that_cannot_be_are_refused(kind: Kind) {
    let service = Running::start_on(&ORDERS, new_place(kind)).await;
    let with = |line: Value| json!({ "customer_id": "VINET", "lines": [line] });
    let line = |field: &str, value: Value| {
        let mut line =
            json!({ "product_id": "11", "quantity": 1, "unit_price_cents": 100, "discount_percent": 0 });
        line[field] = value;
        with(line)
    };
    for (body, says) in [
        (json!({ "customer_id": "VINET" }), "lines"),
        (json!({ "customer_id": "VINET", "lines": [] }), "0 lines"),
        (json!({ "lines": [] }), "customer_id"),
        (json!({ "customer_id": "", "lines": [] }), "customer_id"),
        (line("quantity", json!(0)), "lines[0].quantity"),
        (line("quantity", json!(1.5)), "quantity"),
        (line("quantity", json!("1")), "quantity"),
        (line("quantity", json!(1e30)), "quantity"),
        (line("unit_price_cents", json!(-1)), "lines[0].unit_price_cents"),
        (line("unit_price_cents", json!(i64::MAX)), ""),
        (line("discount_percent", json!(101)), "lines[0].discount_percent"),
        (line("product_id", json!("")), "lines[0].product_id"),
        (line("colour", json!("red")), "colour"),
        (with(json!({ "product_id": "1", "quantity": 9_000_000, "unit_price_cents": i64::MAX })), "total"),
    ] {
        if says.is_empty() {
            assert_eq!(service.post("/orders", body).await.status(), StatusCode::CREATED);
            continue;
        }
        let refused = problem(service.post("/orders", body).await, StatusCode::UNPROCESSABLE_ENTITY).await;
        let detail = refused["detail"].as_str().unwrap();
        assert!(detail.contains(says), "{detail:?} does not say {says:?}");
    }
    place(&service, "1").await;
    problem(service.post("/orders", one_line("1")).await, StatusCode::CONFLICT).await;
    problem(make(&service, "2", "pay").await, StatusCode::NOT_FOUND).await;
    problem(make(&service, "1", "lose").await, StatusCode::NOT_FOUND).await;
    problem(service.post("/orders/1/pay", json!({ "amount": 1 })).await, StatusCode::UNPROCESSABLE_ENTITY)
        .await;
    let untyped =
        service.client.post(format!("{}/orders/1/cancel", service.address)).body("{}").send().await.unwrap();
    problem(untyped, StatusCode::UNSUPPORTED_MEDIA_TYPE).await;
    let shown = service.client.get(format!("{}/orders/2", service.address)).send().await.unwrap();
    problem(shown, StatusCode::NOT_FOUND).await;
    let wrong_method = service.client.delete(format!("{}/orders/1", service.address)).send().await.unwrap();
    problem(wrong_method, StatusCode::METHOD_NOT_ALLOWED).await;
    assert_eq!(service.stop_and_read().await.len(), 2, "what was refused is not an event");
}

async fn commands_at_the_same_time_are_all_done_once(kind: Kind) {
    let service = Arc::new(Running::start_on(&ORDERS, new_place(kind)).await);
    let commands: Vec<_> = (0..60)
        .map(|number| {
            let service = Arc::clone(&service);
            // Three of each: one places the order, two come too late.
            tokio::spawn(async move {
                service.post("/orders", one_line(&format!("{}", number / 3))).await.status()
            })
        })
        .collect();
    let mut created = 0;
    for command in commands {
        match command.await.unwrap() {
            StatusCode::CREATED => created += 1,
            status => assert_eq!(status, StatusCode::CONFLICT),
        }
    }
    assert_eq!(created, 20);
    let Ok(service) = Arc::try_unwrap(service) else { panic!("the commands are done") };
    let events = service.stop_and_read().await;
    let sequences: Vec<Value> = events.into_iter().map(|event| event["sequence"].clone()).collect();
    assert_eq!(sequences, (1..=20).map(|sequence: u64| json!(sequence.to_string())).collect::<Vec<_>>());
}

/// A line at the catalog's price, from its stock.
fn from_stock(order_id: &str) -> Value {
    json!({ "order_id": order_id, "customer_id": "VINET", "lines": [{ "product_id": "tea", "quantity": 2 }] })
}

async fn list_tea(service: &Running, unit_price_cents: i64) {
    let data = json!({
        "product_id": "tea", "name": "Tea", "category": null, "unit_price_cents": unit_price_cents,
        "discontinued": false,
    });
    service.other_says("catalog", "catalog.product_listed.v1", "tea", data).await;
}

/// Places an order from stock as soon as the price is known; returns it.
async fn place_from_stock(service: &Running, order_id: &str) -> Value {
    loop {
        let answer = service.post("/v1/orders", from_stock(order_id)).await;
        if answer.status() == StatusCode::CREATED {
            return answer.json().await.unwrap();
        }
        let refused = problem(answer, StatusCode::UNPROCESSABLE_ENTITY).await;
        assert!(refused["detail"].as_str().unwrap().contains("has not said what"), "{refused}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn catalog_says(service: &Running, kind: &str, order_id: &str, attempt: i64) {
    let data = json!({ "order_id": order_id, "attempt": attempt, "reason": "none left" });
    service.other_says("catalog", kind, order_id, data).await;
}

async fn an_order_from_stock_goes_on_when_the_catalog_has_answered(kind: Kind) {
    let service = Running::start_on(&ORDERS, new_place(kind)).await;
    check_document(&service).await;
    list_tea(&service, 450).await;
    let placed = place_from_stock(&service, "1").await;
    assert_eq!((&placed["total_cents"], &placed["status"]), (&json!(900), &json!("placed")));
    let refused = problem(make(&service, "1", "pay").await, StatusCode::CONFLICT).await;
    assert!(refused["detail"].as_str().unwrap().contains("waits for its stock"), "{refused}");
    assert_eq!(refused["allowed_moves"], json!(["cancel"]));

    catalog_says(&service, "catalog.stock_reserved.v1", "1", 1).await;
    service.wait_for("/v1/orders/1", |order| order["status"] == "confirmed").await;
    // The price that it was placed at stays, whatever the catalog says later.
    list_tea(&service, 500).await;
    assert_eq!(service.show("/v1/orders/1").await["total_cents"], 900);
    assert_eq!(make(&service, "1", "pay").await.status(), StatusCode::OK);
    problem(make(&service, "1", "cancel").await, StatusCode::CONFLICT).await;
    let parcel = json!({ "order_id": "1", "shipment_id": "S1" });
    service.other_says("shipping", "shipping.dispatched.v1", "1", parcel.clone()).await;
    service.other_says("shipping", "shipping.delivered.v1", "1", parcel).await;
    service.wait_for("/v1/orders/1", |order| order["status"] == "delivered").await;
    let events = service.stop_and_read().await;
    let kinds: Vec<&str> = events.iter().map(|event| said(event).0).collect();
    assert_eq!(
        kinds,
        [
            "orders.placed.v1",
            "orders.confirmed.v1",
            "orders.paid.v1",
            "orders.shipped.v1",
            "orders.delivered.v1"
        ]
    );
    let asked = &events[0]["data"];
    assert!(asked["reserve_by"].is_string());
    assert_eq!((&asked["attempt"], &asked["lines"][0]["from_stock"]), (&json!(1), &json!(true)));
}

async fn an_order_that_gets_no_answer_is_rejected_and_can_ask_again(kind: Kind) {
    let wait = Duration::from_millis(1);
    let service =
        Running::start_with(&ORDERS, new_place(kind), |service| service.with_answer_wait(wait)).await;
    list_tea(&service, 450).await;
    place_from_stock(&service, "1").await;
    let rejected = service.wait_for("/v1/orders/1", |order| order["status"] == "rejected").await;
    assert!(rejected["reason"].as_str().unwrap().contains("in time"), "{rejected}");
    // The answer to an attempt that is over changes nothing.
    catalog_says(&service, "catalog.stock_reserved.v1", "1", 1).await;
    place_from_stock(&service, "2").await;
    service.wait_for("/v1/orders/2", |order| order["status"] == "rejected").await;
    assert_eq!(make(&service, "1", "retry").await.status(), StatusCode::OK);
    let again = service.wait_for("/v1/orders/1", |order| order["status"] == "rejected").await;
    assert_eq!(again["attempt"], 2);
    let sagas = service.show("/v1/sagas").await;
    assert_eq!(sagas["items"].as_array().unwrap().len(), 2);
    let events = service.stop_and_read().await;
    let of_one: Vec<&str> = events.iter().map(said).filter(|said| said.1 == "1").map(|said| said.0).collect();
    assert_eq!(of_one, ["orders.placed.v1", "orders.rejected.v1", "orders.retried.v1", "orders.rejected.v1"]);
}

async fn an_event_that_does_not_fit_is_kept_and_the_next_one_is_acted_on(kind: Kind) {
    let service = Running::start_on(&ORDERS, new_place(kind)).await;
    service.other_says("catalog", "catalog.price_changed.v1", "tea", json!({ "product_id": 7 })).await;
    service.other_says("catalog", "catalog.price_changed.v1", "tea", json!({ "product_id": "tea" })).await;
    // Longer than any product's key can be, which not every database finds out.
    let long = json!({ "product_id": "x".repeat(1000), "unit_price_cents": 1 });
    service.other_says("catalog", "catalog.price_changed.v1", "x", long).await;
    list_tea(&service, 450).await;
    place_from_stock(&service, "1").await;
    let metrics = service.request(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    let refused = if kind == Kind::Sqlite { 2 } else { 3 };
    let refused = format!("prejoin_inbox_refused_events{{service=\"orders\"}} {refused}");
    assert!(metrics.contains(&refused), "{metrics}");
    assert!(metrics.contains("prejoin_inbox_sequence{service=\"orders\",source=\"catalog\"} 4"), "{metrics}");
    service.stop().await;
}

async fn what_was_answered_while_nobody_was_here_is_heard_before_the_clock_acts(kind: Kind) {
    let service = Running::start_on(&ORDERS, new_place(kind)).await;
    list_tea(&service, 450).await;
    place_from_stock(&service, "of before").await;
    let place = service.place.clone();
    let (directory, log) = service.stop().await;
    // Commands without the relay, the consumers and the clock.
    let opened = Service::open(&ORDERS, &place.address, Arc::clone(&log)).await.unwrap();
    let router = opened.with_answer_wait(Duration::from_millis(1)).router();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/orders", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    for order_id in ["answered", "not answered"] {
        let answer = reqwest::Client::new().post(&url).json(&from_stock(order_id)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
    }
    serving.abort();
    drop(serving.await);
    // The answer is far behind in the log.
    let price = |cents: i64| json!({ "product_id": "tea", "unit_price_cents": cents });
    let mut events: Vec<_> =
        (0..1500).map(|number| ("catalog.price_changed.v1", "tea", price(number))).collect();
    events.push(("catalog.stock_reserved.v1", "answered", json!({ "order_id": "answered", "attempt": 1 })));
    say(directory.path(), &log, "catalog", &events).await;
    // The log that was opened before belongs to another.
    drop(log);

    let service = Running::start_in(directory, &ORDERS, place, |service| service).await;
    service.wait_for("/v1/orders/answered", |order| order["status"] == "confirmed").await;
    service.wait_for("/v1/orders/not answered", |order| order["status"] == "rejected").await;
    assert_eq!(service.show("/v1/orders/of before").await["status"], "placed");
    let events = service.stop_and_read().await;
    let of_answered: Vec<&str> =
        events.iter().map(said).filter(|said| said.1 == "answered").map(|said| said.0).collect();
    assert_eq!(of_answered, ["orders.placed.v1", "orders.confirmed.v1"]);
}

async fn keys_conditions_and_pages_hold(kind: Kind) {
    let service = Running::start_on(&ORDERS, new_place(kind)).await;
    let ids = ["A", "a", "a ", "b", "ü"];
    // Placed in another order than they are listed in, each twice with one key.
    for id in ids.iter().rev() {
        for replayed in [false, true] {
            let key = format!("key of {}", ids.iter().position(|other| other == id).unwrap());
            let request = service.request(Method::POST, "/v1/orders").header("idempotency-key", key);
            let answer = request.json(&one_line(id)).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::CREATED, "{id:?}");
            assert_eq!(answer.headers().contains_key("idempotency-replayed"), replayed, "{id:?}");
        }
    }
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = service.show(&format!("/v1/orders?limit=2&status=placed{after}")).await;
        let items = page["items"].as_array().unwrap();
        assert!(items.iter().all(|order| order["lines"].as_array().unwrap().len() == 1), "{page}");
        seen.extend(items.iter().map(|order| order["order_id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(seen, ids);

    let tag = service.request(Method::GET, "/v1/orders/a%20").send().await.unwrap().headers()["etag"].clone();
    let paying: Vec<_> = (0..10)
        .map(|_| {
            let request = service.request(Method::POST, "/v1/orders/a%20/pay").header("if-match", &tag);
            tokio::spawn(request.send())
        })
        .collect();
    let mut paid = 0;
    for answer in paying {
        match answer.await.unwrap().unwrap().status() {
            StatusCode::OK => paid += 1,
            status => assert_eq!(status, StatusCode::PRECONDITION_FAILED),
        }
    }
    assert_eq!((paid, &service.show("/v1/orders/a%20").await["status"]), (1, &json!("paid")));
    assert_eq!(service.show("/v1/orders/a").await["status"], "placed", "it is another order");
    assert_eq!(service.stop_and_read().await.len(), ids.len() + 1);
}
