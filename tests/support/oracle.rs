//! What the shipped views must hold, worked out a second way: events folded into maps of JSON by hand, views as loops
//! over them.
//!
//! Knows the shipped contracts and views by their meaning, and uses no code of the projector. A view that is not known
//! here is not judged.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::{Map, Value, json};

/// The views that the oracle knows, with the columns of their keys.
pub(crate) const VIEWS: [(&str, &[&str]); 3] = [
    ("orders_with_customers", &["order_id"]),
    ("open_orders", &["order_id"]),
    ("order_line_details", &["order_id", "line_no"]),
];

/// Rows by their key's text.
pub(crate) type Rows = BTreeMap<String, Value>;

/// Up to where each service's events are taken.
pub(crate) type Ends = BTreeMap<String, u64>;

/// Rows of one kind of entity by their key.
type Table<K> = HashMap<K, Map<String, Value>>;

/// Names a dead letter: service, sequence, stream sequence, and the sequence it is parked behind.
pub(crate) type DeadLetter = (String, Option<u64>, Option<u64>, Option<u64>);

/// The fold of a log, or of the beginning of each of its streams.
#[derive(Debug, Default)]
pub(crate) struct Oracle {
    users: Table<String>,
    products: Table<String>,
    orders: Table<String>,
    order_lines: HashMap<String, Vec<Map<String, Value>>>,
    shipments: Table<String>,
    /// The last event of each service that was taken.
    pub(crate) ends: Ends,
    /// Events that came again.
    pub(crate) repeated: u64,
    pub(crate) dead_letters: BTreeSet<DeadLetter>,
    /// The first dead letter of an entity, by service and entity.
    parked: HashMap<(String, String), u64>,
}

impl Oracle {
    /// Takes the message at a place of a service's stream. Messages of one service come in their order.
    pub(crate) fn take(&mut self, service: &str, stream_sequence: u64, payload: &str) {
        let event: Value = serde_json::from_str(payload).unwrap_or(Value::Null);
        let Some(sequence) = sequence_of(&event) else {
            self.dead_letters.insert((service.to_owned(), None, Some(stream_sequence), None));
            return;
        };
        let end = self.ends.entry(service.to_owned()).or_default();
        if sequence <= *end {
            self.repeated += 1;
            return;
        }
        assert_eq!(sequence, *end + 1, "the log of {service} has a hole before: {payload}");
        *end = sequence;
        self.apply(service, sequence, &event);
    }

