//! The port: what a service asks of its database, whatever kind it is.
//!
//! One promise carries everything else: what a transaction changes and the events that it records become durable
//! together, by its commit, or not at all. Answers to idempotency keys and the inbox are part of it. Everything above
//! this folder says what it wants through [`Transaction`](crate::Transaction); a kind of database that does not speak SQL
//! comes in beside [`Session`], and in the few functions of `idempotency.rs`, `inbox.rs` and each domain's `store.rs`.

use async_trait::async_trait;
use prejoin_outbox::{NewRow, Outbox, OutboxError, OutboxId, PoolUse};

use crate::database::value::{Row, Value};

/// What databases want said differently. All other statements are written with `?` for a value and understood by all
/// of them.
#[derive(Debug)]
pub(crate) struct Dialect {
    /// Lets one program at a time create tables; held until the end of the transaction, or of the session. Answers 1 if
    /// it could be had.
    pub(crate) lock_tables: &'static str,
    pub(crate) unlock_tables: &'static str,
    /// The names of the tables that are there.
    pub(crate) tables: &'static str,
    /// Creates the tables that every service has, where they are missing.
    pub(crate) common_tables: &'static str,
    /// After a SELECT: its rows are nobody else's to change until the end of the transaction.
    pub(crate) for_update: &'static str,
    /// The same, passing over rows that somebody else has.
    pub(crate) skip_locked: &'static str,
}

/// The database of one service.
#[async_trait]
pub(crate) trait Store: Send + Sync {
    fn dialect(&self) -> &'static Dialect;

    /// Begins a transaction that will write. What it reads without a lock may be changed by others before it ends.
    async fn begin(&self) -> Result<Box<dyn Session>, sqlx::Error>;

    /// Begins one that only reads, all of it as of one moment.
    async fn read(&self) -> Result<Box<dyn Session>, sqlx::Error>;

    fn outbox(&self, service: &str) -> Outbox;

    /// Each pool with its name.
    fn pools(&self) -> Vec<(&'static str, PoolUse)>;

    async fn close(&self);
}

/// A connection inside a transaction. Dropped without a commit, nothing happened.
#[async_trait]
pub(crate) trait Session: Send {
    /// Several statements without values.
    async fn script(&mut self, script: &'static str) -> Result<(), sqlx::Error>;

    /// Returns how many rows it found to change.
    async fn execute(&mut self, statement: &str, values: &[Value<'_>]) -> Result<u64, sqlx::Error>;

    async fn query(&mut self, statement: &str, values: &[Value<'_>]) -> Result<Vec<Row>, sqlx::Error>;

    /// Executes an INSERT of one row unless its key is taken; whether it was free. Waits for another transaction that
    /// is about to take it.
    async fn insert_new(&mut self, insert: &str, values: &[Value<'_>]) -> Result<bool, sqlx::Error>;

    async fn record(&mut self, service: &str, row: &NewRow) -> Result<OutboxId, OutboxError>;

    async fn commit(self: Box<Self>) -> Result<(), sqlx::Error>;
}
