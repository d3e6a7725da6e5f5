//! Order-preserving key bytes: comparing bytes compares values as PostgreSQL does, and a prefix of values is a prefix
//! of bytes.
//!
//! The bytes of each type, where `FF` stands for NULL and begins no other value:
//!
//! | type | bytes |
//! |---|---|
//! | boolean | `01` false, `02` true |
//! | integer, bigint, date, timestamp, timestamptz | `80`+n and n big-endian bytes from zero up; `7F`-n and the n bytes of the complement below it. n is the least possible, so equal numbers of these types have equal bytes |
//! | numeric | class (`10` -Infinity, `20` negative, `30` zero, `40` positive, `50` Infinity, `60` NaN); for 0.d₁d₂… × 10^e: e, then two digits a byte as 1 + their value, then `00`; all but the class inverted for negatives |
//! | double precision | `01` and the 8 big-endian bits, sign flipped, all flipped for negatives; one NaN, no -0 |
//! | text | its UTF-8, `00` as `01 01` and `01` as `01 02`, then `00` |
//! | uuid | `01` and its 16 bytes |
//! | interval | whole days as integer, then the microseconds beyond them as integer; a month is 30 days |
//! | array | `02` and the element for each, where NULL is `FF` as elsewhere; then `01` |
//! | jsonb | kind (`0F` empty array at the top, `10` null, `11` string, `12` number, `13` false, `14` true, `15` array, `16` object), then text, numeric, or a 4-byte count and the elements or pairs |

mod read;

use thiserror::Error;

use crate::numeric::digits_of;
use crate::{Json, Numeric, Type, Value};

pub(crate) const NULL: u8 = 0xFF;
/// Before an element of an array, and after the last one.
const ARRAY_ELEMENT: u8 = 0x02;
const ARRAY_END: u8 = 0x01;
/// Before values whose own first byte could be `FF`.
const PRESENT: u8 = 0x01;
const TERMINATOR: u8 = 0x00;
/// Before the 1 or 2 that stands for a byte 0 or 1 of a text.
const ESCAPE: u8 = 0x01;

const INTEGER_ZERO: u8 = 0x80;

const NUMERIC_NEGATIVE_INFINITY: u8 = 0x10;
const NUMERIC_NEGATIVE: u8 = 0x20;
const NUMERIC_ZERO: u8 = 0x30;
const NUMERIC_POSITIVE: u8 = 0x40;
const NUMERIC_INFINITY: u8 = 0x50;
const NUMERIC_NAN: u8 = 0x60;

/// Exponents from -`EXPONENT_SHORT` to +`EXPONENT_SHORT` take one byte, `EXPONENT_ZERO` plus the exponent; others take
/// `EXPONENT_LOW` or `EXPONENT_HIGH` and three big-endian bytes of the exponent plus `EXPONENT_OFFSET`.
const EXPONENT_SHORT: i32 = 100;
const EXPONENT_ZERO: i32 = 0x80;
const EXPONENT_LOW: u8 = 0x01;
const EXPONENT_HIGH: u8 = 0xFE;
const EXPONENT_OFFSET: i32 = 1 << 23;

/// The bytes are not a key of these types.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("stored key cannot be read: {0}")]
pub struct KeyError(pub String);

/// Appends one value; NULL sorts last and equal values give equal bytes (1.0 as 1.00, -0.0 as 0.0). The encoding is
/// self-delimiting: no value's bytes are a proper prefix of another's of the same type.
pub fn encode_key_value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(NULL),
        Value::Boolean(value) => out.push(1 + u8::from(*value)),
        Value::Integer(value) => encode_integer((*value).into(), out),
        Value::Bigint(value) => encode_integer(*value, out),
        Value::Numeric(value) => encode_numeric(value, out),
        Value::Double(value) => {
            out.push(PRESENT);
            out.extend_from_slice(&double_order(*value).to_be_bytes());
        }
        Value::Text(value) => encode_text(value, out),
        Value::Uuid(value) => {
            out.push(PRESENT);
            out.extend_from_slice(value);
        }
        Value::Date(value) => encode_integer(value.0.into(), out),
        Value::Timestamptz(value) => encode_integer(value.0, out),
        Value::Timestamp(value) => encode_integer(value.0, out),
        Value::Interval(value) => {
            let (days, micros) = value.normal_days();
            encode_integer(days, out);
            encode_integer(micros, out);
        }
        Value::Array(array) => {
            for element in array.values() {
                out.push(ARRAY_ELEMENT);
                encode_key_value(element, out);
            }
            out.push(ARRAY_END);
        }
        Value::Jsonb(value) => match value.as_ref() {
            Json::Array(elements) if elements.is_empty() => out.push(JSON_EMPTY_TOP),
            value => encode_json(value, out),
        },
    }
}

pub fn encode_key(values: &[Value]) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 * values.len());
    for value in values {
        encode_key_value(value, &mut out);
    }
    out
}

/// Reads values of the given types; numerics come back without trailing zeros. `Jsonb`, arrays of it, and `Interval` are
/// not decodable.
pub fn decode_key(kinds: &[Type], bytes: &[u8]) -> Result<Vec<Value>, KeyError> {
    read::decode_key(kinds, bytes)
}

