//! What PostgreSQL's operators, casts and aggregates make of values, in plain Rust.
//!
//! Knows values only: no view, no request, no store. What cannot be given exactly is refused, so that no store differs
//! from another.

mod aggregate;
mod cast;
mod collection;
mod failure;
mod path;
mod pattern;
pub(crate) mod sqlite;

#[cfg(test)]
mod tests;

use prejoin_model::{TimeUnit, Timestamptz, Type, Value, cast as cast_value};

use crate::Error;

pub(crate) use aggregate::{Accumulator, AggregateFunction};
pub(crate) use cast::{cast, check_cast, named_type};
pub(crate) use collection::{contains, overlaps};
pub(crate) use failure::{long_name, refused_text, sqlstate};
pub(crate) use path::{Path, Step};
pub(crate) use pattern::{like, regex};

/// `date_trunc(unit, value)` in UTC, of a date or a moment; NULL of NULL.
pub(crate) fn truncated(value: &Value, unit: TimeUnit) -> Result<Value, Error> {
    if value.is_null() {
        return Ok(Value::Null);
    }
    let moment = match cast_value(value, Type::Timestamptz).map_err(refused_text)? {
        Value::Timestamptz(moment) => moment,
        _ => return Err(no_truncation(value.kind().unwrap_or(Type::Text))),
    };
    let truncated: Option<Timestamptz> = moment.truncated(unit);
    truncated.map(Value::Timestamptz).ok_or_else(|| Error::does_not_fit("22008", "timestamp out of range"))
}

/// Whether values of the type have buckets.
pub(crate) fn check_truncation(kind: Type) -> Result<(), Error> {
    match kind {
        Type::Date | Type::Timestamptz => Ok(()),
        other => Err(no_truncation(other)),
    }
}

fn no_truncation(kind: Type) -> Error {
    failure::missing_function(&format!("date_trunc(unknown, {})", long_name(kind)))
}
