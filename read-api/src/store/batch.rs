//! Rows of SQLite as texts, many at a time.

use std::fmt::Write as _;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use tokio::sync::mpsc;

use super::{Parameter, Statement};
use crate::Error;

/// A batch is full with so many rows, or so many bytes.
const ROWS_MAX: usize = 256;
const BYTES_MAX: usize = 64 << 10;
/// Most rows take no more.
const ROW_BYTES: usize = 512;

/// Rows one after another.
pub(super) struct Batch {
    columns: usize,
    rows: usize,
    text: String,
    /// Where each value begins and ends. NULL has no text.
    values: Vec<Option<(usize, usize)>>,
}

/// One of a batch.
pub(crate) struct SqliteRow {
    batch: Arc<Batch>,
    row: usize,
}

/// Runs a statement. `take` is given full batches, and the last one with true; it says whether to go on.
pub(super) fn run(
    connection: &Connection,
    statement: &Statement,
    mut take: impl FnMut(Batch, bool) -> bool,
) -> Result<(), rusqlite::Error> {
    let mut prepared = connection.prepare_cached(&statement.sql)?;
    for index in 1..=prepared.parameter_count() {
        // SQLite counts parameters by their first use, whatever their number.
        let number =
            prepared.parameter_name(index).and_then(|name| name.strip_prefix('$')?.parse::<usize>().ok());
        let given = number.and_then(|number| statement.parameters.get(number.checked_sub(1)?));
        match given.ok_or(rusqlite::Error::InvalidParameterCount(index, statement.parameters.len()))? {
            Parameter::Integer(integer) => prepared.raw_bind_parameter(index, integer)?,
            Parameter::Text(text) => prepared.raw_bind_parameter(index, text)?,
            Parameter::Bytes(bytes) => prepared.raw_bind_parameter(index, bytes)?,
        }
    }
    let columns = prepared.column_count();
    let mut rows = prepared.raw_query();
    let mut batch = Batch::new(columns);
    while let Some(row) = rows.next()? {
        if batch.is_full() && !take(std::mem::replace(&mut batch, Batch::new(columns)), false) {
            return Ok(());
        }
        for column in 0..columns {
            batch.push(row.get_ref(column)?, column)?;
        }
        batch.rows += 1;
    }
    take(batch, true);
    Ok(())
}

impl Batch {
    fn new(columns: usize) -> Batch {
        let (text, values) = (String::with_capacity(ROW_BYTES), Vec::with_capacity(columns));
        Batch { columns, rows: 0, text, values }
    }

    fn is_full(&self) -> bool {
        self.rows >= ROWS_MAX || self.text.len() >= BYTES_MAX
    }

    fn push(&mut self, value: ValueRef<'_>, column: usize) -> Result<(), rusqlite::Error> {
        let begin = self.text.len();
        match value {
            ValueRef::Null => {
                self.values.push(None);
                return Ok(());
            }
            ValueRef::Text(text) => {
                let text =
                    std::str::from_utf8(text).map_err(|error| rusqlite::Error::Utf8Error(column, error))?;
                self.text.push_str(text);
            }
            ValueRef::Integer(integer) => {
                write!(self.text, "{integer}").expect("writing to a String does not fail");
            }
            // No statement asks for such.
            ValueRef::Real(_) | ValueRef::Blob(_) => {
                let name = "a value that is read as text".to_owned();
                return Err(rusqlite::Error::InvalidColumnType(column, name, value.data_type()));
            }
        }
        self.values.push(Some((begin, self.text.len())));
        Ok(())
    }
}

impl SqliteRow {
    pub(super) fn text(&self, column: usize) -> Result<Option<&str>, Error> {
        let Batch { columns, text, values, .. } = &*self.batch;
        let value = (column < *columns).then(|| values.get(self.row * columns + column)).flatten();
        let value = value.ok_or_else(|| Error::unreadable(format!("rows of {columns} columns")))?;
        Ok(value.map(|(begin, end)| &text[begin..end]))
    }
}

/// The rows of a statement: there already, or to come.
pub(crate) struct SqliteRows {
    batch: Option<(Arc<Batch>, usize)>,
    coming: Option<mpsc::Receiver<Result<Batch, rusqlite::Error>>>,
}

impl SqliteRows {
    pub(super) fn ready(batch: Batch) -> SqliteRows {
        SqliteRows { batch: Some((Arc::new(batch), 0)), coming: None }
    }

    pub(super) fn coming(batches: mpsc::Receiver<Result<Batch, rusqlite::Error>>) -> SqliteRows {
        SqliteRows { batch: None, coming: Some(batches) }
    }

    pub(super) fn poll_next(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<SqliteRow, rusqlite::Error>>> {
        loop {
            if let Some((batch, next)) = &mut self.batch {
                if *next < batch.rows {
                    let row = SqliteRow { batch: Arc::clone(batch), row: *next };
                    *next += 1;
                    return Poll::Ready(Some(Ok(row)));
                }
                self.batch = None;
            }
            let Some(coming) = &mut self.coming else { return Poll::Ready(None) };
            match ready!(coming.poll_recv(context)) {
                Some(Ok(batch)) => self.batch = Some((Arc::new(batch), 0)),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => self.coming = None,
            }
        }
    }
}
