//! A JSON value in a column of some type. Strict: a value of another kind is a misfit, never a guess.

use prejoin_model::{Json, Type, Value, from_text};
use sonic_rs::{JsonContainerTrait, JsonType, JsonValueTrait, Value as Node};

/// What would have fitted, in words that complete "expected …".
pub(crate) type Misfit = &'static str;

/// The greatest power of ten that a number may be written with: `1e131071` is seven bytes in an event and 131072
/// digits in memory.
const EXPONENT_MAX: u32 = 1000;

/// JSON null is NULL, in a jsonb column too.
pub(crate) fn from_json(kind: Type, node: &Node) -> Result<Value, Misfit> {
    match (node.get_type(), kind) {
        (JsonType::Null, _) => Ok(Value::Null),
        (_, Type::Jsonb) => Ok(Value::Jsonb(json(node)?.into())),
        (JsonType::Boolean, Type::Boolean) => node.as_bool().map(Value::Boolean).ok_or(expected(kind)),
        (JsonType::Number, _) => {
            let number = node.as_raw_number().ok_or(expected(kind))?;
            from_number(kind, number.as_str())
        }
        (JsonType::String, _) => from_string(kind, node.as_str().ok_or(expected(kind))?),
        _ => Err(expected(kind)),
    }
}

/// A number as its digits are written.
pub(crate) fn from_number(kind: Type, digits: &str) -> Result<Value, Misfit> {
    match kind {
        Type::Bigint => integral(digits).map(Value::Bigint).ok_or(expected(kind)),
        Type::Numeric => numeric(digits),
        Type::Double => read(kind, digits),
        _ => Err(expected(kind)),
    }
}

pub(crate) fn from_string(kind: Type, text: &str) -> Result<Value, Misfit> {
    match kind {
        Type::Text if text.contains('\0') => {
            Err("text without the character U+0000, which PostgreSQL cannot hold")
        }
        Type::Text => Ok(Value::text(text)),
        Type::Bigint => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            let whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|_| whole).map(Value::Bigint).ok_or(expected(kind))
        }
        Type::Numeric => numeric(text),
        Type::Double | Type::Uuid => read(kind, text),
        Type::Date if text.contains(':') => Err("a date like \"2026-01-31\", without a time"),
        Type::Date => read(kind, text),
        Type::Timestamptz if !has_offset(text) => {
            Err("a time with its offset from UTC, like \"2026-01-31T09:00:00Z\": a local time is no instant")
        }
        Type::Timestamptz => read(kind, text),
        Type::Jsonb => Ok(Value::Jsonb(json_string(text)?.into())),
        Type::Boolean | Type::Integer | Type::Timestamp | Type::Interval | Type::Array(_) => {
            Err(expected(kind))
        }
    }
}

/// What a column of this type takes.
pub(crate) fn expected(kind: Type) -> Misfit {
    match kind {
        Type::Boolean => "true or false",
        Type::Integer | Type::Bigint => {
            "a whole number between -9223372036854775808 and 9223372036854775807, or one as a string of digits"
        }
        Type::Numeric => "a number, or one in a string",
        Type::Double => "a number that fits double precision, or one in a string",
        Type::Text => "a string",
        Type::Uuid => "a string like \"24428cdf-0de5-587c-83ab-87ac10d6be42\"",
        Type::Date => "a date like \"2026-01-31\"",
        Type::Timestamptz => "a time like \"2026-01-31T09:00:00Z\"",
        Type::Jsonb => "JSON that jsonb can hold",
        Type::Timestamp | Type::Interval | Type::Array(_) => "nothing: no column has this type",
    }
}

fn read(kind: Type, text: &str) -> Result<Value, Misfit> {
    from_text(kind, text).map_err(|_| expected(kind))
}

fn numeric(digits: &str) -> Result<Value, Misfit> {
    let exponent = digits.rfind(['e', 'E']).map(|at| digits[at + 1..].trim_start_matches(['+', '-']));
    if exponent.is_some_and(|exponent| !exponent.parse().is_ok_and(|exponent: u32| exponent <= EXPONENT_MAX))
    {
        return Err("a number whose exponent is 1000 at most");
    }
    read(Type::Numeric, digits)
}

