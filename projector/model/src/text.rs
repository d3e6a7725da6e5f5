//! PostgreSQL's text forms: what `value::text` prints and what `'text'::type` reads (time zone UTC, DateStyle ISO).

use std::fmt::Write;

use thiserror::Error;

use crate::double::{parse_double, print_double};
use crate::numeric::write_integer;
use crate::{Array, Date, Interval, Json, Numeric, Timestamp, Timestamptz, Type, Value};

/// PostgreSQL's message for text that is not of the type, such as `invalid input syntax for type bigint: "x"`.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("{0}")]
pub struct TextError(pub String);

/// Reads a value from its text. Never NULL.
///
/// Text that PostgreSQL reads and this refuses: dates and times in other than ISO form or that depend on the clock, and
/// double precision in hexadecimal digits; arrays with bounds or several dimensions.
pub fn from_text(kind: Type, text: &str) -> Result<Value, TextError> {
    Ok(match kind {
        Type::Boolean => Value::Boolean(parse_boolean(text)?),
        Type::Integer => Value::Integer(parse_integer(kind, text)?),
        Type::Bigint => Value::Bigint(parse_integer(kind, text)?),
        Type::Numeric => Value::Numeric(Numeric::parse(text).map_err(|error| TextError(error.to_string()))?),
        Type::Double => Value::Double(parse_double(text)?),
        Type::Text => {
            check_text(text)?;
            Value::text(text)
        }
        Type::Uuid => Value::Uuid(parse_uuid(text)?),
        Type::Date => Value::Date(Date::parse(text)?),
        Type::Timestamptz => Value::Timestamptz(Timestamptz::parse(text)?),
        Type::Jsonb => Value::Jsonb(Json::parse(text)?.into()),
        Type::Timestamp => Value::Timestamp(Timestamp::parse(text)?),
        Type::Interval => Value::Interval(Interval::parse(text)?),
        Type::Array(element) => Value::Array(Array::parse(element, text)?.into()),
    })
}

/// The text of a value; nothing for NULL.
pub fn to_text(value: &Value) -> Option<String> {
    if value.is_null() {
        return None;
    }
    let mut text = String::new();
    write_text(value, &mut text);
    Some(text)
}

/// Appends the text of a value; of NULL, nothing.
pub fn write_text(value: &Value, out: &mut String) {
    let written = match value {
        Value::Null => Ok(()),
        Value::Boolean(value) => write!(out, "{value}"),
        Value::Integer(value) => write_integer((*value).into(), out),
        Value::Bigint(value) => write_integer(*value, out),
        Value::Numeric(value) => write!(out, "{value}"),
        Value::Double(value) => out.write_str(&print_double(*value)),
        Value::Text(value) => out.write_str(value),
        Value::Uuid(value) => out.write_str(&print_uuid(value)),
        Value::Date(value) => write!(out, "{value}"),
        Value::Timestamptz(value) => value.write(out),
        Value::Jsonb(value) => value.write(out),
        Value::Timestamp(value) => write!(out, "{value}"),
        Value::Interval(value) => write!(out, "{value}"),
        Value::Array(value) => out.write_str(&value.print()),
    };
    written.expect("a string takes every text, and no value fails to be printed");
}

/// Without what C's isspace calls space at both ends.
pub(crate) fn trim_space(text: &str) -> &str {
    text.trim_matches(is_space)
}

pub(crate) fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\x0b' | '\x0c' | '\r')
}

pub(crate) fn syntax_error(kind: &str, text: &str) -> TextError {
    TextError(format!("invalid input syntax for type {kind}: \"{text}\""))
}

/// PostgreSQL's text holds every character but NUL.
pub(crate) fn check_text(text: &str) -> Result<(), TextError> {
    if text.contains('\0') {
        return Err(TextError("invalid byte sequence for encoding \"UTF8\": 0x00".into()));
    }
    Ok(())
}

/// Any prefix that only one of the words has will do.
fn parse_boolean(text: &str) -> Result<bool, TextError> {
    let word = trim_space(text).to_ascii_lowercase();
    let begins = |full: &str, least: usize| word.len() >= least && full.starts_with(&word);
    match word.as_str() {
        _ if begins("true", 1) || begins("yes", 1) || begins("on", 2) || word == "1" => Ok(true),
        _ if begins("false", 1) || begins("no", 1) || begins("off", 2) || word == "0" => Ok(false),
        _ => Err(syntax_error("boolean", text)),
    }
}

/// PostgreSQL notices a number that is too great before it notices what stands behind it.
fn parse_integer<T: TryFrom<i64>>(kind: Type, text: &str) -> Result<T, TextError> {
    let read = |number: &str| number.parse::<i64>().ok().and_then(|value| T::try_from(value).ok());
    let trimmed = trim_space(text);
    let unsigned = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
    let end = unsigned.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(unsigned.len());
    let digits = &unsigned[..end];
    let whole = end == unsigned.len();
    if digits.is_empty() || (!whole && read(&format!("-{digits}")).is_some()) {
        return Err(syntax_error(kind.name(), text));
    }
    let value = if whole { read(trimmed) } else { None };
    value.ok_or_else(|| TextError(format!("value \"{text}\" is out of range for type {kind}")))
}

/// 32 hexadecimal digits in any case, a hyphen allowed after every fourth, braces around them allowed.
fn parse_uuid(text: &str) -> Result<[u8; 16], TextError> {
    let wrong = || syntax_error("uuid", text);
    let inner = match text.strip_prefix('{') {
        Some(rest) => rest.strip_suffix('}').ok_or_else(wrong)?,
        None => text,
    };
    let mut rest = inner.as_bytes();
    let mut uuid = [0; 16];
    for (index, byte) in uuid.iter_mut().enumerate() {
        let [high, low, after @ ..] = rest else { return Err(wrong()) };
        *byte = hex_digit(*high).ok_or_else(wrong)? << 4 | hex_digit(*low).ok_or_else(wrong)?;
        rest = after;
        if index % 2 == 1 && index < 15 {
            rest = rest.strip_prefix(b"-").unwrap_or(rest);
        }
    }
    if rest.is_empty() { Ok(uuid) } else { Err(wrong()) }
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

fn print_uuid(uuid: &[u8; 16]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(36);
    for (index, byte) in uuid.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push(DIGITS[usize::from(byte >> 4)].into());
        text.push(DIGITS[usize::from(byte & 15)].into());
    }
    text
}
