//! What the service publishes: eight event types and their data.

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
    /// Of orders from stock: a request to the catalog, to be answered by then.
    #[serde(skip_serializing_if = "Option::is_none")]
    reserve_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<i64>,
}

/// The request once more.
#[derive(Serialize)]
struct Retried<'a> {
    order_id: &'a str,
    lines: &'a [Line],
    reserve_by: Option<String>,
    attempt: i64,
}

#[derive(Serialize)]
struct Confirmed<'a> {
    order_id: &'a str,
    customer_id: &'a str,
    attempt: i64,
    confirmed_at: &'a str,
}

#[derive(Serialize)]
struct Rejected<'a> {
    order_id: &'a str,
    attempt: i64,
    rejected_at: &'a str,
    reason: Option<&'a str>,
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
    /// Of orders from stock: what must be undone, and by whom first.
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelled_from: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<i64>,
}

pub(crate) fn placed(order: &Order, time: Timestamp) -> Result<NewEvent, OutboxError> {
    let data = Placed {
        order_id: &order.order_id,
        customer_id: &order.customer_id,
        lines: &order.lines,
        total_cents: order.total_cents,
        placed_at: &order.placed_at,
        reserve_by: order.reserve_by(),
        attempt: order.takes_from_stock().then_some(order.attempt),
    };
    Ok(NewEvent::new("orders.placed.v1", &order.order_id, &data)?.at(time))
}

/// The event of a move that was made at `time`.
pub(crate) fn moved(
    before: &Order,
    order: &Order,
    step: Move,
    time: Timestamp,
) -> Result<NewEvent, OutboxError> {
    let (order_id, at, attempt) = (order.order_id.as_str(), time.to_string(), order.attempt);
    let reason = order.reason.as_deref();
    let event = match step {
        Move::Confirm => {
            let customer_id = &order.customer_id;
            let data = Confirmed { order_id, customer_id, attempt, confirmed_at: &at };
            NewEvent::new("orders.confirmed.v1", order_id, &data)
        }
        Move::Reject => {
            let data = Rejected { order_id, attempt, rejected_at: &at, reason };
            NewEvent::new("orders.rejected.v1", order_id, &data)
        }
        Move::Retry => {
            let data = Retried { order_id, lines: &order.lines, reserve_by: order.reserve_by(), attempt };
            NewEvent::new("orders.retried.v1", order_id, &data)
        }
        Move::Pay => NewEvent::new("orders.paid.v1", order_id, &Paid { order_id, paid_at: &at }),
        Move::Ship => NewEvent::new("orders.shipped.v1", order_id, &Shipped { order_id, shipped_at: &at }),
        Move::Deliver => {
            NewEvent::new("orders.delivered.v1", order_id, &Delivered { order_id, delivered_at: &at })
        }
        Move::Cancel => {
            let from_stock = order.takes_from_stock();
            let cancelled_from = from_stock.then_some(before.status.name());
            let attempt = from_stock.then_some(attempt);
            let data = Cancelled { order_id, cancelled_at: &at, reason, cancelled_from, attempt };
            NewEvent::new("orders.cancelled.v1", order_id, &data)
        }
    };
    Ok(event?.at(time))
}
