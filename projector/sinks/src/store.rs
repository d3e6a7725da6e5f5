//! The view store on SQLite: generations of views, each with the position it reflects, in one file with one writer.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use prejoin_engine::{Pending, View};
use prejoin_envelope::Position;
use prejoin_sql::RowView;
use sqlx::{Connection, SqliteConnection};

use crate::StoreError;
use crate::catalog::{self, CatalogEntry, FORMAT};
use crate::file;
use crate::stored_form::StoredColumn;

/// A generation as found in the store.
#[derive(Debug)]
pub struct Generation {
    pub view: String,
    pub generation: i64,
    /// Whether readers see it; otherwise it is being built.
    pub is_current: bool,
    pub fingerprint: String,
    /// Its rows are the view at this position, but for pending fan-outs. While it is built: the base from which the
    /// journal is to be followed.
    pub followed: Position,
    /// What readers may rely on: the position before the oldest pending fan-out.
    pub visible: Position,
    pub pending: Vec<Pending>,
    pub rows: i64,
    /// While it is built: where the next slice begins.
    pub cursor: Option<Bytes>,
}

/// What the writer keeps of a generation that it writes to.
pub(crate) struct OpenGeneration {
    pub entry: CatalogEntry,
    pub columns: Vec<StoredColumn>,
    pub row_errors: i64,
}

pub struct SqliteStore {
    pub(crate) path: String,
    pub(crate) connection: SqliteConnection,
    epoch: i64,
    /// Which file was opened.
    identity: Option<(u64, u64)>,
    /// By view and generation.
    pub(crate) open: BTreeMap<(String, i64), OpenGeneration>,
}

