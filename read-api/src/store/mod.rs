//! The view store, in SQLite or PostgreSQL: its catalog, and rows as texts, all of one moment.
//!
//! The port is three types: a `Store` gives `Session`s, a session runs `Statement`s and yields `Row`s. Whoever reads writes
//! SQL for the session's dialect; nobody outside this folder knows which library speaks to the database.

mod address;
mod batch;
mod budget;
mod pool;
mod postgres;
mod readers;
mod session;
mod settings;
mod sqlite;
mod statement;

use std::sync::{Arc, Mutex, PoisonError};

use crate::Error;
use crate::catalog::{self, Catalog};
use crate::error::StoreError;

pub use address::StoreAddress;
pub(crate) use session::Session;
pub use settings::StoreSettings;
pub(crate) use statement::{Parameter, Row, Statement};

use postgres::PostgresStore;
use session::Origin;
use sqlite::SqliteStore;

/// Which SQL a store speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Texts, integers, and hidden columns to sort by.
    Sqlite,
    Postgres,
}

/// Connections to a view store, and what was last seen of its catalog.
pub(crate) struct Store {
    database: Database,
    settings: StoreSettings,
    seen: Mutex<Option<Seen>>,
}

struct Seen {
    origin: Origin,
    catalog: Arc<Catalog>,
}

enum Database {
    Sqlite(SqliteStore),
    Postgres(PostgresStore),
}

/// A session with the catalog of its moment.
pub(crate) struct Snapshot {
    pub(crate) session: Session,
    pub(crate) catalog: Arc<Catalog>,
}

impl Store {
    /// Opens nothing yet: the store may not exist.
    pub(crate) fn new(address: impl Into<StoreAddress>) -> Store {
        Store::with_settings(address, StoreSettings::default())
    }

    pub(crate) fn with_settings(address: impl Into<StoreAddress>, settings: StoreSettings) -> Store {
        let database = match address.into() {
            StoreAddress::Sqlite(path) => Database::Sqlite(SqliteStore::new(path, settings.clone())),
            StoreAddress::Postgres { url, schema } => {
                Database::Postgres(PostgresStore::new(url, schema, settings.clone()))
            }
        };
        Store { database, settings, seen: Mutex::new(None) }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match &self.database {
            Database::Sqlite(_) => Dialect::Sqlite,
            Database::Postgres(_) => Dialect::Postgres,
        }
    }

    /// A transaction: the catalog and all that is read in the session are of one commit. Fails with `StoreAbsent` while there
    /// is no store that can be read.
    pub(crate) async fn snapshot(&self) -> Result<Snapshot, Error> {
        match self.try_snapshot().await {
            Err(Error::Store(error)) if self.lost(&error) => self.try_snapshot().await,
            snapshot => snapshot,
        }
        .map_err(|error| self.explain(error))
    }

    /// A session for one statement, which is of one moment by itself.
    pub(crate) async fn session(&self) -> Result<Session, Error> {
        self.try_session().await.map_err(|error| self.explain(error))
    }

    /// The catalog as it was last seen in the store that the session is at. What is planned by it holds if the view's stamp
    /// is still the same in the statement that reads.
    pub(crate) fn last_catalog(&self, session: &Session) -> Option<Arc<Catalog>> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.as_ref().filter(|seen| seen.origin == session.origin()).map(|seen| Arc::clone(&seen.catalog))
    }

    async fn try_session(&self) -> Result<Session, Error> {
        Ok(match &self.database {
            Database::Sqlite(store) => {
                let (lease, file) = store.acquire().await?;
                Session::sqlite(lease, file, &self.settings)
            }
            Database::Postgres(store) => {
                let (connection, place) = store.acquire().await?;
                Session::postgres(connection, place, &self.settings)
            }
        })
    }

    async fn try_snapshot(&self) -> Result<Snapshot, Error> {
        let mut session = self.try_session().await?;
        session.begin().await?;
        let last = self.last_catalog(&session);
        let Some(catalog) = catalog::read(&mut session, last.as_deref()).await? else {
            return Err(self.absent("the projector is still creating it"));
        };
        let catalog = Arc::new(catalog);
        let seen = Seen { origin: session.origin(), catalog: Arc::clone(&catalog) };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        Ok(Snapshot { session, catalog })
    }

    /// Whether a session ended for reasons outside this process. Then the next one is a new connection's.
    pub(crate) fn lost(&self, error: &StoreError) -> bool {
        match (&self.database, error) {
            (Database::Postgres(store), StoreError::Sqlx(error)) if postgres::is_lost(error) => {
                store.forget_connections();
                true
            }
            _ => false,
        }
    }

    fn absent(&self, reason: &str) -> Error {
        match &self.database {
            Database::Sqlite(store) => store.absent(reason),
            Database::Postgres(store) => store.absent(reason),
        }
    }

    /// Tells a store that is not there yet from one that fails.
    pub(crate) fn explain(&self, error: Error) -> Error {
        match &self.database {
            Database::Sqlite(store) => store.explain(error),
            Database::Postgres(store) => store.explain(error),
        }
    }
}
