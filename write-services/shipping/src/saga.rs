//! Shipping's part in an order's way to its parcel: it makes the shipment when the order is confirmed, lets it go when
//! it is paid, and calls it back when it is cancelled before that.

use prejoin_service::{ConsumeError, Consumer, Context, Received, Transaction, now};
use serde::Deserialize;

use crate::shipment::Shipment;
use crate::{events, store};

const CONFIRMED: &str = "orders.confirmed.v1";
const PAID: &str = "orders.paid.v1";
const CANCELLED: &str = "orders.cancelled.v1";

pub(crate) static CONSUMERS: [Consumer; 1] = [Consumer {
    source: "orders",
    kinds: &[CONFIRMED, PAID, CANCELLED],
    act: |context, tx, event| Box::pin(hear_orders(context, tx, event)),
}];

#[derive(Deserialize)]
struct About {
    order_id: String,
}

async fn hear_orders(context: &Context, tx: &mut Transaction, event: &Received) -> Result<(), ConsumeError> {
    let About { order_id } = event.data()?;
    let time = now().to_string();
    if event.kind == CONFIRMED {
        let shipment = Shipment::of(&order_id, &time);
        if store::insert(tx, &shipment).await? {
            context.record(tx, events::reached(&shipment)?).await?;
        }
        return Ok(());
    }
    // Orders that took nothing from stock have no shipment here.
    let Some(shipment) = store::find(tx, &order_id).await? else { return Ok(()) };
    if event.kind == PAID {
        return Ok(store::update(tx, &Shipment { paid: true, ..shipment }).await?);
    }
    let Some(cancelled) = shipment.cancelled(&time) else { return Ok(()) };
    store::update(tx, &cancelled).await?;
    context.record(tx, events::reached(&cancelled)?).await
}
