//! The view store as a SQLite file in WAL mode.

mod file;
mod rows;
mod tables;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use prejoin_sql::StoreIndex;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, Row as _, Sqlite, SqliteConnection, TypeInfo as _,
    ValueRef as _,
};

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
    connection: SqliteConnection,
    /// Which file was opened.
    identity: Option<file::Identity>,
}

impl SqliteLink {
    /// Opens the file, making it if it is missing. It has the catalog's tables, of whatever format.
    pub(crate) async fn open(path: &Path) -> Result<Self, sqlx::Error> {
        let (connection, identity) = file::open(path).await?;
        Ok(SqliteLink { path: path.to_owned(), connection, identity })
    }

    pub(crate) async fn open_to_read(path: &Path) -> Result<Self, sqlx::Error> {
        let identity = file::identity(path);
        let connection = file::open_to_read(path).await?;
        Ok(SqliteLink { path: path.to_owned(), connection, identity })
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
        self.connection.execute(sqlx::raw_sql(AssertSqlSafe(script))).await?;
        Ok(())
    }

    async fn execute(&mut self, statement: &str, values: &[Value<'_>]) -> Result<u64, sqlx::Error> {
        let query = bound(sqlx::query(AssertSqlSafe(statement)), values);
        Ok(query.execute(&mut self.connection).await?.rows_affected())
    }

    async fn query(&mut self, statement: &str, values: &[Value<'_>]) -> Result<Vec<Cells>, sqlx::Error> {
        let query = bound(sqlx::query(AssertSqlSafe(statement)), values);
        let rows = query.fetch_all(&mut self.connection).await?;
        rows.iter().map(|row| stored_values(row).map(Cells::new)).collect()
    }

    async fn put(&mut self, table: &Table<'_>, rows: &[KeyedRow<'_>]) -> Result<i64, sqlx::Error> {
        rows::put(&mut self.connection, table, rows).await
    }

    async fn load(&mut self, table: &Table<'_>, rows: Loadable) -> Result<(), sqlx::Error> {
        let Loadable::Sqlite(statements) = rows else {
            unreachable!("rows are packed by the link's own dialect")
        };
        rows::load(&mut self.connection, table, statements).await
    }

    async fn remove(&mut self, table: &Table<'_>, keys: &[&Bytes]) -> Result<i64, sqlx::Error> {
        rows::remove(&mut self.connection, table, keys).await
    }

    async fn find(
        &mut self,
        table: &Table<'_>,
        keys: &[&Bytes],
    ) -> Result<Vec<(Bytes, Vec<StoredValue>)>, sqlx::Error> {
        rows::find(&mut self.connection, table, keys).await
    }

    async fn read(
        &mut self,
        table: &Table<'_>,
        after: Option<&[u8]>,
        limit: i64,
    ) -> Result<Vec<(Bytes, Vec<StoredValue>)>, sqlx::Error> {
        rows::read(&mut self.connection, table, after, limit).await
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
        self.connection.close().await
    }
}

type SqliteQuery<'q> = Query<'q, Sqlite, SqliteArguments>;

fn bound<'q>(query: SqliteQuery<'q>, values: &[Value<'_>]) -> SqliteQuery<'q> {
    values.iter().fold(query, |query, value| match *value {
        Value::Integer(number) => query.bind(number),
        Value::Text(text) => query.bind(text.map(str::to_owned)),
        Value::Blob(bytes) => query.bind(bytes.map(<[u8]>::to_vec)),
    })
}

fn stored_values(row: &SqliteRow) -> Result<Vec<StoredValue>, sqlx::Error> {
    (0..row.len()).map(|index| stored_value(row, index)).collect()
}

fn stored_value(row: &SqliteRow, index: usize) -> Result<StoredValue, sqlx::Error> {
    let value = row.try_get_raw(index)?;
    Ok(match value.type_info().name() {
        _ if value.is_null() => StoredValue::Null,
        "INTEGER" | "BOOLEAN" => StoredValue::Integer(row.try_get_unchecked(index)?),
        "BLOB" => StoredValue::Blob(row.try_get_unchecked(index)?),
        _ => StoredValue::Text(row.try_get_unchecked(index)?),
    })
}

/// As many places as values.
fn places(count: usize) -> String {
    vec!["?"; count].join(", ")
}
