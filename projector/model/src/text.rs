//! PostgreSQL's text forms: what `value::text` prints and what `'text'::type` reads (time zone UTC, DateStyle ISO).

use thiserror::Error;

use crate::{Type, Value};

/// PostgreSQL's message for text that is not of the type, such as `invalid input syntax for type bigint: "x"`.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("{0}")]
pub struct TextError(pub String);

/// Reads a value from its text. Never NULL.
pub fn from_text(kind: Type, text: &str) -> Result<Value, TextError> {
    let _ = (kind, text);
    todo!()
}

/// The text of a value; nothing for NULL.
pub fn to_text(value: &Value) -> Option<String> {
    let _ = value;
    todo!()
}
