//! What can go wrong with a read, in the words, codes and HTTP statuses of PostgREST and PostgreSQL.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use sqlx::postgres::PgDatabaseError;
use thiserror::Error;

use crate::access::AccessError;
use crate::meaning::sqlite;

/// An answer that is not rows. The text of the error is PostgREST's `message`.
#[derive(Debug, Error)]
pub enum Error {
    /// The query string does not follow the grammar. `message` names the parameter and the place in it.
    #[error("{message}")]
    Syntax { message: String, details: String },
    #[error("'{resource}' is not an embedded resource in this request")]
    NotEmbedded { resource: String },
    /// Other resources' rows were selected: a view already holds its joins.
    #[error("Could not find a relationship between '{view}' and '{relation}' in the schema cache")]
    NoRelationship { view: String, relation: String },
    /// Preferences that are not understood, under `handling=strict`; `details` lists them.
    #[error("Invalid preferences given with handling=strict")]
    InvalidPreferences { details: String },
    /// PostgREST's grammar, but not (yet) answered here; says which part and why.
    #[error("Feature not implemented")]
    NotImplemented { reason: String },
    #[error("Requested range not satisfiable")]
    NegativeLimit,
    /// A header `Range` that ends before it begins.
    #[error("Requested range not satisfiable")]
    RangeReversed,
    /// The rows were counted, and there are fewer.
    #[error("Requested range not satisfiable")]
    OffsetBeyond { offset_rows: u64, rows: u64 },
    #[error("Cannot coerce the result to a single JSON object")]
    NotSingular { rows: u64 },
    #[error("The cursor cannot be used: {reason}")]
    Cursor { reason: &'static str },
    #[error("Invalid schema: {schema}")]
    UnknownSchema { schema: String },
    #[error("Unsupported HTTP method: {method}")]
    UnsupportedMethod { method: String },
    #[error("None of these media types are available: {accept}")]
    NotAcceptable { accept: String },
    #[error("Invalid path specified in request URL")]
    UnknownPath,
    #[error("Could not find the table 'public.{view}' in the schema cache")]
    UnknownView { view: String, similar: Option<String> },
    #[error("column {view}.{column} does not exist")]
    UnknownColumn { view: String, column: String, similar: Vec<String> },
    /// PostgreSQL's message for a value or an operator that does not fit its column, with its SQLSTATE.
    #[error("{message}")]
    DoesNotFit { code: &'static str, message: String, hint: Option<&'static str> },
    #[error("the view store {store} cannot be read yet: {reason}")]
    StoreAbsent {
        store: String,
        reason: String,
        /// There is, or may be, a store that cannot be reached.
        is_away: bool,
    },
    /// What PostgreSQL, or SQLite with its functions, says of a statement that was asked for.
    #[error("{message}")]
    Refused { code: String, message: String, details: Option<String>, hint: Option<String> },
    #[error("the search index {} cannot be read yet: {reason}", directory.display())]
    IndexAbsent { directory: PathBuf, reason: String },
    #[error("Timed out acquiring connection from connection pool.")]
    Busy,
    #[error("the view store could not be read: {0}")]
    Store(#[source] StoreError),
    /// A position that was waited for, or not waited for at all.
    #[error("The view does not have {missing} yet")]
    NotReached { missing: String },
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// The store holds something this version does not understand.
    #[error(
        "the view store holds {what}, which this version of prejoin cannot read; run the same version as the projector"
    )]
    Unreadable { what: String },
}

/// What the library that speaks to a store tells of it.
#[derive(Debug, Error)]
#[error(transparent)]
pub enum StoreError {
    Sqlite(rusqlite::Error),
    Sqlx(sqlx::Error),
}

/// A request that is refused for its size, or because there are too many. The codes are ours: PostgREST leaves this to
/// the server before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LimitError {
    #[error("The path and query of a request may take {bytes_max} bytes")]
    UriTooLong { bytes_max: usize },
    #[error("The headers of a request may take {bytes_max} bytes")]
    HeadersTooLarge { bytes_max: usize },
    #[error("The body of a request may take {bytes_max} bytes")]
    BodyTooLarge { bytes_max: usize },
    #[error("Too many requests are being answered at this moment")]
    Overloaded,
    #[error("Too many streams are open at this moment")]
    TooManyStreams,
    #[error("The request was not answered within {timeout_ms} ms")]
    TooSlow { timeout_ms: u128 },
}

