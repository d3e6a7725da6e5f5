//! Computes a view's row from the rows of its tables.

use std::borrow::Cow;
use std::cmp::Ordering;

use prejoin_model::{Row, Value};

use crate::arithmetic::{calculate, days_between, error, negate, order, shift_date};
use crate::cast;
use crate::expression::{Comparison, Expression};
use crate::like;
use crate::plan::{EvaluateError, Join, JoinKind, KeySource, LookupRow, RowView};

/// What a column of a relation without a row reads as.
pub(crate) static NULL: Value = Value::Null;

pub(crate) type Evaluated<'a> = Result<Cow<'a, Value>, EvaluateError>;

impl RowView {
    /// The view's row for a row of its FROM table, in the order of `columns`; nothing if an INNER JOIN finds no row or
    /// WHERE is not true. The inner error is PostgreSQL's for this row, the outer one the look-up's.
    pub fn evaluate<L: LookupRow>(
        &self,
        grain: Row,
        lookup: &mut L,
    ) -> Result<Result<Option<Row>, EvaluateError>, L::Error> {
        let mut rows: Vec<Option<Row>> = Vec::with_capacity(self.relations.len());
        rows.push(Some(grain));
        let mut key = Vec::new();
        for (relation, residual) in self.relations.iter().zip(&self.residuals).skip(1) {
            let join = relation.join.as_ref().expect("every relation but the first is joined");
            let found = match read_key(join, &rows, &mut key) {
                true => lookup.lookup(relation.table, &key)?,
                false => None,
            };
            rows.push(found);
            let holds = match residual {
                Some(residual) if rows.last().is_some_and(Option::is_some) => residual.truth(&rows),
                _ => Ok(Some(true)),
            };
            match holds {
                Ok(Some(true)) => {}
                Ok(_) => drop(rows.pop().map(|_| rows.push(None))),
                Err(problem) => return Ok(Err(problem)),
            }
            if join.kind == JoinKind::Inner && rows.last().is_some_and(Option::is_none) {
                return Ok(Ok(None));
            }
        }
        Ok(self.project(&rows))
    }

    fn project(&self, rows: &[Option<Row>]) -> Result<Option<Row>, EvaluateError> {
        if let Some(filter) = &self.filter
            && filter.truth(rows)? != Some(true)
        {
            return Ok(None);
        }
        let mut output = Row::with_capacity(self.projection.len());
        for expression in &self.projection {
            output.push(expression.evaluate(rows)?.into_owned());
        }
        Ok(Some(output))
    }
}

/// Fills the key; false if a value is NULL, which equals nothing.
fn read_key(join: &Join, rows: &[Option<Row>], key: &mut Vec<Value>) -> bool {
    key.clear();
    for source in &join.key {
        let value = match source {
            KeySource::Column { relation, column } => column_of(rows, *relation, *column),
            KeySource::Constant(value) => value,
        };
        if value.is_null() {
            return false;
        }
        key.push(value.clone());
    }
    true
}

fn column_of(rows: &[Option<Row>], relation: usize, column: usize) -> &Value {
    match rows.get(relation) {
        Some(Some(row)) => row.get(column).unwrap_or(&NULL),
        _ => &NULL,
    }
}

fn truth_value(truth: Option<bool>) -> Cow<'static, Value> {
    Cow::Owned(truth.map_or(Value::Null, Value::Boolean))
}

impl Expression {
    /// The value for these rows, one per relation; nothing where a LEFT JOIN found none.
    pub(crate) fn evaluate<'a>(&'a self, rows: &'a [Option<Row>]) -> Evaluated<'a> {
        Ok(match self {
            Expression::Constant(value) => Cow::Borrowed(value),
            Expression::Column(at) => Cow::Borrowed(column_of(rows, at.relation, at.column)),
            Expression::Not(_)
            | Expression::And(_)
            | Expression::Or(_)
            | Expression::IsNull { .. }
            | Expression::IsTruth { .. }
            | Expression::Compare { .. }
            | Expression::Distinct { .. }
            | Expression::In { .. }
            | Expression::Like { .. } => truth_value(self.truth(rows)?),
            Expression::EscapePattern(sides) => {
                texts(sides, rows, |pattern, escape| Ok(Value::text(like::with_backslash(pattern, escape)?)))?
            }
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
        })
    }

    /// The value of a boolean expression: true, false, or nothing for NULL.
    pub(crate) fn truth(&self, rows: &[Option<Row>]) -> Result<Option<bool>, EvaluateError> {
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
            Expression::Like { sides, ignores_case, negated } => {
                let text = sides[0].evaluate(rows)?;
                let pattern = sides[1].evaluate(rows)?;
                match (&*text, &*pattern) {
                    (Value::Null, _) | (_, Value::Null) => Ok(None),
                    (Value::Text(text), Value::Text(pattern)) => {
                        like::matches(text, pattern, *ignores_case).map(|matched| Some(matched != *negated))
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
fn all_or_any(
    parts: &[Expression],
    rows: &[Option<Row>],
    decisive: bool,
) -> Result<Option<bool>, EvaluateError> {
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
fn is_in(of: &Expression, list: &[Expression], rows: &[Option<Row>]) -> Result<Option<bool>, EvaluateError> {
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

/// A function of two values that are not NULL.
fn strict<'a>(
    sides: &'a [Expression; 2],
    rows: &'a [Option<Row>],
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
    rows: &'a [Option<Row>],
    function: impl FnOnce(&str, &str) -> Result<Value, EvaluateError>,
) -> Evaluated<'a> {
    strict(sides, rows, |left, right| match (left, right) {
        (Value::Text(left), Value::Text(right)) => function(left, right),
        _ => Err(mismatch()),
    })
}

fn concatenate<'a>(parts: &'a [Expression], rows: &'a [Option<Row>]) -> Evaluated<'a> {
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
