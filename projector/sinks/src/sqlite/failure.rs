//! SQLite's errors as the view store has them.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use sqlx::error::{DatabaseError, ErrorKind};

/// An error of rusqlite where those of sqlx are expected.
#[derive(Debug)]
struct Failure {
    error: rusqlite::Error,
    message: String,
}

pub(super) fn failed(error: rusqlite::Error) -> sqlx::Error {
    let message = error.to_string();
    sqlx::Error::Database(Box::new(Failure { error, message }))
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

impl DatabaseError for Failure {
    fn message(&self) -> &str {
        &self.message
    }

    /// SQLite's extended result code.
    fn code(&self) -> Option<Cow<'_, str>> {
        Some(self.error.sqlite_error()?.extended_code.to_string().into())
    }

    fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn Error + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}
