//! Arguments that must be literals, because they are read once, with the view.

use std::sync::Arc;

use prejoin_model::Value;

use crate::expression::Expression;
use crate::functions::{Call, Need};
use crate::refusal::{Checked, Place, refuse};

/// Reads what the function needs of a literal into the call.
pub(super) fn prepare(mut call: Call, place: Place) -> Checked<Call> {
    let needs = call.function.needs;
    if let Need::Refused(reason, remedy) = needs {
        return refuse(place, reason, remedy);
    }
    let Some(index) = needs.argument() else { return Ok(call) };
    if call.function.strict && call.arguments.contains(&Expression::Constant(Value::Null)) {
        return Ok(call);
    }
    let prepared = match &call.arguments[index] {
        Expression::Constant(Value::Text(text)) => needs.prepare(text),
        _ => Err(needs.not_literal()),
    };
    match prepared {
        Ok(prepared) => call.prepared = prepared.map(Arc::new),
        Err((reason, remedy)) => return refuse(place, reason, remedy),
    }
    Ok(call)
}
