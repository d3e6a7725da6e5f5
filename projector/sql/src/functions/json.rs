//! jsonb: access, containment, construction.

use std::sync::Arc;

use prejoin_model::Type::{Boolean, Integer, Jsonb, Text};
use prejoin_model::{Json, Numeric, SmolStr, Type, Value, to_text};

use super::{Arguments, Computed, Function};
use crate::arithmetic::error;
use crate::evaluate::mismatch;
use crate::plan::EvaluateError;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::strict("->", &[Jsonb, Text], Jsonb, |given| found(given.json(0)?.get(given.text(1)?))),
    Function::strict("->", &[Jsonb, Integer], Jsonb, |given| {
        found(given.json(0)?.element_or_self(given.integer(1)?.into()))
    }),
    Function::strict("->>", &[Jsonb, Text], Text, |given| found_text(given.json(0)?.get(given.text(1)?))),
    Function::strict("->>", &[Jsonb, Integer], Text, |given| {
        found_text(given.json(0)?.element_or_self(given.integer(1)?.into()))
    }),
    Function::strict("@>", &[Jsonb, Jsonb], Boolean, |given| {
        Ok(Value::Boolean(given.json(0)?.contains(given.json(1)?)))
    }),
    Function::strict("<@", &[Jsonb, Jsonb], Boolean, |given| {
        Ok(Value::Boolean(given.json(1)?.contains(given.json(0)?)))
    }),
    Function::strict("?", &[Jsonb, Text], Boolean, |given| {
        Ok(Value::Boolean(has_key(given.json(0)?, given.text(1)?)))
    }),
    Function::strict("||", &[Jsonb, Jsonb], Jsonb, |given| json(joined(given.json(0)?, given.json(1)?))),
    Function::strict("-", &[Jsonb, Text], Jsonb, |given| without_key(given.json(0)?, given.text(1)?)),
    Function::strict("-", &[Jsonb, Integer], Jsonb, |given| {
        without_element(given.json(0)?, given.integer(1)?)
    }),
    Function::strict("jsonb_array_length", &[Jsonb], Integer, |given| match given.json(0)? {
        Json::Array(elements) => i32::try_from(elements.len()).map(Value::Integer).map_err(|_| mismatch()),
        Json::Object(_) => Err(error("cannot get array length of a non-array")),
        _ => Err(error("cannot get array length of a scalar")),
    }),
    Function::strict("jsonb_typeof", &[Jsonb], Text, |given| Ok(Value::text(given.json(0)?.type_name()))),
    Function::variadic("jsonb_build_object", &[], Jsonb, object),
    Function::variadic("jsonb_build_array", &[], Jsonb, |given| {
        let elements = (0..given.count()).map(|index| Ok(of_value(given.value(index)?)));
        json(Json::Array(elements.collect::<Result<_, EvaluateError>>()?))
    }),
];

/// The path operators: typing has taken the array's elements apart, one text argument each.
pub(crate) static AT_PATH: Function = path_operator("#>", Jsonb, |given| found(at_path(given)?));
pub(crate) static AT_PATH_TEXT: Function = path_operator("#>>", Text, |given| found_text(at_path(given)?));
/// The same as functions.
pub(crate) static EXTRACT_PATH: Function =
    path_operator("jsonb_extract_path", Jsonb, |given| found(at_path(given)?));
pub(crate) static EXTRACT_PATH_TEXT: Function =
    path_operator("jsonb_extract_path_text", Text, |given| found_text(at_path(given)?));
pub(crate) static HAS_ANY_KEY: Function = path_operator("?|", Boolean, |given| {
    let json = given.json(0)?;
    let mut keys = (1..given.count()).map(|index| given.text(index));
    keys.try_fold(false, |any, key| Ok(any || has_key(json, key?))).map(Value::Boolean)
});
pub(crate) static HAS_ALL_KEYS: Function = path_operator("?&", Boolean, |given| {
    let json = given.json(0)?;
    let mut keys = (1..given.count()).map(|index| given.text(index));
    keys.try_fold(true, |all, key| Ok(all && has_key(json, key?))).map(Value::Boolean)
});
/// to_jsonb, for any type.
pub(crate) static TO_JSONB: Function = Function {
    strict: true,
    ..Function::variadic("to_jsonb", &[], Jsonb, |given| json(of_value(given.value(0)?)))
};

pub(super) const fn path_operator(
    name: &'static str,
    result: Type,
    compute: fn(Arguments<'_>) -> Computed,
) -> Function {
    Function { strict: true, ..Function::variadic(name, &[Jsonb], result, compute) }
}

pub(super) fn json(json: Json) -> Computed {
    if depth(&json) > Json::MAX_DEPTH {
        return Err(error(format!(
            "JSON nested deeper than {} arrays and objects is refused",
            Json::MAX_DEPTH
        )));
    }
    Ok(Value::Jsonb(json.into()))
}

fn depth(json: &Json) -> usize {
    match json {
        Json::Array(elements) => 1 + elements.iter().map(depth).max().unwrap_or(0),
        Json::Object(pairs) => 1 + pairs.iter().map(|(_, value)| depth(value)).max().unwrap_or(0),
        _ => 0,
    }
}

fn found(json: Option<&Json>) -> Computed {
    Ok(json.map_or(Value::Null, |json| Value::Jsonb(json.clone().into())))
}

fn found_text(json: Option<&Json>) -> Computed {
    Ok(json.and_then(Json::as_text).map_or(Value::Null, Value::text))
}

fn at_path<'a>(given: Arguments<'a>) -> Result<Option<&'a Json>, EvaluateError> {
    let mut json = given.json(0)?;
    for index in 1..given.count() {
        let step = given.text(index)?;
        let next = match json {
            Json::Array(_) => position(step).and_then(|position| json.element(position)),
            _ => json.get(step),
        };
        match next {
            Some(next) => json = next,
            None => return Ok(None),
        }
    }
    Ok(Some(json))
}

