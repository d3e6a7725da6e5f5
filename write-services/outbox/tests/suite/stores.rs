//! Every kind of database: real servers, shared by the tests that run at one time, each test in a place of its own.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use prejoin_outbox::{NewEvent, Outbox, OutboxError, OutboxId};
use prejoin_test_servers::{MariaDb, Postgres};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, MySql, MySqlPool, PgPool, Sqlite, SqlitePool, Transaction};

use crate::support::SERVICE;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
    MariaDb,
}

/// Makes a test of each of these functions for each kind of database.
macro_rules! on_every_store {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::stores::Kind::Sqlite).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::stores::Kind::Postgres).await;
            })*
        }
        mod mariadb {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::stores::Kind::MariaDb).await;
            })*
        }
    };
}
pub(crate) use on_every_store;

/// Where a database lies, so that it can be opened again, as another process would.
#[derive(Clone)]
pub(crate) enum Place {
    File(PathBuf),
    Schema(Arc<Postgres>, String),
    Database(Arc<MariaDb>, String),
}

static POSTGRES: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());
static MARIADB: Mutex<Weak<MariaDb>> = Mutex::new(Weak::new());
static PLACES: AtomicUsize = AtomicUsize::new(0);

/// The running server, or a new one. It is stopped when the last test that uses it ends.
fn shared<T>(slot: &Mutex<Weak<T>>, start: fn() -> T) -> Arc<T> {
    let mut slot = slot.lock().unwrap();
    if let Some(running) = slot.upgrade() {
        return running;
    }
    let started = Arc::new(start());
    *slot = Arc::downgrade(&started);
    started
}

impl Place {
    /// An empty one. `file` serves where the database is a file.
    pub(crate) fn new(kind: Kind, file: PathBuf) -> Place {
        let name = format!("place_{}", PLACES.fetch_add(1, Ordering::Relaxed));
        match kind {
            Kind::Sqlite => Place::File(file),
            Kind::Postgres => {
                let server = shared(&POSTGRES, Postgres::start);
                server.run_script(&format!("CREATE SCHEMA {name};"));
                Place::Schema(server, name)
            }
            Kind::MariaDb => {
                let server = shared(&MARIADB, MariaDb::start);
                server.run_script(&format!("CREATE DATABASE {name}"));
                Place::Database(server, name)
            }
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Place::File(_) => Kind::Sqlite,
            Place::Schema(..) => Kind::Postgres,
            Place::Database(..) => Kind::MariaDb,
        }
    }
}

pub(crate) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
    MariaDb(MySqlPool),
}

/// A transaction of a command.
pub(crate) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, sqlx::Postgres>),
    MariaDb(Transaction<'static, MySql>),
}

impl Pool {
    pub(crate) async fn open(place: &Place) -> Pool {
        match place {
            Place::File(path) => {
                let options = SqliteConnectOptions::new()
                    .filename(path)
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .busy_timeout(Duration::from_secs(20));
                let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await;
                Pool::Sqlite(pool.unwrap())
            }
            Place::Schema(server, schema) => {
                let options: PgConnectOptions = server.url("postgres").parse().unwrap();
                let options = options.options([("search_path", schema)]);
                let pool = PgPoolOptions::new().max_connections(4).connect_with(options).await;
                Pool::Postgres(pool.unwrap())
            }
            Place::Database(server, database) => {
                let options: MySqlConnectOptions = server.url(database).parse().unwrap();
                let pool = MySqlPoolOptions::new().max_connections(4).connect_with(options).await;
                Pool::MariaDb(pool.unwrap())
            }
        }
    }

    pub(crate) fn outbox(&self, service: &str) -> Outbox {
        match self {
            Pool::Sqlite(pool) => Outbox::sqlite(service, pool.clone()),
            Pool::Postgres(pool) => Outbox::postgres(service, pool.clone()),
            Pool::MariaDb(pool) => Outbox::mysql(service, pool.clone()),
        }
    }

