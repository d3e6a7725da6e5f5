//! Computes the value of an expression from the rows of its tables and the answers of its subqueries.

use std::borrow::Cow;
use std::cmp::Ordering;

use prejoin_model::{SharedRow, TextError, Value, like, like_with_backslash};

use crate::arithmetic::{calculate, days_between, error, negate, order, shift_date};
use crate::cast;
use crate::expression::{Comparison, Expression};
use crate::plan::EvaluateError;

/// What a column of a relation without a row reads as.
pub(crate) static NULL: Value = Value::Null;

pub(crate) type Evaluated<'a> = Result<Cow<'a, Value>, EvaluateError>;

/// What expressions read while one row of a view is computed.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    /// One per relation; nothing where a join found none, or whose subquery is not being computed.
    pub(crate) of_relations: Vec<Option<SharedRow>>,
    /// What the subqueries and aggregates gave. An error counts only where the answer is read.
    pub(crate) answers: Vec<Result<Value, EvaluateError>>,
}

impl Rows {
    pub(crate) fn new(relations: usize, answers: usize) -> Rows {
        Rows { of_relations: vec![None; relations], answers: vec![Ok(Value::Null); answers] }
    }

    /// NULL if the relation has no row.
    pub(crate) fn column(&self, relation: usize, column: usize) -> &Value {
        match self.of_relations.get(relation) {
            Some(Some(row)) => row.get(column).unwrap_or(&NULL),
            _ => &NULL,
        }
    }

    fn answer(&self, number: usize) -> Result<&Value, EvaluateError> {
        match self.answers.get(number) {
            Some(answer) => answer.as_ref().map_err(EvaluateError::clone),
            None => Err(mismatch()),
        }
    }
}

fn truth_value(truth: Option<bool>) -> Cow<'static, Value> {
    Cow::Owned(truth.map_or(Value::Null, Value::Boolean))
}

impl Expression {
    /// The value for the rows and answers at hand.
    pub(crate) fn evaluate<'a>(&'a self, rows: &'a Rows) -> Evaluated<'a> {
        Ok(match self {
            Expression::Constant(value) => Cow::Borrowed(value),
            Expression::Column(at) => Cow::Borrowed(rows.column(at.relation, at.column)),
            Expression::Answer(number) => Cow::Borrowed(rows.answer(*number)?),
            Expression::IfJoined { relation, of } => match rows.of_relations[*relation] {
                Some(_) => of.evaluate(rows)?,
                None => Cow::Borrowed(&NULL),
            },
            Expression::Not(_)
            | Expression::And(_)
            | Expression::Or(_)
            | Expression::IsNull { .. }
            | Expression::IsTruth { .. }
            | Expression::Compare { .. }
            | Expression::Distinct { .. }
            | Expression::In { .. }
            | Expression::AnyElement { .. }
            | Expression::Like { .. } => truth_value(self.truth(rows)?),
            Expression::EscapePattern(sides) => texts(sides, rows, |pattern, escape| {
                Ok(Value::text(like_with_backslash(pattern, escape).map_err(of_text)?))
            })?,
            Expression::Concatenate(parts) => concatenate(parts, rows)?,
            Expression::Arithmetic { operator, sides } => {
                strict(sides, rows, |left, right| calculate(*operator, left, right))?
            }
            Expression::Negate(of) => Cow::Owned(negate(&*of.evaluate(rows)?)?),
            Expression::ShiftDate { sides, subtract } => {
                strict(sides, rows, |date, days| match (date, days) {
                    (Value::Date(date), Value::Integer(days)) => {
                        shift_date(*date, *days, *subtract).map(Value::Date)
                    }
                    _ => Err(mismatch()),
                })?
            }
            Expression::DaysBetween(sides) => strict(sides, rows, |left, right| match (left, right) {
                (Value::Date(left), Value::Date(right)) => days_between(*left, *right).map(Value::Integer),
                _ => Err(mismatch()),
            })?,
            Expression::Cast { of, to } => Cow::Owned(cast::cast(&*of.evaluate(rows)?, *to)?),
            Expression::Round { of, to } => Cow::Owned(cast::round(&*of.evaluate(rows)?, to)?),
            Expression::Coalesce(parts) => {
                for part in parts {
                    let value = part.evaluate(rows)?;
                    if !value.is_null() {
                        return Ok(value);
                    }
                }
                Cow::Borrowed(&NULL)
            }
            Expression::NullIf(sides) => {
                let left = sides[0].evaluate(rows)?;
                let right = sides[1].evaluate(rows)?;
                let equal = !left.is_null() && !right.is_null() && order(&left, &right).is_eq();
                if equal { Cow::Borrowed(&NULL) } else { left }
            }
            Expression::Call(call) => call.evaluate(rows)?,
            Expression::Case { branches, otherwise } => {
                for (condition, result) in branches {
                    if condition.truth(rows)? == Some(true) {
                        return result.evaluate(rows);
                    }
                }
                otherwise.evaluate(rows)?
            }
            Expression::Array { element, parts } => {
                let values = parts.iter().map(|part| part.evaluate(rows).map(Cow::into_owned));
                Cow::Owned(Value::array(*element, values.collect::<Result<_, _>>()?))
            }
            Expression::Subscript(sides) => subscript(sides, rows)?,
        })
    }

