//! What the service publishes. The subject is the order: an order has one shipment at most.

use prejoin_outbox::{NewEvent, OutboxError};
use serde::Serialize;

use crate::shipment::{Shipment, Status};

#[derive(Serialize)]
struct Created<'a> {
    order_id: &'a str,
    shipment_id: &'a str,
    created_at: &'a str,
}

#[derive(Serialize)]
struct Dispatched<'a> {
    shipment_id: &'a str,
    order_id: &'a str,
    carrier: Option<&'a str>,
    city: Option<&'a str>,
    country: Option<&'a str>,
    freight_cents: Option<i64>,
    dispatched_at: Option<&'a str>,
}

#[derive(Serialize)]
struct Delivered<'a> {
    shipment_id: &'a str,
    order_id: &'a str,
    delivered_at: Option<&'a str>,
}

#[derive(Serialize)]
struct Cancelled<'a> {
    shipment_id: &'a str,
    order_id: &'a str,
    cancelled_at: Option<&'a str>,
}

/// The event that brought a shipment to the state that it is in.
pub(crate) fn reached(shipment: &Shipment) -> Result<NewEvent, OutboxError> {
    let Shipment { order_id, shipment_id, .. } = shipment;
    match shipment.status {
        Status::Created => {
            let data = Created { order_id, shipment_id, created_at: &shipment.created_at };
            NewEvent::new("shipping.created.v1", order_id, &data)
        }
        Status::Dispatched => {
            let data = Dispatched {
                shipment_id,
                order_id,
                carrier: shipment.carrier.as_deref(),
                city: shipment.city.as_deref(),
                country: shipment.country.as_deref(),
                freight_cents: shipment.freight_cents,
                dispatched_at: shipment.dispatched_at.as_deref(),
            };
            NewEvent::new("shipping.dispatched.v1", order_id, &data)
        }
        Status::Delivered => {
            let delivered_at = shipment.delivered_at.as_deref();
            NewEvent::new(
                "shipping.delivered.v1",
                order_id,
                &Delivered { shipment_id, order_id, delivered_at },
            )
        }
        Status::Cancelled => {
            let cancelled_at = shipment.cancelled_at.as_deref();
            NewEvent::new(
                "shipping.cancelled.v1",
                order_id,
                &Cancelled { shipment_id, order_id, cancelled_at },
            )
        }
    }
}
