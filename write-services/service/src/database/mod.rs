//! A service's own database: SQLite, PostgreSQL, MySQL or MariaDB, as its address says.
//!
//! What is asked of it is written once; how each kind wants it said is in a file for each. Nothing above this folder knows
//! which one runs.

mod address;
mod error;
mod value;

mod store;

mod mysql;
mod postgres;
mod sqlite;

mod open;
mod transaction;

use std::sync::Arc;

use prejoin_outbox::{Outbox, PoolUse};

use crate::error::ServiceError;
use open::Opening;
use store::Store;

pub use address::{Address, Kind};
pub use error::DatabaseError;
pub(crate) use error::is_passing_for_outbox;
pub use open::Migrations;
pub use transaction::Transaction;
pub use value::{Row, Value};

/// The database of one service. Cheap to clone; clones are the same database.
#[derive(Clone)]
pub struct Database {
    store: Arc<dyn Store>,
}

impl Database {
    /// Opens the database, creating it where that is possible and needed, and applies the migrations it has not seen.
    /// Refuses one that is not this service's.
    pub async fn open(
        service: &str,
        address: &Address,
        migrations: &[Migrations],
    ) -> Result<Self, ServiceError> {
        let store = open::open(Opening { service, address }, migrations).await?;
        Ok(Database { store })
    }

    /// Begins a transaction that will write.
    pub async fn begin(&self) -> Result<Transaction, DatabaseError> {
        Ok(Transaction::new(self.store.begin().await?, self.store.dialect(), true))
    }

    /// Begins one that only reads, all of it as of one moment.
    pub async fn read(&self) -> Result<Transaction, DatabaseError> {
        Ok(Transaction::new(self.store.read().await?, self.store.dialect(), false))
    }

    /// Each pool of connections with its name.
    pub fn pools(&self) -> Vec<(&'static str, PoolUse)> {
        self.store.pools()
    }

    /// The service's outbox in this database, as it was made when the service was opened.
    pub fn outbox(&self, service: &str) -> Outbox {
        self.store.outbox(service)
    }

    pub async fn close(&self) {
        self.store.close().await;
    }
}
