//! The view store as a schema of a PostgreSQL database: native types, native indexes, one SQL view per name.

mod rows;
mod session;
mod tables;

use async_trait::async_trait;
use bytes::Bytes;
use prejoin_sql::StoreIndex;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection, Postgres, Row as _, TypeInfo as _,
    ValueRef as _,
};

use crate::columns::{Form, StoredValue};
use crate::database::{Cells, Dialect, KeyedRow, Link, Table, Value, quoted};
use crate::packed::Loadable;

static DIALECT: Dialect = Dialect {
    form: Form::Postgres,
    // Its first format is the second.
    upgrades: &["", include_str!("upgrade_2.sql")],
    begin: "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
    // The schema's name tells the stores of one database apart.
    commit: "SELECT pg_notify('prejoin', current_schema()); COMMIT",
    random: "replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')",
    begin_snapshot: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    // The table's number: a schema that was made anew may have come to the same epoch.
    fence: "SELECT epoch, tableoid::bigint FROM _prejoin_store FOR SHARE",
    create_table: tables::create,
    complete_table: tables::complete,
    pack: rows::pack,
    create_index: tables::create_index,
    // Data exceptions, and program limits exceeded: an index does not take values of any length.
    refuses_values: |error| code(error).is_some_and(|code| code.starts_with("22") || code.starts_with("54")),
    // A lock was not to be had in time; or what others made of ours, such as a view over it, is in the way.
    is_held: |error| code(error).is_some_and(|code| code == LOCK_NOT_AVAILABLE || code == "2BP01"),
};

const LOCK_NOT_AVAILABLE: &str = "55P03";

/// SQLSTATE.
fn code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error()?.code().map(|code| code.into_owned())
}

pub(crate) struct PostgresLink {
    connection: PgConnection,
    reader_role: Option<String>,
}

impl PostgresLink {
    /// Connects as a writer, and makes the schema with the catalog's tables if it is missing.
    pub(crate) async fn open(
        url: &str,
        schema: &str,
        reader_role: Option<&str>,
    ) -> Result<Self, sqlx::Error> {
        let connection = session::connect(url, schema, session::WRITER).await?;
        let mut link = PostgresLink { connection, reader_role: reader_role.map(str::to_owned) };
        session::create(&mut link, schema).await?;
        Ok(link)
    }

    /// Connects as the writer that is open already, for work that takes long.
    pub(crate) async fn open_beside(url: &str, schema: &str) -> Result<Self, sqlx::Error> {
        let connection = session::connect(url, schema, session::WRITER).await?;
        let mut link = PostgresLink { connection, reader_role: None };
        session::settle_beside(&mut link).await?;
        Ok(link)
    }

    pub(crate) async fn open_to_read(url: &str, schema: &str) -> Result<Self, sqlx::Error> {
        let connection = session::connect(url, schema, session::READER).await?;
        Ok(PostgresLink { connection, reader_role: None })
    }
}

#[async_trait]
impl Link for PostgresLink {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    /// The fence tells.
    fn is_replaced(&self) -> bool {
        false
    }

    async fn script(&mut self, script: &str) -> Result<(), sqlx::Error> {
        self.connection.execute(sqlx::raw_sql(AssertSqlSafe(script))).await?;
        Ok(())
    }

