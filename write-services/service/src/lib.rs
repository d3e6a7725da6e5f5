//! What every write service has in common, so that a service is its domain and little else: its own database, its
//! outbox and inbox, commands over HTTP that are done once, and running all of it.
//!
//! Knows nothing of what a service does, nor of which events it records.

mod domain;

mod api;
mod command;
mod etag;
mod extract;
mod idempotency;
mod page;
mod problem;
mod text;

mod consumer;
mod inbox;

mod database;

mod backup;
mod context;
mod error;
mod metrics;
mod republish;
mod restored;
mod running;

#[cfg(feature = "testing")]
pub mod testing;

pub use api::{Api, Operation, object};
pub use backup::{backup, restore};
pub use command::{Answer, Begun, Change, Command, CommandHead};
pub use consumer::{ConsumeError, Consumer, Received};
pub use context::{Context, POSITION_HEADER};
pub use database::{Address, Database, DatabaseError, Kind, Migrations, Row, Transaction, Value};
pub use domain::{Doing, Domain, Service, Tick};
pub use error::ServiceError;
pub use etag::shown;
pub use extract::{Body, Key, Nothing, OptionalBody, Unread, given};
pub use idempotency::forget_answers;
pub use page::Page;
pub use prejoin_outbox::{RelaySettings, Republished};
pub use problem::Problem;
pub use text::{check_key, check_text, location, now};
