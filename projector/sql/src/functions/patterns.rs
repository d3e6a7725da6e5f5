//! Whether a text matches a regular expression.

use prejoin_model::Type::{Boolean, Text};
use prejoin_model::Value;

use super::{Arguments, Computed, Function, Need};

const fn matching(
    symbol: &'static str,
    ignores_case: bool,
    matches: fn(Arguments<'_>) -> Computed,
) -> Function {
    Function::strict(symbol, &[Text, Text], Boolean, matches).needing(Need::Regex { ignores_case })
}

pub(super) const FUNCTIONS: &[Function] = &[
    matching("~", false, matches),
    matching("~*", true, matches),
    matching("!~", false, does_not_match),
    matching("!~*", true, does_not_match),
];

fn matches(given: Arguments<'_>) -> Computed {
    Ok(Value::Boolean(given.regex()?.is_match(given.text(0)?)))
}

fn does_not_match(given: Arguments<'_>) -> Computed {
    Ok(Value::Boolean(!given.regex()?.is_match(given.text(0)?)))
}
