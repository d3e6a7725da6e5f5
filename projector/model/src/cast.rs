//! Casts between types, as `value::type` does them.

use crate::{Date, Json, Numeric, TextError, Timestamp, Timestamptz, Type, Value, from_text, to_text};

/// 2^63, the first double that is no bigint.
const BIGINT_END: f64 = 9_223_372_036_854_775_808.0;

/// NULL stays NULL. A cast that PostgreSQL does not have is an error that says so.
pub fn cast(value: &Value, to: Type) -> Result<Value, TextError> {
    match value {
        Value::Null => Ok(Value::Null),
        value if value.kind() == Some(to) => Ok(value.clone()),
        Value::Text(text) => from_text(to, text),
        value if to == Type::Text => Ok(to_text(value).map_or(Value::Null, Value::text)),
        Value::Boolean(truth) if to == Type::Integer => Ok(Value::Integer(i32::from(*truth))),
        Value::Integer(number) if to == Type::Boolean => Ok(Value::Boolean(*number != 0)),
        Value::Integer(number) => from_bigint(i64::from(*number), to),
        Value::Bigint(number) => from_bigint(*number, to),
        Value::Numeric(number) => from_numeric(number, to),
        Value::Double(number) => from_double(*number, to),
        Value::Date(date) if to == Type::Timestamptz => first_moment(*date).map(Value::Timestamptz),
        Value::Timestamptz(time) if to == Type::Date => Ok(Value::Date(time.date())),
        Value::Date(date) if to == Type::Timestamp => {
            first_moment(*date).map(|moment| Value::Timestamp(Timestamp(moment.0)))
        }
        Value::Timestamp(time) if to == Type::Date => Ok(Value::Date(Timestamptz(time.0).date())),
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

fn no_cast(value: &Value, to: Type) -> TextError {
    let from = value.kind().map_or("unknown", Type::name);
    error(format!("cannot cast type {from} to {to}"))
}

fn from_bigint(number: i64, to: Type) -> Result<Value, TextError> {
    match to {
        Type::Integer => i32::try_from(number).map(Value::Integer).map_err(|_| error("integer out of range")),
        Type::Bigint => Ok(Value::Bigint(number)),
        Type::Numeric => Ok(Value::Numeric(Numeric::from(number))),
        Type::Double => Ok(Value::Double(number as f64)),
        _ => Err(no_cast(&Value::Bigint(number), to)),
    }
}

/// Rounds half away from zero.
fn from_numeric(number: &Numeric, to: Type) -> Result<Value, TextError> {
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
fn from_double(number: f64, to: Type) -> Result<Value, TextError> {
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

fn first_moment(date: Date) -> Result<Timestamptz, TextError> {
    match date.0 {
        i32::MIN => Ok(Timestamptz(i64::MIN)),
        i32::MAX => Ok(Timestamptz(i64::MAX)),
        _ => date.midnight().ok_or_else(|| error("date out of range for timestamp")),
    }
}

fn from_json(json: &Json, to: Type) -> Result<Value, TextError> {
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

fn error(message: impl Into<String>) -> TextError {
    TextError(message.into())
}
