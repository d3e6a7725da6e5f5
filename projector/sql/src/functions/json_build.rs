//! jsonb made of values: jsonb_build_object and jsonb_build_array.

use std::sync::Arc;

use prejoin_model::Type::Jsonb;
use prejoin_model::{Json, Value};

use super::{Arguments, Computed, Function};
use crate::arithmetic::error;
use crate::json_form::{key_text, to_json};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::variadic("jsonb_build_object", &[], Jsonb, object),
    Function::variadic("jsonb_build_array", &[], Jsonb, |given| {
        let elements = (0..given.count()).map(|index| Ok(to_json(given.value(index)?)));
        Ok(Value::Jsonb(Arc::new(Json::Array(elements.collect::<Result<_, _>>()?))))
    }),
];

/// Of equal keys the last one counts.
fn object(given: Arguments<'_>) -> Computed {
    if !given.count().is_multiple_of(2) {
        return Err(error("argument list must have even number of elements"));
    }
    let mut pairs = Vec::with_capacity(given.count() / 2);
    for index in (0..given.count()).step_by(2) {
        let key = match given.value(index)? {
            Value::Null => return Err(error(format!("argument {}: key must not be null", index + 1))),
            key => key_text(key)
                .ok_or_else(|| error("key value must be scalar, not array, composite, or json"))?,
        };
        pairs.push((key, to_json(given.value(index + 1)?)));
    }
    Ok(Value::Jsonb(Arc::new(Json::object(pairs))))
}
