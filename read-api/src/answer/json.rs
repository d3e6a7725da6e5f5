//! One stored value as PostgreSQL's `to_json` writes it.

use std::io::Write;

use prejoin_model::{Type, Value, from_text, to_text};

/// Appends a value, or `null`.
pub(crate) fn write_value(text: Option<&str>, kind: Type, out: &mut Vec<u8>) {
    match text {
        Some(text) => write_text(text, kind, out),
        None => out.extend_from_slice(b"null"),
    }
}

fn write_text(text: &str, kind: Type, out: &mut Vec<u8>) {
    match kind {
        Type::Numeric | Type::Double if is_json_number(text) => out.extend_from_slice(text.as_bytes()),
        Type::Array(element) => match from_text(kind, text) {
            Ok(Value::Array(array)) => write_array(array.values(), element.kind(), out),
            // Nothing else is stored there; shown as it is, it would be seen.
            _ => write_string(text, out),
        },
        // SQLite keeps 0 and 1; within an array it is `t` and `f`.
        Type::Boolean => {
            out.extend_from_slice(if matches!(text.as_bytes(), [b't' | b'1', ..]) {
                b"true"
            } else {
                b"false"
            });
        }
        Type::Integer | Type::Bigint | Type::Jsonb => out.extend_from_slice(text.as_bytes()),
        Type::Timestamptz => {
            out.push(b'"');
            write_iso_timestamp(text, out);
            out.push(b'"');
        }
        _ => write_string(text, out),
    }
}

fn write_array(values: &[Value], kind: Type, out: &mut Vec<u8>) {
    out.push(b'[');
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        match to_text(value) {
            Some(text) => write_text(&text, kind, out),
            None => out.extend_from_slice(b"null"),
        }
    }
    out.push(b']');
}

/// NaN and the infinities are none, and become strings.
fn is_json_number(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
}

/// `1996-07-04 09:00:00+00` as `1996-07-04T09:00:00+00:00`; what follows (` BC`), and infinities, stay.
fn write_iso_timestamp(text: &str, out: &mut Vec<u8>) {
    let Some((date, time)) = text.split_once(' ') else {
        return out.extend_from_slice(text.as_bytes());
    };
    out.extend_from_slice(date.as_bytes());
    out.push(b'T');
    match time.split_once("+00") {
        None => out.extend_from_slice(time.as_bytes()),
        Some((time, after)) => {
            out.extend_from_slice(time.as_bytes());
            out.extend_from_slice(b"+00:00");
            out.extend_from_slice(after.as_bytes());
        }
    }
}

/// A JSON string, with PostgreSQL's escapes.
pub(crate) fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    // Most texts have nothing to escape, which is found many bytes at a time.
    if !bytes.iter().fold(false, |any, &byte| any | (byte < 0x20) | (byte == b'"') | (byte == b'\\')) {
        out.extend_from_slice(bytes);
        return out.push(b'"');
    }
    let mut written = 0;
    for (index, &byte) in bytes.iter().enumerate() {
        let escape: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\x08' => b"\\b",
            b'\x0c' => b"\\f",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0x00..=0x1f => b"",
            _ => continue,
        };
        out.extend_from_slice(&bytes[written..index]);
        written = index + 1;
        match escape {
            b"" => write!(out, "\\u{byte:04x}").expect("writing to a Vec does not fail"),
            _ => out.extend_from_slice(escape),
        }
    }
    out.extend_from_slice(&bytes[written..]);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use prejoin_model::Element;

    use super::*;

    #[test]
    fn texts_are_as_postgresql_writes_them() {
        let cases = [
            (Type::Numeric, "12345678901234567890.1200", "12345678901234567890.1200"),
            (Type::Numeric, "-0.5", "-0.5"),
            (Type::Numeric, "NaN", "\"NaN\""),
            (Type::Numeric, "-Infinity", "\"-Infinity\""),
            (Type::Double, "1e+300", "1e+300"),
            (Type::Double, "1e-07", "1e-07"),
            (Type::Double, "-0", "-0"),
            (Type::Double, "Infinity", "\"Infinity\""),
            (Type::Date, "2020-01-02", "\"2020-01-02\""),
            (Type::Date, "0044-03-15 BC", "\"0044-03-15 BC\""),
            (Type::Timestamptz, "1996-07-04 09:00:00+00", "\"1996-07-04T09:00:00+00:00\""),
            (Type::Timestamptz, "1996-07-04 07:00:00.12+00", "\"1996-07-04T07:00:00.12+00:00\""),
            (Type::Timestamptz, "0044-03-15 09:00:00+00 BC", "\"0044-03-15T09:00:00+00:00 BC\""),
            (Type::Timestamptz, "-infinity", "\"-infinity\""),
            (Type::Jsonb, "{\"a\": [1, 2.50]}", "{\"a\": [1, 2.50]}"),
            (Type::Text, "a\"b\\/\t\n\u{1}\u{7f} é€😀", "\"a\\\"b\\\\/\\t\\n\\u0001\u{7f} é€😀\""),
            (Type::Text, "", "\"\""),
            (Type::Array(Element::Text), "{a,\"b c\",NULL,\"\"}", "[\"a\",\"b c\",null,\"\"]"),
            (Type::Array(Element::Bigint), "{}", "[]"),
            (Type::Array(Element::Boolean), "{t,f}", "[true,false]"),
            (Type::Array(Element::Numeric), "{1.50,NaN}", "[1.50,\"NaN\"]"),
            (
                Type::Array(Element::Timestamptz),
                "{\"1996-07-04 09:00:00+00\"}",
                "[\"1996-07-04T09:00:00+00:00\"]",
            ),
            (Type::Array(Element::Jsonb), "{\"{\\\"a\\\": [1, 2]}\"}", "[{\"a\": [1, 2]}]"),
        ];
        for (kind, text, expected) in cases {
            let mut out = Vec::new();
            write_text(text, kind, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{kind} {text}");
        }
    }
}