/// The whole number that a JSON number stands for: 7, 7.0 and 70e-1 are the same.
fn integral(digits: &str) -> Option<i64> {
    if let Ok(integer) = digits.parse() {
        return Some(integer);
    }
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let significant = format!("{whole}{fraction}");
    let shift = exponent.parse::<i64>().ok()?.checked_sub(i64::try_from(fraction.len()).ok()?)?;
    let significant_digits = significant.trim_start_matches('-');
    if significant_digits.bytes().all(|digit| digit == b'0') {
        return Some(0);
    }
    if shift < 0 {
        let cut = usize::try_from(shift.unsigned_abs()).ok().filter(|&cut| cut < significant_digits.len())?;
        let (kept, dropped) = significant.split_at(significant.len() - cut);
        return kept.parse().ok().filter(|_| dropped.bytes().all(|digit| digit == b'0'));
    }
    let zeros = usize::try_from(shift).ok().filter(|&zeros| zeros < 20)?;
    format!("{significant}{}", "0".repeat(zeros)).parse().ok()
}

/// Whether a time of day is followed by `Z` or an offset. The infinities need none.
fn has_offset(text: &str) -> bool {
    let infinite = matches!(text.trim(), "infinity" | "-infinity");
    infinite || text.split_once(':').is_some_and(|(_, rest)| rest.contains(['Z', 'z', '+', '-']))
}

/// A value in jsonb's form: numbers with their digits, the keys of objects in order, each once.
fn json(node: &Node) -> Result<Json, Misfit> {
    Ok(match node.get_type() {
        JsonType::Null => Json::Null,
        JsonType::Boolean => Json::Boolean(node.as_bool().ok_or(expected(Type::Jsonb))?),
        JsonType::Number => json_number(node.as_raw_number().ok_or(expected(Type::Jsonb))?.as_str())?,
        JsonType::String => json_string(node.as_str().ok_or(expected(Type::Jsonb))?)?,
        JsonType::Array => {
            let elements = node.as_array().ok_or(expected(Type::Jsonb))?;
            Json::Array(elements.iter().map(json).collect::<Result<_, _>>()?)
        }
        JsonType::Object => {
            let members = node.as_object().ok_or(expected(Type::Jsonb))?.iter();
            let member = |(name, value): (&str, &Node)| Ok((jsonb_text(name)?.into(), json(value)?));
            Json::object(members.map(member).collect::<Result<_, Misfit>>()?)
        }
    })
}

pub(crate) fn json_string(text: &str) -> Result<Json, Misfit> {
    Ok(Json::String(jsonb_text(text)?.into()))
}

pub(crate) fn json_number(digits: &str) -> Result<Json, Misfit> {
    match numeric(digits)? {
        Value::Numeric(number) => Ok(Json::Number(number)),
        _ => Err(expected(Type::Jsonb)),
    }
}

fn jsonb_text(text: &str) -> Result<&str, Misfit> {
    match text.contains('\0') {
        true => Err("JSON without the character U+0000, which PostgreSQL cannot hold"),
        false => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_whole_however_they_are_written() {
        for (digits, expected) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("-0.0e5", Some(0)),
            ("7.0", Some(7)),
            ("7.5", None),
            ("70e-1", Some(7)),
            ("75e-1", None),
            ("-1.50e1", Some(-15)),
            ("1e18", Some(1_000_000_000_000_000_000)),
            ("1e19", None),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775807.0", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("1e99999999999999999999", None),
            ("0e99999", Some(0)),
            ("1e-99999", None),
            ("100e-2", Some(1)),
            ("1e-1", None),
        ] {
            assert_eq!(integral(digits), expected, "{digits}");
        }
    }

    #[test]
    fn a_time_needs_an_offset() {
        for text in ["2026-01-31T09:00:00Z", "2026-01-31 09:00:00+02", "2026-01-31t09:00-05:30", "infinity"] {
            assert!(has_offset(text), "{text}");
        }
        for text in ["2026-01-31T09:00:00", "2026-01-31", "", "epoch", "2026-01-31 09:00:00 UTC"] {
            assert!(!has_offset(text), "{text}");
        }
    }
}
