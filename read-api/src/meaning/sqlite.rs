//! PostgreSQL's functions as SQLite's, for connections that have them registered.
//!
//! A value goes in as the store keeps it or as PostgreSQL's text, with the name of its type before it, and comes out as
//! PostgreSQL's text. `prejoin_key` makes of it bytes that compare and sort as the values do.

use std::sync::Arc;

use prejoin_model::{Regex, TimeUnit, Type, Value, encode_key_value, from_text, to_text};
use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error as SqliteError};

use super::{Accumulator, AggregateFunction, Path, refused_text};
use crate::Error;

/// `prejoin_text(type, value)`: the value's text.
pub(crate) const TEXT: &str = "prejoin_text";
/// `prejoin_key(type, value)`: bytes in the values' order.
pub(crate) const KEY: &str = "prejoin_key";
/// `prejoin_json(jsonb, path)`: what `Path::find` finds.
pub(crate) const JSON: &str = "prejoin_json";
/// `prejoin_cast(from, to, value)`.
pub(crate) const CAST: &str = "prejoin_cast";
/// `prejoin_contains(type, outer, inner)`: 0 or 1.
pub(crate) const CONTAINS: &str = "prejoin_contains";
/// `prejoin_overlaps(type, left, right)`: 0 or 1.
pub(crate) const OVERLAPS: &str = "prejoin_overlaps";
/// `prejoin_like(text, pattern, whether case is ignored)`: 0 or 1.
pub(crate) const LIKE: &str = "prejoin_like";
/// `prejoin_match(text, regular expression, whether case is ignored)`: 0 or 1.
pub(crate) const MATCH: &str = "prejoin_match";
/// `prejoin_trunc(unit, type, value)`: the text of a moment.
pub(crate) const TRUNCATE: &str = "prejoin_trunc";
/// `prejoin_sum(type, value)` and so on: the text of the result.
pub(crate) const SUM: &str = "prejoin_sum";
pub(crate) const AVERAGE: &str = "prejoin_avg";
pub(crate) const MINIMUM: &str = "prejoin_min";
pub(crate) const MAXIMUM: &str = "prejoin_max";

/// Stands before a refusal's code in SQLite's message, so that it can be told from SQLite's own errors.
const MARK: &str = "prejoin refuses ";

/// The codes that functions refuse with.
const CODES: [&str; 14] = [
    "0A000", "22003", "22007", "22008", "22009", "2201B", "22021", "22023", "22025", "22P02", "22P05",
    "42704", "42846", "42883",
];

type Given<'a, 'b> = &'a Context<'b>;
type Answer<T> = Result<Option<T>, Error>;

/// Adds all of them.
pub(crate) fn register(connection: &Connection) -> Result<(), SqliteError> {
    scalar(connection, TEXT, 2, |given| Ok(to_text(&value(given, kind(given, 0)?, 1)?)))?;
    scalar(connection, KEY, 2, |given| Ok(key(&value(given, kind(given, 0)?, 1)?)))?;
    scalar(connection, JSON, 2, |given| {
        let path: Arc<Path> = kept(given, 1, |path| Path::decoded(text_of(path)?))?;
        Ok(match value(given, Type::Jsonb, 0)? {
            Value::Jsonb(document) => to_text(&path.find(&document)),
            _ => None,
        })
    })?;
    scalar(connection, CAST, 3, |given| {
        let (from, to) = (kind(given, 0)?, kind(given, 1)?);
        Ok(to_text(&super::cast(&value(given, from, 2)?, to)?))
    })?;
    scalar(connection, CONTAINS, 3, |given| collections(given, super::contains))?;
    scalar(connection, OVERLAPS, 3, |given| collections(given, super::overlaps))?;
    scalar(connection, LIKE, 3, |given| match (text(given, 0)?, text(given, 1)?) {
        (Some(text), Some(pattern)) => super::like(text, pattern, flag(given, 2)?).map(Some),
        _ => Ok(None),
    })?;
    scalar(connection, MATCH, 3, |given| match (text(given, 0)?, text(given, 1)?) {
        (Some(text), Some(_)) => {
            let ignore_case = flag(given, 2)?;
            let regex: Arc<Regex> = kept(given, 1, |pattern| super::regex(text_of(pattern)?, ignore_case))?;
            Ok(Some(regex.is_match(text)))
        }
        _ => Ok(None),
    })?;
    scalar(connection, TRUNCATE, 3, |given| {
        let unit: Arc<TimeUnit> = kept(given, 0, |unit| {
            let name = text_of(unit)?;
            let found = TimeUnit::ALL.into_iter().find(|unit| unit.name() == name);
            found.ok_or_else(|| Error::unreadable(format!("the unit {name}")))
        })?;
        Ok(to_text(&super::truncated(&value(given, kind(given, 1)?, 2)?, *unit)?))
    })?;
    for (name, function) in [
        (SUM, AggregateFunction::Sum),
        (AVERAGE, AggregateFunction::Average),
        (MINIMUM, AggregateFunction::Minimum),
        (MAXIMUM, AggregateFunction::Maximum),
    ] {
        connection.create_aggregate_function(name, 2, FLAGS, Gathering(function))?;
    }
    Ok(())
}

const FLAGS: FunctionFlags = FunctionFlags::SQLITE_UTF8
    .union(FunctionFlags::SQLITE_DETERMINISTIC)
    .union(FunctionFlags::SQLITE_DIRECTONLY);

