//! A small shop: few keys, so that everything meets everything; contracts and views over it.

use bytes::Bytes;
use prejoin_contract::ContractFile;
use prejoin_engine::Definition;
use prejoin_sql::ViewFile;
use serde_json::{Value, json};

use crate::random::Random;

pub(crate) const SERVICES: [&str; 3] = ["geo", "orders", "users"];

const GEO: &str = r#"
service = "geo"
[tables.countries]
key = ["country_id"]
columns = { country_id = "text", name = "text", note = "text" }
[[on]]
event = "geo.named.v1"
table = "countries"
set = { country_id = "$.id", name = "$.name", note = "$.note" }
[[on]]
event = "geo.dissolved.v1"
table = "countries"
delete = { country_id = "$.id" }
"#;

const USERS: &str = r#"
service = "users"
[tables.users]
key = ["user_id"]
columns = { user_id = "text", name = "text", country_id = "text" }
[[on]]
event = "users.registered.v1"
table = "users"
set = { user_id = "$.id", name = "$.name", country_id = "$.country" }
[[on]]
event = "users.renamed.v1"
table = "users"
set = { user_id = "$.id", name = "$.name" }
[[on]]
event = "users.erased.v1"
table = "users"
delete = { user_id = "$.id" }
"#;

const ORDERS: &str = r##"
service = "orders"
[tables.orders]
key = ["order_id"]
columns = { order_id = "text", customer_id = "text", amount = "bigint" }
[tables.lines]
key = ["order_id", "line_no"]
columns = { order_id = "text", line_no = "bigint", sku = "text" }
[[on]]
event = "orders.placed.v1"
table = "orders"
set = { order_id = "$.id", customer_id = "$.customer", amount = "$.amount" }
[[on]]
event = "orders.placed.v1"
table = "lines"
each = "$.lines"
within = ["order_id"]
set = { order_id = "$.id", line_no = "#", sku = "@.sku" }
[[on]]
event = "orders.moved.v1"
table = "orders"
set = { order_id = "$.id", customer_id = "$.customer" }
[[on]]
event = "orders.cancelled.v1"
table = "orders"
delete = { order_id = "$.id" }
[[on]]
event = "orders.cancelled.v1"
table = "lines"
delete = { order_id = "$.id" }
"##;

const VIEWS: &str = "
CREATE MATERIALIZED VIEW order_list AS
SELECT o.order_id, o.amount, u.name AS customer, c.name AS country
FROM orders o
LEFT JOIN users u ON u.user_id = o.customer_id
LEFT JOIN countries c ON c.country_id = u.country_id;

CREATE MATERIALIZED VIEW line_list AS
SELECT l.order_id, l.line_no, l.sku, u.name AS customer
FROM lines l
JOIN orders o ON o.order_id = l.order_id
LEFT JOIN users u ON u.user_id = o.customer_id
WHERE o.amount > 10;

-- A line's sku is the country that it comes from.
CREATE MATERIALIZED VIEW order_summary AS
SELECT o.order_id,
       (SELECT jsonb_agg(c.name ORDER BY l.line_no DESC)
          FROM lines l LEFT JOIN countries c ON c.country_id = l.sku
         WHERE l.order_id = o.order_id) AS origins,
       (SELECT x.order_id FROM orders x WHERE x.customer_id = o.customer_id
         ORDER BY x.amount DESC, x.order_id LIMIT 1) AS greatest_of_customer
FROM orders o
WHERE EXISTS (SELECT 1 FROM users u JOIN countries c ON c.country_id = u.country_id
               WHERE u.user_id = o.customer_id AND c.name <> 'A');

CREATE MATERIALIZED VIEW by_customer AS
SELECT customer_id, count(*) AS orders, sum(amount) AS amount, min(amount) AS least, max(order_id) AS last
FROM orders GROUP BY customer_id;

CREATE MATERIALIZED VIEW by_country AS
SELECT c.name AS country, count(DISTINCT o.customer_id) AS customers, string_agg(o.order_id, ',' ORDER BY o.order_id DESC) AS ids
FROM orders o LEFT JOIN users u ON u.user_id = o.customer_id LEFT JOIN countries c ON c.country_id = u.country_id
GROUP BY c.name HAVING count(*) > 1;

