//! Aggregates: what one makes of its inputs, with PostgreSQL's answers.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use prejoin_model::{Json, Numeric, Type, Value};

use crate::arithmetic::{error, order};
use crate::evaluate::Rows;
use crate::expression::{Expression, Offset};
use crate::functions::into_json;
use crate::plan::EvaluateError;

/// One call of an aggregate function.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Aggregate {
    /// Where its result goes: `Expression::Answer`.
    pub(crate) answer: usize,
    pub(crate) function: AggregateFunction,
    /// None for `count(*)`, the text and the delimiter for string_agg, one for all others.
    pub(crate) arguments: Vec<Expression>,
    pub(crate) argument_kinds: Vec<Type>,
    /// The type of the result.
    pub(crate) kind: Type,
    pub(crate) distinct: bool,
    pub(crate) filter: Option<Expression>,
    /// The order of the inputs; those that it does not tell apart stay in key order.
    pub(crate) order: Vec<SortKey>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AggregateFunction {
    Count,
    /// Of integers: a bigint.
    SumIntegers,
    /// Of bigints and numerics: a numeric.
    SumNumerics,
    Average,
    Minimum,
    Maximum,
    BoolAnd,
    BoolOr,
    StringAgg,
    ArrayAgg,
    JsonbAgg,
}

/// One expression of an ORDER BY.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SortKey {
    pub(crate) of: Expression,
    pub(crate) kind: Type,
    pub(crate) descending: bool,
    pub(crate) nulls_first: bool,
}

impl SortKey {
    /// The order of two values of this key.
    pub(crate) fn compare(&self, left: &Value, right: &Value) -> Ordering {
        match (left.is_null(), right.is_null()) {
            (true, true) => Ordering::Equal,
            (true, false) if self.nulls_first => Ordering::Less,
            (true, false) => Ordering::Greater,
            (false, true) if self.nulls_first => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) if self.descending => order(right, left),
            (false, false) => order(left, right),
        }
    }
}

/// The order of two rows by their values of these keys.
pub(crate) fn compare_keys(keys: &[SortKey], left: &[Value], right: &[Value]) -> Ordering {
    let orders = keys.iter().zip(left.iter().zip(right)).map(|(key, (left, right))| key.compare(left, right));
    orders.fold(Ordering::Equal, Ordering::then)
}

/// What one row gives to an aggregate.
#[derive(Debug)]
pub(crate) struct Input {
    sort: Vec<Value>,
    arguments: Vec<Value>,
}

impl AggregateFunction {
    /// PostgreSQL's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            AggregateFunction::Count => "count",
            AggregateFunction::SumIntegers | AggregateFunction::SumNumerics => "sum",
            AggregateFunction::Average => "avg",
            AggregateFunction::Minimum => "min",
            AggregateFunction::Maximum => "max",
            AggregateFunction::BoolAnd => "bool_and",
            AggregateFunction::BoolOr => "bool_or",
            AggregateFunction::StringAgg => "string_agg",
            AggregateFunction::ArrayAgg => "array_agg",
            AggregateFunction::JsonbAgg => "jsonb_agg",
        }
    }

    /// Whether a NULL is an input like any other.
    pub(crate) fn keeps_null(self) -> bool {
        matches!(self, AggregateFunction::ArrayAgg | AggregateFunction::JsonbAgg)
    }
}

impl Input {
    pub(crate) fn new(sort: Vec<Value>, arguments: Vec<Value>) -> Input {
        Input { sort, arguments }
    }
}

impl Aggregate {
    pub(crate) fn renumber(&mut self, by: Offset) {
        self.answer -= by.answers;
        let sorts = self.order.iter_mut().map(|key| &mut key.of);
        self.arguments.iter_mut().chain(&mut self.filter).chain(sorts).for_each(|of| of.renumber(by));
    }

    /// Whether both have one result over the same rows.
    pub(crate) fn computes_as(&self, other: &Aggregate) -> bool {
        Aggregate { answer: other.answer, ..self.clone() } == *other
    }