    /// The value of a boolean expression: true, false, or nothing for NULL.
    pub(crate) fn truth(&self, rows: &Rows) -> Result<Option<bool>, EvaluateError> {
        match self {
            Expression::Not(of) => Ok(of.truth(rows)?.map(|truth| !truth)),
            Expression::And(parts) => all_or_any(parts, rows, false),
            Expression::Or(parts) => all_or_any(parts, rows, true),
            Expression::IsNull { of, negated } => Ok(Some(of.evaluate(rows)?.is_null() != *negated)),
            Expression::IsTruth { of, expected, negated } => {
                Ok(Some((of.truth(rows)? == *expected) != *negated))
            }
            Expression::Compare { operator, sides } => {
                let left = sides[0].evaluate(rows)?;
                let right = sides[1].evaluate(rows)?;
                if left.is_null() || right.is_null() {
                    return Ok(None);
                }
                Ok(Some(operator.holds(order(&left, &right))))
            }
            Expression::Distinct { sides, negated } => {
                let left = sides[0].evaluate(rows)?;
                let right = sides[1].evaluate(rows)?;
                let distinct = match (left.is_null(), right.is_null()) {
                    (false, false) => order(&left, &right).is_ne(),
                    (left, right) => left != right,
                };
                Ok(Some(distinct != *negated))
            }
            Expression::In { of, list, negated } => {
                let found = is_in(of, list, rows)?;
                Ok(found.map(|found| found != *negated))
            }
            Expression::AnyElement { operator, sides, all } => any_element(*operator, sides, *all, rows),
            Expression::Like { sides, ignores_case, negated } => {
                let text = sides[0].evaluate(rows)?;
                let pattern = sides[1].evaluate(rows)?;
                match (&*text, &*pattern) {
                    (Value::Null, _) | (_, Value::Null) => Ok(None),
                    (Value::Text(text), Value::Text(pattern)) => {
                        let matched = like(text, pattern, *ignores_case).map_err(of_text)?;
                        Ok(Some(matched != *negated))
                    }
                    _ => Err(mismatch()),
                }
            }
            other => match &*other.evaluate(rows)? {
                Value::Null => Ok(None),
                Value::Boolean(truth) => Ok(Some(*truth)),
                _ => Err(mismatch()),
            },
        }
    }
}

pub(crate) fn mismatch() -> EvaluateError {
    error("a row does not match its schema")
}

/// AND (decided by the first false) and OR (by the first true) of three truth values.
fn all_or_any(parts: &[Expression], rows: &Rows, decisive: bool) -> Result<Option<bool>, EvaluateError> {
    let mut result = Some(!decisive);
    for part in parts {
        match part.truth(rows)? {
            Some(truth) if truth == decisive => return Ok(Some(decisive)),
            Some(_) => {}
            None => result = None,
        }
    }
    Ok(result)
}

