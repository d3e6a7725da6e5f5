//! The catalog service: what we sell, for how much, and how much of it can still be had.
//!
//! Stock never goes below zero. It is reserved for an order, then given back or taken. Knows nothing of an order but its
//! id and what it wants, nor of who reads its events.

mod product;
mod reservation;

mod events;
mod http;
mod saga;
mod store;

use prejoin_service::Domain;

/// The catalog service.
pub static CATALOG: Domain = Domain {
    name: "catalog",
    migrations: store::MIGRATIONS,
    api: http::api,
    consumers: &saga::CONSUMERS,
    tick: None,
};
