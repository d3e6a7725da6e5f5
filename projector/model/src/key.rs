//! Order-preserving key bytes: comparing bytes compares values as PostgreSQL does, and a prefix of values is a prefix
//! of bytes.

use thiserror::Error;

use crate::{Type, Value};

/// The bytes are not a key of these types.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("stored key cannot be read: {0}")]
pub struct KeyError(pub String);

/// Appends one value; NULL sorts last and equal values give equal bytes (1.0 as 1.00, -0.0 as 0.0). The encoding is
/// self-delimiting: no value's bytes are a proper prefix of another's of the same type.
pub fn encode_key_value(value: &Value, out: &mut Vec<u8>) {
    let _ = (value, out);
    todo!()
}

pub fn encode_key(values: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    for value in values {
        encode_key_value(value, &mut out);
    }
    out
}

/// Reads values of the given types; numerics come back without trailing zeros. `Jsonb` is not decodable.
pub fn decode_key(kinds: &[Type], bytes: &[u8]) -> Result<Vec<Value>, KeyError> {
    let _ = (kinds, bytes);
    todo!()
}
