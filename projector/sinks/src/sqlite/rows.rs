//! Set-based writes of rows: many to a statement.

use std::sync::Arc;

use bytes::Bytes;
use prejoin_model::{Value, write_text};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments as _, AssertSqlSafe, Encode, Row as _, Sqlite, SqliteConnection, Type};

use super::{SqliteQuery, places, stored_value};
use crate::columns::{StoredColumn, StoredValue};
use crate::database::{KeyedRow, Table, quoted, signed};
use crate::packed::Loadable;

/// Rows to a statement, largest first: few distinct statements, all of them cached.
const STATEMENT_ROWS: [usize; 4] = [256, 32, 4, 1];
/// SQLite's default limit of bound values in a statement.
const BOUND_VALUES_MAX: usize = 32_766;

pub(super) async fn put(
    connection: &mut SqliteConnection,
    table: &Table<'_>,
    rows: &[KeyedRow<'_>],
) -> Result<i64, sqlx::Error> {
    let mut added = 0;
    for chunk in chunks(rows, 1 + table.width()) {
        added += put_chunk(connection, table, chunk).await?;
    }
    Ok(added)
}

pub(super) async fn load(
    connection: &mut SqliteConnection,
    table: &Table<'_>,
    statements: Vec<(usize, SqliteArguments)>,
) -> Result<(), sqlx::Error> {
    for (rows, values) in statements {
        let insert = AssertSqlSafe(insert_statement(table, rows));
        sqlx::query_with(insert, values).execute(&mut *connection).await?;
    }
    Ok(())
}

/// The values of statements that add the rows.
pub(super) fn pack(columns: &[StoredColumn], rows: &[KeyedRow<'_>]) -> Loadable {
    let width = 1 + columns.iter().map(|column| column.names().count()).sum::<usize>();
    let values_of = |chunk: &[KeyedRow<'_>]| {
        let mut values = SqliteArguments::default();
        values.reserve(chunk.len() * width, 0);
        let mut packing = Packing { values, text: String::new() };
        for (key, row) in chunk {
            packing.add(key.to_vec());
            columns.iter().zip(row.iter()).for_each(|(column, value)| packing.add_value(column, value));
        }
        (chunk.len(), packing.values)
    };
    Loadable::Sqlite(chunks(rows, width).map(values_of).collect())
}

/// The values of one statement.
struct Packing {
    values: SqliteArguments,
    /// A text being printed.
    text: String,
}

impl Packing {
    fn add<'t>(&mut self, value: impl Encode<'t, Sqlite> + Type<Sqlite>) {
        self.values.add(value).expect("numbers, texts and bytes are what SQLite has");
    }

    fn add_value(&mut self, column: &StoredColumn, value: &Value) {
        match value {
            // Shared, not copied.
            Value::Text(text) => self.add(text.clone()),
            Value::Timestamptz(_)
            | Value::Date(_)
            | Value::Jsonb(_)
            | Value::Numeric(_)
            | Value::Array(_) => {
                self.text.clear();
                write_text(value, &mut self.text);
                let text: Arc<str> = self.text.as_str().into();
                self.add(text);
            }
            value => self.add_stored(column.visible(value)),
        }
        if let Some(value) = column.hidden(value) {
            self.add_stored(value);
        }
    }

    fn add_stored(&mut self, value: StoredValue) {
        match value {
            StoredValue::Null => self.add(None::<i64>),
            StoredValue::Integer(value) => self.add(value),
            StoredValue::Text(value) => self.add(value),
            StoredValue::Blob(value) => self.add(value),
        }
    }
}

async fn put_chunk(
    connection: &mut SqliteConnection,
    table: &Table<'_>,
    rows: &[KeyedRow<'_>],
) -> Result<i64, sqlx::Error> {
    let name = quoted(table.name);
    let known = format!("SELECT count(*) FROM {name} WHERE _key IN ({})", places(rows.len()));
    let mut query = sqlx::query_scalar::<_, i64>(AssertSqlSafe(known));
    for (key, _) in rows {
        query = query.bind(key.to_vec());
    }
    let known = query.fetch_one(&mut *connection).await?;
    let put = with_rows(sqlx::query(AssertSqlSafe(upsert_statement(table, rows.len()))), table, rows);
    put.execute(connection).await?;
    Ok(signed(rows.len() as u64) - known)
}

fn with_rows<'q>(mut query: SqliteQuery<'q>, table: &Table<'_>, rows: &[KeyedRow<'_>]) -> SqliteQuery<'q> {
    let mut values = Vec::with_capacity(table.width());
    for (key, row) in rows {
        query = query.bind(key.to_vec());
        table.store(row, &mut values);
        query = values.drain(..).fold(query, bind);
    }
    query
}

