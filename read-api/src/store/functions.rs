//! What SQLite lacks, taught to each connection as functions.

use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use sqlx::sqlite::LockedSqliteHandle;

use super::budget::Budget;
use crate::meaning::sqlite;

/// Called by statements before they read: `prejoin_allow(milliseconds)` is an empty text.
pub(crate) const ALLOW: &str = "prejoin_allow";

/// Registers the functions on sqlx's own connection.
pub(super) fn register(handle: &mut LockedSqliteHandle<'_>, budget: &Arc<Budget>) -> Result<(), sqlx::Error> {
    #[expect(
        unsafe_code,
        reason = "the handle stays locked and open while the borrowing connection lives, which closes nothing"
    )]
    let connection = unsafe { Connection::from_handle(handle.as_raw_handle().as_ptr().cast()) };
    let connection = connection.map_err(unregistered)?;
    sqlite::register(&connection).map_err(unregistered)?;
    let budget = Arc::clone(budget);
    connection
        .create_scalar_function(ALLOW, 1, FunctionFlags::SQLITE_UTF8, move |context| {
            budget.allow(context.get(0)?);
            Ok("")
        })
        .map_err(unregistered)
}

fn unregistered(error: rusqlite::Error) -> sqlx::Error {
    sqlx::Error::Configuration(format!("SQLite's functions cannot be added to: {error}").into())
}
