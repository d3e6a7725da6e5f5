//! What every write service has in common: its own database, its outbox, its problems in JSON, and running all of it.
//!
//! Knows nothing of what a service does, nor of which events it records.

mod context;
mod database;
mod error;
mod extract;
mod problem;
mod republish;
mod running;
mod text;

pub use context::{Context, POSITION_HEADER};
pub use database::Database;
pub use error::ServiceError;
pub use extract::{Body, Key, OptionalBody, given};
pub use prejoin_outbox::Republished;
pub use problem::Problem;
pub use text::{check_key, check_text, location, now};