    /// The fold of whole streams, each as its messages in their order, up to these ends.
    pub(crate) fn fold<'a>(
        streams: impl IntoIterator<Item = (&'a String, &'a Vec<String>)>,
        ends: Option<&Ends>,
    ) -> Oracle {
        let mut oracle = Oracle::default();
        for (service, messages) in streams {
            let end = ends.map_or(u64::MAX, |ends| ends.get(service).copied().unwrap_or(0));
            for (stream_sequence, payload) in (1..).zip(messages) {
                if oracle.ends.get(service).copied().unwrap_or(0) == end {
                    break;
                }
                oracle.take(service, stream_sequence, payload);
            }
        }
        oracle
    }

    fn apply(&mut self, service: &str, sequence: u64, event: &Value) {
        let kind = text(&event["type"]).unwrap_or_default();
        let (data, entity) = (&event["data"], text(&event["subject"]).unwrap_or_default());
        let Some(entity_column) = entity_column(kind) else { return };
        let behind = self.parked.get(&(service.to_owned(), entity.to_owned())).copied();
        if behind.is_some() || !fits(kind, data) {
            self.dead_letters.insert((service.to_owned(), Some(sequence), None, behind));
            self.parked.entry((service.to_owned(), entity.to_owned())).or_insert(sequence);
            return;
        }
        let key = text(&data[entity_column]).unwrap_or_default().to_owned();
        match kind {
            "users.registered.v1" => {
                set(&mut self.users, key, data, &["name", "contact", "city", "country", "phone"])
            }
            "users.renamed.v1" => set(&mut self.users, key, data, &["name"]),
            "users.changed.v1" => {
                set(&mut self.users, key, data, &["contact", "city", "country", "phone"]);
            }
            "users.erased.v1" => drop(self.users.remove(&key)),
            "catalog.product_listed.v1" => {
                set(&mut self.products, key, data, &["name", "category", "unit_price_cents"]);
            }
            "catalog.product_renamed.v1" => set(&mut self.products, key, data, &["name"]),
            "catalog.price_changed.v1" => set(&mut self.products, key, data, &["unit_price_cents"]),
            "catalog.product_discontinued.v1" => set(&mut self.products, key, data, &[]),
            "orders.placed.v1" => {
                let lines = data["lines"].as_array().cloned().unwrap_or_default();
                let lines = lines.into_iter().filter_map(|line| line.as_object().cloned());
                self.order_lines.insert(key.clone(), lines.collect());
                set(&mut self.orders, key.clone(), data, &["customer_id", "total_cents", "placed_at"]);
                self.set_status(key, "placed");
            }
            "orders.paid.v1" => self.set_status(key, "paid"),
            "orders.shipped.v1" => self.set_status(key, "shipped"),
            "orders.delivered.v1" => self.set_status(key, "delivered"),
            "orders.cancelled.v1" => self.set_status(key, "cancelled"),
            "shipping.dispatched.v1" => {
                set(&mut self.shipments, key, data, &["carrier", "city", "country", "dispatched_at"]);
            }
            "shipping.delivered.v1" => set(&mut self.shipments, key, data, &[]),
            other => panic!("{other} has an entity, but its meaning is not known here"),
        }
    }

    fn set_status(&mut self, order_id: String, status: &str) {
        self.orders.entry(order_id).or_default().insert("status".to_owned(), status.into());
    }

    /// The rows of a view that is known.
    pub(crate) fn rows(&self, view: &str) -> Rows {
        let rows: Vec<Value> = match view {
            "orders_with_customers" => self.orders.keys().map(|id| self.order_with_customer(id)).collect(),
            "open_orders" => self.orders.keys().filter_map(|id| self.open_order(id)).collect(),
            "order_line_details" => self.orders.keys().flat_map(|id| self.line_details(id)).collect(),
            other => panic!("the oracle does not know the view {other}"),
        };
        rows.into_iter().map(|row| (key_of(view, &row), row)).collect()
    }

    /// Name, contact and so on of a user that is registered, as orders know it.
    pub(crate) fn user(&self, user_id: &str, column: &str) -> Value {
        column_of(self.users.get(user_id), column)
    }

    pub(crate) fn has_user(&self, user_id: &str) -> bool {
        self.users.contains_key(user_id)
    }

    /// Status, total and so on of an order; NULL if there is none.
    pub(crate) fn order(&self, order_id: &str, column: &str) -> Value {
        column_of(self.orders.get(order_id), column)
    }

    pub(crate) fn line_count(&self, order_id: &str) -> usize {
        self.order_lines.get(order_id).map_or(0, Vec::len)
    }

    fn customer_of(&self, order_id: &str, column: &str) -> Value {
        self.user(text(&self.order(order_id, "customer_id")).unwrap_or_default(), column)
    }

    fn order_with_customer(&self, order_id: &str) -> Value {
        json!({
            "order_id": order_id,
            "status": self.order(order_id, "status"),
            "total_cents": self.order(order_id, "total_cents"),
            "placed_at": time(&self.order(order_id, "placed_at")),
            "customer_id": self.order(order_id, "customer_id"),
            "customer_name": self.customer_of(order_id, "name"),
            "customer_contact": self.customer_of(order_id, "contact"),
            "customer_city": self.customer_of(order_id, "city"),
            "customer_country": self.customer_of(order_id, "country"),
        })
    }

    fn open_order(&self, order_id: &str) -> Option<Value> {
        let status = self.order(order_id, "status");
        let next_step = match text(&status)? {
            "placed" => "await payment",
            "paid" => "ship",
            "shipped" => "await delivery",
            _ => return None,
        };
        let name = match (self.customer_of(order_id, "name"), self.order(order_id, "customer_id")) {
            (Value::Null, Value::String(customer_id)) => json!(format!("customer {customer_id}")),
            (name, _) => name,
        };
        let shipment = |column: &str| column_of(self.shipments.get(order_id), column);
        Some(json!({
            "order_id": order_id,
            "status": status,
            "next_step": next_step,
            "customer_name": name,
            "total_cents": self.order(order_id, "total_cents"),
            "placed_at": time(&self.order(order_id, "placed_at")),
            "carrier": shipment("carrier"),
            "ship_city": shipment("city"),
            "ship_country": shipment("country"),
            "dispatched_at": time(&shipment("dispatched_at")),
        }))
    }

    fn line_details(&self, order_id: &str) -> Vec<Value> {
        let lines = self.order_lines.get(order_id).map_or(&[][..], Vec::as_slice);
        let detail = |(line_no, line): (u64, &Map<String, Value>)| {
            let column = |name: &str| line.get(name).cloned().unwrap_or(Value::Null);
            let product = self.products.get(text(&column("product_id")).unwrap_or_default());
            json!({
                "order_id": order_id,
                "line_no": line_no,
                "product_id": column("product_id"),
                "product_name": column_of(product, "name"),
                "product_category": column_of(product, "category"),
                "quantity": column("quantity"),
                "unit_price_cents": column("unit_price_cents"),
                "discount_percent": column("discount_percent"),
                "amount_cents": amount_cents(line),
                "status": self.order(order_id, "status"),
                "placed_at": time(&self.order(order_id, "placed_at")),
                "customer_id": self.order(order_id, "customer_id"),
                "customer_name": self.customer_of(order_id, "name"),
            })
        };
        (1..).zip(lines).map(detail).collect()
    }
}

