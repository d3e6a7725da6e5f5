//! Casts between types, at run time.

use prejoin_model::{Date, Json, Numeric, Timestamp, Timestamptz, Type, Value, from_text, to_text};

use crate::arithmetic::{DAY_MICROSECONDS, error, is_infinite};
use crate::expression::NumericModifier;
use crate::plan::EvaluateError;

/// 2^63, the first double that is no bigint.
const BIGINT_END: f64 = 9_223_372_036_854_775_808.0;

/// NULL stays NULL. Typing has refused the casts that PostgreSQL does not have.
pub(crate) fn cast(value: &Value, to: Type) -> Result<Value, EvaluateError> {
    match value {
        Value::Null => Ok(Value::Null),
        Value::Text(text) => from_text(to, text).map_err(|problem| error(problem.to_string())),
        value if to == Type::Text => Ok(to_text(value).map_or(Value::Null, Value::text)),
        Value::Boolean(truth) if to == Type::Integer => Ok(Value::Integer(i32::from(*truth))),
        Value::Integer(number) if to == Type::Boolean => Ok(Value::Boolean(*number != 0)),
        Value::Integer(number) => from_bigint(i64::from(*number), to),
        Value::Bigint(number) => from_bigint(*number, to),
        Value::Numeric(number) => from_numeric(number, to),
        Value::Double(number) => from_double(*number, to),
        Value::Date(date) if to == Type::Timestamptz => first_moment(*date).map(Value::Timestamptz),
        Value::Timestamptz(time) if to == Type::Date => Ok(Value::Date(day_of(*time))),
        Value::Date(date) if to == Type::Timestamp => {
            first_moment(*date).map(|moment| Value::Timestamp(Timestamp(moment.0)))
        }
        Value::Timestamp(time) if to == Type::Date => Ok(Value::Date(day_of(Timestamptz(time.0)))),
        Value::Timestamp(time) if to == Type::Timestamptz => Ok(Value::Timestamptz(Timestamptz(time.0))),
        Value::Timestamptz(time) if to == Type::Timestamp => Ok(Value::Timestamp(Timestamp(time.0))),
        Value::Jsonb(json) => from_json(json, to),
        Value::Array(array) => match to {
            Type::Array(element) => {
                let values = array.values().iter().map(|value| cast(value, element.kind()));
                Ok(Value::array(element, values.collect::<Result<_, _>>()?))
            }
            _ => Err(no_cast(value, to)),
        },
        other => Err(no_cast(other, to)),
    }
}

fn no_cast(value: &Value, to: Type) -> EvaluateError {
    let from = value.kind().map_or("unknown", Type::name);
    error(format!("cannot cast type {from} to {to}"))
}

fn from_bigint(number: i64, to: Type) -> Result<Value, EvaluateError> {
    match to {
        Type::Integer => i32::try_from(number).map(Value::Integer).map_err(|_| error("integer out of range")),
        Type::Bigint => Ok(Value::Bigint(number)),
        Type::Numeric => Ok(Value::Numeric(Numeric::from(number))),
        Type::Double => Ok(Value::Double(number as f64)),
        _ => Err(no_cast(&Value::Bigint(number), to)),
    }
}

/// Rounds half away from zero.
fn from_numeric(number: &Numeric, to: Type) -> Result<Value, EvaluateError> {
    let result = match to {
        Type::Integer => number.to_i32().map(Value::Integer),
        Type::Bigint => number.to_i64().map(Value::Bigint),
        Type::Numeric => return Ok(Value::Numeric(number.clone())),
        Type::Double => number.to_f64().map(Value::Double),
        _ => return Err(no_cast(&Value::Numeric(number.clone()), to)),
    };
    result.map_err(|problem| error(problem.to_string()))
}

/// Rounds half to even.
fn from_double(number: f64, to: Type) -> Result<Value, EvaluateError> {
    #[expect(clippy::cast_possible_truncation, reason = "the ranges are checked first")]
    match to {
        Type::Integer => {
            let rounded = number.round_ties_even();
            let fits = rounded >= f64::from(i32::MIN) && rounded <= f64::from(i32::MAX);
            if fits { Ok(Value::Integer(rounded as i32)) } else { Err(error("integer out of range")) }
        }
        Type::Bigint => {
            let rounded = number.round_ties_even();
            let fits = (-BIGINT_END..BIGINT_END).contains(&rounded);
            if fits { Ok(Value::Bigint(rounded as i64)) } else { Err(error("bigint out of range")) }
        }
        Type::Numeric => Ok(Value::Numeric(Numeric::from_f64(number))),
        Type::Double => Ok(Value::Double(number)),
        _ => Err(no_cast(&Value::Double(number), to)),
    }
}

fn first_moment(date: Date) -> Result<Timestamptz, EvaluateError> {
    match date.0 {
        i32::MIN => Ok(Timestamptz(i64::MIN)),
        i32::MAX => Ok(Timestamptz(i64::MAX)),
        day => i64::from(day)
            .checked_mul(DAY_MICROSECONDS)
            .map(Timestamptz)
            .ok_or_else(|| error("date out of range for timestamp")),
    }
}

/// The day in UTC.
fn day_of(time: Timestamptz) -> Date {
    match time.0 {
        i64::MIN => Date(i32::MIN),
        i64::MAX => Date(i32::MAX),
        microseconds => {
            let day = microseconds.div_euclid(DAY_MICROSECONDS);
            let date = Date(i32::try_from(day).expect("2^63 microseconds are less than 2^27 days"));
            debug_assert!(!is_infinite(date));
            date
        }
    }
}

fn from_json(json: &Json, to: Type) -> Result<Value, EvaluateError> {
    let what = match json {
        Json::Boolean(truth) if to == Type::Boolean => return Ok(Value::Boolean(*truth)),
        Json::Number(number) if to != Type::Boolean => return from_numeric(number, to),
        Json::Null => "null",
        Json::Boolean(_) => "boolean",
        Json::Number(_) => "numeric",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    };
    Err(error(format!("cannot cast jsonb {what} to type {to}")))
}

/// The length coercion of numeric(precision, scale): rounds, and refuses what has too many digits before the point.
pub(crate) fn round(value: &Value, to: &NumericModifier) -> Result<Value, EvaluateError> {
    let number = match value {
        Value::Null => return Ok(Value::Null),
        Value::Numeric(number) => number,
        other => return Err(no_cast(other, Type::Numeric)),
    };
    if number.is_nan() {
        return Ok(value.clone());
    }
    let rounded = if number.is_finite() { number.round(to.scale) } else { Ok(number.clone()) };
    let rounded = rounded.map_err(|problem| error(problem.to_string()))?;
    if rounded.abs().compare(&to.limit).is_ge() {
        return Err(error("numeric field overflow"));
    }
    Ok(Value::Numeric(rounded))
}