    async fn execute(&mut self, statement: &str, values: &[Value<'_>]) -> Result<u64, sqlx::Error> {
        let statement = with_numbered_places(statement);
        let query = bound(sqlx::query(AssertSqlSafe(statement)), values);
        Ok(query.execute(&mut self.connection).await?.rows_affected())
    }

    async fn query(&mut self, statement: &str, values: &[Value<'_>]) -> Result<Vec<Cells>, sqlx::Error> {
        let statement = with_numbered_places(statement);
        let query = bound(sqlx::query(AssertSqlSafe(statement)), values);
        let rows = query.fetch_all(&mut self.connection).await?;
        rows.iter().map(|row| Ok(Cells::new(stored_values(row, 0)?))).collect()
    }

    async fn put(&mut self, table: &Table<'_>, rows: &[KeyedRow<'_>]) -> Result<i64, sqlx::Error> {
        rows::put(&mut self.connection, table, rows).await
    }

    async fn change(
        &mut self,
        table: &Table<'_>,
        columns: &[usize],
        rows: &[KeyedRow<'_>],
    ) -> Result<(), sqlx::Error> {
        rows::change(&mut self.connection, table, columns, rows).await
    }

    async fn load(&mut self, table: &Table<'_>, rows: Loadable) -> Result<(), sqlx::Error> {
        let Loadable::Postgres(parts) = rows else {
            unreachable!("rows are packed by the link's own dialect")
        };
        rows::copy(&mut self.connection, table.name, table, parts).await.map(drop)
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
        comment: Option<&str>,
    ) -> Result<(), sqlx::Error> {
        tables::redirect(self, view, table, comment).await
    }

    async fn set_aside(
        &mut self,
        table: &Table<'_>,
        indexes: &[StoreIndex],
    ) -> Result<Vec<(Bytes, String)>, sqlx::Error> {
        tables::set_aside(self, table, indexes).await
    }

    async fn put_back(&mut self, table: &Table<'_>, place: &str) -> Result<(), sqlx::Error> {
        tables::put_back(self, table, place).await
    }

    async fn forget_aside(&mut self, table: &Table<'_>) -> Result<(), sqlx::Error> {
        tables::forget_aside(self, table).await
    }

    async fn free_fence(&mut self) -> Result<(), sqlx::Error> {
        session::end_writers(self).await
    }

    async fn lock_unless_read(&mut self, table: &str) -> Result<bool, sqlx::Error> {
        let name = quoted(table);
        let exists = self.query("SELECT to_regclass(?)::text", &[(&name).into()]).await?;
        if exists.into_iter().next().map(|mut found| found.optional_text()).transpose()?.flatten().is_none() {
            return Ok(true);
        }
        // Without waiting: new readers would wait behind this one.
        match self.script(&format!("LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE NOWAIT")).await {
            Err(error) if code(&error).as_deref() == Some(LOCK_NOT_AVAILABLE) => Ok(false),
            locked => locked.map(|()| true),
        }
    }

    async fn admit_readers(&mut self) -> Result<(), sqlx::Error> {
        session::let_readers_in(self).await
    }

    async fn sizes(&mut self) -> Result<Vec<(String, i64)>, sqlx::Error> {
        let sizes = self
            .query(
                "SELECT relname::text, coalesce(pg_total_relation_size(oid), 0)
                   FROM pg_class
                  WHERE relkind = 'r' AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())",
                &[],
            )
            .await?;
        sizes.into_iter().map(|mut size| Ok((size.text()?, size.integer()?))).collect()
    }

    async fn close(self: Box<Self>) -> Result<(), sqlx::Error> {
        self.connection.close().await
    }
}

type PostgresQuery<'q> = Query<'q, Postgres, PgArguments>;

fn bound<'q>(query: PostgresQuery<'q>, values: &[Value<'q>]) -> PostgresQuery<'q> {
    values.iter().fold(query, |query, value| match *value {
        Value::Integer(number) => query.bind(number),
        Value::Text(text) => query.bind(text),
        Value::Blob(bytes) => query.bind(bytes),
    })
}

/// `$1`, `$2`, … for `?`, which stands for nothing but a value in the store's statements; within a quoted name it is a
/// part of the name.
fn with_numbered_places(statement: &str) -> String {
    let mut numbered = String::with_capacity(statement.len() + 16);
    let (mut place, mut is_quoted) = (0, false);
    for character in statement.chars() {
        is_quoted ^= character == '"';
        if character == '?' && !is_quoted {
            place += 1;
            numbered.push_str(&format!("${place}"));
        } else {
            numbered.push(character);
        }
    }
    numbered
}

/// The values of a row from a column on: integers, bytes and texts.
fn stored_values(row: &PgRow, from: usize) -> Result<Vec<StoredValue>, sqlx::Error> {
    (from..row.len()).map(|index| stored_value(row, index)).collect()
}

fn stored_value(row: &PgRow, index: usize) -> Result<StoredValue, sqlx::Error> {
    let value = row.try_get_raw(index)?;
    Ok(match value.type_info().name() {
        _ if value.is_null() => StoredValue::Null,
        "INT8" => StoredValue::Integer(row.try_get(index)?),
        "BYTEA" => StoredValue::Blob(row.try_get(index)?),
        _ => StoredValue::Text(row.try_get(index)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_numbered_but_not_in_names() {
        assert_eq!(
            with_numbered_places("UPDATE \"a?\"\"?\" SET b = ? WHERE c = ?"),
            "UPDATE \"a?\"\"?\" SET b = $1 WHERE c = $2"
        );
    }
}
