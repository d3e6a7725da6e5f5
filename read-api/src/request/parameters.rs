//! A query string as decoded pairs: `a=1&b=x%20y` is `a` → `1`, `b` → `x y`.

use crate::Error;

/// Pairs in the order written, `+` as a space. A parameter without `=` has no value and is passed over.
pub(crate) fn decode(query_string: &str) -> Result<Vec<(String, String)>, Error> {
    query_string
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| Ok((decode_text(key)?, decode_text(value)?)))
        .collect()
}

/// A `%` that no two hexadecimal digits follow stands for itself. NUL is refused, as PostgreSQL's text cannot hold it.
fn decode_text(encoded: &str) -> Result<String, Error> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        bytes.push(match first {
            b'+' => b' ',
            b'%' => match hexadecimal(tail) {
                Some(byte) => {
                    rest = &tail[2..];
                    byte
                }
                None => b'%',
            },
            other => other,
        });
    }
    if bytes.contains(&0) {
        return Err(not_utf8("0x00"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let wrong = error.as_bytes()[error.utf8_error().valid_up_to()];
        not_utf8(&format!("0x{wrong:02x}"))
    })
}

fn hexadecimal(digits: &[u8]) -> Option<u8> {
    let &[high, low, ..] = digits else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

fn not_utf8(byte: &str) -> Error {
    Error::does_not_fit("22021", format!("invalid byte sequence for encoding \"UTF8\": {byte}"))
}

/// One form of the same query: parameters sorted by name, encoded one way. For `Content-Location` and for comparing requests.
pub(crate) fn canonical(query_string: &str) -> Result<String, Error> {
    let mut parameters = decode(query_string)?;
    parameters.sort_by(|left, right| left.0.cmp(&right.0));
    let mut canonical = String::new();
    for (key, value) in &parameters {
        if !canonical.is_empty() {
            canonical.push('&');
        }
        encode_text(key, &mut canonical);
        canonical.push('=');
        encode_text(value, &mut canonical);
    }
    Ok(canonical)
}

fn encode_text(text: &str, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => {
                let digit = |digit: u8| char::from(DIGITS[usize::from(digit)]);
                out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
}
