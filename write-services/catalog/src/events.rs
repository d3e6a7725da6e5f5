//! What the service publishes, about products and about orders' reservations.

use prejoin_outbox::{NewEvent, OutboxError};
use serde::Serialize;

use crate::product::Product;

#[derive(Serialize)]
struct Listed<'a> {
    product_id: &'a str,
    name: &'a str,
    category: Option<&'a str>,
    unit_price_cents: i64,
    discontinued: bool,
}

#[derive(Serialize)]
struct Renamed<'a> {
    product_id: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
struct Repriced<'a> {
    product_id: &'a str,
    unit_price_cents: i64,
}

#[derive(Serialize)]
struct Discontinued<'a> {
    product_id: &'a str,
}

#[derive(Serialize)]
struct StockChanged<'a> {
    product_id: &'a str,
    available: i64,
}

/// About an order's attempt to get its stock.
#[derive(Serialize)]
struct Attempt<'a> {
    order_id: &'a str,
    attempt: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

pub(crate) fn listed(product: &Product) -> Result<NewEvent, OutboxError> {
    let Product { product_id, name, category, unit_price_cents, discontinued, .. } = product;
    let (category, unit_price_cents, discontinued) = (category.as_deref(), *unit_price_cents, *discontinued);
    let data = Listed { product_id, name, category, unit_price_cents, discontinued };
    NewEvent::new("catalog.product_listed.v1", product_id, &data)
}

/// The events that lead from one state of a product to another: none if nothing changed.
pub(crate) fn changes(before: &Product, after: &Product) -> Result<Vec<NewEvent>, OutboxError> {
    let product_id = after.product_id.as_str();
    let mut events = Vec::new();
    if before.name != after.name {
        let data = Renamed { product_id, name: &after.name };
        events.push(NewEvent::new("catalog.product_renamed.v1", product_id, &data)?);
    }
    if before.unit_price_cents != after.unit_price_cents {
        let data = Repriced { product_id, unit_price_cents: after.unit_price_cents };
        events.push(NewEvent::new("catalog.price_changed.v1", product_id, &data)?);
    }
    if before.discontinued != after.discontinued {
        events.push(NewEvent::new(
            "catalog.product_discontinued.v1",
            product_id,
            &Discontinued { product_id },
        )?);
    }
    if before.available != after.available {
        events.push(stock_changed(product_id, after.available)?);
    }
    Ok(events)
}

pub(crate) fn stock_changed(product_id: &str, available: i64) -> Result<NewEvent, OutboxError> {
    NewEvent::new("catalog.stock_changed.v1", product_id, &StockChanged { product_id, available })
}

pub(crate) fn reserved(order_id: &str, attempt: i64) -> Result<NewEvent, OutboxError> {
    NewEvent::new("catalog.stock_reserved.v1", order_id, &Attempt { order_id, attempt, reason: None })
}

pub(crate) fn rejected(order_id: &str, attempt: i64, reason: &str) -> Result<NewEvent, OutboxError> {
    let data = Attempt { order_id, attempt, reason: Some(reason) };
    NewEvent::new("catalog.stock_rejected.v1", order_id, &data)
}

pub(crate) fn released(order_id: &str, attempt: i64) -> Result<NewEvent, OutboxError> {
    NewEvent::new("catalog.stock_released.v1", order_id, &Attempt { order_id, attempt, reason: None })
}
