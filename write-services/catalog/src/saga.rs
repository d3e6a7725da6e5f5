//! The catalog's part in an order's way to its parcel: it reserves stock when asked, gives it back when the order fails,
//! and lets it go when the parcel leaves.
//!
//! Events of one order arrive in order, so a rejection always comes after the request it ends: what was reserved too
//! late is given back like everything else. What was done for an attempt is remembered, so that nothing is done twice.

use prejoin_service::{ConsumeError, Consumer, Context, Received, Transaction};
use serde::Deserialize;

use crate::product::Product;
use crate::reservation::{refusal, wanted};
use crate::{events, store};

const PLACED: &str = "orders.placed.v1";
const RETRIED: &str = "orders.retried.v1";
const REJECTED: &str = "orders.rejected.v1";
const CANCELLED: &str = "orders.cancelled.v1";
const DISPATCHED: &str = "shipping.dispatched.v1";
const SHIPMENT_CANCELLED: &str = "shipping.cancelled.v1";

pub(crate) static CONSUMERS: [Consumer; 2] = [
    Consumer {
        source: "orders",
        kinds: &[PLACED, RETRIED, REJECTED, CANCELLED],
        act: |context, tx, event| Box::pin(hear_orders(context, tx, event)),
    },
    Consumer {
        source: "shipping",
        kinds: &[DISPATCHED, SHIPMENT_CANCELLED],
        act: |context, tx, event| Box::pin(hear_shipping(context, tx, event)),
    },
];

/// A request for stock. Orders without a deadline want nothing from stock.
#[derive(Deserialize)]
struct Wish {
    order_id: String,
    reserve_by: Option<String>,
    #[serde(default)]
    attempt: i64,
    lines: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    product_id: String,
    quantity: i64,
    #[serde(default)]
    from_stock: bool,
}

/// An attempt that ended.
#[derive(Deserialize)]
struct Ended {
    order_id: String,
    attempt: Option<i64>,
    /// The order's state before it was cancelled.
    cancelled_from: Option<String>,
}

#[derive(Deserialize)]
struct Parcel {
    order_id: String,
}

async fn hear_orders(context: &Context, tx: &mut Transaction, event: &Received) -> Result<(), ConsumeError> {
    if matches!(event.kind.as_str(), PLACED | RETRIED) {
        let wish: Wish = event.data()?;
        return match wish.reserve_by {
            Some(_) => reserve(context, tx, &wish).await,
            None => Ok(()),
        };
    }
    let ended: Ended = event.data()?;
    // The parcel of a confirmed order is called back first; shipping says when.
    match ended.attempt.filter(|_| ended.cancelled_from.as_deref() != Some("confirmed")) {
        Some(attempt) => release(context, tx, &ended.order_id, attempt).await,
        None => Ok(()),
    }
}

async fn hear_shipping(
    context: &Context,
    tx: &mut Transaction,
    event: &Received,
) -> Result<(), ConsumeError> {
    let Parcel { order_id } = event.data()?;
    let Some(last) = store::last_reservation(tx, &order_id).await? else { return Ok(()) };
    if event.kind == SHIPMENT_CANCELLED {
        return release(context, tx, &order_id, last.attempt).await;
    }
    store::end_reservation(tx, &order_id, last.attempt, "taken").await?;
    Ok(())
}

/// Reserves all that an attempt wants, or nothing, and says which.
async fn reserve(context: &Context, tx: &mut Transaction, wish: &Wish) -> Result<(), ConsumeError> {
    let (order_id, attempt) = (wish.order_id.as_str(), wish.attempt);
    let lines = wish.lines.iter().filter(|line| line.from_stock);
    let wanted = wanted(lines.map(|line| (line.product_id.as_str(), line.quantity))).ok_or_else(|| {
        ConsumeError::Unfit(format!("the quantities of order {order_id:?} cannot be counted"))
    })?;
    let mut after: Vec<(Product, i64)> = Vec::new();
    let mut refused = None;
    for (product_id, quantity) in wanted {
        let product = store::find(tx, product_id).await?;
        refused = refused.or_else(|| refusal(product_id, product.as_ref(), quantity));
        if let (Some(product), None) = (product, &refused) {
            after.push((Product { available: product.available - quantity, ..product }, quantity));
        }
    }
    if !store::insert_reservation(tx, order_id, attempt, refused.as_deref()).await? {
        return Ok(());
    }
    if let Some(reason) = refused {
        return context.record(tx, events::rejected(order_id, attempt, &reason)?).await;
    }
    for (product, quantity) in &after {
        store::update(tx, product).await?;
        store::insert_line(tx, order_id, attempt, &product.product_id, *quantity).await?;
        let changed = events::stock_changed(&product.product_id, product.available)?;
        context.record(tx, changed).await?;
    }
    context.record(tx, events::reserved(order_id, attempt)?).await
}

/// Gives back what an attempt has reserved, if it has.
async fn release(
    context: &Context,
    tx: &mut Transaction,
    order_id: &str,
    attempt: i64,
) -> Result<(), ConsumeError> {
    if !store::end_reservation(tx, order_id, attempt, "released").await? {
        return Ok(());
    }
    for (product_id, quantity) in store::reserved_lines(tx, order_id, attempt).await? {
        let Some(product) = store::find(tx, &product_id).await? else { continue };
        let available = product.available.saturating_add(quantity);
        store::update(tx, &Product { available, ..product }).await?;
        context.record(tx, events::stock_changed(&product_id, available)?).await?;
    }
    context.record(tx, events::released(order_id, attempt)?).await
}
