//! Every kind of store, each test in a place of its own.

use std::path::PathBuf;

use prejoin_sinks::{StoreAddress, ViewStore};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _, SqliteConnection};
use tempfile::TempDir;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
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
    };
}
pub(crate) use on_every_store;

/// Where a store is.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    /// An empty one.
    pub(crate) fn new(_kind: Kind) -> Place {
        Place { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("views.sqlite")
    }

    pub(crate) fn address(&self) -> StoreAddress {
        StoreAddress::Sqlite(self.file())
    }

    pub(crate) async fn open(&self) -> ViewStore {
        ViewStore::open(&self.address()).await.unwrap()
    }

    /// Makes an empty file of it.
    pub(crate) async fn create(&self) {
        let options = SqliteConnectOptions::new().filename(self.file()).create_if_missing(true);
        let made = SqliteConnection::connect_with(&options).await.unwrap();
        made.close().await.unwrap();
    }

    async fn connect(&self) -> SqliteConnection {
        SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(self.file())).await.unwrap()
    }

    /// The rows of a query, its columns as texts, NULL as `-`.
    pub(crate) async fn query(&self, sql: &str) -> Vec<String> {
        let mut reader = self.connect().await;
        let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(&mut reader).await.unwrap();
        let text = |row: &sqlx::sqlite::SqliteRow| {
            let cell = |index| match row.try_get_unchecked::<Option<String>, _>(index) {
                Ok(text) => text.unwrap_or_else(|| "-".to_owned()),
                Err(error) => panic!("{error}"),
            };
            (0..row.len()).map(cell).collect::<Vec<_>>().join("|")
        };
        rows.iter().map(text).collect()
    }

    pub(crate) async fn execute(&self, script: &str) {
        let script = sqlx::raw_sql(AssertSqlSafe(script.to_owned()));
        script.execute(&mut self.connect().await).await.unwrap();
    }

    /// Tables of generations.
    pub(crate) async fn tables(&self) -> Vec<String> {
        self.query(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB '_g[0-9]*' ORDER BY name",
        )
        .await
    }

    /// SQL views for readers.
    pub(crate) async fn views(&self) -> Vec<String> {
        self.query("SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY name").await
    }

    /// A reader in the middle of a transaction.
    pub(crate) async fn reader(&self) -> Reader {
        let mut reader = Reader(self.connect().await);
        reader.0.execute("BEGIN").await.unwrap();
        reader
    }
}

pub(crate) struct Reader(SqliteConnection);

impl Reader {
    pub(crate) async fn count(&mut self, sql: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut self.0).await.unwrap()
    }

    pub(crate) async fn end(mut self) {
        self.0.execute("COMMIT").await.unwrap();
        self.0.close().await.unwrap();
    }
}
