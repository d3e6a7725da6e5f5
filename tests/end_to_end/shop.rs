//! Commands to the users and orders services, and what their answers must say.

#![allow(dead_code, reason = "every test binary uses a part of it")]

use serde_json::{Value, json};

use crate::support::{Answer, Process, rows, send, wait_until};

/// Addresses of the two services, and of the query API that shows what becomes of commands.
pub(crate) struct Counter {
    pub(crate) users: String,
    pub(crate) orders: String,
    pub(crate) api: String,
}

impl Counter {
    /// All three from one `prejoin up`.
    pub(crate) fn of(up: &Process) -> Counter {
        Counter { users: up.url("users"), orders: up.url("orders"), api: up.url("api") }
    }

    pub(crate) fn register(&self, id: &str, name: &str) {
        let body = json!({ "user_id": id, "name": name, "city": "Graz" });
        let _ = send("POST", &format!("{}/users", self.users), Some(&body)).with_status(201);
    }

    pub(crate) fn rename(&self, id: &str, name: &str) {
        let body = json!({ "name": name });
        let _ = send("PATCH", &format!("{}/users/{id}", self.users), Some(&body)).with_status(200);
    }

    pub(crate) fn place(&self, order: &str, customer: &str) -> Answer {
        let body = json!({ "order_id": order, "customer_id": customer,
            "lines": [{ "product_id": "1", "quantity": 2, "unit_price_cents": 250 }] });
        send("POST", &format!("{}/orders", self.orders), Some(&body)).with_status(201)
    }

    /// `pay`, `ship`, `deliver` or `cancel`.
    pub(crate) fn make(&self, order: &str, step: &str) -> Answer {
        send("POST", &format!("{}/orders/{order}/{step}", self.orders), None)
    }

    /// Waits until the view `orders_with_customers` has this row for an order: status and customer's name.
    pub(crate) fn wait_for_order(&self, up: &[&Process], order: &str, status: &str, name: Value) {
        let expected = json!([{ "status": status, "customer_name": name }]);
        let query = format!("orders_with_customers?select=status,customer_name&order_id=eq.{order}");
        wait_until(&format!("order {order} is {expected}"), up, || {
            let found = Value::Array(rows(&self.api, &query)?);
            if found == expected { Ok(()) } else { Err(found.to_string()) }
        });
    }
}
