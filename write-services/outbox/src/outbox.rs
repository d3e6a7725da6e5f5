//! The outbox as a service holds it: record, wake, wait.

use std::sync::Arc;
use std::time::Duration;

use prejoin_event_log::EventLog;
use sqlx::{MySqlPool, PgPool, SqlitePool};
use tokio::sync::{Mutex, Notify};

use crate::error::OutboxError;
use crate::event::NewEvent;
use crate::relay::Relay;
use crate::settings::RelaySettings;
use crate::sql::{MySqlDatabase, PostgresDatabase, SqlStore, SqliteDatabase};
use crate::store::{Counts, Decision, DiscardedRow, OutboxId, OutboxStore, ParkedRow, PoolUse, RecordEvent};
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

    /// The outbox in a SQLite database. Give it the pool through which the service writes: with a single connection,
    /// commands and relay queue up for it instead of waiting on SQLite's lock.
    pub fn sqlite(service: &str, pool: SqlitePool) -> Self {
        Outbox::new(Arc::new(SqlStore::new(service, SqliteDatabase::new(pool))))
    }

    /// The outbox in a PostgreSQL database, in the schema that the pool's connections create tables in. The relay takes
    /// one connection out of the pool and keeps it.
    pub fn postgres(service: &str, pool: PgPool) -> Self {
        Outbox::new(Arc::new(SqlStore::new(service, PostgresDatabase::new(pool))))
    }

    /// The outbox in a MySQL (from 8.0.4) or MariaDB (from 10.6) database. The relay takes one connection out of the pool
    /// and keeps it.
    pub fn mysql(service: &str, pool: MySqlPool) -> Self {
        Outbox::new(Arc::new(SqlStore::new(service, MySqlDatabase::new(pool))))
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
        match tokio::time::timeout(up_to, reached).await {
            Ok(Ok(sequence)) => Ok(Some(sequence)),
            // The relay at work may be another process's.
            _ => self.0.store.sent_sequence(row).await,
        }
    }

    /// The last sequence that was given out, as far as this database knows.
    pub async fn last_sequence(&self) -> Result<u64, OutboxError> {
        self.0.store.last_sequence().await
    }

    /// How many rows are unsent, parked, and waiting behind parked ones.
    pub async fn counts(&self) -> Result<Counts, OutboxError> {
        self.0.store.counts().await
    }

    /// How much of the service's pool is in use.
    pub fn pool_use(&self) -> PoolUse {
        self.0.store.pool_use()
    }

    /// The rows that the log cannot take, each with its reason and how many rows wait behind it.
    pub async fn parked(&self, rows_max: u32) -> Result<Vec<ParkedRow>, OutboxError> {
        self.0.store.parked(rows_max).await
    }

    /// The rows that somebody decided not to publish, the last recorded first.
    pub async fn discarded(&self, rows_max: u32) -> Result<Vec<DiscardedRow>, OutboxError> {
        self.0.store.discarded(rows_max).await
    }

    /// Decides on a parked row; those behind it are unsent again. Returns whether there was such a row.
    pub async fn decide(&self, row: OutboxId, decision: &Decision) -> Result<bool, OutboxError> {
        let decided = self.0.store.decide(row, decision).await?;
        self.wake();
        Ok(decided)
    }

    /// The relay that carries this outbox to `log`. Of several over one outbox, in this process or in others, one is at
    /// work and the others stand by.
    pub fn relay(&self, log: Arc<dyn EventLog>, settings: RelaySettings) -> Relay {
        Relay::new(Arc::clone(&self.0), log, settings)
    }
}
