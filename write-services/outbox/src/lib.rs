//! The outbox: an event is recorded in the transaction that makes the change, and a relay carries it to the event log,
//! once, in order, under the service's dense sequence, however often either side dies.
//!
//! In a service: [`Outbox::record`] inside a transaction of one's own, [`Outbox::wake`] after the commit, and one task
//! that runs [`Outbox::relay`].
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
mod sqlite;
mod store;
mod waiters;

pub use error::OutboxError;
pub use event::NewEvent;
pub use outbox::Outbox;
pub use relay::Relay;
pub use settings::RelaySettings;
pub use sqlite::SqliteStore;
pub use store::{
    Counts, KeepRows, NewRow, OutboxId, OutboxRow, OutboxStore, RecordEvent, Repair, RowHead, SentRun,
    Standing, Window, WindowLimit,
};
