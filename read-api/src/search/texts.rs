//! The texts of a stored value of which an index has the words.

use prejoin_model::{Json, Type, Value, from_text, to_text};

/// Of jsonb its strings, of an array those of its elements.
pub(crate) fn texts(kind: Type, text: &str) -> Vec<String> {
    let mut texts = Vec::new();
    match kind {
        Type::Jsonb | Type::Array(_) => {
            if let Ok(value) = from_text(kind, text) {
                add_value(&value, &mut texts);
            }
        }
        _ => texts.push(text.to_owned()),
    }
    texts
}

fn add_value(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::Jsonb(json) => add_json(json, texts),
        Value::Array(array) => array.values().iter().for_each(|value| add_value(value, texts)),
        other => texts.extend(to_text(other).map(|text| text.to_string())),
    }
}

/// Documents are nested no deeper than what reads them allows.
fn add_json(json: &Json, texts: &mut Vec<String>) {
    match json {
        Json::String(text) => texts.push(text.to_string()),
        Json::Array(elements) => elements.iter().for_each(|element| add_json(element, texts)),
        Json::Object(pairs) => pairs.iter().for_each(|(_, value)| add_json(value, texts)),
        Json::Null | Json::Boolean(_) | Json::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use prejoin_model::Element;

    use super::*;

    #[test]
    fn values_have_texts() {
        assert_eq!(texts(Type::Text, "Ada"), ["Ada"]);
        assert_eq!(texts(Type::Numeric, "10.50"), ["10.50"]);
        assert_eq!(
            texts(Type::Jsonb, r#"[{"name": "Tofu", "n": 3, "tags": ["a b", null]}, "x"]"#),
            ["Tofu", "a b", "x"]
        );
        assert_eq!(texts(Type::Array(Element::Text), "{a,NULL,\"b c\"}"), ["a", "b c"]);
        assert_eq!(texts(Type::Jsonb, "{"), [] as [&str; 0]);
    }
}
