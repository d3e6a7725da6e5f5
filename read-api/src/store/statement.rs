//! SQL on its way to a store, and a row on its way back. Both stores give every value as a text.

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Postgres, Row as _, ValueRef as _};

use super::batch::SqliteRow;
use crate::Error;

/// SQL with its parameters in order, written `$1`, `$2` … for both stores.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Statement {
    /// Made of words of this crate and names of the catalog, quoted: never of what a client wrote.
    pub(crate) sql: String,
    pub(crate) parameters: Vec<Parameter>,
}

/// A value as it is bound: `BIGINT`, `TEXT` or `BYTEA` to PostgreSQL.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Parameter {
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl From<String> for Statement {
    fn from(sql: String) -> Self {
        Statement { sql, parameters: Vec::new() }
    }
}

impl From<&str> for Statement {
    fn from(sql: &str) -> Self {
        sql.to_owned().into()
    }
}

impl Statement {
    /// Adds a parameter; returns its place, `$3`.
    pub(crate) fn bind(&mut self, parameter: Parameter) -> String {
        self.parameters.push(parameter);
        format!("${}", self.parameters.len())
    }

    pub(super) fn into_postgres(self) -> Query<'static, Postgres, PgArguments> {
        let query = sqlx::query(AssertSqlSafe(self.sql));
        self.parameters.into_iter().fold(query, |query, parameter| match parameter {
            Parameter::Integer(integer) => query.bind(integer),
            Parameter::Text(text) => query.bind(text),
            Parameter::Bytes(bytes) => query.bind(bytes),
        })
    }
}

/// A row of an answer.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    /// A value as its text. PostgreSQL's statements cast every result column to `text`; SQLite gives integers as their
    /// digits, booleans as `0` and `1`.
    pub(crate) fn text(&self, column: usize) -> Result<Option<&str>, Error> {
        match self {
            Row::Sqlite(row) => row.text(column),
            Row::Postgres(row) => {
                let value = row.try_get_raw(column)?;
                if value.is_null() {
                    return Ok(None);
                }
                value
                    .as_str()
                    .map(Some)
                    .map_err(|error| Error::unreadable(format!("a value that is no text ({error})")))
            }
        }
    }

    pub(crate) fn owned(&self, column: usize) -> Result<Option<String>, Error> {
        Ok(self.text(column)?.map(str::to_owned))
    }

    /// A text that the store's schema does not let be NULL.
    pub(crate) fn required(&self, column: usize) -> Result<&str, Error> {
        self.text(column)?.ok_or_else(|| Error::unreadable("a NULL in its own tables"))
    }

    pub(crate) fn integer(&self, column: usize) -> Result<Option<i64>, Error> {
        let unreadable = |text: &str| Error::unreadable(format!("{text:?} where a number was expected"));
        self.text(column)?.map(|text| text.parse().map_err(|_| unreadable(text))).transpose()
    }

    pub(crate) fn required_integer(&self, column: usize) -> Result<i64, Error> {
        self.integer(column)?.ok_or_else(|| Error::unreadable("a NULL in its own tables"))
    }
}
