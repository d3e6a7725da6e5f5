//! The order's part in getting its stock and its parcel: what follows from the catalog's and shipping's events, and
//! from their silence.
//!
//! An order from stock asks by its `orders.placed` event and says until when it waits. The catalog answers by an event
//! that names the attempt; an answer to an earlier attempt, or to an order that waits no longer, changes nothing. The
//! catalog reads the rejection after the request, so it gives back what it reserved too late.

use jiff::Timestamp;
use prejoin_service::{ConsumeError, Consumer, Context, Doing, Received, Transaction, now};
use serde::Deserialize;

use crate::order::{Move, Order};
use crate::{events, prices, store};

/// Orders that one turn of the clock rejects.
const OVERDUE_AT_ONCE: i64 = 100;
const RESERVED: &str = "catalog.stock_reserved.v1";
const NOT_RESERVED: &str = "catalog.stock_rejected.v1";
const DISPATCHED: &str = "shipping.dispatched.v1";

pub(crate) static CONSUMERS: [Consumer; 2] = [
    Consumer {
        source: "catalog",
        kinds: &[prices::LISTED, prices::CHANGED, prices::DISCONTINUED, RESERVED, NOT_RESERVED],
        act: |context, tx, event| Box::pin(hear_catalog(context, tx, event)),
    },
    Consumer {
        source: "shipping",
        kinds: &[DISPATCHED, "shipping.delivered.v1"],
        act: |context, tx, event| Box::pin(hear_shipping(context, tx, event)),
    },
];

#[derive(Deserialize)]
struct Answered {
    order_id: String,
    attempt: i64,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Parcel {
    order_id: String,
}

async fn hear_catalog(context: &Context, tx: &mut Transaction, event: &Received) -> Result<(), ConsumeError> {
    let (step, answered): (Move, Answered) = match event.kind.as_str() {
        RESERVED => (Move::Confirm, event.data()?),
        NOT_RESERVED => (Move::Reject, event.data()?),
        _ => return prices::learn(tx, event).await,
    };
    let Some(order) = store::find(tx, &answered.order_id).await? else { return Ok(()) };
    if order.attempt != answered.attempt {
        return Ok(());
    }
    follow(context, tx, &order, step, answered.reason).await
}

async fn hear_shipping(
    context: &Context,
    tx: &mut Transaction,
    event: &Received,
) -> Result<(), ConsumeError> {
    let Parcel { order_id } = event.data()?;
    let step = if event.kind == DISPATCHED { Move::Ship } else { Move::Deliver };
    let Some(order) = store::find(tx, &order_id).await? else { return Ok(()) };
    follow(context, tx, &order, step, None).await
}

/// Rejects the orders whose catalog did not answer in time. Their deadlines lie in the database: they pass while
/// nobody runs, too.
pub(crate) fn reject_overdue(context: &Context) -> Doing<'_, Result<(), ConsumeError>> {
    Box::pin(async move {
        let now_ms = Timestamp::now().as_millisecond();
        let mut reading = context.database.read().await?;
        let overdue = store::overdue(&mut reading, now_ms, OVERDUE_AT_ONCE).await?;
        drop(reading);
        if overdue.is_empty() {
            return Ok(());
        }
        let mut tx = context.database.begin().await?;
        for order_id in overdue {
            // The answer may have come since.
            let Some(order) = store::find(&mut tx, &order_id).await? else { continue };
            if order.reserve_by_ms.is_some_and(|reserve_by_ms| reserve_by_ms <= now_ms) {
                let reason = Some("the catalog did not answer in time".to_owned());
                follow(context, &mut tx, &order, Move::Reject, reason).await?;
            }
        }
        tx.commit().await?;
        context.outbox.wake();
        Ok(())
    })
}

/// Makes a move that follows from what another service said, if the order still allows it.
async fn follow(
    context: &Context,
    tx: &mut Transaction,
    order: &Order,
    step: Move,
    reason: Option<String>,
) -> Result<(), ConsumeError> {
    let time = now();
    let Ok(after) = order.moved(step, &time.to_string(), reason) else { return Ok(()) };
    store::update(tx, &after).await?;
    context.record(tx, events::moved(order, &after, step, time)?).await
}