CREATE MATERIALIZED VIEW sizes AS SELECT orders, count(*) AS customers FROM by_customer GROUP BY orders;

CREATE MATERIALIZED VIEW all_lines AS SELECT count(*) AS lines, max(line_no) AS longest FROM lines;

CREATE MATERIALIZED VIEW shares AS
SELECT o.order_id, o.amount, b.amount AS of_customer
FROM orders o LEFT JOIN by_customer b ON b.customer_id = o.customer_id;
";

pub(crate) fn definition() -> Definition {
    let contract = |(path, text): (&str, &str)| ContractFile { path: path.to_owned(), text: text.to_owned() };
    let contracts = [("geo.toml", GEO), ("users.toml", USERS), ("orders.toml", ORDERS)].map(contract);
    let views = ViewFile { path: "views.sql".to_owned(), text: VIEWS.to_owned() };
    Definition::load(&contracts, &[views]).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// An event before it is written.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) service: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) sequence: u64,
    pub(crate) id: String,
    pub(crate) data: Value,
}

impl Event {
    /// Whether it does not fit by itself.
    pub(crate) fn is_unfit(&self) -> bool {
        self.kind == "placed.v1" && self.data["amount"].is_string()
    }

    pub(crate) fn to_json(&self) -> Bytes {
        json!({
            "specversion": "1.0", "id": format!("{}-{}", self.service, self.sequence), "source": "/sim",
            "type": format!("{}.{}", self.service, self.kind), "subject": self.id,
            "sequence": self.sequence.to_string(), "data": self.data,
        })
        .to_string()
        .into()
    }
}

pub(crate) fn event(service: &'static str, sequence: u64, random: &mut Random) -> Event {
    let (kind, id, data) = match service {
        "geo" => geo_event(random),
        "users" => users_event(random),
        _ => orders_event(random),
    };
    Event { service, kind, sequence, id, data }
}

fn geo_event(random: &mut Random) -> (&'static str, String, Value) {
    let id = random.pick(&["de", "fr", "pt"]).to_owned();
    match random.below(5) {
        0 => ("dissolved.v1", id.clone(), json!({ "id": id })),
        1 => ("rained.v1", id.clone(), json!({ "id": id })),
        _ => {
            let name = random.pick(&["A", "B", "C"]);
            let note = random.below(3);
            ("named.v1", id.clone(), json!({ "id": id, "name": name, "note": note.to_string() }))
        }
    }
}

fn users_event(random: &mut Random) -> (&'static str, String, Value) {
    let id = random.pick(&["u1", "u2", "u3"]).to_owned();
    let name = random.pick(&["Ada", "Bo", "Cy", "Dan"]);
    let country = random.pick(&[Some("de"), Some("fr"), Some("pt"), Some("xx"), None]);
    match random.below(6) {
        0 => ("erased.v1", id.clone(), json!({ "id": id })),
        1 | 2 => ("renamed.v1", id.clone(), json!({ "id": id, "name": name })),
        _ => ("registered.v1", id.clone(), json!({ "id": id, "name": name, "country": country })),
    }
}

fn orders_event(random: &mut Random) -> (&'static str, String, Value) {
    let id = format!("o{}", random.below(12));
    let customer = random.pick(&[Some("u1"), Some("u1"), Some("u2"), Some("u3"), Some("u9"), None]);
    let lines: Vec<_> =
        (0..random.below(4)).map(|_| json!({ "sku": random.pick(&["de", "fr", "x"]) })).collect();
    match random.below(30) {
        // Does not fit: the order's later events wait behind it.
        0 | 29 => (
            "placed.v1",
            id.clone(),
            json!({ "id": id, "customer": customer, "amount": "much", "lines": lines }),
        ),
        1..=3 => ("cancelled.v1", id.clone(), json!({ "id": id })),
        4..=11 => ("moved.v1", id.clone(), json!({ "id": id, "customer": customer })),
        _ => {
            let amount = random.pick(&[5, 10, 11, 70]);
            (
                "placed.v1",
                id.clone(),
                json!({ "id": id, "customer": customer, "amount": amount, "lines": lines }),
            )
        }
    }
}