/// Every element is evaluated, as PostgreSQL does when it makes an array of them.
fn is_in(of: &Expression, list: &[Expression], rows: &Rows) -> Result<Option<bool>, EvaluateError> {
    let value = of.evaluate(rows)?;
    let mut result = Some(false);
    for element in list {
        let element = element.evaluate(rows)?;
        if value.is_null() || result == Some(true) {
            continue;
        }
        if element.is_null() {
            result = None;
        } else if order(&value, &element).is_eq() {
            result = Some(true);
        }
    }
    Ok(result.filter(|_| !value.is_null()))
}

/// Of an array without elements even NULL is smaller than all and smaller than none.
fn any_element(
    operator: Comparison,
    sides: &[Expression; 2],
    all: bool,
    rows: &Rows,
) -> Result<Option<bool>, EvaluateError> {
    let value = sides[0].evaluate(rows)?;
    let array = sides[1].evaluate(rows)?;
    let array = match &*array {
        Value::Null => return Ok(None),
        Value::Array(array) => array,
        _ => return Err(mismatch()),
    };
    let mut result = Some(all);
    for element in array.values() {
        if value.is_null() || element.is_null() {
            result = None;
        } else if operator.holds(order(&value, element)) != all {
            return Ok(Some(!all));
        }
    }
    Ok(result)
}

/// The number is not computed if there is no array.
fn subscript<'a>(sides: &'a [Expression; 2], rows: &'a Rows) -> Evaluated<'a> {
    let array = sides[0].evaluate(rows)?;
    let array = match &*array {
        Value::Null => return Ok(Cow::Borrowed(&NULL)),
        Value::Array(array) => array,
        _ => return Err(mismatch()),
    };
    let index = match &*sides[1].evaluate(rows)? {
        Value::Null => None,
        Value::Integer(number) => number.checked_sub(1).and_then(|index| usize::try_from(index).ok()),
        _ => return Err(mismatch()),
    };
    let element = index.and_then(|index| array.values().get(index)).cloned();
    Ok(element.map_or(Cow::Borrowed(&NULL), Cow::Owned))
}

/// A function of two values that are not NULL.
fn strict<'a>(
    sides: &'a [Expression; 2],
    rows: &'a Rows,
    function: impl FnOnce(&Value, &Value) -> Result<Value, EvaluateError>,
) -> Evaluated<'a> {
    let left = sides[0].evaluate(rows)?;
    let right = sides[1].evaluate(rows)?;
    if left.is_null() || right.is_null() {
        return Ok(Cow::Borrowed(&NULL));
    }
    function(&left, &right).map(Cow::Owned)
}

fn texts<'a>(
    sides: &'a [Expression; 2],
    rows: &'a Rows,
    function: impl FnOnce(&str, &str) -> Result<Value, EvaluateError>,
) -> Evaluated<'a> {
    strict(sides, rows, |left, right| match (left, right) {
        (Value::Text(left), Value::Text(right)) => function(left, right),
        _ => Err(mismatch()),
    })
}

fn concatenate<'a>(parts: &'a [Expression], rows: &'a Rows) -> Evaluated<'a> {
    let mut joined = String::new();
    let mut is_null = false;
    for part in parts {
        match &*part.evaluate(rows)? {
            Value::Null => is_null = true,
            Value::Text(text) => joined.push_str(text),
            _ => return Err(mismatch()),
        }
    }
    Ok(if is_null { Cow::Borrowed(&NULL) } else { Cow::Owned(Value::text(joined)) })
}

impl Comparison {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Comparison::Equal => order.is_eq(),
            Comparison::NotEqual => order.is_ne(),
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterOrEqual => order.is_ge(),
        }
    }
}

fn of_text(problem: TextError) -> EvaluateError {
    error(problem.0)
}
