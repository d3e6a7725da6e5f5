//! What the view store needs of a database, so that everything else is written once.

use async_trait::async_trait;
use bytes::Bytes;
use prejoin_model::Row;
use prejoin_sql::StoreIndex;

use crate::columns::{Form, StoredColumn, StoredValue};
use crate::packed::Loadable;

/// What databases want said differently. All other statements are written with `?` for a value, which stands for
/// nothing else in them, and are understood by all.
pub(crate) struct Dialect {
    pub form: Form,
    /// Scripts from each earlier format to the next, from format 1 on.
    pub upgrades: &'static [&'static str],
    /// Begins a transaction that writes. Its statements see what was committed before they began.
    pub begin: &'static str,
    /// Ends a transaction that writes, and tells those who listen for it.
    pub commit: &'static str,
    /// A text that nobody can guess, as an expression.
    pub random: &'static str,
    /// Begins a transaction that reads, all of it as of its first statement.
    pub begin_snapshot: &'static str,
    /// Reads the epoch, and what tells this store from one that took its place; keeps both from changing until the end
    /// of the transaction.
    pub fence: &'static str,
    pub create_table: fn(&Table<'_>) -> String,
    /// After the last row was loaded: what the table did without so far.
    pub complete_table: fn(&Table<'_>) -> Vec<String>,
    /// Rows in the form for `Link::load`.
    pub pack: fn(&[StoredColumn], &[KeyedRow<'_>]) -> Loadable,
    /// Nothing if the database has no such index.
    pub create_index: fn(&Table<'_>, number: usize, index: &StoreIndex) -> Option<String>,
    /// Whether a statement failed for the values that it was given: without them it would not.
    pub refuses_values: fn(&sqlx::Error) -> bool,
    /// Whether a statement gave up waiting for others.
    pub is_held: fn(&sqlx::Error) -> bool,
}

/// The table of one generation.
pub(crate) struct Table<'a> {
    pub name: &'a str,
    pub columns: &'a [StoredColumn],
}

impl Table<'_> {
    /// Columns of the table but `_key`.
    pub(crate) fn width(&self) -> usize {
        self.columns.iter().map(|column| column.names().count()).sum()
    }

    /// Names of the columns but `_key`, quoted.
    pub(crate) fn names(&self) -> Vec<String> {
        self.columns.iter().flat_map(StoredColumn::names).map(quoted).collect()
    }

    /// Names of the columns that readers see, quoted.
    pub(crate) fn visible_names(&self) -> Vec<String> {
        self.columns.iter().map(|column| quoted(&column.name)).collect()
    }

    /// A row's values in the order of `names`.
    pub(crate) fn store(&self, row: &Row, out: &mut Vec<StoredValue>) {
        for (column, value) in self.columns.iter().zip(row) {
            column.store(value, out);
        }
    }
}

/// A row and its key.
pub(crate) type KeyedRow<'a> = (&'a Bytes, &'a Row);

/// A way into the database that one user has alone. Dropping it rolls back what was not committed.
#[async_trait]
pub(crate) trait Link: Send {
    fn dialect(&self) -> &'static Dialect;

    /// Whether the database that was opened is no longer the one at its address.
    fn is_replaced(&self) -> bool;

    /// Several statements without values.
    async fn script(&mut self, script: &str) -> Result<(), sqlx::Error>;

    /// Returns how many rows were changed.
    async fn execute(&mut self, statement: &str, values: &[Value<'_>]) -> Result<u64, sqlx::Error>;

    async fn query(&mut self, statement: &str, values: &[Value<'_>]) -> Result<Vec<Cells>, sqlx::Error>;

    /// Inserts or replaces rows; returns how many were not there before.
    async fn put(&mut self, table: &Table<'_>, rows: &[KeyedRow<'_>]) -> Result<i64, sqlx::Error>;

    /// Writes some columns, by their places, of rows that are there.
    async fn change(
        &mut self,
        table: &Table<'_>,
        columns: &[usize],
        rows: &[KeyedRow<'_>],
    ) -> Result<(), sqlx::Error>;

    /// Adds rows to a table whose rows have lower keys, all of them. They were packed for this kind of database.
    async fn load(&mut self, table: &Table<'_>, rows: Loadable) -> Result<(), sqlx::Error>;

    /// Returns how many rows were there.
    async fn remove(&mut self, table: &Table<'_>, keys: &[&Bytes]) -> Result<i64, sqlx::Error>;

    /// The rows under these keys, in whatever order: the visible values, in the order of the columns.
    async fn find(
        &mut self,
        table: &Table<'_>,
        keys: &[&Bytes],
    ) -> Result<Vec<(Bytes, Vec<StoredValue>)>, sqlx::Error>;

    /// Rows after a key, in key order, their values in the order of `Table::names`.
    async fn read(
        &mut self,
        table: &Table<'_>,
        after: Option<&[u8]>,
        limit: i64,
    ) -> Result<Vec<(Bytes, Vec<StoredValue>)>, sqlx::Error>;

    /// Makes the SQL view of this name read the table.
    async fn redirect(
        &mut self,
        view: &str,
        table: &Table<'_>,
        comment: Option<&str>,
    ) -> Result<(), sqlx::Error>;

    /// Leaves out of a table that has no index yet the rows that one of these indexes, or its own, may refuse. Returns their
    /// keys, and places for `put_back`.
    async fn set_aside(
        &mut self,
        table: &Table<'_>,
        indexes: &[StoreIndex],
    ) -> Result<Vec<(Bytes, String)>, sqlx::Error>;

    /// Puts a row back that was set aside in this transaction.
    async fn put_back(&mut self, table: &Table<'_>, place: &str) -> Result<(), sqlx::Error>;

    /// After `set_aside`: every row was put back that could be.
    async fn forget_aside(&mut self, table: &Table<'_>) -> Result<(), sqlx::Error>;

    /// Ends the sessions of earlier writers that hold the fence, which nobody else does: they are stuck, or gone.
    async fn free_fence(&mut self) -> Result<(), sqlx::Error>;

    /// Keeps readers away from a table that is to be dropped, unless one of them holds it: false then, and the
    /// transaction is to be rolled back.
    async fn lock_unless_read(&mut self, table: &str) -> Result<bool, sqlx::Error>;

    /// Lets the readers' role read the catalog and what readers see.
    async fn admit_readers(&mut self) -> Result<(), sqlx::Error>;

    /// Bytes of every table, indexes included, by name.
    async fn sizes(&mut self) -> Result<Vec<(String, i64)>, sqlx::Error>;

    async fn close(self: Box<Self>) -> Result<(), sqlx::Error>;
}

/// A value of a statement.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    Integer(i64),
    Text(Option<&'a str>),
    Blob(Option<&'a [u8]>),
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Value::Integer(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Value::Text(Some(value))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Value::Text(Some(value))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(value: Option<&'a str>) -> Self {
        Value::Text(value)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Value::Blob(Some(value))
    }
}

impl<'a> From<Option<&'a [u8]>> for Value<'a> {
    fn from(value: Option<&'a [u8]>) -> Self {
        Value::Blob(value)
    }
}

/// A row of an answer, read from the left.
pub(crate) struct Cells(std::vec::IntoIter<StoredValue>);

impl Cells {
    pub(crate) fn new(values: Vec<StoredValue>) -> Self {
        Cells(values.into_iter())
    }

    pub(crate) fn integer(&mut self) -> Result<i64, sqlx::Error> {
        self.optional_integer()?.ok_or_else(|| unexpected("an integer"))
    }

    pub(crate) fn optional_integer(&mut self) -> Result<Option<i64>, sqlx::Error> {
        match self.0.next() {
            Some(StoredValue::Integer(value)) => Ok(Some(value)),
            Some(StoredValue::Null) => Ok(None),
            _ => Err(unexpected("an integer or NULL")),
        }
    }

    pub(crate) fn text(&mut self) -> Result<String, sqlx::Error> {
        self.optional_text()?.ok_or_else(|| unexpected("a text"))
    }

    pub(crate) fn optional_text(&mut self) -> Result<Option<String>, sqlx::Error> {
        match self.0.next() {
            Some(StoredValue::Text(value)) => Ok(Some(value)),
            Some(StoredValue::Null) => Ok(None),
            _ => Err(unexpected("a text or NULL")),
        }
    }

    pub(crate) fn blob(&mut self) -> Result<Vec<u8>, sqlx::Error> {
        self.optional_blob()?.ok_or_else(|| unexpected("bytes"))
    }

    pub(crate) fn optional_blob(&mut self) -> Result<Option<Vec<u8>>, sqlx::Error> {
        match self.0.next() {
            Some(StoredValue::Blob(value)) => Ok(Some(value)),
            Some(StoredValue::Null) => Ok(None),
            _ => Err(unexpected("bytes or NULL")),
        }
    }
}

fn unexpected(wanted: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("the catalog holds something else where {wanted} is expected").into())
}

/// Asks for one row.
pub(crate) async fn query_one(
    link: &mut dyn Link,
    statement: &str,
    values: &[Value<'_>],
) -> Result<Cells, sqlx::Error> {
    link.query(statement, values).await?.into_iter().next().ok_or(sqlx::Error::RowNotFound)
}

/// A name as SQL writes it.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A count as databases tell it.
pub(crate) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
