//! The databases that views are loaded into: where a projector's lies, and the floor beside it, which loads the same finished
//! rows with the same indexes in the fastest way that is known.

mod postgres;
mod sqlite;

use std::path::Path;

use prejoin_projector::StoreAddress;
use prejoin_test_servers::Postgres;

use self::postgres::PostgresFloor;
use self::sqlite::SqliteFloor;

/// Where the projector keeps its tables.
const SCHEMA: &str = "prejoin";

/// A view store that was made for one benchmark.
pub enum Store {
    Sqlite(std::path::PathBuf),
    Postgres(Box<Postgres>),
}

impl Store {
    pub fn sqlite(directory: &Path) -> Store {
        Store::Sqlite(directory.join("views.sqlite"))
    }

    /// With what an administrator would give a server of this size; benchmark and floor run on the same one.
    pub fn postgres() -> Store {
        let server = Postgres::start();
        server.run_script("ALTER SYSTEM SET max_wal_size = '8GB'; SELECT pg_reload_conf();");
        Store::Postgres(Box::new(server))
    }

    pub fn address(&self) -> StoreAddress {
        match self {
            Store::Sqlite(path) => StoreAddress::Sqlite(path.clone()),
            Store::Postgres(server) => StoreAddress::Postgres {
                url: server.url("postgres"),
                schema: SCHEMA.to_owned(),
                reader_role: None,
            },
        }
    }

    /// The server's, if there is one.
    pub fn url(&self) -> Option<String> {
        match self {
            Store::Sqlite(_) => None,
            Store::Postgres(server) => Some(server.url("postgres")),
        }
    }

    /// Reads the finished rows of the views.
    pub async fn floor(&self, views: &[String]) -> anyhow::Result<Floor> {
        Ok(match self {
            Store::Sqlite(path) => Floor::Sqlite(SqliteFloor::read(path, views).await?),
            Store::Postgres(server) => {
                Floor::Postgres(PostgresFloor::read(&server.url("postgres"), views).await?)
            }
        })
    }
}

/// Finished rows in memory, in key order.
pub enum Floor {
    Sqlite(SqliteFloor),
    Postgres(PostgresFloor),
}

impl Floor {
    /// Loads the rows into new tables and makes their indexes.
    pub async fn load(&mut self) -> anyhow::Result<()> {
        match self {
            Floor::Sqlite(floor) => floor.load().await,
            Floor::Postgres(floor) => floor.load().await,
        }
    }

    /// Makes room for the next `load`.
    pub async fn clear(&mut self) -> anyhow::Result<()> {
        match self {
            Floor::Sqlite(floor) => floor.clear(),
            Floor::Postgres(floor) => floor.clear().await,
        }
    }
}
