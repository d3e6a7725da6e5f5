//! MySQL and MariaDB: a database of the service's own.

use std::str::FromStr as _;

use async_trait::async_trait;
use prejoin_outbox::{NewRow, Outbox, OutboxError, OutboxId, PoolUse, RecordEvent as _};
use sqlx::mysql::{MySqlArguments, MySqlConnectOptions, MySqlPoolOptions, MySqlRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, MySql, MySqlPool, Row as _, TypeInfo as _, ValueRef as _};

use crate::database::error::DatabaseError;
use crate::database::open::{CONNECTION_WAIT, CONNECTIONS, LOCK_WAIT_SECONDS, Opening};
use crate::database::store::{Dialect, Session, Store};
use crate::database::value::{Cell, Row, Value};
use crate::error::ServiceError;

static DIALECT: Dialect = Dialect {
    // Creating a table ends the transaction, so the lock is the session's.
    lock_tables: "SELECT GET_LOCK(concat('prejoin_service.', md5(database())), 60)",
    unlock_tables: "DO RELEASE_LOCK(concat('prejoin_service.', md5(database())))",
    // MySQL says that the names are bytes.
    tables: "SELECT CAST(table_name AS CHAR) FROM information_schema.tables
              WHERE table_schema = database() ORDER BY table_name",
    common_tables: include_str!("../../sql/mysql.sql"),
    for_update: " FOR UPDATE",
    skip_locked: " FOR UPDATE SKIP LOCKED",
};

pub(super) struct MySqlStore {
    pool: MySqlPool,
}

impl MySqlStore {
    pub(super) async fn open(opening: &Opening<'_>, url: &str) -> Result<Self, ServiceError> {
        let options =
            MySqlConnectOptions::from_str(url).map_err(opening.failed("be found by its address"))?;
        if options.get_database().is_none() {
            let reason = "the address names no database: write mysql://HOST/DATABASE".to_owned();
            return Err(opening.address(reason));
        }
        let pool = MySqlPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(CONNECTION_WAIT)
            .after_connect(|connection, _| {
                // What does not fit is refused, not cut off, however the server is set up.
                let settings = format!(
                    "SET SESSION sql_mode = concat(@@sql_mode, ',STRICT_ALL_TABLES'),
                                 innodb_lock_wait_timeout = {LOCK_WAIT_SECONDS}"
                );
                Box::pin(
                    async move { sqlx::raw_sql(AssertSqlSafe(settings)).execute(connection).await.map(drop) },
                )
            })
            .connect_with(options)
            .await
            .map_err(opening.failed("be opened"))?;
        Ok(MySqlStore { pool })
    }
}

#[async_trait]
impl Store for MySqlStore {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    /// The default level locks gaps between rows, into which others could then not insert.
    async fn begin(&self) -> Result<Box<dyn Session>, sqlx::Error> {
        let begin = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; START TRANSACTION READ WRITE";
        Ok(Box::new(MySqlSession(self.pool.begin_with(begin).await?)))
    }

    async fn read(&self) -> Result<Box<dyn Session>, sqlx::Error> {
        let begin = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; \
                     START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";
        Ok(Box::new(MySqlSession(self.pool.begin_with(begin).await?)))
    }

    fn outbox(&self, service: &str) -> Outbox {
        Outbox::mysql(service, self.pool.clone())
    }

    fn pools(&self) -> Vec<(&'static str, PoolUse)> {
        let pool = &self.pool;
        let pool_use = PoolUse {
            connections: pool.size(),
            idle: u32::try_from(pool.num_idle()).unwrap_or(u32::MAX),
            connections_max: pool.options().get_max_connections(),
        };
        vec![("all", pool_use)]
    }

    async fn close(&self) {
        self.pool.close().await;
    }
}

struct MySqlSession(sqlx::Transaction<'static, MySql>);

#[async_trait]
impl Session for MySqlSession {
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

    /// INSERT IGNORE would also pass over what does not fit. The transaction goes on after a statement that failed.
    async fn insert_new(&mut self, insert: &str, values: &[Value<'_>]) -> Result<bool, sqlx::Error> {
        match self.execute(insert, values).await.map_err(DatabaseError) {
            Ok(_) => Ok(true),
            Err(error) if error.is_duplicate() => Ok(false),
            Err(error) => Err(error.0),
        }
    }

    async fn record(&mut self, service: &str, row: &NewRow) -> Result<OutboxId, OutboxError> {
        (*self.0).insert(service, row).await
    }

    async fn commit(self: Box<Self>) -> Result<(), sqlx::Error> {
        self.0.commit().await
    }
}

fn read(row: &MySqlRow) -> Result<Row, sqlx::Error> {
    let cells: Result<Vec<Cell>, sqlx::Error> = (0..row.len()).map(|index| cell(row, index)).collect();
    cells.map(Row::new)
}

fn bound<'q>(statement: &str, values: &[Value<'q>]) -> Query<'q, MySql, MySqlArguments> {
    let query = sqlx::query(AssertSqlSafe(statement.to_owned()));
    values.iter().fold(query, |query, value| match *value {
        Value::Integer(number) => query.bind(number),
        Value::Text(text) => query.bind(text),
        Value::Bytes(bytes) => query.bind(bytes),
    })
}

fn cell(row: &MySqlRow, index: usize) -> Result<Cell, sqlx::Error> {
    let value = row.try_get_raw(index)?;
    Ok(match value.type_info().name() {
        _ if value.is_null() => Cell::Null,
        name if name.contains("INT") => Cell::Integer(row.try_get_unchecked(index)?),
        name if name.contains("BINARY") || name.contains("BLOB") => {
            Cell::Bytes(row.try_get_unchecked(index)?)
        }
        _ => Cell::Text(row.try_get_unchecked(index)?),
    })
}