/// As C's strtoint: space and a sign may come first, nothing after.
fn position(step: &str) -> Option<i64> {
    let number = step.trim_start_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r']);
    number.parse::<i32>().ok().map(i64::from)
}

fn has_key(json: &Json, key: &str) -> bool {
    match json {
        Json::Object(_) => json.get(key).is_some(),
        Json::Array(elements) => elements.iter().any(|element| element.as_str() == Some(key)),
        Json::String(text) => text == key,
        _ => false,
    }
}

fn joined(left: &Json, right: &Json) -> Json {
    let elements = |json: &Json| match json {
        Json::Array(elements) => elements.clone(),
        other => vec![other.clone()],
    };
    match (left, right) {
        (Json::Object(left), Json::Object(right)) => {
            Json::object(left.iter().chain(right).cloned().collect())
        }
        _ => {
            let mut all = elements(left);
            all.extend(elements(right));
            Json::Array(all)
        }
    }
}

fn without_key(from: &Json, key: &str) -> Computed {
    match from {
        Json::Object(pairs) => {
            json(Json::Object(pairs.iter().filter(|(known, _)| known != key).cloned().collect()))
        }
        Json::Array(elements) => {
            let kept = elements.iter().filter(|element| element.as_str() != Some(key));
            json(Json::Array(kept.cloned().collect()))
        }
        _ => Err(error("cannot delete from scalar")),
    }
}

fn without_element(from: &Json, position: i32) -> Computed {
    match from {
        Json::Object(_) => Err(error("cannot delete from object using integer index")),
        Json::Array(elements) => {
            let magnitude = usize::try_from(position.unsigned_abs()).unwrap_or(usize::MAX);
            let index = if position >= 0 { Some(magnitude) } else { elements.len().checked_sub(magnitude) };
            let mut kept = elements.clone();
            if let Some(index) = index.filter(|index| *index < kept.len()) {
                kept.remove(index);
            }
            json(Json::Array(kept))
        }
        _ => Err(error("cannot delete from scalar")),
    }
}

fn object(given: Arguments<'_>) -> Computed {
    if given.count() % 2 == 1 {
        return Err(error("argument list must have even number of elements"));
    }
    let mut pairs = Vec::with_capacity(given.count() / 2);
    for index in (0..given.count()).step_by(2) {
        let key = match given.value(index)? {
            Value::Null => return Err(error(format!("argument {}: key must not be null", index + 1))),
            Value::Jsonb(_) | Value::Array(_) => {
                return Err(error("key value must be scalar, not array, composite, or json"));
            }
            value => key_text(value),
        };
        pairs.push((key, of_value(given.value(index + 1)?)));
    }
    json(Json::object(pairs))
}

fn key_text(value: &Value) -> SmolStr {
    match of_value(value) {
        Json::String(text) => text,
        _ => to_text(value).unwrap_or_default().into(),
    }
}

/// What to_jsonb makes of a value.
pub(crate) fn of_value(value: &Value) -> Json {
    let number = |text: Option<String>| text.and_then(|text| Json::parse(&text).ok());
    match value {
        Value::Null => Json::Null,
        Value::Boolean(truth) => Json::Boolean(*truth),
        Value::Jsonb(json) => (**json).clone(),
        Value::Array(array) => Json::Array(array.values().iter().map(of_value).collect()),
        Value::Integer(number) => Json::Number(Numeric::from(*number)),
        Value::Bigint(number) => Json::Number(Numeric::from(*number)),
        Value::Numeric(number) if number.is_finite() => Json::Number(number.clone()),
        Value::Numeric(_) | Value::Double(_) => {
            let text = to_text(value);
            // NaN and the infinities are strings.
            number(text.clone()).unwrap_or_else(|| Json::String(text.unwrap_or_default().into()))
        }
        Value::Text(text) => Json::String((&**text).into()),
        Value::Timestamptz(_) | Value::Timestamp(_) | Value::Date(_) => {
            Json::String(iso_form(&to_text(value).unwrap_or_default(), value).into())
        }
        other => Json::String(to_text(other).unwrap_or_default().into()),
    }
}

/// The same, of a value that is of no more use: a document that nobody else holds is not copied.
pub(crate) fn into_json(value: Value) -> Json {
    match value {
        Value::Jsonb(json) => Arc::unwrap_or_clone(json),
        value => of_value(&value),
    }
}

/// Times have a T between date and time, and minutes in the offset.
fn iso_form(text: &str, value: &Value) -> String {
    match value {
        Value::Timestamptz(_) => {
            text.replacen(' ', "T", usize::from(text.contains(':'))).replacen("+00", "+00:00", 1)
        }
        Value::Timestamp(_) => text.replacen(' ', "T", usize::from(text.contains(':'))),
        _ => text.to_owned(),
    }
}
