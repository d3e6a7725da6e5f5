//! PostgreSQL: the relay has a connection of its own, taken out of the service's pool, and the turn is an advisory lock
//! of that session. A pooler between the two must keep sessions, or connect the relay past it.

use async_trait::async_trait;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{
    AssertSqlSafe, Executor as _, PgConnection, PgPool, Postgres, Row as _, TypeInfo as _, ValueRef as _,
};

use crate::sql::database::{Cell, Cells, Dialect, Link, SqlDatabase, Value};
use crate::store::PoolUse;

static DIALECT: Dialect = Dialect {
    create: include_str!("postgres.sql"),
    // Its first format is the second.
    upgrades: &["", include_str!("postgres_upgrade_2.sql")],
    exists: "SELECT count(*) FROM pg_class WHERE oid = to_regclass('prejoin_outbox_meta')",
    insert_meta: "INSERT INTO prejoin_outbox_meta
                  (only_row, service, format, last_sequence, sent_sequence, acknowledged_sequence)
                  VALUES (1, ?, ?, 0, 0, 0) ON CONFLICT DO NOTHING",
    owner: "SELECT service, format FROM prejoin_outbox_meta FOR UPDATE",
    lock: "SELECT last_sequence, sent_sequence, acknowledged_sequence FROM prejoin_outbox_meta FOR UPDATE",
    // From the ids to the rows: the expressions keep the planner from going through all that is unsent.
    number: "UPDATE prejoin_outbox SET mark = 'numbered', sequence = $2 + fresh.number
               FROM (SELECT value::bigint AS outbox_id, ordinality AS number
                       FROM json_array_elements_text($1::json) WITH ORDINALITY) AS fresh
              WHERE prejoin_outbox.outbox_id = fresh.outbox_id AND mark || '' = 'unsent'",
    number_run: "UPDATE prejoin_outbox SET mark = 'numbered', sequence = outbox_id + ?
                  WHERE outbox_id BETWEEN ? AND ? AND mark || '' = 'unsent'",
    forget: "DELETE FROM prejoin_outbox
              WHERE outbox_id IN (SELECT value::bigint FROM json_array_elements_text($1::json))",
};

/// The outbox of one schema has one turn: the table's identity tells it from others in the same database. The number in
/// front ("prej" in ASCII) tells it from other users of advisory locks.
const CLAIM: &str = "SELECT CASE WHEN pg_try_advisory_lock(
                         (1886545258::bigint << 32) | 'prejoin_outbox_meta'::regclass::oid::bigint) THEN 1 ELSE 0 END";

/// A relay speaks several times a minute. One that is silent so long has lost its machine or its network, and must not
/// keep its turn until TCP notices. PostgreSQL before 14 does not know the setting.
const END_WHEN_SILENT: &str =
    "SELECT set_config(name, '60s', false) FROM pg_settings WHERE name = 'idle_session_timeout'";

/// A table that was just filled has no statistics, and without them the planner sorts all that is unsent for every batch. The
/// index of it is in order.
const GO_BY_ORDER: &str = "SET enable_bitmapscan = off";

pub(crate) struct PostgresDatabase {
    pool: PgPool,
}

impl PostgresDatabase {
    pub(crate) fn new(pool: PgPool) -> Self {
        PostgresDatabase { pool }
    }
}

#[async_trait]
impl SqlDatabase for PostgresDatabase {
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
        let connection = self.pool.acquire().await?.detach();
        let mut link = PostgresLink { connection, has_turn: false };
        link.script(END_WHEN_SILENT).await?;
        link.script(GO_BY_ORDER).await?;
        Ok(Box::new(link))
    }
}

struct PostgresLink {
    connection: PgConnection,
    has_turn: bool,
}

#[async_trait]
impl Link for PostgresLink {
    async fn begin(&mut self, first: &'static str) -> Result<Vec<Cells>, sqlx::Error> {
        let script = format!("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {first}");
        cells(sqlx::raw_sql(AssertSqlSafe(script)).fetch_all(&mut self.connection).await?)
    }

    async fn commit(&mut self, last: &str) -> Result<(), sqlx::Error> {
        self.script(&format!("{last} COMMIT")).await
    }

    async fn roll_back(&mut self) -> Result<(), sqlx::Error> {
        self.script("ROLLBACK").await
    }

    async fn script(&mut self, script: &str) -> Result<(), sqlx::Error> {
        self.connection.execute(sqlx::raw_sql(AssertSqlSafe(script.to_owned()))).await?;
        Ok(())
    }

    async fn execute(&mut self, statement: &'static str, values: &[Value<'_>]) -> Result<u64, sqlx::Error> {
        Ok(bound(statement, values).execute(&mut self.connection).await?.rows_affected())
    }

    async fn query(
        &mut self,
        statement: &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<Cells>, sqlx::Error> {
        cells(bound(statement, values).fetch_all(&mut self.connection).await?)
    }

    /// The lock lasts as long as the session: whoever has it needs only to know that the session lives.
    async fn claim(&mut self) -> Result<bool, sqlx::Error> {
        if self.has_turn {
            self.script("SELECT 1").await?;
        } else {
            let answer = self.query(CLAIM, &[]).await?;
            self.has_turn = answer == [[Cell::Integer(1)]];
        }
        Ok(self.has_turn)
    }

    async fn release(&mut self) -> Result<(), sqlx::Error> {
        if std::mem::take(&mut self.has_turn) {
            self.script("SELECT pg_advisory_unlock_all()").await?;
        }
        Ok(())
    }
}

fn bound<'q>(statement: &'static str, values: &[Value<'q>]) -> Query<'q, Postgres, PgArguments> {
    let query = sqlx::query(AssertSqlSafe(with_numbered_places(statement)));
    values.iter().fold(query, |query, value| match *value {
        Value::Integer(number) => query.bind(number),
        Value::Text(text) => query.bind(text),
    })
}

/// `$1`, `$2`, … for `?`, which stands for nothing but a value in the outbox's statements.
fn with_numbered_places(statement: &str) -> String {
    let mut numbered = String::with_capacity(statement.len() + 16);
    let mut place = 0;
    for character in statement.chars() {
        if character == '?' {
            place += 1;
            numbered.push_str(&format!("${place}"));
        } else {
            numbered.push(character);
        }
    }
    numbered
}

fn cells(rows: Vec<PgRow>) -> Result<Vec<Cells>, sqlx::Error> {
    rows.iter().map(|row| (0..row.len()).map(|index| cell(row, index)).collect()).collect()
}

fn cell(row: &PgRow, index: usize) -> Result<Cell, sqlx::Error> {
    let value = row.try_get_raw(index)?;
    Ok(match value.type_info().name() {
        _ if value.is_null() => Cell::Null,
        "INT8" => Cell::Integer(row.try_get(index)?),
        "INT4" => Cell::Integer(row.try_get::<i32, _>(index)?.into()),
        _ => Cell::Text(row.try_get(index)?),
    })
}
