//! The view store as a SQLite file in WAL mode, used in the thread that asks: another one takes longer to wake up than most
//! statements take.

mod checkpoints;
mod failure;
mod file;
mod rows;
mod tables;
mod values;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use prejoin_sql::StoreIndex;
use rusqlite::{Connection, params_from_iter};
use tokio::runtime::{Handle, RuntimeFlavor};

use self::checkpoints::Checkpoints;
use self::failure::failed;
use crate::columns::{Form, StoredValue};
use crate::database::{Cells, Dialect, KeyedRow, Link, Table, Value};
use crate::packed::Loadable;

static DIALECT: Dialect = Dialect {
    form: Form::Sqlite,
    upgrades: &[include_str!("upgrade_1.sql"), include_str!("upgrade_2.sql")],
    begin: "BEGIN IMMEDIATE",
    commit: "COMMIT",
    random: "lower(hex(randomblob(32)))",
    begin_snapshot: "BEGIN",
    fence: "SELECT epoch, 0 FROM _prejoin_store",
    create_table: tables::create,
    complete_table: |_| Vec::new(),
    pack: rows::pack,
    create_index: tables::create_index,
    refuses_values: |error| code(error).is_some_and(|code| code & 0xff == TOO_BIG),
    // Waiting for longer than the busy timeout is an error like any other.
    is_held: |_| false,
};

/// SQLITE_TOOBIG.
const TOO_BIG: u32 = 18;

fn code(error: &sqlx::Error) -> Option<u32> {
    error.as_database_error()?.code()?.parse().ok()
}

pub(crate) struct SqliteLink {
    path: PathBuf,
    /// Nothing for a reader. Ends before the connection does.
    checkpoints: Option<Checkpoints>,
    connection: Connection,
    /// Which file was opened.
    identity: Option<file::Identity>,
}

impl SqliteLink {
    /// Opens the file, making it if it is missing. It has the catalog's tables, of whatever format.
    pub(crate) async fn open(path: &Path) -> Result<Self, sqlx::Error> {
        let (connection, identity) = blocking(|| file::open(path))?;
        let checkpoints = Some(Checkpoints::of(path)?);
        Ok(SqliteLink { path: path.to_owned(), checkpoints, connection, identity })
    }

    pub(crate) async fn open_to_read(path: &Path) -> Result<Self, sqlx::Error> {
        let identity = file::identity(path);
        let connection = blocking(|| file::open_to_read(path)).map_err(failed)?;
        Ok(SqliteLink { path: path.to_owned(), checkpoints: None, connection, identity })
    }

    /// Writes rows.
    fn write<T>(
        &mut self,
        rows: usize,
        work: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
    ) -> Result<T, sqlx::Error> {
        if let Some(checkpoints) = &mut self.checkpoints {
            checkpoints.note_rows(rows);
        }
        blocking(|| work(&self.connection)).map_err(failed)
    }
}

/// Lets other tasks go elsewhere meanwhile, where there is an elsewhere.
fn blocking<T>(work: impl FnOnce() -> T) -> T {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::CurrentThread => work(),
        _ => tokio::task::block_in_place(work),
    }
}

#[async_trait]
impl Link for SqliteLink {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn is_replaced(&self) -> bool {
        file::identity(&self.path) != self.identity
    }

    async fn script(&mut self, script: &str) -> Result<(), sqlx::Error> {
        blocking(|| self.connection.execute_batch(script)).map_err(failed)?;
        if let Some(checkpoints) = self.checkpoints.as_mut().filter(|_| script == DIALECT.commit) {
            checkpoints.note_commit();
        }
        Ok(())
    }

