//! The orders service over HTTP, with a real listener and a real event log.

#![expect(clippy::unwrap_used, reason = "the helpers of these tests are tests too")]

use std::sync::Arc;
use std::time::Duration;

use prejoin_event_log::{BatchLimit, EmbeddedLog, EventLog};
use prejoin_orders::OrdersService;
use reqwest::{Client, Response, StatusCode};
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
        let service =
            OrdersService::open(directory.path().join("orders.db"), Arc::clone(&log)).await.unwrap();
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

    async fn post(&self, path: &str, body: Value) -> Response {
        self.client.post(format!("{}{path}", self.address)).json(&body).send().await.unwrap()
    }

    /// A move without a body.
    async fn make(&self, order_id: &str, step: &str) -> Response {
        self.client.post(format!("{}/orders/{order_id}/{step}", self.address)).send().await.unwrap()
    }

    async fn show(&self, order_id: &str) -> Value {
        let shown = self.client.get(format!("{}/orders/{order_id}", self.address)).send().await.unwrap();
        assert_eq!(shown.status(), StatusCode::OK);
        shown.json().await.unwrap()
    }

    async fn place(&self, order_id: &str) {
        let answer = self.post("/orders", one_line(order_id)).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
    }

    async fn stop(self) -> (TempDir, Arc<dyn EventLog>) {
        self.stop.send(()).unwrap();
        tokio::time::timeout(PATIENCE, self.task).await.expect("the service does not stop").unwrap();
        (self.directory, self.log)
    }
}

fn one_line(order_id: &str) -> Value {
    let line = json!({ "product_id": "11", "quantity": 1, "unit_price_cents": 100 });
    json!({ "order_id": order_id, "customer_id": "VINET", "lines": [line] })
}

/// The events in the log, whole.
async fn events(log: &Arc<dyn EventLog>) -> Vec<Value> {
    let last = log.bounds("orders").await.unwrap().last;
    let mut reader = log.read("orders", 0).await.unwrap();
    let mut messages = Vec::new();
    while (messages.len() as u64) < last {
        messages
            .extend(reader.next_batch(BatchLimit { messages: 100, bytes: 1 << 20 }, PATIENCE).await.unwrap());
    }
    messages.iter().map(|message| serde_json::from_slice(&message.payload).unwrap()).collect()
}

async fn problem(response: Response, status: StatusCode) -> Value {
    assert_eq!(response.status(), status);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    response.json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_from_placing_to_delivery() {
    let service = Running::start().await;
    let lines = json!([
        { "product_id": "11", "quantity": 12, "unit_price_cents": 1400, "discount_percent": 0 },
        { "product_id": "42", "quantity": 3, "unit_price_cents": 333, "discount_percent": 15 },
    ]);
    let body = json!({ "order_id": "10248", "customer_id": "VINET", "lines": lines });
    let placed = service.post("/orders", body).await;
    assert_eq!(placed.status(), StatusCode::CREATED);
    assert_eq!(placed.headers()["location"], "/orders/10248");
    assert_eq!(placed.headers()["prejoin-position"], "orders=1");
    let order: Value = placed.json().await.unwrap();
    // 16800 + 849.15
    assert_eq!((&order["total_cents"], &order["status"]), (&json!(17_649), &json!("placed")));
    for (sequence, (step, status)) in
        (2..).zip([("pay", "paid"), ("ship", "shipped"), ("deliver", "delivered")])
    {
        let answer = service.make("10248", step).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["prejoin-position"], format!("orders={sequence}"));
        assert_eq!(answer.json::<Value>().await.unwrap()["status"], status);
    }
    let shown = service.show("10248").await;
    assert_eq!((&shown["lines"], &shown["customer_id"]), (&lines, &json!("VINET")));

    let (_directory, log) = service.stop().await;
    let events = events(&log).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn moves_that_are_not_allowed_say_which_are() {
    let service = Running::start().await;
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
        service.place(&order_id).await;
        for step in way {
            assert_eq!(service.make(&order_id, step).await.status(), StatusCode::OK);
            moves += 1;
        }
        for step in ["pay", "ship", "deliver", "cancel"] {
            if allowed.contains(&step) {
                continue;
            }
            let before = service.show(&order_id).await;
            let refused = problem(service.make(&order_id, step).await, StatusCode::CONFLICT).await;
            assert_eq!(refused["allowed_moves"], json!(allowed), "{step} after {way:?}");
            assert_eq!(refused["order_status"], before["status"]);
            assert_eq!(service.show(&order_id).await, before);
        }
    }
    let (_directory, log) = service.stop().await;
    assert_eq!(events(&log).await.len(), ways.len() + moves, "what was refused is not an event");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_may_have_a_reason() {
    let service = Running::start().await;
    service.place("1").await;
    service.place("2").await;
    let with = service.post("/orders/1/cancel", json!({ "reason": "too late" })).await;
    assert_eq!(with.json::<Value>().await.unwrap()["reason"], "too late");
    assert_eq!(service.make("2", "cancel").await.status(), StatusCode::OK);
    let (_directory, log) = service.stop().await;
    let reasons: Vec<Value> =
        events(&log).await.into_iter().skip(2).map(|event| event["data"]["reason"].clone()).collect();
    assert_eq!(reasons, [json!("too late"), json!(null)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_cannot_be_are_refused() {
    let service = Running::start().await;
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
    service.place("1").await;
    problem(service.post("/orders", one_line("1")).await, StatusCode::CONFLICT).await;
    problem(service.make("2", "pay").await, StatusCode::NOT_FOUND).await;
    problem(service.make("1", "lose").await, StatusCode::NOT_FOUND).await;
    problem(service.post("/orders/1/pay", json!({ "amount": 1 })).await, StatusCode::UNPROCESSABLE_ENTITY)
        .await;
    let untyped =
        service.client.post(format!("{}/orders/1/cancel", service.address)).body("{}").send().await.unwrap();
    problem(untyped, StatusCode::UNSUPPORTED_MEDIA_TYPE).await;
    let shown = service.client.get(format!("{}/orders/2", service.address)).send().await.unwrap();
    problem(shown, StatusCode::NOT_FOUND).await;
    let wrong_method = service.client.delete(format!("{}/orders/1", service.address)).send().await.unwrap();
    problem(wrong_method, StatusCode::METHOD_NOT_ALLOWED).await;
    let (_directory, log) = service.stop().await;
    assert_eq!(events(&log).await.len(), 2, "what was refused is not an event");
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_at_the_same_time_are_all_done_once() {
    let service = Arc::new(Running::start().await);
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
    let (_directory, log) = service.stop().await;
    let sequences: Vec<Value> =
        events(&log).await.into_iter().map(|event| event["sequence"].clone()).collect();
    assert_eq!(sequences, (1..=20).map(|sequence: u64| json!(sequence.to_string())).collect::<Vec<_>>());
}
