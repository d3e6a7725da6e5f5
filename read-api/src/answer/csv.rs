//! A value in a line of CSV, as PostgREST writes it: PostgreSQL's text of a row without its parentheses.

use prejoin_model::Type;

/// Appends a value; nothing for NULL, which an empty text in quotes is not.
pub(super) fn write_value(text: Option<&str>, kind: Type, out: &mut Vec<u8>) {
    match (text, kind) {
        (None, _) => {}
        // SQLite keeps 0 and 1.
        (Some(text), Type::Boolean) => {
            out.push(if matches!(text.as_bytes(), [b't' | b'1', ..]) { b't' } else { b'f' });
        }
        (Some(text), _) => write_text(text, out),
    }
}

/// In quotes where PostgreSQL's `record_out` puts it in quotes, with quotes and backslashes doubled.
pub(super) fn write_text(text: &str, out: &mut Vec<u8>) {
    let special = |byte: u8| {
        matches!(byte, b'"' | b'\\' | b'(' | b')' | b',' | b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
    };
    if !text.is_empty() && !text.bytes().any(special) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(byte);
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_as_in_the_text_of_a_row() {
        let cases = [
            (Some("plain"), Type::Text, "plain"),
            (None, Type::Text, ""),
            (Some(""), Type::Text, "\"\""),
            (Some("a,b"), Type::Text, "\"a,b\""),
            (Some("say \"hi\" \\ bye"), Type::Text, "\"say \"\"hi\"\" \\\\ bye\""),
            (Some("two\nlines"), Type::Text, "\"two\nlines\""),
            (Some("(1)"), Type::Text, "\"(1)\""),
            (Some("1"), Type::Boolean, "t"),
            (Some("true"), Type::Boolean, "t"),
            (Some("0"), Type::Boolean, "f"),
            (Some("1996-07-04 09:00:00+00"), Type::Timestamptz, "\"1996-07-04 09:00:00+00\""),
            (Some("{\"a\": 1}"), Type::Jsonb, "\"{\"\"a\"\": 1}\""),
        ];
        for (text, kind, expected) in cases {
            let mut out = Vec::new();
            write_value(text, kind, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{text:?}");
        }
    }
}
