//! The jsonb of a value, as PostgreSQL's to_jsonb makes it.

use prejoin_model::{Json, Numeric, Value, to_text};

/// Numbers stay numbers unless they are infinite or NaN; times are ISO 8601; what jsonb has no kind for is a string.
pub(crate) fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Boolean(truth) => Json::Boolean(*truth),
        Value::Integer(number) => Json::Number(Numeric::from(*number)),
        Value::Bigint(number) => Json::Number(Numeric::from(*number)),
        Value::Numeric(number) if number.is_finite() => Json::Number(number.clone()),
        Value::Double(number) if number.is_finite() => double(value, *number),
        Value::Jsonb(json) => json.as_ref().clone(),
        Value::Timestamp(_) | Value::Timestamptz(_) => Json::String(iso_time(&text(value))),
        other => Json::String(text(other)),
    }
}

/// The text of an object's key; nothing for NULL and jsonb, which are none.
pub(crate) fn key_text(value: &Value) -> Option<String> {
    match value {
        Value::Null | Value::Jsonb(_) => None,
        Value::Timestamp(_) | Value::Timestamptz(_) => Some(iso_time(&text(value))),
        other => Some(text(other)),
    }
}

fn text(value: &Value) -> String {
    to_text(value).unwrap_or_default()
}

/// The number that the double's shortest text says.
fn double(value: &Value, number: f64) -> Json {
    Json::Number(Numeric::parse(&text(value)).unwrap_or_else(|_| Numeric::from_f64(number)))
}

/// `2024-02-01 12:00:00+00` as `2024-02-01T12:00:00+00:00`; infinity as it is.
fn iso_time(text: &str) -> String {
    match text.split_once(' ') {
        Some((date, time)) => format!("{date}T{}", time.replacen("+00", "+00:00", 1)),
        None => text.to_owned(),
    }
}