fn encode_integer(value: i64, out: &mut Vec<u8>) {
    let (bytes, magnitude) = (value.to_be_bytes(), if value < 0 { !value } else { value });
    let significant = &bytes[magnitude.leading_zeros() as usize / 8..];
    let length = u8::try_from(significant.len()).expect("8 at most");
    out.push(if value < 0 { INTEGER_ZERO - 1 - length } else { INTEGER_ZERO + length });
    out.extend_from_slice(significant);
}

/// A number whose unsigned order is the order of doubles.
fn double_order(value: f64) -> u64 {
    const SIGN: u64 = 1 << 63;
    const NAN: u64 = 0x7FF8 << 48;
    // Adding 0 turns -0 into 0.
    let bits = if value.is_nan() { NAN } else { (value + 0.0).to_bits() };
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

fn encode_text(text: &str, out: &mut Vec<u8>) {
    if text.bytes().all(|byte| byte > ESCAPE) {
        out.extend_from_slice(text.as_bytes());
    } else {
        for byte in text.bytes() {
            match byte {
                TERMINATOR | ESCAPE => out.extend([ESCAPE, byte + 1]),
                _ => out.push(byte),
            }
        }
    }
    out.push(TERMINATOR);
}

fn encode_numeric(value: &Numeric, out: &mut Vec<u8>) {
    if let Some((mantissa, scale)) = value.as_small()
        && mantissa != 0
    {
        // As `scientific` does, without a text.
        let mut buffer = [0; 20];
        let digits = digits_of(mantissa.unsigned_abs(), &mut buffer);
        let exponent = i32::try_from(i64::try_from(digits.len()).unwrap_or_default() - i64::from(scale));
        let exponent = exponent.expect("a numeric has at most 16383 digits after the point");
        let significant = digits.iter().rposition(|&digit| digit != b'0').map_or(0, |last| last + 1);
        return encode_digits(mantissa < 0, &digits[..significant], exponent, out);
    }
    let Some(number) = value.scientific() else {
        out.push(match value.signum() {
            1 => NUMERIC_INFINITY,
            -1 => NUMERIC_NEGATIVE_INFINITY,
            _ if value.is_nan() => NUMERIC_NAN,
            _ => NUMERIC_ZERO,
        });
        return;
    };
    encode_digits(number.negative, number.digits.as_bytes(), number.exponent, out);
}

/// ±0.d₁d₂d₃… × 10^exponent.
fn encode_digits(negative: bool, digits: &[u8], exponent: i32, out: &mut Vec<u8>) {
    out.push(if negative { NUMERIC_NEGATIVE } else { NUMERIC_POSITIVE });
    let start = out.len();
    encode_exponent(exponent, out);
    for pair in digits.chunks(2) {
        let (tens, ones) = (pair[0] - b'0', pair.get(1).map_or(0, |ones| ones - b'0'));
        out.push(1 + tens * 10 + ones);
    }
    out.push(TERMINATOR);
    if negative {
        out[start..].iter_mut().for_each(|byte| *byte = !*byte);
    }
}

fn encode_exponent(exponent: i32, out: &mut Vec<u8>) {
    if let Ok(short) = u8::try_from(EXPONENT_ZERO + exponent)
        && exponent.abs() <= EXPONENT_SHORT
    {
        return out.push(short);
    }
    out.push(if exponent < 0 { EXPONENT_LOW } else { EXPONENT_HIGH });
    out.extend_from_slice(&(exponent + EXPONENT_OFFSET).to_be_bytes()[1..]);
}

const JSON_EMPTY_TOP: u8 = 0x0F;
const JSON_NULL: u8 = 0x10;
const JSON_STRING: u8 = 0x11;
const JSON_NUMBER: u8 = 0x12;
const JSON_FALSE: u8 = 0x13;
const JSON_TRUE: u8 = 0x14;
const JSON_ARRAY: u8 = 0x15;
const JSON_OBJECT: u8 = 0x16;

fn encode_json(json: &Json, out: &mut Vec<u8>) {
    match json {
        Json::Null => out.push(JSON_NULL),
        Json::Boolean(value) => out.push(if *value { JSON_TRUE } else { JSON_FALSE }),
        Json::Number(number) => {
            out.push(JSON_NUMBER);
            encode_numeric(number, out);
        }
        Json::String(text) => {
            out.push(JSON_STRING);
            encode_text(text, out);
        }
        Json::Array(elements) => {
            encode_count(JSON_ARRAY, elements.len(), out);
            elements.iter().for_each(|element| encode_json(element, out));
        }
        Json::Object(pairs) => {
            encode_count(JSON_OBJECT, pairs.len(), out);
            for (key, value) in pairs {
                encode_text(key, out);
                encode_json(value, out);
            }
        }
    }
}

fn encode_count(kind: u8, count: usize, out: &mut Vec<u8>) {
    let count = u32::try_from(count).expect("a jsonb container has fewer than 2^28 elements");
    out.push(kind);
    out.extend_from_slice(&count.to_be_bytes());
}
