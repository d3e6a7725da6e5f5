//! The whole way of a change, through the built binary: an event enters, a pre-joined row comes out.

#[path = "../support/mod.rs"]
mod support;

mod history;
mod oracle;
mod shop;

mod following;
mod healing;
mod importing;
mod living;
mod over_nats;
mod over_postgres;
mod projecting;