impl LimitError {
    fn code_and_status(self) -> (&'static str, u16) {
        match self {
            LimitError::UriTooLong { .. } => ("PREJOIN414", 414),
            LimitError::HeadersTooLarge { .. } => ("PREJOIN431", 431),
            LimitError::BodyTooLarge { .. } => ("PREJOIN413", 413),
            LimitError::Overloaded | LimitError::TooManyStreams => ("PREJOIN503", 503),
            LimitError::TooSlow { .. } => ("PREJOIN504", 504),
        }
    }

    fn hint(self) -> &'static str {
        match self {
            LimitError::UriTooLong { .. } => "Ask for less at once, such as a shorter list of values.",
            LimitError::HeadersTooLarge { .. } => "Send fewer or shorter headers.",
            LimitError::BodyTooLarge { .. } => "Ask for less at once.",
            LimitError::Overloaded | LimitError::TooManyStreams => "Ask again after the time in Retry-After.",
            LimitError::TooSlow { .. } => "Ask for less at once, or filter and order by indexed columns.",
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::PoolTimedOut => Error::Busy,
            sqlx::Error::Database(database) => {
                let refused = database.try_downcast_ref().and_then(refused_by_postgres);
                refused.unwrap_or(Error::Store(StoreError::Sqlx(error)))
            }
            _ => Error::Store(StoreError::Sqlx(error)),
        }
    }
}

/// What PostgreSQL says of the statement's values, as opposed to what it says of itself.
fn refused_by_postgres(error: &PgDatabaseError) -> Option<Error> {
    let code = error.code();
    let of_values = ["0A", "22", "42", "54"].iter().any(|class| code.starts_with(class))
        && code != "42P01"
        && code != "42501";
    (of_values || code == CANCELLED).then(|| Error::Refused {
        code: code.to_owned(),
        message: error.message().to_owned(),
        // Of a value, SQLite's functions tell no more than the message, and both stores are to say the same.
        details: error.detail().filter(|_| !code.starts_with("22")).map(str::to_owned),
        hint: error.hint().map(str::to_owned),
    })
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked, OperationInterrupted};
        match error.sqlite_error_code() {
            Some(DatabaseBusy | DatabaseLocked) => Error::Busy,
            Some(OperationInterrupted) => {
                Error::does_not_fit(CANCELLED, "canceling statement due to statement timeout")
            }
            _ => sqlite::refusal(&error.to_string()).unwrap_or(Error::Store(StoreError::Sqlite(error))),
        }
    }
}

const CANCELLED: &str = "57014";

const MISSING_OPERATOR: &str =
    "No operator matches the given name and argument types. You might need to add explicit type casts.";

impl Error {
    pub(crate) fn missing_operator(kind: &str, operator: &str) -> Error {
        let message = format!("operator does not exist: {kind} {operator} unknown");
        Error::DoesNotFit { code: "42883", message, hint: Some(MISSING_OPERATOR) }
    }

    pub(crate) fn does_not_fit(code: &'static str, message: impl Into<String>) -> Error {
        Error::DoesNotFit { code, message: message.into(), hint: None }
    }

    pub(crate) fn index_absent(directory: &Path, reason: impl std::fmt::Display) -> Error {
        Error::IndexAbsent { directory: directory.to_owned(), reason: reason.to_string() }
    }

    pub(crate) fn unreadable(what: impl Into<String>) -> Error {
        Error::Unreadable { what: what.into() }
    }

