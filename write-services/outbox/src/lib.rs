//! The outbox: an event is recorded in the transaction that makes the change, and a relay carries it to the event log,
//! once, in order, under the service's dense sequence, however often either side dies.
//!
//! In a service of one's own, with its change and its event in one transaction:
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use prejoin_event_log::EventLog;
//! # use prejoin_outbox::{NewEvent, Outbox, RelaySettings};
//! # async fn example(pool: sqlx::PgPool, log: Arc<dyn EventLog>) -> Result<(), Box<dyn std::error::Error>> {
//! let outbox = Outbox::postgres("orders", pool.clone()); // or Outbox::mysql, Outbox::sqlite
//! outbox.migrate().await?;
//! tokio::spawn(outbox.relay(log, RelaySettings::default()).run(std::future::pending()));
//!
//! let mut tx = pool.begin().await?;
//! sqlx::query("UPDATE orders SET status = 'paid' WHERE order_id = '10248'").execute(&mut *tx).await?;
//! let event = NewEvent::new("orders.paid.v1", "10248", &serde_json::json!({ "order_id": "10248" }))?;
//! outbox.record(&mut *tx, event).await?;
//! tx.commit().await?;
//! outbox.wake();
//! # Ok(())
//! # }
//! ```
//!
//! `examples/own_service.rs` is such a service that runs as it is.
//!
//! An event that the log cannot take (it is too large) is *parked*, and later events of its entity wait behind it, so that
//! each entity's events stay in order; [`Outbox::parked`] lists such rows, [`Outbox::decide`] retries or discards one. All
//! other events pass. [`Outbox::counts`] and [`Outbox::pool_use`] are the numbers to watch.
//!
//! Knows nothing of HTTP, of what an event's data says, or of how the log keeps its messages.

mod error;
mod event;
mod log_tail;
mod outbox;
mod publish;
mod reconcile;
mod relay;
mod settings;
mod sql;
mod store;
mod waiters;

pub use error::OutboxError;
pub use event::NewEvent;
pub use outbox::Outbox;
pub use relay::{Relay, Republished};
pub use settings::RelaySettings;
pub use sql::SqlStore;
pub use store::{
    Counts, Decision, DiscardedRow, KeepRows, NewRow, OutboxId, OutboxRow, OutboxStore, ParkedRow, PoolUse,
    RecordEvent, RelayStore, Repair, RowHead, SentRun, Standing, Window, WindowLimit,
};
