//! An order with its customer, its shipment and its products: two rounds of questions, each asked at once.

use std::collections::BTreeSet;

use futures::future::join_all;
use futures::join;
use serde_json::{Map, Value, json};

use super::Composed;
use super::part::{Asker, Part};

/// Products of an order that are asked for; the rest is named as missing.
const PRODUCTS_MAX: usize = 50;

pub(super) async fn compose(asker: &Asker, order_id: &str) -> Composed {
    let (order, shipment) =
        join!(asker.ask("orders", "orders", order_id), asker.ask("shipping", "shipments", order_id));
    let mut missing = Vec::new();
    let order = match order {
        Part::Absent => return Composed::Unknown,
        order => taken(order, "order", "orders", &mut missing),
    };
    let shipment_came = matches!(shipment, Part::Found(_) | Part::Absent);
    let shipment = taken(shipment, "shipment", "shipping", &mut missing);
    let product_ids = product_ids(&order);
    let (customer, products) = join!(
        customer(asker, &order),
        join_all(
            product_ids
                .iter()
                .take(PRODUCTS_MAX)
                .map(|product_id| { asker.ask("catalog", "products", product_id) })
        )
    );
    let customer = match customer {
        Some(part) => taken(part, "customer", "users", &mut missing),
        None => {
            name_missing("customer", "users", "the order is missing", &mut missing);
            Value::Null
        }
    };
    if order.is_null() {
        name_missing("products", "catalog", "the order is missing", &mut missing);
    }
    let mut found = Map::new();
    for (product_id, product) in product_ids.iter().zip(products) {
        let part = format!("products.{product_id}");
        found.insert(product_id.clone(), taken(product, &part, "catalog", &mut missing));
    }
    for product_id in product_ids.iter().skip(PRODUCTS_MAX) {
        let reason = format!("{PRODUCTS_MAX} products are asked for at most");
        name_missing(&format!("products.{product_id}"), "catalog", &reason, &mut missing);
    }
    if order.is_null() && !shipment_came {
        return Composed::Nothing(Value::Array(missing));
    }
    Composed::Order(json!({
        "order": order, "customer": customer, "shipment": shipment, "products": found, "missing": missing,
    }))
}

/// Nothing if there is no order that names one.
async fn customer(asker: &Asker, order: &Value) -> Option<Part> {
    Some(asker.ask("users", "users", order["customer_id"].as_str()?).await)
}

fn product_ids(order: &Value) -> BTreeSet<String> {
    let lines = order["lines"].as_array().into_iter().flatten();
    lines.filter_map(|line| Some(line["product_id"].as_str()?.to_owned())).collect()
}

/// The entity; null for one that does not exist, and for one that did not come, which is named.
fn taken(part: Part, name: &str, service: &str, missing: &mut Vec<Value>) -> Value {
    match part {
        Part::Found(found) => found,
        Part::Absent => Value::Null,
        Part::Missing(reason) => {
            name_missing(name, service, &reason, missing);
            Value::Null
        }
    }
}

fn name_missing(part: &str, service: &str, reason: &str, missing: &mut Vec<Value>) {
    missing.push(json!({ "part": part, "service": service, "reason": reason }));
}
