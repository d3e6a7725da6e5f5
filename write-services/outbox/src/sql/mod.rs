//! The outbox in a SQL database: three tables beside the service's own. What it does is written once; how SQLite,
//! PostgreSQL and MySQL or MariaDB want it said is in a file for each.

mod database;
mod record;
mod rows;
mod runs;

mod mysql;
mod postgres;
mod sqlite;

mod store;

mod number;
mod relay;
mod repair;

pub(crate) use mysql::MySqlDatabase;
pub(crate) use postgres::PostgresDatabase;
pub(crate) use sqlite::SqliteDatabase;
pub use store::SqlStore;
