//! The users service: who our customers are. It owns names and addresses, and says so in events when they change.
//!
//! Knows nothing of orders, nor of who reads its events.

mod events;
mod http;
mod store;
mod user;

use prejoin_service::Domain;

/// The users service.
pub static USERS: Domain =
    Domain { name: "users", migrations: store::MIGRATIONS, api: http::api, consumers: &[], tick: None };
