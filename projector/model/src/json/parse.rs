//! JSON text, and a parsed document of sonic-rs, to jsonb.

use smol_str::SmolStr;
use sonic_rs::{JsonType, JsonValueTrait, ValueRef};

use super::Json;
use crate::double::print_double;
use crate::text::is_space;
use crate::{Numeric, TextError};

impl Json {
    /// Reads JSON text as `'…'::jsonb` does: numbers keep their digits, of equal keys the last one stays.
    pub fn parse(text: &str) -> Result<Json, TextError> {
        check_nesting(text.as_bytes())?;
        let mut deserializer = sonic_rs::Deserializer::from_str(text).use_rawnumber();
        let document: sonic_rs::Value = deserializer.deserialize().map_err(|error| not_json(&error))?;
        deserializer.end().map_err(|error| not_json(&error))?;
        Json::from_sonic(&document)
    }

    /// Takes over a part of a document. Numbers keep their digits if it was parsed with `use_rawnumber`; otherwise those
    /// of doubles, as PostgreSQL prints them. The document must have passed `check_nesting`, without which parsing it may
    /// exhaust the stack.
    pub fn from_sonic(document: &sonic_rs::Value) -> Result<Json, TextError> {
        from_sonic(document, 0)
    }
}

fn from_sonic(value: &sonic_rs::Value, depth: usize) -> Result<Json, TextError> {
    if depth > Json::MAX_DEPTH {
        return Err(too_deep());
    }
    // Not by `as_ref`: it answers null for a raw number beyond the range of doubles.
    if value.get_type() == JsonType::Number {
        return Ok(Json::Number(number(value)?));
    }
    Ok(match value.as_ref() {
        ValueRef::Null => Json::Null,
        ValueRef::Bool(value) => Json::Boolean(value),
        ValueRef::Number(_) => Json::Number(number(value)?),
        ValueRef::String(text) => Json::String(checked(text)?),
        ValueRef::Array(elements) => {
            let elements = elements.iter().map(|element| from_sonic(element, depth + 1));
            Json::Array(elements.collect::<Result<_, _>>()?)
        }
        ValueRef::Object(pairs) => {
            let pairs = pairs.iter().map(|(key, value)| Ok((checked(key)?, from_sonic(value, depth + 1)?)));
            Json::object(pairs.collect::<Result<_, TextError>>()?)
        }
    })
}

fn number(value: &sonic_rs::Value) -> Result<Numeric, TextError> {
    let number = match (value.as_raw_number(), value.as_i64(), value.as_u64(), value.as_f64()) {
        (Some(raw), ..) => Numeric::parse(raw.as_str()),
        (None, Some(number), ..) => Ok(Numeric::from(number)),
        (None, None, Some(number), _) => Numeric::parse(&number.to_string()),
        (None, None, None, number) => Numeric::parse(&print_double(number.unwrap_or(f64::NAN))),
    };
    match number {
        Ok(number) if number.is_finite() => Ok(number),
        Ok(number) => Err(TextError(format!("{number} cannot be a number of JSON"))),
        Err(error) => Err(TextError(error.to_string())),
    }
}

fn checked(text: &str) -> Result<SmolStr, TextError> {
    if text.contains('\0') {
        return Err(TextError(
            "unsupported Unicode escape sequence: \\u0000 cannot be converted to text".into(),
        ));
    }
    Ok(text.into())
}

/// Refuses JSON text with arrays and objects nested deeper than `Json::MAX_DEPTH`. To be asked before any parser that
/// recurses; text that is not JSON at all may pass or not.
pub fn check_nesting(json: &[u8]) -> Result<(), TextError> {
    let is_opening = |byte: &&u8| matches!(byte, b'[' | b'{');
    if json.len() <= Json::MAX_DEPTH || json.iter().filter(is_opening).count() <= Json::MAX_DEPTH {
        return Ok(());
    }
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > Json::MAX_DEPTH {
            return Err(too_deep());
        }
    }
    Ok(())
}

fn too_deep() -> TextError {
    TextError(format!("JSON nested deeper than {} arrays and objects is refused", Json::MAX_DEPTH))
}

/// The first line of the parser's message: the rest draws the place with an arrow.
fn not_json(error: &sonic_rs::Error) -> TextError {
    let message = error.to_string();
    let reason = message.lines().next().unwrap_or_default().trim_end_matches(is_space);
    TextError(format!("invalid input syntax for type json: {reason}"))
}
