//! PostgreSQL's codes for what its functions refuse.

use prejoin_model::{Element, TextError, Type};

use crate::Error;

const MISSING_FUNCTION: &str =
    "No function matches the given name and argument types. You might need to add explicit type casts.";

/// A refusal in PostgreSQL's words, with its code.
pub(crate) fn refused_text(error: TextError) -> Error {
    const JSON: &str = "invalid input syntax for type json";
    // What was wrong in the document is told in other words by every parser.
    let message = if error.0.starts_with(JSON) { JSON.to_owned() } else { error.0 };
    Error::does_not_fit(sqlstate(&message), message)
}

/// `function sum(text) does not exist`.
pub(super) fn missing_function(signature: &str) -> Error {
    let message = format!("function {signature} does not exist");
    Error::DoesNotFit { code: "42883", message, hint: Some(MISSING_FUNCTION) }
}

/// The SQLSTATE that PostgreSQL gives with a message about a value.
pub(crate) fn sqlstate(message: &str) -> &'static str {
    let of_a_time = message.contains(" type date:")
        || message.contains(" type timestamp")
        || message.contains(" type interval:");
    let begins = |beginning: &str| message.starts_with(beginning);
    if begins("invalid input syntax") {
        if of_a_time { "22007" } else { "22P02" }
    } else if begins("date/time field value out of range")
        || begins("date out of range")
        || begins("timestamp out of range")
        || begins("interval out of range")
    {
        "22008"
    } else if begins("time zone displacement out of range") {
        "22009"
    } else if begins("time zone ") || begins("cannot cast jsonb ") {
        "22023"
    } else if begins("cannot convert ") {
        "0A000"
    } else if begins("cannot cast type ") {
        "42846"
    } else if begins("unsupported Unicode escape sequence") {
        "22P05"
    } else if begins("LIKE pattern must not end") {
        "22025"
    } else if begins("invalid byte sequence") {
        "22021"
    } else if message.contains("out of range") || message.contains("overflow") {
        "22003"
    } else {
        "22P02"
    }
}

/// The type as PostgreSQL's messages write it.
pub(crate) fn long_name(kind: Type) -> &'static str {
    match kind {
        Type::Timestamptz => "timestamp with time zone",
        Type::Timestamp => "timestamp without time zone",
        Type::Array(Element::Timestamptz) => "timestamp with time zone[]",
        other => other.name(),
    }
}
