//! SQLite: a file. One connection writes, so that writers queue for it in order; others read beside it.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use prejoin_outbox::{NewRow, Outbox, OutboxError, OutboxId, PoolUse, RecordEvent as _};
use sqlx::query::Query;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _, Sqlite, SqlitePool, TypeInfo as _,
    ValueRef as _,
};

use crate::database::open::{Opening, foreign_owner};
use crate::database::store::{Dialect, Session, Store};
use crate::database::value::{Cell, Row, Value};
use crate::error::ServiceError;

const READERS: u32 = 4;
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

static DIALECT: Dialect = Dialect {
    // A transaction has the write lock from its beginning.
    lock_tables: "SELECT 1",
    unlock_tables: "",
    tables: "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name",
    common_tables: include_str!("../../sql/sqlite.sql"),
    for_update: "",
    skip_locked: "",
};

pub(super) struct SqliteStore {
    reader: SqlitePool,
    writer: SqlitePool,
}

impl SqliteStore {
    /// Opens the file, creating it with its directory where missing. A file that belongs to somebody else stays as it
    /// is.
    pub(super) async fn open(opening: &Opening<'_>, path: &Path) -> Result<Self, ServiceError> {
        create_directory(opening, path)?;
        refuse_foreign(opening, path).await?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = |connections| SqlitePoolOptions::new().max_connections(connections);
        let writer = pool(1).connect_with(options.clone()).await.map_err(opening.failed("be opened"))?;
        let reader = pool(READERS).connect_lazy_with(options.read_only(true));
        Ok(SqliteStore { reader, writer })
    }
}

fn create_directory(opening: &Opening<'_>, path: &Path) -> Result<(), ServiceError> {
    let Some(directory) = path.parent().filter(|parent| *parent != Path::new("")) else {
        return Ok(());
    };
    std::fs::create_dir_all(directory).map_err(|source| ServiceError::Directory {
        service: opening.service.to_owned(),
        directory: directory.to_owned(),
        source,
    })
}

/// Looks before anything is written, the settings that a connection makes included.
async fn refuse_foreign(opening: &Opening<'_>, path: &Path) -> Result<(), ServiceError> {
    if !path.exists() {
        return Ok(());
    }
    let options = SqliteConnectOptions::new().filename(path).busy_timeout(BUSY_TIMEOUT);
    let mut connection = options.connect().await.map_err(opening.failed("be opened"))?;
    let tables: Vec<String> = sqlx::query_scalar(DIALECT.tables)
        .fetch_all(&mut connection)
        .await
        .map_err(opening.failed("be read"))?;
    let owner = match foreign_owner(&tables) {
        None if tables.is_empty() => None,
        None => sqlx::query_scalar("SELECT service FROM prejoin_service")
            .fetch_optional(&mut connection)
            .await
            .map_err(opening.failed("say whose it is"))?,
        foreign => foreign,
    };
    connection.close().await.map_err(opening.failed("be closed"))?;
    opening.refuse_other(owner)
}

#[async_trait]
impl Store for SqliteStore {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    /// With the write lock from the start, so that it cannot fail for having read first.
    async fn begin(&self) -> Result<Box<dyn Session>, sqlx::Error> {
        Ok(Box::new(SqliteSession(self.writer.begin_with("BEGIN IMMEDIATE").await?)))
    }

    async fn read(&self) -> Result<Box<dyn Session>, sqlx::Error> {
        Ok(Box::new(SqliteSession(self.reader.begin().await?)))
    }

    fn outbox(&self, service: &str) -> Outbox {
        Outbox::sqlite(service, self.writer.clone())
    }

    fn pools(&self) -> Vec<(&'static str, PoolUse)> {
        let pool_use = |pool: &SqlitePool| PoolUse {
            connections: pool.size(),
            idle: u32::try_from(pool.num_idle()).unwrap_or(u32::MAX),
            connections_max: pool.options().get_max_connections(),
        };
        vec![("writer", pool_use(&self.writer)), ("reader", pool_use(&self.reader))]
    }

    async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}

struct SqliteSession(sqlx::Transaction<'static, Sqlite>);

#[async_trait]
impl Session for SqliteSession {
    async fn script(&mut self, script: &'static str) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(script).execute(&mut *self.0).await?;
        Ok(())
    }

    async fn execute(&mut self, statement: &str, values: &[Value<'_>]) -> Result<u64, sqlx::Error> {
        Ok(bound(statement, values).execute(&mut *self.0).await?.rows_affected())
    }

    async fn query(&mut self, statement: &str, values: &[Value<'_>]) -> Result<Vec<Row>, sqlx::Error> {
        let rows = bound(statement, values).fetch_all(&mut *self.0).await?;
        rows.iter().map(read).collect()
    }

    async fn insert_new(&mut self, insert: &str, values: &[Value<'_>]) -> Result<bool, sqlx::Error> {
        Ok(self.execute(&format!("{insert} ON CONFLICT DO NOTHING"), values).await? == 1)
    }

    async fn record(&mut self, service: &str, row: &NewRow) -> Result<OutboxId, OutboxError> {
        (*self.0).insert(service, row).await
    }

    async fn commit(self: Box<Self>) -> Result<(), sqlx::Error> {
        self.0.commit().await
    }
}

fn read(row: &SqliteRow) -> Result<Row, sqlx::Error> {
    let cells: Result<Vec<Cell>, sqlx::Error> = (0..row.len()).map(|index| cell(row, index)).collect();
    cells.map(Row::new)
}

fn bound<'q>(statement: &str, values: &[Value<'q>]) -> Query<'q, Sqlite, SqliteArguments> {
    let query = sqlx::query(AssertSqlSafe(statement.to_owned()));
    values.iter().fold(query, |query, value| match *value {
        Value::Integer(number) => query.bind(number),
        Value::Text(text) => query.bind(text),
        Value::Bytes(bytes) => query.bind(bytes),
    })
}

fn cell(row: &SqliteRow, index: usize) -> Result<Cell, sqlx::Error> {
    let value = row.try_get_raw(index)?;
    Ok(match value.type_info().name() {
        _ if value.is_null() => Cell::Null,
        "INTEGER" => Cell::Integer(row.try_get_unchecked(index)?),
        "BLOB" => Cell::Bytes(row.try_get_unchecked(index)?),
        _ => Cell::Text(row.try_get_unchecked(index)?),
    })
}
