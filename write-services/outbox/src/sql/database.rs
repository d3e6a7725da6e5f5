//! What the outbox needs of a SQL database, so that everything else is written once.

use async_trait::async_trait;

use crate::store::PoolUse;

/// The statements that databases want said differently. All others are written with `?` for a value and understood by
/// all of them.
#[derive(Debug)]
pub(crate) struct Dialect {
    /// Creates tables and indexes where they are missing, the meta table last.
    pub(crate) create: &'static str,
    /// Scripts from each earlier format to the next, from format 1 on.
    pub(crate) upgrades: &'static [&'static str],
    /// Counts 1 if the meta table exists.
    pub(crate) exists: &'static str,
    /// Adds the meta table's only row unless it is there. Values: service, format.
    pub(crate) insert_meta: &'static str,
    /// Reads the service and the format, and keeps others from changing them until the end of the transaction.
    pub(crate) owner: &'static str,
    /// Reads the last number that was given out, the last that is sent, and the last that was ever acknowledged, and
    /// keeps all others from changing them until the end of the transaction.
    pub(crate) lock: &'static str,
    /// Numbers rows. Values: their ids as a JSON array in the order of their numbers, the number before the first.
    pub(crate) number: &'static str,
    /// Numbers rows of successive ids. Values: the number of the first less its id, the first id, the last.
    pub(crate) number_run: &'static str,
    /// Deletes rows. Value: their ids as a JSON array.
    pub(crate) forget: &'static str,
}

/// A value of a statement.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    Integer(i64),
    Text(&'a str),
}

/// Ids as the statements take many of them.
pub(crate) fn json_array(ids: &[i64]) -> String {
    serde_json::to_string(ids).expect("numbers always serialize")
}

/// A value of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    Null,
    Integer(i64),
    Text(String),
}

pub(crate) type Cells = Vec<Cell>;

/// A database of one kind, reached through the service's own pool.
#[async_trait]
pub(crate) trait SqlDatabase: Send + Sync {
    fn dialect(&self) -> &'static Dialect;

    fn pool_use(&self) -> PoolUse;

    /// Asks one question outside of any transaction.
    async fn query(&self, statement: &'static str, values: &[Value<'_>]) -> Result<Vec<Cells>, sqlx::Error>;

    /// A link that does not share its connection, so that dropping it in the middle of anything leaves nothing behind.
    async fn link(&self) -> Result<Box<dyn Link>, sqlx::Error>;
}

/// A way into the database that one user has alone. Dropping it rolls back what was not committed and gives back what
/// was claimed. After an error it is to be dropped.
#[async_trait]
pub(crate) trait Link: Send {
    /// Begins a transaction that will write, and asks its first question on the same way. Statements in it see what was
    /// committed before they began.
    async fn begin(&mut self, first: &'static str) -> Result<Vec<Cells>, sqlx::Error>;

    /// Runs the last statements of a transaction, which end in semicolons and have no values, and commits on the same way.
    async fn commit(&mut self, last: &str) -> Result<(), sqlx::Error>;

    async fn roll_back(&mut self) -> Result<(), sqlx::Error>;

    /// Several statements without values.
    async fn script(&mut self, script: &str) -> Result<(), sqlx::Error>;

    /// Returns how many rows were changed, or would have been but for having the new values already.
    async fn execute(&mut self, statement: &'static str, values: &[Value<'_>]) -> Result<u64, sqlx::Error>;

    async fn query(
        &mut self,
        statement: &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<Cells>, sqlx::Error>;

    /// Takes the turn of this database's relays, or makes sure that this link still has it.
    async fn claim(&mut self) -> Result<bool, sqlx::Error>;

    /// Gives the turn back before this returns; dropping does so a moment later.
    async fn release(&mut self) -> Result<(), sqlx::Error>;
}
