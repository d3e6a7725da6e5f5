//! What a database says when it does not do as asked.

use prejoin_outbox::OutboxError;
use sqlx::error::ErrorKind;
use sqlx::mysql::MySqlDatabaseError;
use thiserror::Error;

/// It has no class of its own.
const MYSQL_LOCK_WAIT_TIMEOUT: u16 = 1205;

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

    /// The same may succeed a moment later.
    pub(crate) fn is_passing(&self) -> bool {
        is_passing(&self.0)
    }
}

/// The same for what the outbox could not do.
pub(crate) fn is_passing_for_outbox(error: &OutboxError) -> bool {
    match error {
        OutboxError::Store { source, .. } => source.downcast_ref().is_some_and(is_passing),
        _ => false,
    }
}

/// The database is away, starts or ends, chose this transaction to end a deadlock, or let it wait for a lock for too long.
fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => true,
        sqlx::Error::Database(error) => {
            let of_mysql = error.try_downcast_ref::<MySqlDatabaseError>();
            let has_waited = of_mysql.is_some_and(|error| error.number() == MYSQL_LOCK_WAIT_TIMEOUT);
            let classes = ["08", "40", "53", "55P", "57P"];
            let of_class =
                |code: &str| code.len() == 5 && classes.iter().any(|class| code.starts_with(class));
            has_waited || error.code().is_some_and(|code| of_class(&code))
        }
        _ => false,
    }
}
