//! Results as numbers and texts, with the place named where one is not what it must be.

use crate::error::OutboxError;
use crate::sql::database::{Cell, Cells};
use crate::sql::relay::Numbers;

/// Reads the columns of a row one after the other.
pub(crate) struct Columns<'a> {
    service: &'a str,
    cells: std::vec::IntoIter<Cell>,
}

impl<'a> Columns<'a> {
    pub(crate) fn new(service: &'a str, cells: Cells) -> Self {
        Columns { service, cells: cells.into_iter() }
    }

    pub(crate) fn optional_integer(&mut self) -> Result<Option<i64>, OutboxError> {
        match self.cells.next() {
            Some(Cell::Integer(number)) => Ok(Some(number)),
            Some(Cell::Null) => Ok(None),
            other => Err(self.wrong("a number", &other)),
        }
    }

    pub(crate) fn integer(&mut self) -> Result<i64, OutboxError> {
        self.optional_integer()?.ok_or_else(|| self.wrong("a number", &None))
    }

    /// A number that is never negative.
    pub(crate) fn count(&mut self) -> Result<u64, OutboxError> {
        let number = self.integer()?;
        loaded(self.service, number)
    }

    pub(crate) fn optional_count(&mut self) -> Result<Option<u64>, OutboxError> {
        self.optional_integer()?.map(|number| loaded(self.service, number)).transpose()
    }

    /// The last number, the last one sent, the last one ever acknowledged.
    pub(crate) fn numbers(&mut self) -> Result<Numbers, OutboxError> {
        Ok(Numbers { last: self.integer()?, sent: self.integer()?, acknowledged: self.integer()? })
    }

    pub(crate) fn optional_text(&mut self) -> Result<Option<String>, OutboxError> {
        match self.cells.next() {
            Some(Cell::Text(text)) => Ok(Some(text)),
            Some(Cell::Null) => Ok(None),
            other => Err(self.wrong("a text", &other)),
        }
    }

    pub(crate) fn text(&mut self) -> Result<String, OutboxError> {
        self.optional_text()?.ok_or_else(|| self.wrong("a text", &None))
    }

    fn wrong(&self, expected: &str, found: &Option<Cell>) -> OutboxError {
        damaged(self.service, format!("{expected} was expected, not {found:?}"))
    }
}

/// Databases count with a sign.
pub(crate) fn stored(service: &str, number: u64) -> Result<i64, OutboxError> {
    i64::try_from(number)
        .map_err(|_| damaged(service, format!("the number {number} is beyond what it can count")))
}

pub(crate) fn loaded(service: &str, number: i64) -> Result<u64, OutboxError> {
    u64::try_from(number)
        .map_err(|_| damaged(service, format!("a number that should not be negative is {number}")))
}

pub(crate) fn damaged(service: &str, detail: impl Into<String>) -> OutboxError {
    OutboxError::Damaged { service: service.to_owned(), detail: detail.into() }
}

pub(crate) fn failed(service: &str, doing: &'static str) -> impl FnOnce(sqlx::Error) -> OutboxError {
    let service = service.to_owned();
    move |source| OutboxError::Store { service, doing, source: Box::new(source) }
}
