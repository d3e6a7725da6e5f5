//! What the views must hold, worked out from events with nothing but maps and loops.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::support::{Process, rows, wait_until};

type Table = BTreeMap<String, Map<String, Value>>;

/// The shop after a number of events.
#[derive(Default)]
pub(crate) struct Shop {
    users: Table,
    products: Table,
    orders: Table,
    lines: BTreeMap<String, Vec<Value>>,
    shipments: Table,
}

impl Shop {
    pub(crate) fn after<L: AsRef<str>>(events: &[L]) -> Shop {
        let mut shop = Shop::default();
        for line in events {
            let event: Value = serde_json::from_str(line.as_ref()).expect("an event is JSON");
            shop.apply(event["type"].as_str().expect("an event has a type"), &event["data"]);
        }
        shop
    }

    fn apply(&mut self, kind: &str, data: &Value) {
        let text = |name: &str| data[name].as_str().expect("a key is text").to_owned();
        match kind {
            "users.erased.v1" => drop(self.users.remove(&text("user_id"))),
            "users.registered.v1" | "users.renamed.v1" | "users.changed.v1" => {
                patch(&mut self.users, text("user_id"), data);
            }
            "catalog.product_discontinued.v1" => drop(self.products.entry(text("product_id")).or_default()),
            "catalog.product_listed.v1" | "catalog.product_renamed.v1" | "catalog.price_changed.v1" => {
                patch(&mut self.products, text("product_id"), data);
            }
            "shipping.dispatched.v1" | "shipping.delivered.v1" => {
                patch(&mut self.shipments, text("order_id"), data);
            }
            _ => {
                let status = kind.strip_prefix("orders.").and_then(|rest| rest.strip_suffix(".v1"));
                let status = status.expect("it is an order's event");
                if status == "placed" {
                    let lines = data["lines"].as_array().expect("an order has lines").clone();
                    self.lines.insert(text("order_id"), lines);
                }
                let order = patch(&mut self.orders, text("order_id"), data);
                order.insert("status".to_owned(), json!(status));
            }
        }
    }

    /// All columns of `orders_with_customers`, in order of `order_id`.
    pub(crate) fn orders_with_customers(&self) -> Vec<Value> {
        let row = |(id, order): (&String, &Map<String, Value>)| {
            json!({
                "order_id": id, "status": order["status"], "total_cents": get(order, "total_cents"),
                "placed_at": time(order), "customer_id": get(order, "customer_id"),
                "customer_name": self.of_user(order, "name"), "customer_contact": self.of_user(order, "contact"),
                "customer_city": self.of_user(order, "city"), "customer_country": self.of_user(order, "country"),
            })
        };
        self.orders.iter().map(row).collect()
    }

    /// Some columns of `order_line_details`, in order of `order_id` and `line_no`.
    pub(crate) fn order_line_details(&self) -> Vec<Value> {
        let mut rows = Vec::new();
        for (id, lines) in &self.lines {
            let order = &self.orders[id];
            for (index, line) in lines.iter().enumerate() {
                let number = |name: &str| line[name].as_i64().expect("a line has numbers");
                let amount =
                    number("quantity") * number("unit_price_cents") * (100 - number("discount_percent"))
                        / 100;
                let product = line["product_id"].as_str().and_then(|product| self.products.get(product));
                rows.push(json!({
                    "order_id": id, "line_no": index + 1, "product_name": product.map_or(Value::Null, |product| get(product, "name")),
                    "amount_cents": amount, "status": order["status"], "customer_name": self.of_user(order, "name"),
                }));
            }
        }
        rows
    }

    /// Some columns of `open_orders`, in order of `order_id`.
    pub(crate) fn open_orders(&self) -> Vec<Value> {
        let open = self.orders.iter().filter_map(|(id, order)| {
            let next_step = match order["status"].as_str() {
                Some("placed") => "await payment",
                Some("paid") => "ship",
                Some("shipped") => "await delivery",
                _ => return None,
            };
            let name = match self.of_user(order, "name") {
                Value::Null => {
                    json!(format!("customer {}", get(order, "customer_id").as_str().unwrap_or_default()))
                }
                name => name,
            };
            let carrier = self.shipments.get(id).map_or(Value::Null, |shipment| get(shipment, "carrier"));
            Some(json!({ "order_id": id, "next_step": next_step, "customer_name": name, "carrier": carrier }))
        });
        open.collect()
    }

    /// A column of the user who ordered.
    fn of_user(&self, order: &Map<String, Value>, column: &str) -> Value {
        let user = order.get("customer_id").and_then(Value::as_str).and_then(|id| self.users.get(id));
        user.map_or(Value::Null, |user| get(user, column))
    }

    /// Waits until the views served at `api` hold exactly these rows.
    pub(crate) fn wait_until_served(&self, api: &str, processes: &[&Process]) {
        let expected = [
            ("orders_with_customers?order=order_id", self.orders_with_customers()),
            (
                "order_line_details?select=order_id,line_no,product_name,amount_cents,status,customer_name&order=order_id,line_no",
                self.order_line_details(),
            ),
            (
                "open_orders?select=order_id,next_step,customer_name,carrier&order=order_id",
                self.open_orders(),
            ),
        ];
        for (query, expected) in &expected {
            wait_until(&format!("{query} has the joined rows"), processes, || {
                difference(expected, &rows(api, query)?)
            });
        }
    }
}

/// The first difference between the rows that should be there and those that are.
pub(crate) fn difference(expected: &[Value], found: &[Value]) -> Result<(), String> {
    if expected == found {
        return Ok(());
    }
    let at = expected.iter().zip(found).take_while(|(expected, found)| expected == found).count();
    Err(format!(
        "{} rows expected, {} found; the first that differs, row {at}:\nexpected {}\nfound    {}",
        expected.len(),
        found.len(),
        expected.get(at).unwrap_or(&Value::Null),
        found.get(at).unwrap_or(&Value::Null),
    ))
}

fn patch<'t>(table: &'t mut Table, key: String, data: &Value) -> &'t mut Map<String, Value> {
    let row = table.entry(key).or_default();
    for (name, value) in data.as_object().expect("data is an object") {
        row.insert(name.clone(), value.clone());
    }
    row
}

fn get(row: &Map<String, Value>, column: &str) -> Value {
    row.get(column).cloned().unwrap_or(Value::Null)
}

/// In the form of JSON that PostgreSQL gives a timestamptz.
fn time(order: &Map<String, Value>) -> Value {
    match get(order, "placed_at") {
        Value::String(text) => json!(text.replace('Z', "+00:00")),
        other => other,
    }
}
