//! Rows of tables, one by one: in the thread that asks, a prepared statement costs little more than its work.

use bytes::Bytes;
use rusqlite::{Connection, Error, OptionalExtension as _, Row, Statement};

use crate::columns::{StoredColumn, StoredValue};
use crate::database::{KeyedRow, Table, quoted};
use crate::packed::Loadable;

/// The visible values of a row, or all of them, and its key.
type KeyedValues = (Bytes, Vec<StoredValue>);

pub(super) fn put(connection: &Connection, table: &Table<'_>, rows: &[KeyedRow<'_>]) -> Result<i64, Error> {
    let names = table.names();
    let updates: Vec<String> = names.iter().map(|name| format!("{name} = excluded.{name}")).collect();
    let upsert =
        format!("{} ON CONFLICT (_key) DO UPDATE SET {}", insert_statement(table), updates.join(", "));
    let is_there = format!("SELECT 1 FROM {} WHERE _key = ?1", quoted(table.name));
    let (mut upsert, mut is_there) =
        (connection.prepare_cached(&upsert)?, connection.prepare_cached(&is_there)?);
    let (mut added, mut values) = (0, Vec::with_capacity(names.len()));
    for (key, row) in rows {
        added += i64::from(!is_there.exists([&key[..]])?);
        table.store(row, &mut values);
        execute(&mut upsert, key, &values)?;
        values.clear();
    }
    Ok(added)
}

/// Indexes are left alone whose columns are not among those that are set.
pub(super) fn change(
    connection: &Connection,
    table: &Table<'_>,
    columns: &[usize],
    rows: &[KeyedRow<'_>],
) -> Result<(), Error> {
    let changed = || columns.iter().map(|&column| (column, &table.columns[column]));
    let names = changed().flat_map(|(_, column)| column.names()).map(quoted);
    let sets: Vec<String> = (2..).zip(names).map(|(place, name)| format!("{name} = ?{place}")).collect();
    let update = format!("UPDATE {} SET {} WHERE _key = ?1", quoted(table.name), sets.join(", "));
    let mut update = connection.prepare_cached(&update)?;
    let mut values = Vec::with_capacity(sets.len());
    for (key, row) in rows {
        changed().for_each(|(place, column)| column.store(&row[place], &mut values));
        execute(&mut update, key, &values)?;
        values.clear();
    }
    Ok(())
}

/// Keys, each with its row's values behind it.
pub(super) fn load(connection: &Connection, table: &Table<'_>, rows: &[StoredValue]) -> Result<(), Error> {
    let mut insert = connection.prepare_cached(&insert_statement(table))?;
    for row in rows.chunks(1 + table.width()) {
        bind(&mut insert, 1, row)?;
        insert.raw_execute()?;
    }
    Ok(())
}

pub(super) fn pack(columns: &[StoredColumn], rows: &[KeyedRow<'_>]) -> Loadable {
    let width = 1 + columns.iter().map(|column| column.names().count()).sum::<usize>();
    let mut values = Vec::with_capacity(rows.len() * width);
    for (key, row) in rows {
        values.push(StoredValue::Blob(key.to_vec()));
        columns.iter().zip(row.iter()).for_each(|(column, value)| column.store(value, &mut values));
    }
    Loadable::Sqlite(values)
}

pub(super) fn remove(connection: &Connection, table: &Table<'_>, keys: &[&Bytes]) -> Result<i64, Error> {
    let delete = format!("DELETE FROM {} WHERE _key = ?1", quoted(table.name));
    let mut delete = connection.prepare_cached(&delete)?;
    let mut removed = 0;
    for key in keys {
        removed += i64::from(delete.execute([&key[..]])? > 0);
    }
    Ok(removed)
}

pub(super) fn find(
    connection: &Connection,
    table: &Table<'_>,
    keys: &[&Bytes],
) -> Result<Vec<KeyedValues>, Error> {
    let names = table.visible_names();
    let select = format!("SELECT {} FROM {} WHERE _key = ?1", names.join(", "), quoted(table.name));
    let mut select = connection.prepare_cached(&select)?;
    let mut found = Vec::with_capacity(keys.len());
    for key in keys {
        let values = select.query_row([&key[..]], |row| values_of(row, 0, names.len())).optional()?;
        found.extend(values.map(|values| ((*key).clone(), values)));
    }
    Ok(found)
}

pub(super) fn read(
    connection: &Connection,
    table: &Table<'_>,
    after: Option<&[u8]>,
    limit: i64,
) -> Result<Vec<KeyedValues>, Error> {
    let names = table.names();
    // No key is empty, and the empty one is the least.
    let select = format!(
        "SELECT _key, {} FROM {} WHERE _key > ?1 ORDER BY _key LIMIT ?2",
        names.join(", "),
        quoted(table.name)
    );
    let mut select = connection.prepare_cached(&select)?;
    let keyed = |row: &Row<'_>| Ok((Bytes::from(row.get::<_, Vec<u8>>(0)?), values_of(row, 1, names.len())?));
    select.query_map((after.unwrap_or_default(), limit), keyed)?.collect()
}

/// So many values of a row, from a place on.
pub(super) fn values_of(row: &Row<'_>, from: usize, count: usize) -> Result<Vec<StoredValue>, Error> {
    (from..from + count).map(|place| row.get(place)).collect()
}

/// Runs a statement whose first value is the key.
fn execute(statement: &mut Statement<'_>, key: &[u8], values: &[StoredValue]) -> Result<(), Error> {
    statement.raw_bind_parameter(1, key)?;
    bind(statement, 2, values)?;
    statement.raw_execute().map(drop)
}

fn bind(statement: &mut Statement<'_>, from: usize, values: &[StoredValue]) -> Result<(), Error> {
    let mut placed = (from..).zip(values);
    placed.try_for_each(|(place, value)| statement.raw_bind_parameter(place, value))
}

fn insert_statement(table: &Table<'_>) -> String {
    let names = table.names();
    let places = vec!["?"; 1 + names.len()].join(", ");
    format!("INSERT INTO {} (_key, {}) VALUES ({places})", quoted(table.name), names.join(", "))
}