    /// Every expression that it evaluates.
    pub(crate) fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.arguments.iter().chain(&self.filter).chain(self.order.iter().map(|key| &key.of))
    }

    /// What the row at hand gives, if anything: FILTER comes first, and all but array_agg and jsonb_agg pass over NULL.
    pub(crate) fn input(&self, rows: &Rows) -> Result<Option<Input>, EvaluateError> {
        if let Some(filter) = &self.filter
            && filter.truth(rows)? != Some(true)
        {
            return Ok(None);
        }
        let value = |expression: &Expression| expression.evaluate(rows).map(Cow::into_owned);
        let arguments = self.arguments.iter().map(value).collect::<Result<Vec<_>, _>>()?;
        let sort = self.order.iter().map(|key| value(&key.of)).collect::<Result<Vec<_>, _>>()?;
        if !self.function.keeps_null() && arguments.first().is_some_and(Value::is_null) {
            return Ok(None);
        }
        Ok(Some(Input::new(sort, arguments)))
    }

    /// The result over the inputs in key order.
    pub(crate) fn result(&self, mut inputs: Vec<Input>) -> Result<Value, EvaluateError> {
        if !self.order.is_empty() || self.distinct {
            // Of DISTINCT values those of ORDER BY are a part, so that equal ones become neighbours.
            let distinct = self.distinct;
            inputs.sort_by(|left, right| {
                let ordered = compare_keys(&self.order, &left.sort, &right.sort);
                ordered.then_with(|| match distinct {
                    true => compare_arguments(&left.arguments, &right.arguments),
                    false => Ordering::Equal,
                })
            });
        }
        if self.distinct {
            inputs.dedup_by(|next, kept| compare_arguments(&next.arguments, &kept.arguments).is_eq());
        }
        self.fold(inputs)
    }

    fn fold(&self, inputs: Vec<Input>) -> Result<Value, EvaluateError> {
        let count = inputs.len();
        if self.function == AggregateFunction::Count {
            return i64::try_from(count).map(Value::Bigint).map_err(|_| error("bigint out of range"));
        }
        if count == 0 {
            return Ok(Value::Null);
        }
        if self.function == AggregateFunction::StringAgg {
            return joined(&inputs);
        }
        let mut values = inputs.into_iter().filter_map(|input| input.arguments.into_iter().next());
        match self.function {
            AggregateFunction::SumIntegers => sum_of_integers(values),
            AggregateFunction::SumNumerics => sum(values).map(Value::Numeric),
            AggregateFunction::Average => {
                let count = i64::try_from(count).map_err(|_| error("bigint out of range"))?;
                let mean = sum(values)?.div(&Numeric::from(count));
                mean.map(Value::Numeric).map_err(|problem| error(problem.to_string()))
            }
            AggregateFunction::Minimum => Ok(extreme(values, Ordering::Less)),
            AggregateFunction::Maximum => Ok(extreme(values, Ordering::Greater)),
            AggregateFunction::BoolAnd => {
                Ok(Value::Boolean(values.all(|value| value == Value::Boolean(true))))
            }
            AggregateFunction::BoolOr => {
                Ok(Value::Boolean(values.any(|value| value == Value::Boolean(true))))
            }
            AggregateFunction::ArrayAgg => match self.kind {
                Type::Array(element) => Ok(Value::array(element, values.collect())),
                _ => Err(mismatch()),
            },
            AggregateFunction::JsonbAgg => {
                let elements = values.map(into_json).collect();
                Ok(Value::Jsonb(Arc::new(Json::Array(elements))))
            }
            AggregateFunction::Count | AggregateFunction::StringAgg => unreachable!("returned above"),
        }
    }
}

/// NULLs are equal to each other and come last.
fn compare_arguments(left: &[Value], right: &[Value]) -> Ordering {
    let orders = left.iter().zip(right).map(|(left, right)| match (left.is_null(), right.is_null()) {
        (false, false) => order(left, right),
        (left, right) => left.cmp(&right),
    });
    orders.fold(Ordering::Equal, Ordering::then)
}

fn mismatch() -> EvaluateError {
    error("a value does not match its aggregate")
}

fn sum_of_integers(values: impl Iterator<Item = Value>) -> Result<Value, EvaluateError> {
    let mut sum = 0_i64;
    for value in values {
        let Value::Integer(value) = value else { return Err(mismatch()) };
        sum = sum.checked_add(value.into()).ok_or_else(|| error("bigint out of range"))?;
    }
    Ok(Value::Bigint(sum))
}

fn sum(values: impl Iterator<Item = Value>) -> Result<Numeric, EvaluateError> {
    let number = |value| match value {
        Value::Integer(value) => Ok(Numeric::from(value)),
        Value::Bigint(value) => Ok(Numeric::from(value)),
        Value::Numeric(value) => Ok(value),
        _ => Err(mismatch()),
    };
    let numbers = values.map(number).collect::<Result<Vec<_>, _>>()?;
    Numeric::sum(numbers).map_err(|problem| error(problem.to_string()))
}

/// Of equal values that print differently the last one, as PostgreSQL keeps it.
fn extreme(values: impl Iterator<Item = Value>, wanted: Ordering) -> Value {
    values.reduce(|best, next| if order(&best, &next) == wanted { best } else { next }).unwrap_or(Value::Null)
}

/// Each text but the first has its own delimiter before it; a NULL one is empty.
fn joined(inputs: &[Input]) -> Result<Value, EvaluateError> {
    let mut text = String::new();
    for (place, input) in inputs.iter().enumerate() {
        let [Value::Text(part), delimiter] = input.arguments.as_slice() else { return Err(mismatch()) };
        match delimiter {
            Value::Text(delimiter) if place > 0 => text.push_str(delimiter),
            Value::Text(_) | Value::Null => {}
            _ => return Err(mismatch()),
        }
        text.push_str(part);
    }
    Ok(Value::text(text))
}
