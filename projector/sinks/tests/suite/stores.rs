//! Every kind of store: files, and schemas of a real server that the tests running at one time share; each test in a
//! place of its own.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use prejoin_sinks::{StoreAddress, ViewStore};
use prejoin_test_servers::Postgres;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _, SqliteConnection};
use tempfile::TempDir;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// Makes a test of each of these functions for each kind of store.
macro_rules! on_every_store {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::stores::Place::new(crate::stores::Kind::Sqlite)).await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::stores::Place::new(crate::stores::Kind::Postgres)).await;
            })*
        }
    };
}
pub(crate) use on_every_store;

/// Where a store is.
pub(crate) enum Place {
    File(TempDir),
    Schema(Arc<Postgres>, String),
}

static POSTGRES: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());
static PLACES: AtomicUsize = AtomicUsize::new(0);

/// The running server, or a new one. It is stopped when the last test that uses it ends.
fn server() -> Arc<Postgres> {
    let mut slot = POSTGRES.lock().unwrap();
    if let Some(running) = slot.upgrade() {
        return running;
    }
    let started = Arc::new(Postgres::start());
    *slot = Arc::downgrade(&started);
    started
}

impl Place {
    /// An empty one.
    pub(crate) fn new(kind: Kind) -> Place {
        match kind {
            Kind::Sqlite => Place::File(tempfile::tempdir().unwrap()),
            Kind::Postgres => {
                // A name that must be quoted.
                let schema = format!("The place {}", PLACES.fetch_add(1, Ordering::Relaxed));
                Place::Schema(server(), schema)
            }
        }
    }

    pub(crate) fn file(&self) -> PathBuf {
        let Place::File(folder) = self else { panic!("not a file") };
        folder.path().join("views.sqlite")
    }

    pub(crate) fn address(&self) -> StoreAddress {
        match self {
            Place::File(_) => StoreAddress::Sqlite(self.file()),
            Place::Schema(server, schema) => StoreAddress::Postgres {
                url: server.url("postgres"),
                schema: schema.clone(),
                reader_role: None,
            },
        }
    }

    pub(crate) async fn open(&self) -> ViewStore {
        ViewStore::open(&self.address()).await.unwrap()
    }

    /// Makes an empty file of it.
    pub(crate) async fn create_file(&self) {
        let options = SqliteConnectOptions::new().filename(self.file()).create_if_missing(true);
        let made = SqliteConnection::connect_with(&options).await.unwrap();
        made.close().await.unwrap();
    }

    async fn connect_to_file(&self) -> SqliteConnection {
        SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(self.file())).await.unwrap()
    }

    /// A session of PostgreSQL, as any client would have.
    pub(crate) async fn session(&self) -> PgConnection {
        let Place::Schema(server, schema) = self else { panic!("not a schema") };
        let mut session = PgConnection::connect(&server.url("postgres")).await.unwrap();
        let path = format!("SET search_path = \"{schema}\"");
        session.execute(AssertSqlSafe(path)).await.unwrap();
        session
    }

    /// The rows of a query, its columns as texts, NULL as `-`.
    pub(crate) async fn query(&self, sql: &str) -> Vec<String> {
        match self {
            Place::File(_) => {
                let mut reader = self.connect_to_file().await;
                let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(&mut reader).await.unwrap();
                rows.iter().map(text_of).collect()
            }
            Place::Schema(server, schema) => {
                let settings = format!("\\pset null -\nSET search_path = \"{schema}\";\n");
                server.run_script(&format!("{settings}{sql};")).lines().map(str::to_owned).collect()
            }
        }
    }

    pub(crate) async fn execute(&self, script: &str) {
        let statements = sqlx::raw_sql(AssertSqlSafe(script.to_owned()));
        match self {
            Place::File(_) => drop(statements.execute(&mut self.connect_to_file().await).await.unwrap()),
            Place::Schema(..) => drop(statements.execute(&mut self.session().await).await.unwrap()),
        }
    }

    /// Tables of generations.
    pub(crate) async fn tables(&self) -> Vec<String> {
        let select = match self {
            Place::File(_) => {
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB '_g[0-9]*' ORDER BY name"
            }
            Place::Schema(..) => {
                "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename ~ '^_g[0-9]'
                  ORDER BY tablename COLLATE \"C\""
            }
        };
        self.query(select).await
    }

    /// SQL views for readers.
    pub(crate) async fn views(&self) -> Vec<String> {
        let select = match self {
            Place::File(_) => "SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY name",
            Place::Schema(..) => {
                "SELECT viewname FROM pg_views WHERE schemaname = current_schema() ORDER BY viewname COLLATE \"C\""
            }
        };
        self.query(select).await
    }

    pub(crate) async fn connect(&self) -> Reader {
        match self {
            Place::File(_) => Reader::File(self.connect_to_file().await),
            Place::Schema(..) => Reader::Session(self.session().await),
        }
    }

    /// A reader in the middle of a transaction.
    pub(crate) async fn reader(&self) -> Reader {
        let mut reader = self.connect().await;
        match &mut reader {
            Reader::File(reader) => {
                reader.execute("BEGIN").await.unwrap();
            }
            Reader::Session(reader) => {
                reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ").await.unwrap();
            }
        }
        reader
    }
}

fn text_of(row: &sqlx::sqlite::SqliteRow) -> String {
    let cell = |index| match row.try_get_unchecked::<Option<String>, _>(index) {
        Ok(text) => text.unwrap_or_else(|| "-".to_owned()),
        Err(error) => panic!("{error}"),
    };
    (0..row.len()).map(cell).collect::<Vec<_>>().join("|")
}

/// A client that reads.
pub(crate) enum Reader {
    File(SqliteConnection),
    Session(PgConnection),
}

impl Reader {
    pub(crate) async fn count(&mut self, sql: &str) -> i64 {
        let query = AssertSqlSafe(sql.to_owned());
        match self {
            Reader::File(reader) => sqlx::query_scalar(query).fetch_one(reader).await.unwrap(),
            Reader::Session(reader) => sqlx::query_scalar(query).fetch_one(reader).await.unwrap(),
        }
    }

    pub(crate) async fn end(self) {
        match self {
            Reader::File(mut reader) => {
                reader.execute("COMMIT").await.unwrap();
                reader.close().await.unwrap();
            }
            Reader::Session(mut reader) => {
                reader.execute("COMMIT").await.unwrap();
                reader.close().await.unwrap();
            }
        }
    }
}
