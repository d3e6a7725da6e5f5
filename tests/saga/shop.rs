//! The services at work as processes of their own over one NATS server, each on its database, on ports that they keep.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::chance::Chance;
use crate::support::{Ended, Home, Process, send, try_get, wait_until};

pub(crate) const PARTICIPANTS: [&str; 4] = ["users", "orders", "catalog", "shipping"];
const PRODUCTS: u64 = 4;

pub(crate) struct Shop {
    home: Home,
    nats_url: String,
    /// The addresses of databases that are no files of the home.
    databases: BTreeMap<&'static str, String>,
    ports: BTreeMap<&'static str, u16>,
    running: BTreeMap<&'static str, Process>,
    placed: RefCell<BTreeSet<String>>,
    registered: Cell<u64>,
    /// Of each product.
    stock: i64,
}

impl Shop {
    /// With products in stock whose prices the orders service knows.
    ///
    /// `{user}` in the address stands for the service that connects.
    pub(crate) fn open(
        nats_url: &str,
        databases: &[(&'static str, String)],
        answer_wait_ms: u64,
        stock: i64,
    ) -> Shop {
        let mut shop = Shop {
            home: Home::new(),
            nats_url: nats_url.to_owned(),
            databases: databases.iter().cloned().collect(),
            ports: PARTICIPANTS.map(|service| (service, free_port())).into(),
            running: BTreeMap::new(),
            placed: RefCell::default(),
            registered: Cell::new(0),
            stock,
        };
        shop.set_answer_wait(answer_wait_ms);
        for service in PARTICIPANTS {
            shop.start(service);
        }
        for number in 0..PRODUCTS {
            let body = json!({
                "product_id": format!("p{number}"), "name": "Tea", "unit_price_cents": 450, "stock": stock,
            });
            let _ = send("POST", &shop.url("catalog", "/v1/products"), Some(&body)).with_status(201);
        }
        wait_until("the prices are known", &shop.processes(), || {
            let metrics = try_get(&shop.url("orders", "/metrics"))?.text;
            let reached = format!("source=\"catalog\"}} {}", PRODUCTS * 2);
            if metrics.contains(&reached) { Ok(()) } else { Err(metrics) }
        });
        shop
    }

    fn set_answer_wait(&self, answer_wait_ms: u64) {
        let mut settings = String::new();
        for service in PARTICIPANTS {
            settings += &format!("[services.{service}]\nlisten = \"127.0.0.1:{}\"\n", self.ports[service]);
            if let Some(database) = self.databases.get(service) {
                settings += &format!("database = {database:?}\n");
            }
            if service == "orders" {
                settings += &format!("answer_wait_ms = {answer_wait_ms}\n");
            }
        }
        drop(self.home.write("config/prejoin.toml", settings));
    }

    pub(crate) fn restart_orders_with(&mut self, answer_wait_ms: u64) {
        self.set_answer_wait(answer_wait_ms);
        self.kill("orders");
    }

    pub(crate) fn url(&self, service: &str, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.ports[service])
    }

    pub(crate) fn processes(&self) -> Vec<&Process> {
        self.running.values().collect()
    }

    pub(crate) fn start(&mut self, service: &'static str) {
        let nats_url = self.nats_url.replace("{user}", service);
        let process = self.home.command(&["service", service]).flag("--nats-url", nats_url).start();
        process.url(service);
        self.running.insert(service, process);
    }

    pub(crate) fn stop(&mut self, service: &'static str) {
        if let Some(process) = self.running.remove(service) {
            drop(process.kill_9());
        }
    }

    /// Ends a participant as a power switch would, and starts it again.
    pub(crate) fn kill(&mut self, service: &'static str) {
        self.stop(service);
        self.start(service);
    }

    /// `prejoin saga …`, which must succeed.
    pub(crate) fn saga(&self, arguments: &[&str]) -> Ended {
        self.home.command(&[&["saga"], arguments].concat()).run().with_code(0)
    }

    pub(crate) fn saga_refused(&self, arguments: &[&str]) -> Ended {
        self.home.command(&[&["saga"], arguments].concat()).run().failed()
    }

    /// `prejoin service …`, to its end.
    pub(crate) fn service(&self, arguments: &[&str]) -> Ended {
        let nats_url = self.nats_url.replace("{user}", arguments[0]);
        self.home.command(&[&["service"], arguments].concat()).flag("--nats-url", nats_url).run()
    }

    /// What a service has published.
    pub(crate) fn events(&self, service: &str) -> Vec<Value> {
        let tail = ["events", "tail", service, "--from-start", "--no-follow"];
        let nats_url = self.nats_url.replace("{user}", service);
        let told = self.home.command(&tail).flag("--nats-url", nats_url).run().with_code(0);
        let events = told.stdout.lines().map(serde_json::from_str);
        events.collect::<Result<_, _>>().expect("events are JSON")
    }

    /// An order for one piece.
    pub(crate) fn place_one(&self, order_id: &str) {
        self.send_order(order_id, &[json!({ "product_id": "p0", "quantity": 1 })]);
    }

    /// An order for some pieces of some products.
    pub(crate) fn place(&self, order_id: &str, chance: &mut Chance) {
        let line =
            |number: u64, quantity: u64| json!({ "product_id": format!("p{number}"), "quantity": quantity });
        let lines: Vec<_> =
            (0..chance.between(1, 3)).map(|_| line(chance.below(PRODUCTS), chance.between(1, 4))).collect();
        self.send_order(order_id, &lines);
    }

    /// Every order is another customer's, who registers for it and is told a new name.
    fn send_order(&self, order_id: &str, lines: &[Value]) {
        let customer_id = format!("of {order_id}");
        let body = json!({ "user_id": customer_id, "name": "A" });
        let _ = send("POST", &self.url("users", "/v1/users"), Some(&body)).with_status(201);
        let path = format!("/v1/users/of%20{order_id}");
        let _ = send("PATCH", &self.url("users", &path), Some(&json!({ "name": "B" }))).with_status(200);
        self.registered.set(self.registered.get() + 1);
        let body = json!({ "order_id": order_id, "customer_id": customer_id, "lines": lines });
        let _ = send("POST", &self.url("orders", "/v1/orders"), Some(&body)).with_status(201);
        self.placed.borrow_mut().insert(order_id.to_owned());
    }

    /// Something that may happen to an order, if its state allows it.
    pub(crate) fn command(&self, order_id: &str, chance: &mut Chance) {
        let (service, path, body) = match chance.below(4) {
            0 => ("orders", format!("/v1/orders/{order_id}/cancel"), json!({})),
            1 => ("orders", format!("/v1/orders/{order_id}/pay"), json!({})),
            2 => ("orders", format!("/v1/orders/{order_id}/retry"), json!({})),
            _ => ("shipping", format!("/v1/shipments/{order_id}/dispatch"), json!({ "carrier": "C" })),
        };
        let answer = send("POST", &self.url(service, &path), Some(&body));
        assert!(matches!(answer.status, 200 | 404 | 409), "{answer:?}");
    }

    pub(crate) fn status(&self, order_id: &str) -> Result<String, String> {
        let order = self.find("orders", &format!("/v1/orders/{order_id}"))?;
        let order = order.ok_or_else(|| format!("there is no order {order_id}"))?;
        Ok(order["status"].as_str().unwrap_or_default().to_owned())
    }

    fn attempt(&self, order_id: &str) -> Result<i64, String> {
        let order = self.find("orders", &format!("/v1/orders/{order_id}"))?;
        Ok(order.map_or(0, |order| order["attempt"].as_i64().unwrap_or_default()))
    }

    /// Attempt and state of an order's last reservation.
    pub(crate) fn reservation(&self, order_id: &str) -> Result<Option<(i64, String)>, String> {
        let found = self.find("catalog", &format!("/v1/reservations/{order_id}"))?;
        let state = |found: Value| {
            (
                found["attempt"].as_i64().unwrap_or_default(),
                found["state"].as_str().unwrap_or_default().to_owned(),
            )
        };
        Ok(found.map(state))
    }

    fn shipment(&self, order_id: &str) -> Result<String, String> {
        let found = self.find("shipping", &format!("/v1/shipments/{order_id}"))?;
        let found = found.unwrap_or(Value::Null);
        Ok(found["status"].as_str().unwrap_or("none").to_owned())
    }

    fn find(&self, service: &str, path: &str) -> Result<Option<Value>, String> {
        let answer = try_get(&self.url(service, path))?;
        match answer.status {
            200 => Ok(Some(answer.json())),
            404 => Ok(None),
            _ => Err(format!("{answer:?}")),
        }
    }

    /// Whether every order stands where nothing more will happen to it by itself. The error says which does not.
    pub(crate) fn settled(&self) -> Result<(), String> {
        for order_id in self.placed.borrow().iter() {
            let attempt = self.attempt(order_id)?;
            let seen =
                (self.status(order_id)?, attempt, self.reservation(order_id)?, self.shipment(order_id)?);
            let (status, _, reservation, shipment) = &seen;
            // What an earlier attempt came to says nothing about the last one.
            let last = reservation.as_ref().filter(|(number, _)| *number == attempt);
            let reservation = last.map_or("none", |(_, state)| state.as_str());
            let is_settled = match status.as_str() {
                "confirmed" => reservation == "reserved" && shipment == "created",
                "paid" => reservation == "reserved" && shipment == "created",
                "shipped" => reservation == "taken" && shipment == "dispatched",
                "rejected" => matches!(reservation, "rejected" | "released") && shipment == "none",
                "cancelled" => {
                    matches!(reservation, "rejected" | "released")
                        && matches!(shipment.as_str(), "none" | "cancelled")
                }
                _ => false,
            };
            if !is_settled {
                return Err(format!("{order_id}: {seen:?}"));
            }
        }
        Ok(())
    }

    /// Fails unless every customer was registered and renamed once, in that order, here and in the log.
    fn check_customers(&self) {
        let registered = self.registered.get();
        wait_until("the users' events are in the log", &self.processes(), || {
            let metrics = try_get(&self.url("users", "/metrics"))?.text;
            let reached = "prejoin_outbox_unsent_events{service=\"users\"} 0";
            if metrics.contains(reached) { Ok(()) } else { Err(metrics) }
        });
        let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for event in self.events("users") {
            let text = |field: &str| event[field].as_str().expect("it is a text").to_owned();
            seen.entry(text("subject")).or_default().push(text("type"));
        }
        assert_eq!(seen.len() as u64, registered, "{seen:?}");
        for (user, kinds) in seen {
            assert_eq!(kinds, ["users.registered.v1", "users.renamed.v1"], "{user}");
            let path = format!("/v1/users/{}", user.replace(' ', "%20"));
            let user = self.find("users", &path).expect("it answers").expect("what was answered is there");
            assert_eq!(user["name"], "B");
        }
    }

    /// Checks customers and stock. Returns how many orders are in which state.
    pub(crate) fn check(&self) -> BTreeMap<String, usize> {
        self.check_customers();
        self.check_stock()
    }

    /// Fails unless every piece is where it belongs. Returns how many orders are in which state.
    pub(crate) fn check_stock(&self) -> BTreeMap<String, usize> {
        let mut held: BTreeMap<String, i64> = BTreeMap::new();
        let mut seen = BTreeMap::new();
        for order_id in self.placed.borrow().iter() {
            let order = self.find("orders", &format!("/v1/orders/{order_id}")).expect("it answers");
            let order = order.expect("what was answered is there");
            *seen.entry(order["status"].as_str().expect("it has a state").to_owned()).or_default() += 1;
            if matches!(order["status"].as_str(), Some("confirmed" | "paid" | "shipped")) {
                for line in order["lines"].as_array().expect("it has lines") {
                    let product = line["product_id"].as_str().expect("it has a product").to_owned();
                    *held.entry(product).or_default() +=
                        line["quantity"].as_i64().expect("it has a quantity");
                }
            }
        }
        for number in 0..PRODUCTS {
            let product_id = format!("p{number}");
            let product = self.find("catalog", &format!("/v1/products/{product_id}")).expect("it answers");
            let available = product.expect("it is listed")["available"].as_i64().expect("it is counted");
            let held = held.get(&product_id).copied().unwrap_or_default();
            assert!(
                available >= 0 && available + held == self.stock,
                "{product_id}: {available} + {held} != {}",
                self.stock
            );
        }
        seen
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("the loopback interface has a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}
