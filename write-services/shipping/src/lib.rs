//! The shipping service: which parcel an order leaves in, and where it is. A confirmed order gets a shipment; it is
//! dispatched once the order is paid.
//!
//! Knows nothing of what is in a parcel, nor of who reads its events.

mod shipment;

mod events;
mod http;
mod saga;
mod store;

use prejoin_service::Domain;

/// The shipping service.
pub static SHIPPING: Domain = Domain {
    name: "shipping",
    migrations: store::MIGRATIONS,
    api: http::api,
    consumers: &saga::CONSUMERS,
    tick: None,
};
