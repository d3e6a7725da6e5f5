//! jsonb's text: one space after colons and commas, as few escapes as PostgreSQL writes.

use std::fmt::{self, Write};

use super::Json;
use crate::numeric::write_integer;

/// `{"a": 1, "bb": [1.10, "x"]}`.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}

impl Json {
    pub(crate) fn write(&self, out: &mut impl Write) -> fmt::Result {
        match self {
            Json::Null => out.write_str("null"),
            Json::Boolean(value) => out.write_str(if *value { "true" } else { "false" }),
            Json::Number(number) => match number.as_small() {
                Some((mantissa, 0)) => write_integer(mantissa, out),
                _ => write!(out, "{number}"),
            },
            Json::String(text) => write_string(out, text),
            Json::Array(elements) => {
                out.write_char('[')?;
                for (index, element) in elements.iter().enumerate() {
                    out.write_str(if index == 0 { "" } else { ", " })?;
                    element.write(out)?;
                }
                out.write_char(']')
            }
            Json::Object(pairs) => {
                out.write_char('{')?;
                for (index, (key, value)) in pairs.iter().enumerate() {
                    out.write_str(if index == 0 { "" } else { ", " })?;
                    write_string(out, key)?;
                    out.write_str(": ")?;
                    value.write(out)?;
                }
                out.write_char('}')
            }
        }
    }
}

fn write_string(f: &mut impl Write, text: &str) -> fmt::Result {
    f.write_char('"')?;
    let mut plain_start = 0;
    for (index, byte) in text.bytes().enumerate() {
        if !matches!(byte, b'"' | b'\\' | 0..b' ') {
            continue;
        }
        f.write_str(&text[plain_start..index])?;
        plain_start = index + 1;
        match byte {
            b'"' => f.write_str("\\\"")?,
            b'\\' => f.write_str("\\\\")?,
            b'\x08' => f.write_str("\\b")?,
            b'\x0c' => f.write_str("\\f")?,
            b'\n' => f.write_str("\\n")?,
            b'\r' => f.write_str("\\r")?,
            b'\t' => f.write_str("\\t")?,
            control => write!(f, "\\u{control:04x}")?,
        }
    }
    f.write_str(&text[plain_start..])?;
    f.write_char('"')
}
