//! Values without what is NULL within them, as PostgreSQL's `json_strip_nulls` writes them: without blanks, too.

use prejoin_model::{Json, Type, Value, from_text};

use super::json;

pub(super) fn write_value(text: &str, kind: Type, out: &mut Vec<u8>) {
    if kind == Type::Jsonb
        && let Ok(Value::Jsonb(document)) = from_text(kind, text)
    {
        return write_document(&document, out);
    }
    json::write_value(Some(text), kind, out);
}

/// Nested no deeper than the parser lets it be.
fn write_document(document: &Json, out: &mut Vec<u8>) {
    match document {
        Json::Object(pairs) => {
            out.push(b'{');
            let mut is_first = true;
            for (key, value) in pairs.iter().filter(|(_, value)| !matches!(value, Json::Null)) {
                if !std::mem::replace(&mut is_first, false) {
                    out.push(b',');
                }
                json::write_string(key, out);
                out.push(b':');
                write_document(value, out);
            }
            out.push(b'}');
        }
        Json::Array(elements) => {
            out.push(b'[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_document(element, out);
            }
            out.push(b']');
        }
        Json::String(text) => json::write_string(text, out),
        other => out.extend_from_slice(other.to_string().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_are_left_out_of_objects_at_any_depth_and_stay_in_arrays() {
        let cases = [
            (
                "{\"a\": null, \"b\": {\"c\": null, \"d\": [1, null, \"x y\"]}}",
                "{\"b\":{\"d\":[1,null,\"x y\"]}}",
            ),
            ("null", "null"),
            ("[]", "[]"),
            ("{\"a\": 1.50, \"b\": true}", "{\"a\":1.50,\"b\":true}"),
        ];
        for (text, expected) in cases {
            let mut out = Vec::new();
            write_value(text, Type::Jsonb, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{text}");
        }
    }
}