fn insert_statement(table: &Table<'_>, rows: usize) -> String {
    let names = table.names();
    let values = vec![format!("({})", places(1 + names.len())); rows].join(", ");
    format!("INSERT INTO {} (_key, {}) VALUES {values}", quoted(table.name), names.join(", "))
}

fn upsert_statement(table: &Table<'_>, rows: usize) -> String {
    let names = table.names();
    let updates: Vec<String> = names.iter().map(|name| format!("{name} = excluded.{name}")).collect();
    let insert = insert_statement(table, rows);
    format!("{insert} ON CONFLICT (_key) DO UPDATE SET {}", updates.join(", "))
}

pub(super) async fn remove(
    connection: &mut SqliteConnection,
    table: &Table<'_>,
    keys: &[&Bytes],
) -> Result<i64, sqlx::Error> {
    let mut removed = 0;
    for chunk in chunks(keys, 1) {
        let delete = format!("DELETE FROM {} WHERE _key IN ({})", quoted(table.name), places(chunk.len()));
        let query = sqlx::query(AssertSqlSafe(delete));
        let query = chunk.iter().fold(query, |query, key| query.bind(key.to_vec()));
        removed += signed(query.execute(&mut *connection).await?.rows_affected());
    }
    Ok(removed)
}

pub(super) async fn find(
    connection: &mut SqliteConnection,
    table: &Table<'_>,
    keys: &[&Bytes],
) -> Result<Vec<(Bytes, Vec<StoredValue>)>, sqlx::Error> {
    let columns = table.visible_names().join(", ");
    let mut found = Vec::with_capacity(keys.len());
    for chunk in chunks(keys, 1) {
        let select = format!(
            "SELECT _key, {columns} FROM {} WHERE _key IN ({})",
            quoted(table.name),
            places(chunk.len())
        );
        let query = sqlx::query(AssertSqlSafe(select));
        let query = chunk.iter().fold(query, |query, key| query.bind(key.to_vec()));
        for row in query.fetch_all(&mut *connection).await? {
            found.push(keyed(&row)?);
        }
    }
    Ok(found)
}

fn keyed(row: &SqliteRow) -> Result<(Bytes, Vec<StoredValue>), sqlx::Error> {
    let values = (1..row.len()).map(|index| stored_value(row, index)).collect::<Result<_, _>>()?;
    Ok((Bytes::from(row.try_get::<Vec<u8>, _>(0)?), values))
}

pub(super) async fn read(
    connection: &mut SqliteConnection,
    table: &Table<'_>,
    after: Option<&[u8]>,
    limit: i64,
) -> Result<Vec<(Bytes, Vec<StoredValue>)>, sqlx::Error> {
    // No key is empty, and the empty one is the least.
    let select = format!(
        "SELECT _key, {} FROM {} WHERE _key > ? ORDER BY _key LIMIT ?",
        table.names().join(", "),
        quoted(table.name)
    );
    let query = sqlx::query(AssertSqlSafe(select)).bind(after.unwrap_or_default().to_vec()).bind(limit);
    let rows = query.fetch_all(connection).await?;
    rows.iter().map(keyed).collect()
}

/// Parts of the largest statement sizes that fit the limit of bound values.
fn chunks<T>(mut items: &[T], width: usize) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let fits = |rows: &usize| *rows <= items.len() && *rows * width <= BOUND_VALUES_MAX;
        let (chunk, rest) = items.split_at(STATEMENT_ROWS.into_iter().find(fits)?);
        items = rest;
        Some(chunk)
    })
}

fn bind(query: SqliteQuery<'_>, value: StoredValue) -> SqliteQuery<'_> {
    match value {
        StoredValue::Null => query.bind(None::<i64>),
        StoredValue::Integer(value) => query.bind(value),
        StoredValue::Text(value) => query.bind(value),
        StoredValue::Blob(value) => query.bind(value),
    }
}
