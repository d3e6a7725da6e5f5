//! Set-based writes of rows: few as arrays of texts, one for each column; many by COPY.

use bytes::Bytes;
use prejoin_model::{Row, Value, to_text, write_text};
use sqlx::{AssertSqlSafe, Executor as _, PgConnection, Row as _};

use super::stored_values;
use crate::columns::{StoredColumn, StoredValue};
use crate::database::{KeyedRow, Table, quoted, signed};
use crate::packed::Loadable;

/// More rows than these are not put as arrays.
const ARRAY_ROWS_MAX: usize = 1_000;
/// Where more rows are staged.
const STAGED: &str = "_prejoin_put";
/// Keys to a statement that deletes.
const CHUNK_KEYS: usize = 10_000;
/// Bytes of COPY's text sent at once.
const SEND_BYTES: usize = 1 << 20;

/// Texts of one column of a chunk.
type TextColumn = Vec<Option<String>>;

pub(super) async fn put(
    connection: &mut PgConnection,
    table: &Table<'_>,
    rows: &[KeyedRow<'_>],
) -> Result<i64, sqlx::Error> {
    if rows.len() > ARRAY_ROWS_MAX {
        return put_by_copy(connection, table, rows).await;
    }
    let (keys, columns) = columns_of(table, rows);
    let statement = put_statement(table, &arrays(table));
    let query = sqlx::query_scalar::<_, i64>(AssertSqlSafe(statement)).bind(keys);
    let query = columns.into_iter().fold(query, |query, column| query.bind(column));
    Ok(signed(rows.len() as u64) - query.fetch_one(connection).await?)
}

/// The rows `r` with columns `k`, `c0`, `c1`, … from values of the statement.
fn arrays(table: &Table<'_>) -> String {
    let places: Vec<String> = (0..table.width()).map(|column| format!("${}::text[]", column + 2)).collect();
    format!("unnest($1::bytea[], {}) AS r({})", places.join(", "), inputs(table))
}

fn inputs(table: &Table<'_>) -> String {
    let inputs: Vec<String> = (0..table.width()).map(|column| format!(", c{column}")).collect();
    format!("k{}", inputs.concat())
}

pub(super) async fn change(
    connection: &mut PgConnection,
    table: &Table<'_>,
    columns: &[usize],
    rows: &[KeyedRow<'_>],
) -> Result<(), sqlx::Error> {
    let changed: Vec<&StoredColumn> = columns.iter().map(|&column| &table.columns[column]).collect();
    let update = update_statement(table, &changed);
    for chunk in rows.chunks(ARRAY_ROWS_MAX) {
        let keys: Vec<&[u8]> = chunk.iter().map(|(key, _)| &key[..]).collect();
        let query = sqlx::query(AssertSqlSafe(update.as_str())).bind(keys);
        let texts = columns.iter().map(|&column| chunk.iter().map(move |(_, row)| to_text(&row[column])));
        let query = texts.fold(query, |query, texts| query.bind(texts.collect::<TextColumn>()));
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

fn update_statement(table: &Table<'_>, changed: &[&StoredColumn]) -> String {
    let name = |column: &StoredColumn| quoted(&column.name);
    let sets = changed.iter().enumerate();
    let sets = sets.map(|(place, column)| format!("{} = r.c{place}::{}", name(column), column.kind.name()));
    let places: Vec<String> = (0..changed.len()).map(|place| format!("${}::text[]", place + 2)).collect();
    let inputs: Vec<String> = (0..changed.len()).map(|place| format!("c{place}")).collect();
    format!(
        "UPDATE {} t SET {} FROM unnest($1::bytea[], {}) AS r(k, {}) WHERE t._key = r.k",
        quoted(table.name),
        sets.collect::<Vec<_>>().join(", "),
        places.join(", "),
        inputs.join(", ")
    )
}

/// Faster for many rows, and slower for few.
async fn put_by_copy(
    connection: &mut PgConnection,
    table: &Table<'_>,
    rows: &[KeyedRow<'_>],
) -> Result<i64, sqlx::Error> {
    let create = format!("CREATE TEMP TABLE {STAGED} (LIKE {})", quoted(table.name));
    connection.execute(AssertSqlSafe(create)).await?;
    copy(connection, STAGED, table, texts(table.columns, rows)).await?;
    let statement = put_statement(table, &format!("{STAGED} AS r({})", inputs(table)));
    // The next statement of this text is about another table of that name.
    let put = sqlx::query_scalar::<_, i64>(AssertSqlSafe(statement)).persistent(false);
    let known = put.fetch_one(&mut *connection).await?;
    connection.execute(AssertSqlSafe(format!("DROP TABLE {STAGED}"))).await?;
    Ok(signed(rows.len() as u64) - known)
}

/// Puts rows `r` and counts those of them that are there before: every part of the statement sees the table as it was.
fn put_statement(table: &Table<'_>, rows: &str) -> String {
    let name = quoted(table.name);
    let names = table.names();
    let updates: Vec<String> = names.iter().map(|name| format!("{name} = excluded.{name}")).collect();
    let cast = |(input, column): (usize, &StoredColumn)| format!("r.c{input}::{}", column.kind.name());
    let casts: Vec<String> = table.columns.iter().enumerate().map(cast).collect();
    format!(
        "WITH rows AS MATERIALIZED (SELECT * FROM {rows}), put AS (
            INSERT INTO {name} (_key, {}) SELECT r.k, {} FROM rows r
            ON CONFLICT (_key) DO UPDATE SET {})
         SELECT coalesce(sum((SELECT count(*) FROM {name} t WHERE t._key = r.k)), 0)::bigint FROM rows r",
        names.join(", "),
        casts.join(", "),
        updates.join(", ")
    )
}

fn columns_of(table: &Table<'_>, rows: &[KeyedRow<'_>]) -> (Vec<Vec<u8>>, Vec<TextColumn>) {
    let mut columns: Vec<TextColumn> = vec![Vec::with_capacity(rows.len()); table.width()];
    let mut values = Vec::with_capacity(table.width());
    for (_, row) in rows {
        table.store(row, &mut values);
        for (column, value) in columns.iter_mut().zip(values.drain(..)) {
            column.push(text_of(value));
        }
    }
    (rows.iter().map(|(key, _)| key.to_vec()).collect(), columns)
}

fn text_of(value: StoredValue) -> Option<String> {
    match value {
        StoredValue::Text(text) => Some(text),
        StoredValue::Null => None,
        StoredValue::Integer(_) | StoredValue::Blob(_) => {
            unreachable!("values of native columns travel as texts")
        }
    }
}

/// COPY's text format, in parts to be sent one after the other.
pub(super) fn pack(columns: &[StoredColumn], rows: &[KeyedRow<'_>]) -> Loadable {
    Loadable::Postgres(texts(columns, rows))
}

fn texts(columns: &[StoredColumn], rows: &[KeyedRow<'_>]) -> Vec<String> {
    let (mut texts, mut text, mut value) = (Vec::new(), String::new(), String::new());
    for (key, row) in rows {
        write_line(key, columns, row, &mut value, &mut text);
        if text.len() >= SEND_BYTES {
            texts.push(std::mem::take(&mut text));
        }
    }
    texts.push(text);
    texts
}

/// Adds rows to a table that has the columns of `table`.
pub(super) async fn copy(
    connection: &mut PgConnection,
    into: &str,
    table: &Table<'_>,
    texts: Vec<String>,
) -> Result<u64, sqlx::Error> {
    let copy = format!("COPY {} (_key, {}) FROM STDIN", quoted(into), table.names().join(", "));
    let mut copying = connection.copy_in_raw(&copy).await?;
    for text in texts {
        copying.send(text.as_bytes()).await?;
    }
    copying.finish().await
}

/// A line of COPY's text format.
fn write_line(key: &[u8], columns: &[StoredColumn], row: &Row, text: &mut String, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push_str("\\\\x");
    for byte in key {
        out.push(DIGITS[usize::from(byte >> 4)].into());
        out.push(DIGITS[usize::from(byte & 15)].into());
    }
    for (_, value) in columns.iter().zip(row) {
        out.push('\t');
        match value {
            Value::Null => out.push_str("\\N"),
            Value::Text(text) => escape(text, out),
            Value::Jsonb(_) | Value::Array(_) => {
                text.clear();
                write_text(value, text);
                escape(text, out);
            }
            // None of their texts holds what COPY wants escaped.
            value => write_text(value, out),
        }
    }
    out.push('\n');
}

fn escape(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'\\' | b'\t' | b'\n' | b'\r')) {
        out.push_str(&rest[..at]);
        out.push_str(match rest.as_bytes()[at] {
            b'\\' => "\\\\",
            b'\t' => "\\t",
            b'\n' => "\\n",
            _ => "\\r",
        });
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

pub(super) async fn remove(
    connection: &mut PgConnection,
    table: &Table<'_>,
    keys: &[&Bytes],
) -> Result<i64, sqlx::Error> {
    let delete = format!("DELETE FROM {} WHERE _key = ANY ($1)", quoted(table.name));
    let mut removed = 0;
    for chunk in keys.chunks(CHUNK_KEYS) {
        let keys: Vec<&[u8]> = chunk.iter().map(|key| &key[..]).collect();
        let done = sqlx::query(AssertSqlSafe(delete.as_str())).bind(keys).execute(&mut *connection).await?;
        removed += signed(done.rows_affected());
    }
    Ok(removed)
}

pub(super) async fn find(
    connection: &mut PgConnection,
    table: &Table<'_>,
    keys: &[&Bytes],
) -> Result<Vec<(Bytes, Vec<StoredValue>)>, sqlx::Error> {
    let texts: Vec<String> = table.names().iter().map(|name| format!("{name}::text")).collect();
    let select =
        format!("SELECT _key, {} FROM {} WHERE _key = ANY ($1)", texts.join(", "), quoted(table.name));
    let mut found = Vec::with_capacity(keys.len());
    for chunk in keys.chunks(CHUNK_KEYS) {
        let keys: Vec<&[u8]> = chunk.iter().map(|key| &key[..]).collect();
        let query = sqlx::query(AssertSqlSafe(select.as_str())).bind(keys);
        for row in query.fetch_all(&mut *connection).await? {
            found.push((Bytes::from(row.try_get::<Vec<u8>, _>(0)?), stored_values(&row, 1)?));
        }
    }
    Ok(found)
}

pub(super) async fn read(
    connection: &mut PgConnection,
    table: &Table<'_>,
    after: Option<&[u8]>,
    limit: i64,
) -> Result<Vec<(Bytes, Vec<StoredValue>)>, sqlx::Error> {
    let texts: Vec<String> = table.names().iter().map(|name| format!("{name}::text")).collect();
    // No key is empty, and the empty one is the least.
    let select = format!(
        "SELECT _key, {} FROM {} WHERE _key > $1 ORDER BY _key LIMIT $2",
        texts.join(", "),
        quoted(table.name)
    );
    let query = sqlx::query(AssertSqlSafe(select)).bind(after.unwrap_or_default()).bind(limit);
    let rows = query.fetch_all(connection).await?;
    rows.iter().map(|row| Ok((Bytes::from(row.try_get::<Vec<u8>, _>(0)?), stored_values(row, 1)?))).collect()
}
