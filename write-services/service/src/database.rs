//! A service's own SQLite file: opened, claimed, migrated.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Sqlite, SqliteConnection, SqlitePool, Transaction};

use crate::error::ServiceError;

const READERS: u32 = 4;
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The database of one service. One connection writes, so that writers queue for it in order; others read beside it.
#[derive(Debug, Clone)]
pub struct Database {
    reader: SqlitePool,
    writer: SqlitePool,
}

impl Database {
    /// Opens the file, creating it with its directory where missing, and applies the migrations it has not seen: each
    /// is a script, and its version is its place in the list, from 1. Refuses a file that is not this service's.
    pub async fn open(service: &str, path: &Path, migrations: &[&'static str]) -> Result<Self, ServiceError> {
        let opening = Opening { service, path };
        opening.create_directory()?;
        opening.refuse_foreign().await?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = |connections| SqlitePoolOptions::new().max_connections(connections);
        let writer = pool(1).connect_with(options.clone()).await.map_err(opening.failed("be opened"))?;
        opening.migrate(&writer, migrations).await?;
        let reader = pool(READERS)
            .connect_with(options.read_only(true))
            .await
            .map_err(opening.failed("be opened for reading"))?;
        Ok(Database { reader, writer })
    }

    pub fn reader(&self) -> &SqlitePool {
        &self.reader
    }

    pub fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    /// A transaction that holds the write lock from its first statement.
    pub async fn begin(&self) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
        self.writer.begin_with("BEGIN IMMEDIATE").await
    }

    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}

struct Opening<'a> {
    service: &'a str,
    path: &'a Path,
}

impl Opening<'_> {
    fn failed(&self, doing: &'static str) -> impl FnOnce(sqlx::Error) -> ServiceError {
        let (service, path) = (self.service.to_owned(), self.path.to_owned());
        move |source| ServiceError::Database { service, path, doing, source }
    }

    fn create_directory(&self) -> Result<(), ServiceError> {
        let Some(directory) = self.path.parent().filter(|parent| *parent != Path::new("")) else {
            return Ok(());
        };
        std::fs::create_dir_all(directory).map_err(|source| ServiceError::Directory {
            service: self.service.to_owned(),
            directory: PathBuf::from(directory),
            source,
        })
    }

    /// Looks before anything is written: a file that belongs to somebody else stays as it is.
    async fn refuse_foreign(&self) -> Result<(), ServiceError> {
        if !self.path.exists() {
            return Ok(());
        }
        let mut connection = SqliteConnectOptions::new()
            .filename(self.path)
            .busy_timeout(BUSY_TIMEOUT)
            .connect()
            .await
            .map_err(self.failed("be opened"))?;
        let found = self.owner(&mut connection).await?;
        connection.close().await.map_err(self.failed("be closed"))?;
        match found {
            Some(owner) if owner != self.service => Err(ServiceError::Owner {
                service: self.service.to_owned(),
                path: self.path.to_owned(),
                owner,
            }),
            _ => Ok(()),
        }
    }

    /// Whose database it is; nobody's if it is empty.
    async fn owner(&self, connection: &mut SqliteConnection) -> Result<Option<String>, ServiceError> {
        let tables: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table'")
            .fetch_all(&mut *connection)
            .await
            .map_err(self.failed("be read"))?;
        if tables.is_empty() {
            return Ok(None);
        }
        if !tables.iter().any(|table| table == "prejoin_service") {
            return Ok(Some(format!("somebody else (it has a table {:?})", tables[0])));
        }
        sqlx::query_scalar("SELECT service FROM prejoin_service")
            .fetch_optional(connection)
            .await
            .map_err(self.failed("say whose it is"))
    }

    async fn migrate(&self, writer: &SqlitePool, migrations: &[&'static str]) -> Result<(), ServiceError> {
        let doing = "be migrated";
        let mut tx = writer.begin_with("BEGIN IMMEDIATE").await.map_err(self.failed(doing))?;
        sqlx::raw_sql(
            "CREATE TABLE IF NOT EXISTS prejoin_service (
                only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
                service TEXT NOT NULL,
                version INTEGER NOT NULL
             ) STRICT",
        )
        .execute(&mut *tx)
        .await
        .map_err(self.failed(doing))?;
        sqlx::query(
            "INSERT INTO prejoin_service (only_row, service, version) VALUES (1, ?, 0) ON CONFLICT DO NOTHING",
        )
        .bind(self.service)
        .execute(&mut *tx)
        .await
        .map_err(self.failed(doing))?;
        let (owner, found): (String, i64) = sqlx::query_as("SELECT service, version FROM prejoin_service")
            .fetch_one(&mut *tx)
            .await
            .map_err(self.failed(doing))?;
        let (service, path) = (self.service.to_owned(), self.path.to_owned());
        if owner != service {
            return Err(ServiceError::Owner { service, path, owner });
        }
        let versions = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
        let applied = usize::try_from(found).unwrap_or(usize::MAX);
        let Some(ahead) = migrations.get(applied..) else {
            return Err(ServiceError::Version { service, path, found, known: versions });
        };
        for script in ahead {
            sqlx::raw_sql(*script).execute(&mut *tx).await.map_err(self.failed(doing))?;
        }
        sqlx::query("UPDATE prejoin_service SET version = ?")
            .bind(versions)
            .execute(&mut *tx)
            .await
            .map_err(self.failed(doing))?;
        tx.commit().await.map_err(self.failed(doing))
    }
}
