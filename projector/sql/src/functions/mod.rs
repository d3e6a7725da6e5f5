//! Scalar functions and operators: their signatures, by which typing chooses, and what they compute.

mod arguments;
mod array;
mod datetime;
mod fields;
mod format;
mod json;
mod json_change;
mod math;
mod number_format;
mod number_picture;
mod number_text;
mod patterns;
mod prepared;
mod span_format;
mod spans;
mod text;
mod time_format;
mod time_picture;
mod zones;

use std::borrow::Cow;
use std::sync::Arc;

use prejoin_model::{Type, Value};

use crate::evaluate::{Evaluated, NULL, Rows};
use crate::expression::Expression;
use crate::plan::EvaluateError;

pub(crate) use arguments::Arguments;
pub(crate) use array::{
    ARRAY_CONTAINS, ARRAY_LENGTH, ARRAY_LOWER, ARRAY_OVERLAPS, ARRAY_POSITION, ARRAY_TO_STRING, ARRAY_UPPER,
    CARDINALITY, JOIN_ARRAY,
};
pub(crate) use json::{
    AT_PATH, AT_PATH_TEXT, EXTRACT_PATH, EXTRACT_PATH_TEXT, HAS_ALL_KEYS, HAS_ANY_KEY, TO_JSONB, into_json,
};
pub(crate) use json_change::{SET_PATH, WITHOUT_PATH};
pub(crate) use math::{GREATEST, LEAST};
pub(crate) use prepared::{Need, Prepared, bad_regex};

pub(crate) type Computed = Result<Value, EvaluateError>;

/// One signature of a function or operator.
#[derive(Debug)]
pub(crate) struct Function {
    /// Its name in SQL, or the operator's symbol.
    pub(crate) name: &'static str,
    pub(crate) parameters: &'static [Type],
    /// Whether any number of further arguments of any type may follow.
    pub(crate) variadic: bool,
    pub(crate) result: Type,
    /// Whether it is NULL as soon as an argument is; then `compute` sees no NULL.
    pub(crate) strict: bool,
    /// What must be known when the view is checked.
    pub(crate) needs: Need,
    compute: fn(Arguments<'_>) -> Computed,
}

/// A call of a function: all arguments have the types of its parameters.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) function: &'static Function,
    pub(crate) arguments: Vec<Expression>,
    /// What a literal among the arguments was read as; nothing if it is NULL.
    pub(crate) prepared: Option<Arc<Prepared>>,
}

impl PartialEq for Call {
    fn eq(&self, other: &Call) -> bool {
        std::ptr::eq(self.function, other.function) && self.arguments == other.arguments
    }
}

impl Function {
    const fn strict(
        name: &'static str,
        parameters: &'static [Type],
        result: Type,
        compute: fn(Arguments<'_>) -> Computed,
    ) -> Function {
        Function { name, parameters, variadic: false, result, strict: true, needs: Need::Nothing, compute }
    }

    /// Any number of arguments after the parameters, of any type, and NULLs among them.
    const fn variadic(
        name: &'static str,
        parameters: &'static [Type],
        result: Type,
        compute: fn(Arguments<'_>) -> Computed,
    ) -> Function {
        Function { name, parameters, variadic: true, result, strict: false, needs: Need::Nothing, compute }
    }

    const fn needing(mut self, needs: Need) -> Function {
        self.needs = needs;
        self
    }
}

impl Call {
    pub(crate) fn new(function: &'static Function, arguments: Vec<Expression>) -> Call {
        Call { function, arguments, prepared: None }
    }

    pub(crate) fn evaluate<'a>(&'a self, rows: &'a Rows) -> Evaluated<'a> {
        let values: Vec<Cow<'_, Value>> =
            self.arguments.iter().map(|argument| argument.evaluate(rows)).collect::<Result<_, _>>()?;
        if self.function.strict && values.iter().any(|value| value.is_null()) {
            return Ok(Cow::Borrowed(&NULL));
        }
        let arguments = Arguments { values: &values, prepared: self.prepared.as_deref() };
        (self.function.compute)(arguments).map(Cow::Owned)
    }
}

/// All signatures, by topic.
const TOPICS: &[&[Function]] = &[
    math::FUNCTIONS,
    text::FUNCTIONS,
    patterns::FUNCTIONS,
    format::FUNCTIONS,
    json::FUNCTIONS,
    json_change::FUNCTIONS,
    time_format::FUNCTIONS,
    span_format::FUNCTIONS,
    number_format::FUNCTIONS,
    datetime::FUNCTIONS,
    fields::FUNCTIONS,
    spans::FUNCTIONS,
    zones::FUNCTIONS,
];

/// The signatures of a function or operator.
pub(crate) fn signatures(name: &str) -> impl Iterator<Item = &'static Function> {
    TOPICS.iter().copied().flatten().filter(move |function| function.name == name)
}

/// The names of all functions, without operators.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    let names = TOPICS.iter().copied().flatten().map(|function| function.name);
    names.filter(|name| name.starts_with(|first: char| first.is_ascii_alphabetic()))
}