impl SqliteStore {
    /// Opens the store, creating it if missing, and becomes its one writer: whoever wrote before can write no more.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let shown = path.display().to_string();
        let failed = |source| StoreError::Database { path: shown.clone(), source };
        let mut connection = file::open(path).await.map_err(failed)?;
        let found: i64 = sqlx::query_scalar("SELECT format FROM _prejoin_store")
            .fetch_one(&mut connection)
            .await
            .map_err(failed)?;
        if found != FORMAT {
            return Err(StoreError::Format { path: shown, found, expected: FORMAT });
        }
        let epoch = sqlx::query_scalar("UPDATE _prejoin_store SET epoch = epoch + 1 RETURNING epoch")
            .fetch_one(&mut connection)
            .await
            .map_err(failed)?;
        let identity = file::identity(path);
        Ok(SqliteStore { path: shown, connection, epoch, identity, open: BTreeMap::new() })
    }

    /// Every generation in the store: those that readers see, and those whose build was not finished.
    pub async fn generations(&mut self) -> Result<Vec<Generation>, StoreError> {
        let entries = self.read_catalog().await?;
        let mut generations = Vec::new();
        for entry in entries {
            let stored = catalog::read_pending(&mut self.connection, &entry.view, entry.generation).await;
            let pending = stored.map_err(|source| self.failed(source))?;
            let pending = pending.iter().map(|bytes| Pending::from_bytes(bytes)).collect::<Result<_, _>>();
            generations.push(Generation {
                pending: pending.map_err(|error| self.damaged(error.to_string()))?,
                is_current: entry.state == "current",
                view: entry.view,
                generation: entry.generation,
                fingerprint: entry.fingerprint,
                followed: entry.followed,
                visible: entry.visible,
                rows: entry.rows,
                cursor: entry.cursor.map(Bytes::from),
            });
        }
        Ok(generations)
    }

    /// Takes up a generation that goes on from where it stands.
    pub async fn resume(&mut self, view: &View, generation: i64) -> Result<(), StoreError> {
        let name = &view.plan.name;
        let entries = self.read_catalog().await?;
        let found = entries.into_iter().find(|entry| entry.view == *name && entry.generation == generation);
        let entry =
            found.ok_or_else(|| self.damaged(format!("it has no generation {generation} of {name}")))?;
        let counted =
            sqlx::query_scalar("SELECT count(*) FROM _prejoin_row_errors WHERE view = ? AND generation = ?")
                .bind(name)
                .bind(generation)
                .fetch_one(&mut self.connection)
                .await;
        let row_errors = counted.map_err(|source| self.failed(source))?;
        let open = OpenGeneration { columns: stored_columns(&view.plan), row_errors, entry };
        self.open.insert((name.clone(), generation), open);
        Ok(())
    }

    /// Rows and failed rows of a generation that is written to.
    pub fn counts(&self, view: &str, generation: i64) -> Option<(i64, i64)> {
        let open = self.open.get(&(view.to_owned(), generation))?;
        Some((open.entry.rows, open.row_errors))
    }

    /// Writes how the projector is, for readers of `/status`. `Replaced` if the path names another file by now: what is
    /// written here, nobody would read.
    pub async fn write_status(&mut self, written_at_ms: i64, status: &str) -> Result<(), StoreError> {
        if file::identity(Path::new(&self.path)) != self.identity {
            return Err(StoreError::Replaced { path: self.path.clone() });
        }
        self.begin().await?;
        let written = sqlx::query(
            "INSERT INTO _prejoin_status (one, written_at_ms, status) VALUES (1, ?, ?)
             ON CONFLICT (one) DO UPDATE SET written_at_ms = excluded.written_at_ms, status = excluded.status",
        )
        .bind(written_at_ms)
        .bind(status)
        .execute(&mut self.connection)
        .await;
        self.end(written).await.map(drop)
    }

    pub async fn close(self) -> Result<(), StoreError> {
        let path = self.path;
        self.connection.close().await.map_err(|source| StoreError::Database { path, source })
    }

    /// Begins a transaction that is this writer's to make.
    pub(crate) async fn begin(&mut self) -> Result<(), StoreError> {
        let begun = sqlx::query("BEGIN IMMEDIATE").execute(&mut self.connection).await;
        begun.map_err(|source| self.failed(source))?;
        let epoch = sqlx::query_scalar::<_, i64>("SELECT epoch FROM _prejoin_store");
        match epoch.fetch_one(&mut self.connection).await {
            Ok(epoch) if self.epoch == epoch => Ok(()),
            Ok(_) => {
                self.roll_back().await;
                Err(StoreError::Superseded { path: self.path.clone() })
            }
            Err(source) => {
                self.roll_back().await;
                Err(self.failed(source))
            }
        }
    }

    /// Commits the transaction if its work went well, else ends it without effect.
    pub(crate) async fn end<T>(&mut self, worked: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        let committed = match worked {
            Ok(value) => sqlx::query("COMMIT").execute(&mut self.connection).await.map(|_| value),
            Err(source) => Err(source),
        };
        match committed {
            Ok(value) => Ok(value),
            Err(source) => {
                self.roll_back().await;
                Err(self.failed(source))
            }
        }
    }

    /// The error that led here is the one to report.
    async fn roll_back(&mut self) {
        if let Err(source) = sqlx::query("ROLLBACK").execute(&mut self.connection).await {
            tracing::debug!(%source, "rolling back");
        }
    }

    pub(crate) async fn read_catalog(&mut self) -> Result<Vec<CatalogEntry>, StoreError> {
        catalog::read(&mut self.connection).await.map_err(|source| self.failed(source))
    }

    pub(crate) fn failed(&self, source: sqlx::Error) -> StoreError {
        StoreError::Database { path: self.path.clone(), source }
    }

    pub(crate) fn damaged(&self, detail: String) -> StoreError {
        StoreError::Damaged { path: self.path.clone(), detail }
    }
}

pub(crate) fn stored_columns(plan: &RowView) -> Vec<StoredColumn> {
    plan.columns.iter().map(StoredColumn::new).collect()
}
