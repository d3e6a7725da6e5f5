//! jsonb: documents with a part set, removed or left out, and laid out in lines.

use std::fmt::Write;

use prejoin_model::Type::{Jsonb, Text};
use prejoin_model::{Json, Value};

use super::json::{json, path_operator};
use super::{Arguments, Computed, Function};
use crate::arithmetic::error;
use crate::evaluate::mismatch;
use crate::plan::EvaluateError;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::strict("jsonb_strip_nulls", &[Jsonb], Jsonb, |given| json(without_nulls(given.json(0)?))),
    Function::strict("jsonb_pretty", &[Jsonb], Text, |given| {
        let mut out = String::new();
        lay_out(given.json(0)?, 0, &mut out);
        Ok(Value::text(out))
    }),
];

/// Typing has taken the path's elements apart, one text argument each, behind the others.
pub(crate) static WITHOUT_PATH: Function = path_operator("#-", Jsonb, |given| {
    let document = given.json(0)?;
    if !is_container(document) {
        return Err(error("cannot delete path in scalar"));
    }
    let path = path(given, 1)?;
    changed(document, &path, None, 0)
});
/// The document, the new value, whether it is created if missing, and the path.
pub(crate) static SET_PATH: Function = Function {
    parameters: &[Jsonb, Jsonb, prejoin_model::Type::Boolean],
    ..path_operator("jsonb_set", Jsonb, |given| {
        let (document, value) = (given.json(0)?, given.json(1)?);
        let Value::Boolean(creates) = given.value(2)? else { return Err(mismatch()) };
        if !is_container(document) {
            return Err(error("cannot set path in scalar"));
        }
        let path = path(given, 3)?;
        changed(document, &path, Some((value, *creates)), 0)
    })
};

fn path<'a>(given: Arguments<'a>, from: usize) -> Result<Vec<&'a str>, EvaluateError> {
    (from..given.count()).map(|index| given.text(index)).collect()
}

fn is_container(document: &Json) -> bool {
    matches!(document, Json::Array(_) | Json::Object(_))
}

/// A value to be set, and whether it is created where there is none; nothing to remove.
type Change<'a> = Option<(&'a Json, bool)>;

fn changed(document: &Json, path: &[&str], change: Change<'_>, level: usize) -> Computed {
    json(change_at(document, path, change, level)?)
}

/// What has no part at the path stays as it is.
fn change_at(
    document: &Json,
    path: &[&str],
    change: Change<'_>,
    level: usize,
) -> Result<Json, EvaluateError> {
    let Some(step) = path.get(level) else { return Ok(document.clone()) };
    let is_last = level + 1 == path.len();
    match document {
        Json::Object(pairs) => {
            let mut pairs = pairs.clone();
            let found = pairs.iter().position(|(key, _)| key == step);
            match (found, change) {
                (Some(index), None) if is_last => {
                    pairs.remove(index);
                }
                (Some(index), Some((value, _))) if is_last => pairs[index].1 = value.clone(),
                (Some(index), _) => pairs[index].1 = change_at(&pairs[index].1, path, change, level + 1)?,
                (None, Some((value, true))) if is_last => pairs.push(((*step).into(), value.clone())),
                (None, _) => {}
            }
            Ok(Json::object(pairs))
        }
        Json::Array(elements) => {
            let mut elements = elements.clone();
            // An empty array at the top that gets nothing new is not looked at.
            let is_passed = level == 0 && elements.is_empty() && !change.is_some_and(|(_, creates)| creates);
            if !is_passed {
                change_element(&mut elements, path, change, level)?;
            }
            Ok(Json::Array(elements))
        }
        scalar => Ok(scalar.clone()),
    }
}

/// A position before the first element puts the new value first, one behind the last puts it last.
fn change_element(
    elements: &mut Vec<Json>,
    path: &[&str],
    change: Change<'_>,
    level: usize,
) -> Result<(), EvaluateError> {
    let step = path[level];
    let position = step.trim_start_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r']).parse::<i32>();
    let position = position.map_err(|_| {
        error(format!("path element at position {} is not an integer: \"{step}\"", level + 1))
    })?;
    let magnitude = usize::try_from(position.unsigned_abs()).map_err(|_| mismatch())?;
    let index = if position < 0 { elements.len().checked_sub(magnitude) } else { Some(magnitude) };
    let is_last = level + 1 == path.len();
    match (index.filter(|index| *index < elements.len()), change) {
        (Some(index), None) if is_last => {
            elements.remove(index);
        }
        (Some(index), Some((value, _))) if is_last => elements[index] = value.clone(),
        (Some(index), _) => elements[index] = change_at(&elements[index], path, change, level + 1)?,
        (None, Some((value, true))) if is_last && index.is_none() => elements.insert(0, value.clone()),
        (None, Some((value, true))) if is_last => elements.push(value.clone()),
        (None, _) => {}
    }
    Ok(())
}

fn without_nulls(document: &Json) -> Json {
    match document {
        Json::Object(pairs) => {
            let kept = pairs.iter().filter(|(_, value)| *value != Json::Null);
            Json::Object(kept.map(|(key, value)| (key.clone(), without_nulls(value))).collect())
        }
        Json::Array(elements) => Json::Array(elements.iter().map(without_nulls).collect()),
        scalar => scalar.clone(),
    }
}

/// Four spaces a level.
fn lay_out(document: &Json, level: usize, out: &mut String) {
    let line = |out: &mut String, level: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("    ", level));
    };
    match document {
        Json::Object(pairs) => {
            out.push('{');
            for (index, (key, value)) in pairs.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                line(out, level + 1);
                write!(out, "{}: ", Json::String(key.clone())).expect("writing to a String cannot fail");
                lay_out(value, level + 1, out);
            }
            line(out, level);
            out.push('}');
        }
        Json::Array(elements) => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                line(out, level + 1);
                lay_out(element, level + 1, out);
            }
            line(out, level);
            out.push(']');
        }
        scalar => write!(out, "{scalar}").expect("writing to a String cannot fail"),
    }
}
