//! Set-based writes of rows: many to a statement, sorted by key.

use bytes::Bytes;
use prejoin_engine::RowOutcome;
use prejoin_model::Row;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Sqlite, SqliteConnection};

use crate::stored_form::{StoredColumn, StoredValue, quoted};

/// Rows to a statement, largest first: few distinct statements, all of them cached.
const STATEMENT_ROWS: [usize; 4] = [256, 32, 4, 1];
/// SQLite's default limit of bound values in a statement.
const BOUND_VALUES_MAX: usize = 32_766;

/// The table of one generation.
pub(crate) struct GenerationTable<'a> {
    pub name: &'a str,
    pub columns: &'a [StoredColumn],
}

/// What a write did.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub rows_added: i64,
    pub rows_removed: i64,
    /// Keys that could not be computed, with the error.
    pub failed: Vec<(Bytes, String)>,
    /// Keys that could.
    pub good: Vec<Bytes>,
}

impl GenerationTable<'_> {
    pub(crate) fn create_statement(&self) -> String {
        let mut definitions = vec!["_key BLOB PRIMARY KEY NOT NULL".to_owned()];
        definitions.extend(self.columns.iter().flat_map(StoredColumn::definitions));
        format!("CREATE TABLE {} ({}) WITHOUT ROWID", quoted(self.name), definitions.join(", "))
    }

    /// Puts rows that are there, removes those that are not, leaves those that failed as they were.
    pub(crate) async fn write(
        &self,
        connection: &mut SqliteConnection,
        outcomes: Vec<(Bytes, RowOutcome)>,
    ) -> Result<Written, sqlx::Error> {
        let mut written = Written::default();
        let (mut put, mut absent) = (Vec::new(), Vec::new());
        for (key, outcome) in outcomes {
            match outcome {
                RowOutcome::Row(row) => put.push((key, row)),
                RowOutcome::Absent => absent.push(key),
                RowOutcome::Failed(error) => written.failed.push((key, error.to_string())),
            }
        }
        for chunk in chunks(&absent, 1) {
            let delete =
                format!("DELETE FROM {} WHERE _key IN ({})", quoted(self.name), placeholders(chunk.len()));
            let done = bind_keys(sqlx::query(AssertSqlSafe(delete)), chunk).execute(&mut *connection).await?;
            written.rows_removed += count(done.rows_affected());
        }
        for chunk in chunks(&put, self.width()) {
            written.rows_added += self.put(&mut *connection, chunk).await?;
        }
        written.good = put.into_iter().map(|(key, _)| key).chain(absent).collect();
        Ok(written)
    }

    /// Inserts or replaces rows; returns how many were not there before.
    async fn put(
        &self,
        connection: &mut SqliteConnection,
        rows: &[(Bytes, Row)],
    ) -> Result<i64, sqlx::Error> {
        let known = format!(
            "SELECT count(*) FROM {} WHERE _key IN ({})",
            quoted(self.name),
            placeholders(rows.len())
        );
        let mut query = sqlx::query_scalar::<_, i64>(AssertSqlSafe(known));
        for (key, _) in rows {
            query = query.bind(key.to_vec());
        }
        let known = query.fetch_one(&mut *connection).await?;
        let mut query = sqlx::query(AssertSqlSafe(self.upsert_statement(rows.len())));
        let mut values = Vec::with_capacity(self.width());
        for (key, row) in rows {
            query = query.bind(key.to_vec());
            for (column, value) in self.columns.iter().zip(row) {
                column.store(value, &mut values);
            }
            for value in values.drain(..) {
                query = bind(query, value);
            }
        }
        query.execute(connection).await?;
        Ok(count(rows.len() as u64) - known)
    }

    fn upsert_statement(&self, rows: usize) -> String {
        let names: Vec<String> = self.columns.iter().flat_map(StoredColumn::names).map(quoted).collect();
        let values = vec![format!("({})", placeholders(self.width())); rows].join(", ");
        let updates: Vec<String> = names.iter().map(|name| format!("{name} = excluded.{name}")).collect();
        format!(
            "INSERT INTO {} (_key, {}) VALUES {values} ON CONFLICT (_key) DO UPDATE SET {}",
            quoted(self.name),
            names.join(", "),
            updates.join(", ")
        )
    }

    fn width(&self) -> usize {
        1 + self.columns.iter().map(|column| column.names().count()).sum::<usize>()
    }
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

fn placeholders(count: usize) -> String {
    vec!["?"; count].join(", ")
}

type SqliteQuery<'q> = Query<'q, Sqlite, SqliteArguments>;

fn bind_keys<'q>(query: SqliteQuery<'q>, keys: &[Bytes]) -> SqliteQuery<'q> {
    keys.iter().fold(query, |query, key| query.bind(key.to_vec()))
}

fn bind(query: SqliteQuery<'_>, value: StoredValue) -> SqliteQuery<'_> {
    match value {
        StoredValue::Null => query.bind(None::<i64>),
        StoredValue::Integer(value) => query.bind(value),
        StoredValue::Text(value) => query.bind(value),
        StoredValue::Blob(value) => query.bind(value),
    }
}

fn count(rows: u64) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