    pub(crate) async fn begin(&self) -> Tx {
        match self {
            Pool::Sqlite(pool) => Tx::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await.unwrap()),
            Pool::Postgres(pool) => Tx::Postgres(pool.begin().await.unwrap()),
            Pool::MariaDb(pool) => Tx::MariaDb(pool.begin().await.unwrap()),
        }
    }

    pub(crate) async fn run(&self, script: &str) {
        let script = sqlx::raw_sql(AssertSqlSafe(script.to_owned()));
        match self {
            Pool::Sqlite(pool) => {
                script.execute(pool).await.unwrap();
            }
            Pool::Postgres(pool) => {
                script.execute(pool).await.unwrap();
            }
            Pool::MariaDb(pool) => {
                script.execute(pool).await.unwrap();
            }
        }
    }

    /// The first column of every row.
    pub(crate) async fn integers(&self, question: &str) -> Vec<i64> {
        let question = AssertSqlSafe(question.to_owned());
        match self {
            Pool::Sqlite(pool) => sqlx::query_scalar(question).fetch_all(pool).await.unwrap(),
            Pool::Postgres(pool) => sqlx::query_scalar(question).fetch_all(pool).await.unwrap(),
            Pool::MariaDb(pool) => sqlx::query_scalar(question).fetch_all(pool).await.unwrap(),
        }
    }

    pub(crate) async fn integer(&self, question: &str) -> i64 {
        self.integers(question).await[0]
    }
}

impl Tx {
    pub(crate) async fn record(&mut self, outbox: &Outbox, event: NewEvent) -> Result<OutboxId, OutboxError> {
        match self {
            Tx::Sqlite(tx) => outbox.record(&mut **tx, event).await,
            Tx::Postgres(tx) => outbox.record(&mut **tx, event).await,
            Tx::MariaDb(tx) => outbox.record(&mut **tx, event).await,
        }
    }

    pub(crate) async fn commit(self) {
        match self {
            Tx::Sqlite(tx) => tx.commit().await.unwrap(),
            Tx::Postgres(tx) => tx.commit().await.unwrap(),
            Tx::MariaDb(tx) => tx.commit().await.unwrap(),
        }
    }

    pub(crate) async fn roll_back(self) {
        match self {
            Tx::Sqlite(tx) => tx.rollback().await.unwrap(),
            Tx::Postgres(tx) => tx.rollback().await.unwrap(),
            Tx::MariaDb(tx) => tx.rollback().await.unwrap(),
        }
    }
}

/// Copies both tables into an empty place, as a backup would.
pub(crate) async fn copy(pool: &Pool, from: &Place, to: &Place) {
    let tables = ["prejoin_outbox", "prejoin_outbox_sent", "prejoin_outbox_meta"];
    match (pool, from, to) {
        (Pool::Sqlite(pool), _, Place::File(path)) => {
            sqlx::query("VACUUM INTO ?").bind(path.to_str().unwrap()).execute(pool).await.unwrap();
        }
        (_, Place::Schema(_, from), Place::Schema(_, to)) => {
            for table in tables {
                pool.run(&format!(
                    "CREATE TABLE {to}.{table} (LIKE {from}.{table} INCLUDING ALL);
                     INSERT INTO {to}.{table} SELECT * FROM {from}.{table};"
                ))
                .await;
            }
            for (table, id) in [("prejoin_outbox", "outbox_id"), ("prejoin_outbox_sent", "run_id")] {
                pool.run(&format!(
                    "SELECT setval(pg_get_serial_sequence('{to}.{table}', '{id}'), coalesce(max({id}), 1))
                       FROM {to}.{table}"
                ))
                .await;
            }
        }
        (_, Place::Database(_, from), Place::Database(_, to)) => {
            for table in tables {
                pool.run(&format!(
                    "CREATE TABLE {to}.{table} LIKE {from}.{table};
                     INSERT INTO {to}.{table} SELECT * FROM {from}.{table};"
                ))
                .await;
            }
        }
        _ => panic!("a copy is of the same kind"),
    }
    assert_eq!(SERVICE, "orders", "the copy belongs to the same service");
}
