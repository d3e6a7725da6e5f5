//! The databases of three services, in which every change is a version of a thing and an event that tells it.

use std::path::Path;
use std::time::Duration;

use prejoin_outbox::{NewEvent, Outbox};
use prejoin_test_servers::MariaDb;
use serde_json::json;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, MySqlPool, PgPool, SqlitePool};

pub(crate) const THINGS: i64 = 50;

#[derive(Clone)]
pub(crate) enum Store {
    Sqlite(SqlitePool),
    Postgres(PgPool),
    MariaDb(MySqlPool),
}

/// A row of the outbox that has its number.
pub(crate) struct NumberedRow {
    pub(crate) sequence: i64,
    pub(crate) event_id: String,
    pub(crate) kind: String,
    pub(crate) entity: String,
    pub(crate) time: String,
    pub(crate) data: String,
}

/// The same statements for every kind of pool, which are different types.
macro_rules! with_pool {
    ($store:expr, $pool:ident => $done:expr) => {
        match $store {
            Store::Sqlite($pool) => $done,
            Store::Postgres($pool) => $done,
            Store::MariaDb($pool) => $done,
        }
    };
}

impl Store {
    pub(crate) async fn sqlite(path: &Path) -> Store {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .busy_timeout(Duration::from_secs(20));
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await;
        Store::Sqlite(pool.expect("a file can be made")).with_things().await
    }

    pub(crate) async fn postgres(url: &str) -> Store {
        let pool = PgPoolOptions::new().max_connections(8).connect(url).await;
        Store::Postgres(pool.expect("the server runs")).with_things().await
    }

    pub(crate) async fn mariadb(server: &MariaDb) -> Store {
        drop(server.run_script("CREATE DATABASE orders"));
        let options: MySqlConnectOptions = server.url("orders").parse().expect("it is an address");
        let pool = MySqlPoolOptions::new().max_connections(8).connect_with(options).await;
        Store::MariaDb(pool.expect("the server runs")).with_things().await
    }

    async fn with_things(self) -> Store {
        let rows: Vec<String> = (0..THINGS).map(|thing| format!("({thing}, 0)")).collect();
        let script = format!(
            "CREATE TABLE things (thing BIGINT PRIMARY KEY, version BIGINT NOT NULL);
             INSERT INTO things VALUES {};",
            rows.join(", ")
        );
        let script = sqlx::raw_sql(AssertSqlSafe(script));
        with_pool!(&self, pool => drop(script.execute(pool).await.expect("a new database takes a table")));
        self
    }

    pub(crate) fn outbox(&self, service: &str) -> Outbox {
        match self {
            Store::Sqlite(pool) => Outbox::sqlite(service, pool.clone()),
            Store::Postgres(pool) => Outbox::postgres(service, pool.clone()),
            Store::MariaDb(pool) => Outbox::mysql(service, pool.clone()),
        }
    }

    /// Gives a thing its next version and records it, in one transaction, which is rolled back if so asked.
    pub(crate) async fn change(&self, outbox: &Outbox, thing: i64, padding: usize, keep: bool) {
        let add = format!("UPDATE things SET version = version + 1 WHERE thing = {thing}");
        let read = format!("SELECT version FROM things WHERE thing = {thing}");
        let (add, read) = (AssertSqlSafe(add), AssertSqlSafe(read));
        with_pool!(self, pool => {
            let mut tx = pool.begin().await.expect("the database is there");
            sqlx::raw_sql(add).execute(&mut *tx).await.expect("a thing is changed");
            let version: i64 = sqlx::query_scalar(read).fetch_one(&mut *tx).await.expect("it has a version");
            let data = json!({ "thing": thing, "version": version, "padding": "x".repeat(padding) });
            let event = NewEvent::new(&format!("{}.changed.v1", outbox.service()), &thing.to_string(), &data);
            outbox.record(&mut *tx, event.expect("it is JSON")).await.expect("it is recorded");
            let ended = if keep { tx.commit().await } else { tx.rollback().await };
            ended.expect("the transaction ends");
        });
    }

    /// The version of each thing, in order.
    pub(crate) async fn versions(&self) -> Vec<i64> {
        let statement = "SELECT version FROM things ORDER BY thing";
        with_pool!(self, pool => sqlx::query_scalar(statement).fetch_all(pool).await)
            .expect("they can be read")
    }

    /// Rows with numbers above this one, in order.
    pub(crate) async fn numbered_after(&self, sequence: i64) -> Vec<NumberedRow> {
        let statement = format!(
            "SELECT sequence, event_id, kind, entity, time, data FROM prejoin_outbox
              WHERE sequence > {sequence} ORDER BY sequence LIMIT 5000"
        );
        let statement = AssertSqlSafe(statement);
        let found: Vec<(i64, String, String, String, String, String)> =
            with_pool!(self, pool => sqlx::query_as(statement).fetch_all(pool).await)
                .expect("they can be read");
        let row = |(sequence, event_id, kind, entity, time, data)| NumberedRow {
            sequence,
            event_id,
            kind,
            entity,
            time,
            data,
        };
        found.into_iter().map(row).collect()
    }

    /// How many rows have no number.
    pub(crate) async fn unnumbered(&self) -> i64 {
        let statement = "SELECT count(*) FROM prejoin_outbox WHERE sequence IS NULL";
        with_pool!(self, pool => sqlx::query_scalar(statement).fetch_one(pool).await)
            .expect("they can be counted")
    }
}
