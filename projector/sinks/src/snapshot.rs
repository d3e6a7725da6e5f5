//! One moment of a view store, read beside its writer.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::catalog;
use crate::columns::StoredColumn;
use crate::compare::StoredRow;
use crate::database::{Link, Table, signed};
use crate::postgres::PostgresLink;
use crate::sqlite::SqliteLink;
use crate::store::{Generation, generations};
use crate::{StoreAddress, StoreError, ViewStore};

/// The store as it was when this was made, whatever is written meanwhile. Has a connection of its own. While it is held,
/// generations that are dropped keep their place on disk, or are not dropped at all.
pub struct StoreSnapshot {
    store: String,
    link: Box<dyn Link>,
    /// By view and generation.
    tables: BTreeMap<(String, i64), GenerationTable>,
}

struct GenerationTable {
    name: String,
    columns: Arc<[StoredColumn]>,
}

impl ViewStore {
    /// The store as it is now.
    pub fn snapshot(&self) -> impl Future<Output = Result<StoreSnapshot, StoreError>> + Send + use<> {
        let address = self.opened.clone();
        async move { StoreSnapshot::open(&address).await }
    }

    /// Bytes of every generation, its indexes included. On SQLite this goes through the whole file.
    pub async fn sizes(&self) -> Result<Vec<(String, i64, i64)>, StoreError> {
        self.snapshot().await?.sizes().await
    }
}

impl StoreSnapshot {
    /// Reads a store that is there; its writer, if there is one, is not disturbed.
    pub async fn open(address: &StoreAddress) -> Result<Self, StoreError> {
        let store = address.to_string();
        let failed = |source| StoreError::Database { store: store.clone(), source };
        let mut link: Box<dyn Link> = match address {
            StoreAddress::Sqlite(path) => Box::new(SqliteLink::open_to_read(path).await.map_err(failed)?),
            StoreAddress::Postgres { url, schema, .. } => {
                Box::new(PostgresLink::open_to_read(url, schema).await.map_err(failed)?)
            }
        };
        link.script(link.dialect().begin_snapshot).await.map_err(failed)?;
        let entries = catalog::read(link.as_mut()).await.map_err(failed)?;
        let table = |entry: catalog::CatalogEntry| {
            let table = GenerationTable { name: entry.table_name, columns: entry.columns.into() };
            ((entry.view, entry.generation), table)
        };
        Ok(StoreSnapshot { store, link, tables: entries.into_iter().map(table).collect() })
    }

    pub async fn generations(&mut self) -> Result<Vec<Generation>, StoreError> {
        let found = generations(self.link.as_mut()).await.map_err(|source| self.failed(source))?;
        found.map_err(|detail| StoreError::Damaged { store: self.store.clone(), detail })
    }

    /// What the projector last said of itself, and when by its own clock: milliseconds since 1970.
    pub async fn status(&mut self) -> Result<Option<(i64, String)>, StoreError> {
        let select = "SELECT written_at_ms, status FROM _prejoin_status";
        let found = self.link.query(select, &[]).await;
        let found = found.and_then(|rows| {
            let row = rows.into_iter().next();
            row.map(|mut row| Ok((row.integer()?, row.text()?))).transpose()
        });
        found.map_err(|source| self.failed(source))
    }

    /// At most `limit` rows of a generation, with their keys, in key order from behind `after` on.
    pub async fn rows(
        &mut self,
        view: &str,
        generation: i64,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Bytes, StoredRow)>, StoreError> {
        let Some(table) = self.tables.get(&(view.to_owned(), generation)) else {
            let detail = format!("it has no generation {generation} of {view}");
            return Err(StoreError::Damaged { store: self.store.clone(), detail });
        };
        let columns = table.columns.clone();
        let table = Table { name: &table.name, columns: &columns };
        let read = self.link.read(&table, after, signed(limit as u64)).await;
        let rows = read.map_err(|source| self.failed(source))?.into_iter();
        Ok(rows.map(|(key, values)| (key, StoredRow::new(columns.clone(), values))).collect())
    }

    /// Bytes of every generation, its indexes included. On SQLite this goes through the whole file.
    pub async fn sizes(&mut self) -> Result<Vec<(String, i64, i64)>, StoreError> {
        let sizes = self.link.sizes().await.map_err(|source| self.failed(source))?;
        let sizes: BTreeMap<String, i64> = sizes.into_iter().collect();
        let size = |((view, generation), table): (&(String, i64), &GenerationTable)| {
            (view.clone(), *generation, sizes.get(&table.name).copied().unwrap_or(0))
        };
        Ok(self.tables.iter().map(size).collect())
    }

    fn failed(&self, source: sqlx::Error) -> StoreError {
        StoreError::Database { store: self.store.clone(), source }
    }
}
