//! The orders service: what was ordered, for how much, and how far it is. Every move of an order is an event.
//!
//! Knows nothing of who a customer is beyond an id, nor of who reads its events.

mod order;
mod total;

mod events;
mod http;
mod prices;
mod saga;
mod store;

use prejoin_service::Domain;

/// The orders service.
pub static ORDERS: Domain = Domain {
    name: "orders",
    migrations: store::MIGRATIONS,
    api: http::api,
    consumers: &saga::CONSUMERS,
    tick: Some(saga::reject_overdue),
};
