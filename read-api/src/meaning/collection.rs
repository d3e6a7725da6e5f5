//! `@>` and `&&` on arrays and jsonb.

use std::collections::BTreeSet;

use prejoin_model::{Array, Value, encode_key_value};

/// Whether each part of `inner` is in `outer`; nothing if either is NULL or they are no collections of one type.
pub(crate) fn contains(outer: &Value, inner: &Value) -> Option<bool> {
    match (outer, inner) {
        (Value::Jsonb(outer), Value::Jsonb(inner)) => Some(outer.contains(inner)),
        (Value::Array(outer), Value::Array(inner)) => {
            let held = keys(outer);
            let mut wanted = inner.values().iter();
            Some(wanted.all(|element| !element.is_null() && held.contains(&key(element))))
        }
        _ => None,
    }
}

/// Whether two arrays share an element; NULL is none.
pub(crate) fn overlaps(left: &Value, right: &Value) -> Option<bool> {
    let (Value::Array(left), Value::Array(right)) = (left, right) else { return None };
    let held = keys(left);
    let mut wanted = right.values().iter();
    Some(wanted.any(|element| !element.is_null() && held.contains(&key(element))))
}

/// Bytes that are equal where elements are.
fn keys(array: &Array) -> BTreeSet<Vec<u8>> {
    array.values().iter().filter(|value| !value.is_null()).map(key).collect()
}

fn key(value: &Value) -> Vec<u8> {
    let mut key = Vec::new();
    encode_key_value(value, &mut key);
    key
}
