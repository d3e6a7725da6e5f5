//! A transaction as commands, consumers and questions use it.

use async_trait::async_trait;
use prejoin_outbox::{NewRow, OutboxError, OutboxId, RecordEvent};

use crate::database::error::DatabaseError;
use crate::database::store::{Dialect, Session};
use crate::database::value::{Row, Value};

/// A transaction on the service's database. What it changes and the events that it records become durable together, by
/// its commit; dropped before, nothing happened.
pub struct Transaction {
    session: Box<dyn Session>,
    dialect: &'static Dialect,
    writes: bool,
}

impl Transaction {
    pub(crate) fn new(session: Box<dyn Session>, dialect: &'static Dialect, writes: bool) -> Self {
        Transaction { session, dialect, writes }
    }

    /// Executes a statement; returns how many rows it found to change.
    pub async fn execute(&mut self, statement: &str, values: &[Value<'_>]) -> Result<u64, DatabaseError> {
        Ok(self.session.execute(statement, values).await?)
    }

    /// Executes an INSERT of one row unless its key is taken; whether it was free.
    pub async fn insert_new(&mut self, insert: &str, values: &[Value<'_>]) -> Result<bool, DatabaseError> {
        Ok(self.session.insert_new(insert, values).await?)
    }

    pub async fn rows(&mut self, query: &str, values: &[Value<'_>]) -> Result<Vec<Row>, DatabaseError> {
        Ok(self.session.query(query, values).await?)
    }

    /// The first row, if there is one.
    pub async fn row(&mut self, query: &str, values: &[Value<'_>]) -> Result<Option<Row>, DatabaseError> {
        Ok(self.session.query(query, values).await?.into_iter().next())
    }

    /// The row of an entity. In a transaction that writes, nobody else changes it before the end of this one, so that
    /// what is decided by what was read still holds when it is written.
    pub async fn entity(&mut self, query: &str, values: &[Value<'_>]) -> Result<Option<Row>, DatabaseError> {
        match self.writes && !self.dialect.for_update.is_empty() {
            true => self.row(&format!("{query}{}", self.dialect.for_update), values).await,
            false => self.row(query, values).await,
        }
    }

    /// Rows that this transaction is about to remove, without those that another one has in hand.
    pub(crate) async fn rows_nobody_has(
        &mut self,
        query: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, DatabaseError> {
        self.rows(&format!("{query}{}", self.dialect.skip_locked), values).await
    }

    /// Several statements without values, or none.
    pub(crate) async fn script(&mut self, script: &'static str) -> Result<(), DatabaseError> {
        if script.is_empty() {
            return Ok(());
        }
        Ok(self.session.script(script).await?)
    }

    pub async fn commit(self) -> Result<(), DatabaseError> {
        Ok(self.session.commit().await?)
    }
}

#[async_trait]
impl RecordEvent for Transaction {
    async fn insert(&mut self, service: &str, row: &NewRow) -> Result<OutboxId, OutboxError> {
        self.session.record(service, row).await
    }
}
