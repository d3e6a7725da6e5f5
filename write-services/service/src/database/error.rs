//! What a database says when it does not do as asked.

use sqlx::error::ErrorKind;
use thiserror::Error;

/// A statement that failed, of whatever kind of database.
#[derive(Debug, Error)]
#[error(transparent)]
pub struct DatabaseError(#[from] pub(crate) sqlx::Error);

impl DatabaseError {
    /// What was read is not what the tables hold.
    pub fn unreadable(detail: String) -> Self {
        DatabaseError(sqlx::Error::Decode(detail.into()))
    }

    /// The values can never be stored: too long, out of range, against a constraint.
    pub(crate) fn refuses_values(&self) -> bool {
        let sqlx::Error::Database(error) = &self.0 else { return false };
        let against_constraint = matches!(
            error.kind(),
            ErrorKind::UniqueViolation
                | ErrorKind::ForeignKeyViolation
                | ErrorKind::NotNullViolation
                | ErrorKind::CheckViolation
        );
        // The class of data exceptions in standard SQL; SQLite's codes are shorter.
        against_constraint || error.code().is_some_and(|code| code.len() == 5 && code.starts_with("22"))
    }

    pub(crate) fn is_duplicate(&self) -> bool {
        matches!(&self.0, sqlx::Error::Database(error) if error.is_unique_violation())
    }

    /// The same may succeed a moment later: the database is away, starts or ends, or chose this transaction to end a
    /// deadlock.
    pub(crate) fn is_passing(&self) -> bool {
        match &self.0 {
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => true,
            sqlx::Error::Database(error) => error.code().is_some_and(|code| {
                let classes = ["08", "40", "53", "57P"];
                code.len() == 5 && classes.iter().any(|class| code.starts_with(class))
            }),
            _ => false,
        }
    }
}