fn scalar<T: rusqlite::ToSql>(
    connection: &Connection,
    name: &str,
    arguments: i32,
    function: impl Fn(Given<'_, '_>) -> Answer<T> + Send + 'static,
) -> Result<(), SqliteError> {
    connection.create_scalar_function(name, arguments, FLAGS, move |given| function(given).map_err(raised))
}

/// An argument that is the same for every row, read once.
fn kept<T: Send + Sync + 'static>(
    given: Given<'_, '_>,
    argument: i32,
    read: impl FnOnce(ValueRef<'_>) -> Result<T, Error>,
) -> Result<Arc<T>, Error> {
    given.get_or_create_aux(argument, read).map_err(|error| match error {
        SqliteError::UserFunctionError(error) => match error.downcast::<Error>() {
            Ok(error) => *error,
            Err(other) => Error::unreadable(other.to_string()),
        },
        other => Error::unreadable(other.to_string()),
    })
}

fn kind(given: Given<'_, '_>, argument: i32) -> Result<Type, Error> {
    let kind = kept(given, argument, |name| {
        let name = text_of(name)?;
        let within = [Type::Timestamp, Type::Interval].into_iter().find(|kind| kind.name() == name);
        Type::from_name(name).or(within).ok_or_else(|| Error::unreadable(format!("the type {name}")))
    })?;
    Ok(*kind)
}

fn text_of(value: ValueRef<'_>) -> Result<&str, Error> {
    value.as_str().map_err(|error| Error::unreadable(error.to_string()))
}

fn text<'a>(given: &'a Context<'_>, argument: usize) -> Result<Option<&'a str>, Error> {
    match given.get_raw(argument) {
        ValueRef::Null => Ok(None),
        value => text_of(value).map(Some),
    }
}

fn flag(given: Given<'_, '_>, argument: usize) -> Result<bool, Error> {
    given.get(argument).map_err(|error| Error::unreadable(error.to_string()))
}

/// A value in the store's form or as text.
fn value(given: Given<'_, '_>, kind: Type, argument: usize) -> Result<Value, Error> {
    read(kind, given.get_raw(argument))
}

fn read(kind: Type, stored: ValueRef<'_>) -> Result<Value, Error> {
    Ok(match (kind, stored) {
        (_, ValueRef::Null) => Value::Null,
        (Type::Boolean, ValueRef::Integer(number)) => Value::Boolean(number != 0),
        (Type::Bigint, ValueRef::Integer(number)) => Value::Bigint(number),
        (Type::Integer, ValueRef::Integer(number)) => match i32::try_from(number) {
            Ok(number) => Value::Integer(number),
            Err(_) => return Err(Error::unreadable(format!("the integer {number}"))),
        },
        (_, ValueRef::Text(_)) => from_text(kind, text_of(stored)?).map_err(refused_text)?,
        (_, other) => return Err(Error::unreadable(format!("a {} as {kind}", other.data_type()))),
    })
}

fn key(value: &Value) -> Option<Vec<u8>> {
    if value.is_null() {
        return None;
    }
    let mut bytes = Vec::new();
    encode_key_value(value, &mut bytes);
    Some(bytes)
}

fn collections(given: Given<'_, '_>, holds: fn(&Value, &Value) -> Option<bool>) -> Answer<bool> {
    let kind = kind(given, 0)?;
    Ok(holds(&value(given, kind, 1)?, &value(given, kind, 2)?))
}

struct Gathering(AggregateFunction);

impl Aggregate<Accumulator, Option<String>> for Gathering {
    fn init(&self, _: &mut Context<'_>) -> Result<Accumulator, SqliteError> {
        Ok(Accumulator::new(self.0))
    }

    fn step(&self, given: &mut Context<'_>, accumulator: &mut Accumulator) -> Result<(), SqliteError> {
        let kind = match given.get_raw(0).as_str() {
            Ok(name) => Type::from_name(name),
            Err(_) => None,
        };
        let kind = kind.or_else(|| {
            let name = given.get_raw(0).as_str().ok();
            [Type::Timestamp, Type::Interval].into_iter().find(|kind| Some(kind.name()) == name)
        });
        let kind = kind.ok_or_else(|| raised(Error::unreadable("an unknown type")))?;
        accumulator.add(value(given, kind, 1).map_err(raised)?);
        Ok(())
    }

    fn finalize(
        &self,
        _: &mut Context<'_>,
        accumulator: Option<Accumulator>,
    ) -> Result<Option<String>, SqliteError> {
        match accumulator {
            None => Ok(None),
            Some(accumulator) => accumulator.result().map(|value| to_text(&value)).map_err(raised),
        }
    }
}

/// As SQLite's message, from which `refusal` reads it back.
fn raised(error: Error) -> SqliteError {
    SqliteError::UserFunctionError(match error {
        Error::DoesNotFit { code, message, .. } => format!("{MARK}{code}: {message}").into(),
        other => other.to_string().into(),
    })
}

/// What one of the functions refused, by the message of SQLite's error.
pub(crate) fn refusal(message: &str) -> Option<Error> {
    let (_, refusal) = message.split_once(MARK)?;
    let (code, message) = refusal.split_once(": ")?;
    let code = CODES.into_iter().find(|known| *known == code)?;
    Some(Error::does_not_fit(code, message))
}
