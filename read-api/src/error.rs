//! What can go wrong with a read, in the words, codes and HTTP statuses of PostgREST and PostgreSQL.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use sqlx::error::DatabaseError;
use sqlx::postgres::PgDatabaseError;
use thiserror::Error;

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
    StoreAbsent { store: String, reason: String },
    /// What PostgreSQL, or SQLite with its functions, says of a statement that was asked for.
    #[error("{message}")]
    Refused { code: String, message: String, details: Option<String>, hint: Option<String> },
    #[error("the search index {} cannot be read yet: {reason}", directory.display())]
    IndexAbsent { directory: PathBuf, reason: String },
    #[error("Timed out acquiring connection from connection pool.")]
    Busy,
    #[error("the view store could not be read: {0}")]
    Store(#[source] sqlx::Error),
    /// The store holds something this version does not understand.
    #[error(
        "the view store holds {what}, which this version of prejoin cannot read; run the same version as the projector"
    )]
    Unreadable { what: String },
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let sqlx::Error::Database(database) = &error else {
            return if matches!(error, sqlx::Error::PoolTimedOut) {
                Error::Busy
            } else {
                Error::Store(error)
            };
        };
        let code = database.code().unwrap_or_default();
        if is_busy(&code) {
            return Error::Busy;
        }
        refusal(database.as_ref(), &code).unwrap_or(Error::Store(error))
    }
}

/// In front of a message of a function of ours in SQLite: a SQLSTATE follows, and a colon.
pub(crate) const REFUSAL: &str = "prejoin refuses ";

/// What a store says of the statement's values, as opposed to what it says of itself.
fn refusal(database: &(dyn DatabaseError + 'static), code: &str) -> Option<Error> {
    if let Some(postgres) = database.try_downcast_ref::<PgDatabaseError>() {
        let of_values = ["22", "42", "54"].iter().any(|class| code.starts_with(class))
            && code != "42P01"
            && code != "42501";
        return (of_values || code == CANCELLED).then(|| Error::Refused {
            code: code.to_owned(),
            message: postgres.message().to_owned(),
            details: postgres.detail().map(str::to_owned),
            hint: postgres.hint().map(str::to_owned),
        });
    }
    let refused = |code: &str, message: &str| Error::Refused {
        code: code.to_owned(),
        message: message.to_owned(),
        details: None,
        hint: None,
    };
    // SQLITE_INTERRUPT
    if code == "9" {
        return Some(refused(CANCELLED, "canceling statement due to statement timeout"));
    }
    let (code, message) = database.message().strip_prefix(REFUSAL)?.split_once(": ")?;
    Some(refused(code, message))
}

const CANCELLED: &str = "57014";

/// SQLITE_BUSY or SQLITE_LOCKED, extended or not.
fn is_busy(code: &str) -> bool {
    code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6))
}

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
            Error::NegativeLimit | Error::RangeReversed => "PGRST103",
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
            Error::DoesNotFit { .. } => 400,
            Error::Refused { code, .. } => match code.as_str() {
                "42883" => 404,
                code if code.starts_with("54") || code.starts_with("57") => 500,
                _ => 400,
            },
            Error::UnknownPath | Error::UnknownView { .. } => 404,
            Error::UnsupportedMethod { .. } => 405,
            Error::NotAcceptable { .. } => 406,
            Error::NegativeLimit | Error::RangeReversed => 416,
            Error::Store(_) | Error::Unreadable { .. } => 500,
            Error::StoreAbsent { .. } | Error::IndexAbsent { .. } => 503,
            Error::Busy => 504,
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
            Error::RangeReversed => Some(
                "The lower boundary must be lower than or equal to the upper boundary in the Range header."
                    .into(),
            ),
            _ => None,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::NotEmbedded { resource } => {
                Some(format!("Verify that '{resource}' is included in the 'select' query parameter."))
            }
            Error::NoRelationship { .. } => Some(
                "A view already holds its joins: select its columns, or add the join to the view.".to_owned(),
            ),
            Error::UnsupportedMethod { .. } => {
                let hint =
                    "Views are for reading: use GET or HEAD. To change data, call the service that owns it.";
                Some(hint.to_owned())
            }
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
            Error::Refused { hint, .. } => hint.clone(),
            Error::StoreAbsent { .. } => Some(
                "Start the projector, which builds the views: `prejoin up` or `prejoin project`.".to_owned(),
            ),
            _ => None,
        }
    }
}
