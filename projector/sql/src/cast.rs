//! Casts at run time: the model's, and the length coercion of numeric.

use prejoin_model::{Type, Value};

use crate::arithmetic::error;
use crate::expression::NumericModifier;
use crate::plan::EvaluateError;

/// NULL stays NULL. Typing has refused the casts that PostgreSQL does not have.
pub(crate) fn cast(value: &Value, to: Type) -> Result<Value, EvaluateError> {
    prejoin_model::cast(value, to).map_err(|problem| error(problem.0))
}

/// The length coercion of numeric(precision, scale): rounds, and refuses what has too many digits before the point.
pub(crate) fn round(value: &Value, to: &NumericModifier) -> Result<Value, EvaluateError> {
    let number = match value {
        Value::Null => return Ok(Value::Null),
        Value::Numeric(number) => number,
        other => {
            let from = other.kind().map_or("unknown", Type::name);
            return Err(error(format!("cannot cast type {from} to numeric")));
        }
    };
    if number.is_nan() {
        return Ok(value.clone());
    }
    let rounded = if number.is_finite() { number.round(to.scale) } else { Ok(number.clone()) };
    let rounded = rounded.map_err(|problem| error(problem.to_string()))?;
    if rounded.abs().compare(&to.limit).is_ge() {
        return Err(error("numeric field overflow"));
    }
    Ok(Value::Numeric(rounded))
}
