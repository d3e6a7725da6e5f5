//! Values to the bytes of a row.

use super::*;
use crate::{Json, Numeric};

/// NULL has no bytes of its own.
pub(super) fn value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => {}
        Value::Boolean(value) => out.push((*value).into()),
        Value::Integer(value) => signed((*value).into(), out),
        Value::Bigint(value) => signed(*value, out),
        Value::Numeric(value) => numeric(value, out),
        Value::Double(value) => out.extend_from_slice(&value.to_le_bytes()),
        Value::Text(value) => sized(value.as_bytes(), out),
        Value::Uuid(value) => out.extend_from_slice(value),
        Value::Date(value) => signed(value.0.into(), out),
        Value::Timestamptz(value) => signed(value.0, out),
        Value::Jsonb(value) => json(value, out),
        Value::Timestamp(value) => signed(value.0, out),
        Value::Interval(value) => {
            signed(value.months.into(), out);
            signed(value.days.into(), out);
            signed(value.micros, out);
        }
        Value::Array(array) => {
            varint(array.values().len() as u64, out);
            for element in array.values() {
                out.push((!element.is_null()).into());
                self::value(element, out);
            }
        }
    }
}

fn varint(mut number: u64, out: &mut Vec<u8>) {
    while number > 0x7F {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// Zigzag: small numbers of either sign are short.
fn signed(number: i64, out: &mut Vec<u8>) {
    varint(((number << 1) ^ (number >> 63)).cast_unsigned(), out);
}

fn sized(bytes: &[u8], out: &mut Vec<u8>) {
    varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn numeric(number: &Numeric, out: &mut Vec<u8>) {
    let head = |scale: u32, long: bool| NUMERIC_FINITE + 2 * u64::from(scale) + u64::from(long);
    if let Some((mantissa, scale)) = number.as_small() {
        varint(head(scale, false), out);
        signed(mantissa, out);
    } else if let Some((mantissa, scale)) = number.as_finite() {
        varint(head(scale, true), out);
        sized(&mantissa.to_signed_bytes_be(), out);
    } else {
        let special = match number.signum() {
            1 => NUMERIC_INFINITY,
            -1 => NUMERIC_NEGATIVE_INFINITY,
            _ => NUMERIC_NAN,
        };
        varint(special, out);
    }
}

fn json(value: &Json, out: &mut Vec<u8>) {
    match value {
        Json::Null => out.push(JSON_NULL),
        Json::Boolean(value) => out.push(if *value { JSON_TRUE } else { JSON_FALSE }),
        Json::Number(number) => {
            out.push(JSON_NUMBER);
            numeric(number, out);
        }
        Json::String(text) => {
            out.push(JSON_STRING);
            sized(text.as_bytes(), out);
        }
        Json::Array(elements) => {
            out.push(JSON_ARRAY);
            varint(elements.len() as u64, out);
            elements.iter().for_each(|element| json(element, out));
        }
        Json::Object(pairs) => {
            out.push(JSON_OBJECT);
            varint(pairs.len() as u64, out);
            for (key, value) in pairs {
                sized(key.as_bytes(), out);
                json(value, out);
            }
        }
    }
}