    /// PostgREST's code or PostgreSQL's SQLSTATE.
    pub fn code(&self) -> &str {
        match self {
            Error::Syntax { .. } => "PGRST100",
            Error::NegativeLimit | Error::RangeReversed | Error::OffsetBeyond { .. } => "PGRST103",
            Error::UnknownSchema { .. } => "PGRST106",
            Error::NotSingular { .. } => "PGRST116",
            Error::Cursor { .. } => "PREJOIN400",
            Error::NotAcceptable { .. } => "PGRST107",
            Error::NotEmbedded { .. } => "PGRST108",
            Error::UnsupportedMethod { .. } => "PGRST117",
            Error::UnknownPath => "PGRST125",
            Error::InvalidPreferences { .. } => "PGRST122",
            Error::NotImplemented { .. } => "PGRST127",
            Error::NoRelationship { .. } => "PGRST200",
            Error::UnknownView { .. } => "PGRST205",
            Error::UnknownColumn { .. } => "42703",
            Error::DoesNotFit { code, .. } => code,
            Error::Refused { code, .. } => code,
            Error::StoreAbsent { .. } | Error::IndexAbsent { .. } => "PGRST002",
            Error::Busy => "PGRST003",
            Error::NotReached { .. } => "PREJOINWAIT",
            Error::Access(error) => error.code(),
            Error::Limit(error) => error.code_and_status().0,
            Error::Store(_) | Error::Unreadable { .. } => "XX000",
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Error::Syntax { .. }
            | Error::NotEmbedded { .. }
            | Error::NoRelationship { .. }
            | Error::InvalidPreferences { .. }
            | Error::NotImplemented { .. }
            | Error::UnknownColumn { .. } => 400,
            // PostgREST answers PostgreSQL's "undefined function" so.
            Error::DoesNotFit { code: "42883", .. } => 404,
            Error::DoesNotFit { code: CANCELLED, .. } => 500,
            Error::DoesNotFit { .. } => 400,
            Error::Refused { code, .. } => match code.as_str() {
                "42883" => 404,
                code if code.starts_with("54") || code.starts_with("57") => 500,
                _ => 400,
            },
            Error::UnknownPath | Error::UnknownView { .. } => 404,
            Error::UnsupportedMethod { .. } => 405,
            Error::NotAcceptable { .. } | Error::NotSingular { .. } | Error::UnknownSchema { .. } => 406,
            Error::NegativeLimit | Error::RangeReversed | Error::OffsetBeyond { .. } => 416,
            Error::Cursor { .. } => 400,
            Error::Access(error) => error.status(),
            Error::Limit(error) => error.code_and_status().1,
            Error::Store(_) | Error::Unreadable { .. } => 500,
            Error::StoreAbsent { .. } | Error::IndexAbsent { .. } => 503,
            Error::Busy | Error::NotReached { .. } => 504,
        }
    }

    /// More about what is wrong.
    pub fn details(&self) -> Option<Cow<'_, str>> {
        match self {
            Error::Refused { details, .. } => details.as_deref().map(Cow::Borrowed),
            Error::Syntax { details, .. } | Error::InvalidPreferences { details } => Some(details.into()),
            Error::NotImplemented { reason } => Some(reason.into()),
            Error::NoRelationship { view, relation } => {
                let details = format!(
                    "Searched for a foreign key relationship between '{view}' and '{relation}' in the schema 'public', but no matches were found."
                );
                Some(details.into())
            }
            Error::NegativeLimit => Some("Limit should be greater than or equal to zero.".into()),
            Error::OffsetBeyond { offset_rows, rows } => Some(
                format!("An offset of {offset_rows} was requested, but there are only {rows} rows.").into(),
            ),
            Error::NotSingular { rows } => Some(format!("The result contains {rows} rows").into()),
            Error::RangeReversed => Some(
                "The lower boundary must be lower than or equal to the upper boundary in the Range header."
                    .into(),
            ),
            Error::NotReached { .. } => Some("The header Prejoin-Position says what the view has.".into()),
            Error::Access(error) => error.details().map(Cow::Borrowed),
            _ => None,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::NotEmbedded { resource } => {
                Some(format!("Verify that '{resource}' is included in the 'select' query parameter."))
            }
            Error::NotReached { .. } => Some(
                "Ask again, or wait for longer: Prefer: wait=5 is five seconds. A service of that name must be there."
                    .to_owned(),
            ),
            Error::NoRelationship { .. } => Some(
                "A view already holds its joins: select its columns, or add the join to the view.".to_owned(),
            ),
            Error::UnsupportedMethod { .. } => {
                let hint =
                    "Views are for reading: use GET or HEAD. To change data, call the service that owns it.";
                Some(hint.to_owned())
            }
            Error::UnknownSchema { .. } => Some("Only the following schemas are exposed: public".to_owned()),
            Error::Cursor { .. } => Some("Begin anew with an empty cursor: 'cursor='.".to_owned()),
            Error::UnknownView { similar, .. } => {
                similar.as_ref().map(|view| format!("Perhaps you meant the table 'public.{view}'"))
            }
            Error::UnknownColumn { view, similar, .. } => {
                let columns: Vec<_> =
                    similar.iter().map(|column| format!("the column \"{view}.{column}\"")).collect();
                (!columns.is_empty())
                    .then(|| format!("Perhaps you meant to reference {}.", columns.join(" or ")))
            }
            Error::DoesNotFit { hint, .. } => hint.map(str::to_owned),
            Error::Limit(error) => Some(error.hint().to_owned()),
            Error::Refused { hint, .. } => hint.clone(),
            Error::StoreAbsent { is_away: true, .. } => {
                Some("Look whether the database server runs and lets this user in.".to_owned())
            }
            Error::StoreAbsent { .. } => Some(
                "Start the projector, which builds the views: `prejoin up` or `prejoin project`.".to_owned(),
            ),
            _ => None,
        }
    }
}
