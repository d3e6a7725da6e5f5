//! Values of statements and of what they answer, the same for every kind of database.

use crate::database::error::DatabaseError;

/// A value of a statement. Truth is an integer, 0 or 1.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    Integer(Option<i64>),
    Text(Option<&'a str>),
    Bytes(&'a [u8]),
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Value::Integer(Some(number))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(number: Option<i64>) -> Self {
        Value::Integer(number)
    }
}

impl From<bool> for Value<'_> {
    fn from(truth: bool) -> Self {
        Value::Integer(Some(truth.into()))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Value::Text(Some(text))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Value::Text(Some(text))
    }
}

impl<'a> From<&'a Option<String>> for Value<'a> {
    fn from(text: &'a Option<String>) -> Self {
        Value::Text(text.as_deref())
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Value::Text(text)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Value::Bytes(bytes)
    }
}

/// The values of a statement, each from what it is: `values![&user.name, 7, None::<i64>]`.
#[macro_export]
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::Value::from($value)),*] };
}

/// A value of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    Null,
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// A row of an answer; its columns are read one after the other.
#[derive(Debug)]
pub struct Row {
    cells: std::vec::IntoIter<Cell>,
}

impl Row {
    pub(crate) fn new(cells: Vec<Cell>) -> Self {
        Row { cells: cells.into_iter() }
    }

    pub fn optional_integer(&mut self) -> Result<Option<i64>, DatabaseError> {
        match self.cells.next() {
            Some(Cell::Integer(number)) => Ok(Some(number)),
            Some(Cell::Null) => Ok(None),
            other => Err(wrong("an integer", &other)),
        }
    }

    pub fn integer(&mut self) -> Result<i64, DatabaseError> {
        self.optional_integer()?.ok_or_else(|| wrong("an integer", &Some(Cell::Null)))
    }

    pub fn truth(&mut self) -> Result<bool, DatabaseError> {
        Ok(self.integer()? != 0)
    }

    /// MySQL and MariaDB keep keys as bytes, so that they compare as they do elsewhere.
    pub fn optional_text(&mut self) -> Result<Option<String>, DatabaseError> {
        match self.cells.next() {
            Some(Cell::Text(text)) => Ok(Some(text)),
            Some(Cell::Null) => Ok(None),
            Some(Cell::Bytes(bytes)) => {
                let text = String::from_utf8(bytes);
                text.map(Some).map_err(|error| wrong("a text", &Some(Cell::Bytes(error.into_bytes()))))
            }
            other => Err(wrong("a text", &other)),
        }
    }

    pub fn text(&mut self) -> Result<String, DatabaseError> {
        self.optional_text()?.ok_or_else(|| wrong("a text", &Some(Cell::Null)))
    }

    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>, DatabaseError> {
        match self.cells.next() {
            Some(Cell::Bytes(bytes)) => Ok(bytes),
            other => Err(wrong("bytes", &other)),
        }
    }
}

fn wrong(expected: &str, found: &Option<Cell>) -> DatabaseError {
    DatabaseError::unreadable(format!("{expected} was expected, not {found:?}"))
}
