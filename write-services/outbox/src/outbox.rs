//! The outbox as a service holds it: record, wake, wait.

use std::sync::Arc;
use std::time::Duration;

use prejoin_event_log::EventLog;
use sqlx::SqlitePool;
use tokio::sync::{Mutex, Notify};

use crate::error::OutboxError;
use crate::event::NewEvent;
use crate::relay::Relay;
use crate::settings::RelaySettings;
use crate::sqlite::SqliteStore;
use crate::store::{Counts, OutboxId, OutboxStore, RecordEvent};
use crate::waiters::Waiters;

/// The outbox of one service in its database. Cheap to clone; clones are the same outbox.
#[derive(Clone)]
pub struct Outbox(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) store: Arc<dyn OutboxStore>,
    pub(crate) recorded: Notify,
    pub(crate) waiters: Waiters,
    /// Held by the relay that is at work; others stand by for it.
    pub(crate) active: Mutex<()>,
}

impl Outbox {
    pub fn new(store: Arc<dyn OutboxStore>) -> Self {
        Outbox(Arc::new(Shared {
            store,
            recorded: Notify::new(),
            waiters: Waiters::default(),
            active: Mutex::new(()),
        }))
    }

    /// The outbox in a SQLite database.
    pub fn sqlite(service: &str, pool: SqlitePool) -> Self {
        Outbox::new(Arc::new(SqliteStore::new(service, pool)))
    }

    pub fn service(&self) -> &str {
        self.0.store.service()
    }

    /// Creates the outbox in the database where it is missing. Call it once before anything else.
    pub async fn migrate(&self) -> Result<(), OutboxError> {
        self.0.store.migrate().await
    }

    /// Records an event inside the caller's transaction, on whose commit it depends whether it happened. After the
    /// commit, call [`Outbox::wake`], or the relay finds the row when it next polls.
    pub async fn record<C>(&self, connection: &mut C, event: NewEvent) -> Result<OutboxId, OutboxError>
    where
        C: RecordEvent + ?Sized,
    {
        let row = event.into_row(self.service())?;
        connection.insert(self.service(), &row).await
    }

    /// Tells the relay in this process that something was committed.
    pub fn wake(&self) {
        self.0.recorded.notify_one();
    }

    /// Wakes the relay and waits until the log holds the event of a committed row; its sequence, or nothing if that
    /// took longer than `up_to`, or if the row was parked.
    pub async fn wait_until_sent(&self, row: OutboxId, up_to: Duration) -> Result<Option<u64>, OutboxError> {
        let reached = self.0.waiters.wait_for(row);
        self.wake();
        // It may have been sent before the line above that waits for it.
        if let Some(sequence) = self.0.store.sent_sequence(row).await? {
            return Ok(Some(sequence));
        }
        Ok(tokio::time::timeout(up_to, reached).await.ok().and_then(Result::ok))
    }

    /// The last sequence that was given out, as far as this database knows.
    pub async fn last_sequence(&self) -> Result<u64, OutboxError> {
        Ok(self.0.store.standing().await?.last_sequence)
    }

    pub async fn counts(&self) -> Result<Counts, OutboxError> {
        self.0.store.counts().await
    }

    /// The relay that carries this outbox to `log`. Of several over one outbox, one is at work and the others stand
    /// by; over one database in several processes, the log's refusals keep them from doubling anything.
    pub fn relay(&self, log: Arc<dyn EventLog>, settings: RelaySettings) -> Relay {
        Relay::new(Arc::clone(&self.0), log, settings)
    }
}
