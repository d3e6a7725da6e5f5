//! Functions of arrays whatever their elements are; typing knows their signatures.

use std::collections::BTreeSet;

use prejoin_model::{Array, Type, Value, encode_key_value, output_text};

use super::{Arguments, Computed, Function};
use crate::arithmetic::{error, order};
use crate::evaluate::mismatch;
use crate::plan::EvaluateError;

const fn strict(name: &'static str, result: Type, compute: fn(Arguments<'_>) -> Computed) -> Function {
    Function { strict: true, ..Function::variadic(name, &[], result, compute) }
}

/// array_to_string with two arguments.
pub(crate) static ARRAY_TO_STRING: Function =
    strict("array_to_string", Type::Text, |given| joined(array(given, 0)?, given.text(1)?, None));
/// With three: the last one stands for NULLs, which are left out if it is NULL itself.
pub(crate) static JOIN_ARRAY: Function = Function::variadic("array_to_string", &[], Type::Text, |given| {
    if given.value(0)?.is_null() || given.value(1)?.is_null() {
        return Ok(Value::Null);
    }
    let null = if given.value(2)?.is_null() { None } else { Some(given.text(2)?) };
    joined(array(given, 0)?, given.text(1)?, null)
});
pub(crate) static CARDINALITY: Function =
    strict("cardinality", Type::Integer, |given| count(array(given, 0)?.values().len()));
pub(crate) static ARRAY_LENGTH: Function = strict("array_length", Type::Integer, length);
pub(crate) static ARRAY_UPPER: Function = strict("array_upper", Type::Integer, length);
pub(crate) static ARRAY_LOWER: Function =
    strict("array_lower", Type::Integer, |given| match length(given)? {
        Value::Null => Ok(Value::Null),
        _ => Ok(Value::Integer(1)),
    });
/// The number of the first element that is not distinct from a value.
pub(crate) static ARRAY_POSITION: Function =
    Function::variadic("array_position", &[], Type::Integer, |given| {
        if given.value(0)?.is_null() {
            return Ok(Value::Null);
        }
        let wanted = given.value(1)?;
        let is_wanted = |element: &Value| match (element.is_null(), wanted.is_null()) {
            (false, false) => order(element, wanted).is_eq(),
            (left, right) => left && right,
        };
        match array(given, 0)?.values().iter().position(is_wanted) {
            Some(index) => count(index + 1),
            None => Ok(Value::Null),
        }
    });
/// Whether each element of the second array is one of the first; NULL is none.
pub(crate) static ARRAY_CONTAINS: Function = strict("array_contains", Type::Boolean, |given| {
    let held = keys(array(given, 0)?);
    let wanted = array(given, 1)?.values();
    Ok(Value::Boolean(wanted.iter().all(|element| !element.is_null() && held.contains(&key(element)))))
});
/// Whether an element is in both.
pub(crate) static ARRAY_OVERLAPS: Function = strict("array_overlaps", Type::Boolean, |given| {
    let held = keys(array(given, 0)?);
    let wanted = array(given, 1)?.values();
    Ok(Value::Boolean(wanted.iter().any(|element| !element.is_null() && held.contains(&key(element)))))
});

fn array<'a>(given: Arguments<'a>, index: usize) -> Result<&'a Array, EvaluateError> {
    match given.value(index)? {
        Value::Array(array) => Ok(array),
        _ => Err(mismatch()),
    }
}

fn count(number: usize) -> Computed {
    i32::try_from(number).map(Value::Integer).map_err(|_| error("integer out of range"))
}

/// An empty array has no dimension at all.
fn length(given: Arguments<'_>) -> Computed {
    let elements = array(given, 0)?.values().len();
    match given.integer(1)? {
        1 if elements > 0 => count(elements),
        _ => Ok(Value::Null),
    }
}

fn joined(array: &Array, separator: &str, null: Option<&str>) -> Computed {
    let texts = array.values().iter().filter_map(|value| output_text(value).or(null.map(str::to_owned)));
    Ok(Value::text(texts.collect::<Vec<_>>().join(separator)))
}

fn key(value: &Value) -> Vec<u8> {
    let mut key = Vec::new();
    encode_key_value(value, &mut key);
    key
}

/// Bytes that are equal where elements are.
fn keys(array: &Array) -> BTreeSet<Vec<u8>> {
    array.values().iter().filter(|value| !value.is_null()).map(key).collect()
}
