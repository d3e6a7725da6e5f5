//! PostgreSQL: a schema of the service's own.

use std::str::FromStr as _;

use async_trait::async_trait;
use prejoin_outbox::{NewRow, Outbox, OutboxError, OutboxId, PoolUse, RecordEvent as _};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, PgPool, Postgres, Row as _, TypeInfo as _, ValueRef as _};

use crate::database::open::{CONNECTION_WAIT, CONNECTIONS, LOCK_WAIT_SECONDS, Opening};
use crate::database::store::{Dialect, Session, Store};
use crate::database::value::{Cell, Row, Value};
use crate::error::ServiceError;

static DIALECT: Dialect = Dialect {
    // "preS" in ASCII.
    lock_tables: "SELECT 1 FROM pg_advisory_xact_lock(1886545235)",
    unlock_tables: "",
    tables: "SELECT relname::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace
                AND relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY relname",
    common_tables: include_str!("../../sql/postgres.sql"),
    for_update: " FOR UPDATE",
    skip_locked: " FOR UPDATE SKIP LOCKED",
};

pub(super) struct PostgresStore {
    pool: PgPool,
}

impl PostgresStore {
    /// Connects, and makes the schema where it is missing. Every connection sees this schema only.
    pub(super) async fn open(opening: &Opening<'_>, url: &str, schema: &str) -> Result<Self, ServiceError> {
        let options = PgConnectOptions::from_str(url).map_err(opening.failed("be found by its address"))?;
        let own = format!("\"{schema}\"");
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(CONNECTION_WAIT)
            .after_connect(move |connection, _| {
                let settings = sqlx::query(
                    "SELECT set_config('search_path', $1, false), set_config('lock_timeout', $2, false)",
                );
                let settings = settings.bind(own.clone()).bind(format!("{LOCK_WAIT_SECONDS}s"));
                Box::pin(async move { settings.execute(connection).await.map(drop) })
            })
            .connect_with(options.application_name(&format!("prejoin {}", opening.service)))
            .await
            .map_err(opening.failed("be opened"))?;
        let doing = "be given a schema";
        let exists: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)")
            .bind(schema)
            .fetch_one(&pool)
            .await
            .map_err(opening.failed(doing))?;
        // Only then is the right to make one needed.
        if !exists {
            let create = format!("CREATE SCHEMA IF NOT EXISTS \"{schema}\"");
            sqlx::raw_sql(AssertSqlSafe(create)).execute(&pool).await.map_err(opening.failed(doing))?;
        }
        Ok(PostgresStore { pool })
    }
}

#[async_trait]
impl Store for PostgresStore {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    async fn begin(&self) -> Result<Box<dyn Session>, sqlx::Error> {
        let begin = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
        Ok(Box::new(PostgresSession(self.pool.begin_with(begin).await?)))
    }

    async fn read(&self) -> Result<Box<dyn Session>, sqlx::Error> {
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        Ok(Box::new(PostgresSession(self.pool.begin_with(begin).await?)))
    }

    fn outbox(&self, service: &str) -> Outbox {
        Outbox::postgres(service, self.pool.clone())
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

struct PostgresSession(sqlx::Transaction<'static, Postgres>);

#[async_trait]
impl Session for PostgresSession {
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

fn read(row: &PgRow) -> Result<Row, sqlx::Error> {
    let cells: Result<Vec<Cell>, sqlx::Error> = (0..row.len()).map(|index| cell(row, index)).collect();
    cells.map(Row::new)
}

fn bound<'q>(statement: &str, values: &[Value<'q>]) -> Query<'q, Postgres, PgArguments> {
    let query = sqlx::query(AssertSqlSafe(with_numbered_places(statement)));
    values.iter().fold(query, |query, value| match *value {
        Value::Integer(number) => query.bind(number),
        Value::Text(text) => query.bind(text),
        Value::Bytes(bytes) => query.bind(bytes),
    })
}

/// `$1`, `$2`, … for `?`, which stands for nothing but a value in the services' statements.
fn with_numbered_places(statement: &str) -> String {
    let mut numbered = String::with_capacity(statement.len() + 16);
    for (place, part) in statement.split('?').enumerate() {
        if place > 0 {
            numbered.push_str(&format!("${place}"));
        }
        numbered.push_str(part);
    }
    numbered
}

fn cell(row: &PgRow, index: usize) -> Result<Cell, sqlx::Error> {
    let value = row.try_get_raw(index)?;
    Ok(match value.type_info().name() {
        _ if value.is_null() => Cell::Null,
        "INT8" => Cell::Integer(row.try_get(index)?),
        "INT4" => Cell::Integer(row.try_get::<i32, _>(index)?.into()),
        "BYTEA" => Cell::Bytes(row.try_get(index)?),
        _ => Cell::Text(row.try_get(index)?),
    })
}
