//! SQLite: the relay shares the pool through which the service writes, and the turn is a lock on a file beside the
//! database.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{AssertSqlSafe, Row as _, Sqlite, SqlitePool, Transaction, TypeInfo as _, ValueRef as _};

use crate::sql::database::{Cell, Cells, Dialect, Link, SqlDatabase, Value};
use crate::store::PoolUse;

static DIALECT: Dialect = Dialect {
    create: include_str!("sqlite.sql"),
    upgrades: &[include_str!("sqlite_upgrade_1.sql"), include_str!("sqlite_upgrade_2.sql")],
    exists: "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'prejoin_outbox_meta'",
    insert_meta: "INSERT INTO prejoin_outbox_meta
                  (only_row, service, format, last_sequence, sent_sequence, acknowledged_sequence)
                  VALUES (1, ?, ?, 0, 0, 0) ON CONFLICT DO NOTHING",
    // A transaction has the write lock from its beginning.
    owner: "SELECT service, format FROM prejoin_outbox_meta",
    lock: "SELECT last_sequence, sent_sequence, acknowledged_sequence FROM prejoin_outbox_meta",
    // From the ids to the rows: the other way round, every row would be looked for among the ids.
    number: "WITH fresh (outbox_id, number) AS MATERIALIZED (SELECT value, key + 1 FROM json_each(?1))
             UPDATE prejoin_outbox SET mark = 'numbered', sequence = ?2 + fresh.number FROM fresh
              WHERE prejoin_outbox.outbox_id = fresh.outbox_id AND +mark = 'unsent'",
    number_run: "UPDATE prejoin_outbox SET mark = 'numbered', sequence = outbox_id + ?
                  WHERE outbox_id BETWEEN ? AND ? AND +mark = 'unsent'",
    forget: "DELETE FROM prejoin_outbox WHERE outbox_id IN (SELECT value FROM json_each(?))",
};

pub(crate) struct SqliteDatabase {
    pool: SqlitePool,
}

impl SqliteDatabase {
    pub(crate) fn new(pool: SqlitePool) -> Self {
        SqliteDatabase { pool }
    }

    /// Beside the database; none for a database in memory, which nobody else can open.
    fn turn_path(&self) -> Option<PathBuf> {
        let options = self.pool.connect_options();
        let database = options.get_filename();
        let name = database.file_name().filter(|_| database.is_file())?;
        let mut name = name.to_owned();
        name.push("-relay");
        Some(database.with_file_name(name))
    }
}

#[async_trait]
impl SqlDatabase for SqliteDatabase {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn pool_use(&self) -> PoolUse {
        PoolUse {
            connections: self.pool.size(),
            idle: u32::try_from(self.pool.num_idle()).unwrap_or(u32::MAX),
            connections_max: self.pool.options().get_max_connections(),
        }
    }

    async fn query(&self, statement: &'static str, values: &[Value<'_>]) -> Result<Vec<Cells>, sqlx::Error> {
        cells(bound(statement, values).fetch_all(&self.pool).await?)
    }

    async fn link(&self) -> Result<Box<dyn Link>, sqlx::Error> {
        let (pool, turn_path) = (self.pool.clone(), self.turn_path());
        Ok(Box::new(SqliteLink { pool, transaction: None, turn_path, turn: None }))
    }
}

struct SqliteLink {
    pool: SqlitePool,
    transaction: Option<Transaction<'static, Sqlite>>,
    turn_path: Option<PathBuf>,
    /// Locked as long as it is open.
    turn: Option<File>,
}

#[async_trait]
impl Link for SqliteLink {
    /// With the write lock from the start, so that it cannot fail for having read first.
    async fn begin(&mut self, first: &'static str) -> Result<Vec<Cells>, sqlx::Error> {
        self.transaction = Some(self.pool.begin_with("BEGIN IMMEDIATE").await?);
        self.query(first, &[]).await
    }

    async fn commit(&mut self, last: &str) -> Result<(), sqlx::Error> {
        if !last.is_empty() {
            self.script(last).await?;
        }
        match self.transaction.take() {
            Some(transaction) => transaction.commit().await,
            None => Ok(()),
        }
    }

    async fn roll_back(&mut self) -> Result<(), sqlx::Error> {
        match self.transaction.take() {
            Some(transaction) => transaction.rollback().await,
            None => Ok(()),
        }
    }

    async fn script(&mut self, script: &str) -> Result<(), sqlx::Error> {
        let script = AssertSqlSafe(script.to_owned());
        match &mut self.transaction {
            Some(transaction) => sqlx::raw_sql(script).execute(&mut **transaction).await?,
            None => sqlx::raw_sql(script).execute(&self.pool).await?,
        };
        Ok(())
    }

    async fn execute(&mut self, statement: &'static str, values: &[Value<'_>]) -> Result<u64, sqlx::Error> {
        let query = bound(statement, values);
        let done = match &mut self.transaction {
            Some(transaction) => query.execute(&mut **transaction).await?,
            None => query.execute(&self.pool).await?,
        };
        Ok(done.rows_affected())
    }

    async fn query(
        &mut self,
        statement: &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<Cells>, sqlx::Error> {
        let query = bound(statement, values);
        cells(match &mut self.transaction {
            Some(transaction) => query.fetch_all(&mut **transaction).await?,
            None => query.fetch_all(&self.pool).await?,
        })
    }

    async fn claim(&mut self) -> Result<bool, sqlx::Error> {
        if let (None, Some(path)) = (&self.turn, &self.turn_path) {
            self.turn = lock(path)?;
        }
        Ok(self.turn_path.is_none() || self.turn.is_some())
    }

    async fn release(&mut self) -> Result<(), sqlx::Error> {
        self.turn = None;
        Ok(())
    }
}

/// The lock goes with the file handle, and with the process.
fn lock(path: &Path) -> Result<Option<File>, std::io::Error> {
    let file = File::options().create(true).append(true).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn bound<'q>(statement: &'static str, values: &[Value<'q>]) -> Query<'q, Sqlite, SqliteArguments> {
    values.iter().fold(sqlx::query(statement), |query, value| match *value {
        Value::Integer(number) => query.bind(number),
        Value::Text(text) => query.bind(text),
    })
}

fn cells(rows: Vec<SqliteRow>) -> Result<Vec<Cells>, sqlx::Error> {
    rows.iter().map(|row| (0..row.len()).map(|index| cell(row, index)).collect()).collect()
}

fn cell(row: &SqliteRow, index: usize) -> Result<Cell, sqlx::Error> {
    let value = row.try_get_raw(index)?;
    Ok(match value.type_info().name() {
        _ if value.is_null() => Cell::Null,
        "INTEGER" => Cell::Integer(row.try_get_unchecked(index)?),
        _ => Cell::Text(row.try_get_unchecked(index)?),
    })
}
