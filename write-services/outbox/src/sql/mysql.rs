//! MySQL and MariaDB: the relay has a connection of its own, taken out of the service's pool, and the turn is a named
//! lock of that session.

use async_trait::async_trait;
use sqlx::mysql::{MySqlArguments, MySqlRow};
use sqlx::query::Query;
use sqlx::{
    AssertSqlSafe, Executor as _, MySql, MySqlConnection, MySqlPool, Row as _, TypeInfo as _, ValueRef as _,
};

use crate::sql::database::{Cell, Cells, Dialect, Link, SqlDatabase, Value};
use crate::store::PoolUse;

static DIALECT: Dialect = Dialect {
    create: include_str!("mysql.sql"),
    // Its first format is the second.
    upgrades: &["", include_str!("mysql_upgrade_2.sql")],
    exists: "SELECT count(*) FROM information_schema.tables
              WHERE table_schema = database() AND table_name = 'prejoin_outbox_meta'",
    insert_meta: "INSERT IGNORE INTO prejoin_outbox_meta
                  (only_row, service, format, last_sequence, sent_sequence, acknowledged_sequence)
                  VALUES (1, ?, ?, 0, 0, 0)",
    owner: "SELECT service, format FROM prejoin_outbox_meta FOR UPDATE",
    lock: "SELECT last_sequence, sent_sequence, acknowledged_sequence FROM prejoin_outbox_meta FOR UPDATE",
    // By the primary key and nothing else: a look at more rows would wait for commands that are under way.
    number: "UPDATE JSON_TABLE(?, '$[*]' COLUMNS (number FOR ORDINALITY, outbox_id BIGINT PATH '$')) AS fresh
                    STRAIGHT_JOIN prejoin_outbox FORCE INDEX (PRIMARY)
                 ON prejoin_outbox.outbox_id = fresh.outbox_id
                SET prejoin_outbox.mark = 'numbered', prejoin_outbox.sequence = ? + fresh.number
              WHERE prejoin_outbox.mark = 'unsent'",
    number_run: "UPDATE prejoin_outbox FORCE INDEX (PRIMARY) SET mark = 'numbered', sequence = outbox_id + ?
                  WHERE outbox_id BETWEEN ? AND ? AND mark = 'unsent'",
    forget: "DELETE prejoin_outbox
               FROM JSON_TABLE(?, '$[*]' COLUMNS (outbox_id BIGINT PATH '$')) AS old
                    STRAIGHT_JOIN prejoin_outbox FORCE INDEX (PRIMARY)
                 ON prejoin_outbox.outbox_id = old.outbox_id",
};

/// Named locks are of the whole server, and their names short.
const CLAIM: &str = "SELECT GET_LOCK(concat('prejoin_outbox.', md5(database())), 0)";

/// A relay speaks several times a minute. One that is silent so long has lost its machine or its network, and must not
/// keep its turn until TCP notices.
const END_WHEN_SILENT: &str = "SET SESSION wait_timeout = 60";

pub(crate) struct MySqlDatabase {
    pool: MySqlPool,
}

impl MySqlDatabase {
    pub(crate) fn new(pool: MySqlPool) -> Self {
        MySqlDatabase { pool }
    }
}

#[async_trait]
impl SqlDatabase for MySqlDatabase {
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
        let mut link = MySqlLink { connection, has_turn: false };
        link.script(END_WHEN_SILENT).await?;
        Ok(Box::new(link))
    }
}

struct MySqlLink {
    connection: MySqlConnection,
    has_turn: bool,
}

#[async_trait]
impl Link for MySqlLink {
    /// The default level locks gaps between rows, into which commands could then not insert.
    async fn begin(&mut self, first: &'static str) -> Result<Vec<Cells>, sqlx::Error> {
        let script =
            format!("SET TRANSACTION ISOLATION LEVEL READ COMMITTED; START TRANSACTION READ WRITE; {first}");
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
            self.script("DO 1").await?;
        } else {
            let answer = self.query(CLAIM, &[]).await?;
            self.has_turn = answer == [[Cell::Integer(1)]];
        }
        Ok(self.has_turn)
    }

    async fn release(&mut self) -> Result<(), sqlx::Error> {
        if std::mem::take(&mut self.has_turn) {
            self.script("DO RELEASE_LOCK(concat('prejoin_outbox.', md5(database())))").await?;
        }
        Ok(())
    }
}

fn bound<'q>(statement: &'static str, values: &[Value<'q>]) -> Query<'q, MySql, MySqlArguments> {
    values.iter().fold(sqlx::query(statement), |query, value| match *value {
        Value::Integer(number) => query.bind(number),
        Value::Text(text) => query.bind(text),
    })
}

fn cells(rows: Vec<MySqlRow>) -> Result<Vec<Cells>, sqlx::Error> {
    rows.iter().map(|row| (0..row.len()).map(|index| cell(row, index)).collect()).collect()
}

fn cell(row: &MySqlRow, index: usize) -> Result<Cell, sqlx::Error> {
    let value = row.try_get_raw(index)?;
    Ok(match value.type_info().name() {
        _ if value.is_null() => Cell::Null,
        name if name.contains("INT") => Cell::Integer(row.try_get_unchecked(index)?),
        _ => Cell::Text(row.try_get_unchecked(index)?),
    })
}