    async fn execute(&mut self, statement: &str, values: &[Value<'_>]) -> Result<u64, sqlx::Error> {
        let execute = || self.connection.prepare_cached(statement)?.execute(params_from_iter(values));
        blocking(execute).map(|changed| changed as u64).map_err(failed)
    }

    async fn query(&mut self, statement: &str, values: &[Value<'_>]) -> Result<Vec<Cells>, sqlx::Error> {
        let query = || {
            let mut statement = self.connection.prepare_cached(statement)?;
            let count = statement.column_count();
            let cells = statement
                .query_map(params_from_iter(values), |row| Ok(Cells::new(rows::values_of(row, 0, count)?)));
            cells?.collect::<Result<Vec<_>, _>>()
        };
        blocking(query).map_err(failed)
    }

    async fn put(&mut self, table: &Table<'_>, rows: &[KeyedRow<'_>]) -> Result<i64, sqlx::Error> {
        self.write(rows.len(), |connection| rows::put(connection, table, rows))
    }

    async fn change(
        &mut self,
        table: &Table<'_>,
        columns: &[usize],
        rows: &[KeyedRow<'_>],
    ) -> Result<(), sqlx::Error> {
        self.write(rows.len(), |connection| rows::change(connection, table, columns, rows))
    }

    async fn load(&mut self, table: &Table<'_>, rows: Loadable) -> Result<(), sqlx::Error> {
        let Loadable::Sqlite(values) = rows else {
            unreachable!("rows are packed by the link's own dialect")
        };
        let count = values.len() / (1 + table.width());
        self.write(count, |connection| rows::load(connection, table, &values))
    }

    async fn remove(&mut self, table: &Table<'_>, keys: &[&Bytes]) -> Result<i64, sqlx::Error> {
        self.write(keys.len(), |connection| rows::remove(connection, table, keys))
    }

    async fn find(
        &mut self,
        table: &Table<'_>,
        keys: &[&Bytes],
    ) -> Result<Vec<(Bytes, Vec<StoredValue>)>, sqlx::Error> {
        blocking(|| rows::find(&self.connection, table, keys)).map_err(failed)
    }

    async fn read(
        &mut self,
        table: &Table<'_>,
        after: Option<&[u8]>,
        limit: i64,
    ) -> Result<Vec<(Bytes, Vec<StoredValue>)>, sqlx::Error> {
        blocking(|| rows::read(&self.connection, table, after, limit)).map_err(failed)
    }

    async fn redirect(
        &mut self,
        view: &str,
        table: &Table<'_>,
        _comment: Option<&str>,
    ) -> Result<(), sqlx::Error> {
        self.script(&tables::redirect(view, table)).await
    }

    /// No index refuses a row.
    async fn set_aside(
        &mut self,
        _table: &Table<'_>,
        _indexes: &[StoreIndex],
    ) -> Result<Vec<(Bytes, String)>, sqlx::Error> {
        Ok(Vec::new())
    }

    async fn put_back(&mut self, _table: &Table<'_>, _place: &str) -> Result<(), sqlx::Error> {
        Ok(())
    }

    async fn forget_aside(&mut self, _table: &Table<'_>) -> Result<(), sqlx::Error> {
        Ok(())
    }

    /// A process that waits for the file's lock waits for a transaction that ends, or for a process that does.
    async fn free_fence(&mut self) -> Result<(), sqlx::Error> {
        Ok(())
    }

    /// Readers keep their snapshot of a table that is dropped.
    async fn lock_unless_read(&mut self, _table: &str) -> Result<bool, sqlx::Error> {
        Ok(true)
    }

    /// Whoever may read the file may read all of it.
    async fn admit_readers(&mut self) -> Result<(), sqlx::Error> {
        Ok(())
    }

    /// Goes through the whole file.
    async fn sizes(&mut self) -> Result<Vec<(String, i64)>, sqlx::Error> {
        let sizes = self
            .query(
                "SELECT s.tbl_name, sum(d.pgsize) FROM dbstat d JOIN sqlite_schema s ON s.name = d.name
                  GROUP BY s.tbl_name",
                &[],
            )
            .await?;
        sizes.into_iter().map(|mut size| Ok((size.text()?, size.integer()?))).collect()
    }

    async fn close(self: Box<Self>) -> Result<(), sqlx::Error> {
        let SqliteLink { checkpoints, connection, .. } = *self;
        blocking(|| {
            drop(checkpoints);
            connection.close().map_err(|(_, error)| failed(error))
        })
    }
}
