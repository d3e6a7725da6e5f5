//! What the service publishes: five event types and their data.

use jiff::Timestamp;
use prejoin_outbox::{NewEvent, OutboxError};
use serde::Serialize;

use crate::order::{Line, Move, Order};

#[derive(Serialize)]
struct Placed<'a> {
    order_id: &'a str,
    customer_id: &'a str,
    lines: &'a [Line],
    total_cents: i64,
    placed_at: &'a str,
}

#[derive(Serialize)]
struct Paid<'a> {
    order_id: &'a str,
    paid_at: &'a str,
}

#[derive(Serialize)]
struct Shipped<'a> {
    order_id: &'a str,
    shipped_at: &'a str,
}

#[derive(Serialize)]
struct Delivered<'a> {
    order_id: &'a str,
    delivered_at: &'a str,
}

#[derive(Serialize)]
struct Cancelled<'a> {
    order_id: &'a str,
    cancelled_at: &'a str,
    reason: Option<&'a str>,
}

pub(crate) fn placed(order: &Order, time: Timestamp) -> Result<NewEvent, OutboxError> {
    let data = Placed {
        order_id: &order.order_id,
        customer_id: &order.customer_id,
        lines: &order.lines,
        total_cents: order.total_cents,
        placed_at: &order.placed_at,
    };
    Ok(NewEvent::new("orders.placed.v1", &order.order_id, &data)?.at(time))
}

/// The event of a move that was made at `time`.
pub(crate) fn moved(order: &Order, step: Move, time: Timestamp) -> Result<NewEvent, OutboxError> {
    let (order_id, at) = (order.order_id.as_str(), time.to_string());
    let event = match step {
        Move::Pay => NewEvent::new("orders.paid.v1", order_id, &Paid { order_id, paid_at: &at }),
        Move::Ship => NewEvent::new("orders.shipped.v1", order_id, &Shipped { order_id, shipped_at: &at }),
        Move::Deliver => {
            NewEvent::new("orders.delivered.v1", order_id, &Delivered { order_id, delivered_at: &at })
        }
        Move::Cancel => {
            let reason = order.reason.as_deref();
            NewEvent::new("orders.cancelled.v1", order_id, &Cancelled { order_id, cancelled_at: &at, reason })
        }
    };
    Ok(event?.at(time))
}