/// What differs between the rows that must be there and those that are, a few of them in full; nothing if nothing does.
pub(crate) fn differences(view: &str, expected: &Rows, actual: &Rows) -> Option<String> {
    const SHOWN: usize = 5;
    let keys: BTreeSet<&String> = expected.keys().chain(actual.keys()).collect();
    let differing: Vec<&String> =
        keys.into_iter().filter(|key| expected.get(*key) != actual.get(*key)).collect();
    if differing.is_empty() {
        return None;
    }
    let show = |row: Option<&Value>| row.map_or_else(|| "no such row".to_owned(), Value::to_string);
    let mut report =
        format!("{view}: {} of {} rows differ", differing.len(), expected.len().max(actual.len()));
    for key in differing.iter().take(SHOWN) {
        let (expected, actual) = (show(expected.get(*key)), show(actual.get(*key)));
        report.push_str(&format!("\n  {key}\n    by the log: {expected}\n    served:     {actual}"));
    }
    Some(report)
}

/// Rows of a view by their keys; a key that comes twice is a failure.
pub(crate) fn by_key(view: &str, rows: Vec<Value>) -> Rows {
    let mut seen = HashSet::new();
    for row in &rows {
        assert!(seen.insert(key_of(view, row)), "{view} has a row twice: {row}");
    }
    rows.into_iter().map(|row| (key_of(view, &row), row)).collect()
}

fn key_of(view: &str, row: &Value) -> String {
    let known = VIEWS.iter().find(|(name, _)| *name == view).expect("the view is known");
    let columns = known.1.iter().map(|column| row[*column].to_string());
    columns.collect::<Vec<_>>().join(" ")
}

/// The column that names the entity of an event type; nothing for types of which no contract speaks.
fn entity_column(kind: &str) -> Option<&'static str> {
    let known: &[(&str, &str)] = &[
        ("users.registered.v1", "user_id"),
        ("users.renamed.v1", "user_id"),
        ("users.changed.v1", "user_id"),
        ("users.erased.v1", "user_id"),
        ("catalog.product_listed.v1", "product_id"),
        ("catalog.product_renamed.v1", "product_id"),
        ("catalog.price_changed.v1", "product_id"),
        ("catalog.product_discontinued.v1", "product_id"),
        ("orders.placed.v1", "order_id"),
        ("orders.paid.v1", "order_id"),
        ("orders.shipped.v1", "order_id"),
        ("orders.delivered.v1", "order_id"),
        ("orders.cancelled.v1", "order_id"),
        ("shipping.dispatched.v1", "order_id"),
        ("shipping.delivered.v1", "order_id"),
    ];
    known.iter().find(|(name, _)| *name == kind).map(|(_, column)| *column)
}

/// Whether the columns that the event sets get values of their types. Not every misfit is recognised: an object in
/// place of a scalar is.
fn fits(kind: &str, data: &Value) -> bool {
    let Some(fields) = data.as_object() else { return false };
    let keyed = entity_column(kind).is_none_or(|column| data[column].is_string());
    keyed && fields.iter().all(|(name, value)| name == "lines" || !value.is_object())
}

/// A JSON number or a string of digits, from 1.
fn sequence_of(event: &Value) -> Option<u64> {
    let sequence = match &event["sequence"] {
        Value::String(digits) => digits.parse().ok(),
        number => number.as_u64(),
    };
    sequence.filter(|&sequence| sequence > 0)
}

/// Sets the named columns of a row, which is made if it is missing; a field that is absent is NULL.
fn set(table: &mut Table<String>, key: String, data: &Value, columns: &[&str]) {
    let row = table.entry(key).or_default();
    for column in columns {
        row.insert((*column).to_owned(), data[*column].clone());
    }
}

fn column_of(row: Option<&Map<String, Value>>, column: &str) -> Value {
    row.and_then(|row| row.get(column)).cloned().unwrap_or(Value::Null)
}

fn text(value: &Value) -> Option<&str> {
    value.as_str()
}

/// In whole cents, towards zero; NULL if any part of it is.
fn amount_cents(line: &Map<String, Value>) -> Value {
    let number = |column: &str| line.get(column).and_then(Value::as_i64);
    let amount = || {
        Some(number("quantity")? * number("unit_price_cents")? * (100 - number("discount_percent")?) / 100)
    };
    amount().map_or(Value::Null, Value::from)
}

/// `2024-01-01T00:00:03.120Z` as `2024-01-01T00:00:03.12+00:00`.
fn time(value: &Value) -> Value {
    let Some(text) = text(value) else { return Value::Null };
    let utc = text.strip_suffix('Z').unwrap_or_else(|| panic!("{text} is not a time in UTC"));
    let trimmed = match utc.split_once('.') {
        Some((seconds, fraction)) => {
            format!("{seconds}.{}", fraction.trim_end_matches('0')).trim_end_matches('.').to_owned()
        }
        None => utc.to_owned(),
    };
    json!(format!("{trimmed}+00:00"))
}
