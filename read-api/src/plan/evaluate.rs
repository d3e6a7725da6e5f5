//! Conditions and expressions of a plan on one row, as the stores' SQL means them: for rows that are told as they change.

use std::cmp::Ordering;

use prejoin_model::{Regex, Type, Value};

use super::{Condition, Expression};
use crate::Error;
use crate::catalog::View;
use crate::meaning::{self, Path};
use crate::request::{BucketUnit, Comparison};

/// Conditions that rows are judged by, made ready once.
#[derive(Debug)]
pub(crate) struct Judge {
    conditions: Vec<Test>,
}

/// A value made from a row, its columns found.
#[derive(Debug)]
pub(crate) enum Source {
    Column(usize),
    Path(usize, Path),
    Cast(Box<Source>, Type),
    Bucket(Box<Source>, BucketUnit),
}

/// A condition, its columns found and its pattern read.
#[derive(Debug)]
enum Test {
    Constant(Option<bool>),
    Not(Box<Test>),
    All(Vec<Test>),
    Any(Vec<Test>),
    Compare(Source, Comparison, Value),
    In(Source, Vec<Value>),
    IsNull(Source),
    IsNotNull(Source),
    IsBoolean(Source, bool),
    IsDistinct(Source, Value),
    Like { of: Source, pattern: String, ignore_case: bool },
    Match(Source, Box<Regex>),
    Contains(Source, Value),
    Contained(Source, Value),
    Overlaps(Source, Value),
}

impl Judge {
    pub(crate) fn new(view: &View, conditions: &[Condition]) -> Result<Judge, Error> {
        Ok(Judge { conditions: tests(view, conditions)? })
    }

    /// Whether all conditions are true of a row, which has the view's columns.
    pub(crate) fn takes(&self, row: &[Value]) -> Result<bool, Error> {
        Ok(all(&self.conditions, row)? == Some(true))
    }
}

fn tests(view: &View, conditions: &[Condition]) -> Result<Vec<Test>, Error> {
    conditions.iter().map(|condition| test(view, condition)).collect()
}

fn test(view: &View, condition: &Condition) -> Result<Test, Error> {
    let source = |left: &Expression| Source::new(view, left);
    Ok(match condition {
        Condition::Constant(value) => Test::Constant(Some(*value)),
        Condition::Unknown => Test::Constant(None),
        Condition::Not(inner) => Test::Not(Box::new(test(view, inner)?)),
        Condition::All(members) => Test::All(tests(view, members)?),
        Condition::Any(members) => Test::Any(tests(view, members)?),
        Condition::Compare { left, comparison, value } => {
            Test::Compare(source(left)?, *comparison, value.clone())
        }
        Condition::In { left, values } => Test::In(source(left)?, values.clone()),
        Condition::IsNull(left) => Test::IsNull(source(left)?),
        Condition::IsNotNull(left) => Test::IsNotNull(source(left)?),
        Condition::IsBoolean { left, value } => Test::IsBoolean(source(left)?, *value),
        Condition::IsDistinct { left, value } => Test::IsDistinct(source(left)?, value.clone()),
        Condition::Like { left, pattern, ignore_case } => {
            Test::Like { of: source(left)?, pattern: pattern.clone(), ignore_case: *ignore_case }
        }
        Condition::Match { left, pattern, ignore_case } => {
            Test::Match(source(left)?, Box::new(meaning::regex(pattern, *ignore_case)?))
        }
        Condition::Contains { left, value } => Test::Contains(source(left)?, value.clone()),
        Condition::Contained { left, value } => Test::Contained(source(left)?, value.clone()),
        Condition::Overlaps { left, value } => Test::Overlaps(source(left)?, value.clone()),
        Condition::KeyAfter(_) | Condition::KeyIn(_) => {
            return Err(Error::unreadable("a condition on keys where there are rows"));
        }
        Condition::Search(search) => {
            let reason = format!(
                "Changes of rows are not told by words of '{}': the index has them later than the rows.",
                search.column.name
            );
            return Err(Error::NotImplemented { reason });
        }
    })
}

impl Source {
    /// Fails for an aggregate: it is of many rows.
    pub(crate) fn new(view: &View, expression: &Expression) -> Result<Source, Error> {
        let column =
            |name: &str| view.column(name).ok_or_else(|| Error::unreadable("a column of another view"));
        Ok(match expression {
            Expression::Column(of) => Source::Column(column(&of.name)?),
            Expression::Path { column: of, path } => Source::Path(column(&of.name)?, path.clone()),
            Expression::Cast { of, kind } => Source::Cast(Box::new(Source::new(view, of)?), *kind),
            Expression::Bucket { of, unit } => Source::Bucket(Box::new(Source::new(view, of)?), *unit),
            Expression::Aggregate { .. } => return Err(Error::unreadable("an aggregate of one row")),
        })
    }

    /// Fails where the store would: a text that is no number cannot be cast to one.
    pub(crate) fn value(&self, row: &[Value]) -> Result<Value, Error> {
        let column = |place: &usize| row.get(*place).cloned().unwrap_or(Value::Null);
        match self {
            Source::Column(place) => Ok(column(place)),
            Source::Path(place, path) => Ok(match column(place) {
                Value::Jsonb(document) => path.find(&document),
                _ => Value::Null,
            }),
            Source::Cast(of, kind) => meaning::cast(&of.value(row)?, *kind),
            Source::Bucket(of, unit) => meaning::truncated(&of.value(row)?, *unit),
        }
    }
}

/// Unknown if one is and none is false.
fn all(members: &[Test], row: &[Value]) -> Result<Option<bool>, Error> {
    let mut is_known = true;
    for member in members {
        match member.holds(row)? {
            Some(false) => return Ok(Some(false)),
            Some(true) => {}
            None => is_known = false,
        }
    }
    Ok(is_known.then_some(true))
}

fn any(members: &[Test], row: &[Value]) -> Result<Option<bool>, Error> {
    let mut is_known = true;
    for member in members {
        match member.holds(row)? {
            Some(true) => return Ok(Some(true)),
            Some(false) => {}
            None => is_known = false,
        }
    }
    Ok(is_known.then_some(false))
}

impl Test {
    /// Nothing where SQL says unknown.
    fn holds(&self, row: &[Value]) -> Result<Option<bool>, Error> {
        Ok(match self {
            Test::Constant(value) => *value,
            Test::Not(inner) => inner.holds(row)?.map(|holds| !holds),
            Test::All(members) => all(members, row)?,
            Test::Any(members) => any(members, row)?,
            Test::Compare(of, comparison, value) => {
                let of = of.value(row)?;
                (!of.is_null()).then(|| fits(of.compare(value), *comparison))
            }
            Test::In(of, values) => {
                let of = of.value(row)?;
                (!of.is_null()).then(|| values.iter().any(|value| of.compare(value).is_eq()))
            }
            Test::IsNull(of) => Some(of.value(row)?.is_null()),
            Test::IsNotNull(of) => Some(!of.value(row)?.is_null()),
            Test::IsBoolean(of, value) => Some(of.value(row)? == Value::Boolean(*value)),
            Test::IsDistinct(of, value) => Some(of.value(row)?.sql_equal(value) != Some(true)),
            Test::Like { of, pattern, ignore_case } => match of.value(row)? {
                Value::Text(text) => Some(meaning::like(&text, pattern, *ignore_case)?),
                _ => None,
            },
            Test::Match(of, regex) => match of.value(row)? {
                Value::Text(text) => Some(regex.is_match(&text)),
                _ => None,
            },
            Test::Contains(of, value) => meaning::contains(&of.value(row)?, value),
            Test::Contained(of, value) => meaning::contains(value, &of.value(row)?),
            Test::Overlaps(of, value) => meaning::overlaps(&of.value(row)?, value),
        })
    }
}

fn fits(ordering: Ordering, comparison: Comparison) -> bool {
    match comparison {
        Comparison::Equal => ordering.is_eq(),
        Comparison::NotEqual => ordering.is_ne(),
        Comparison::Less => ordering.is_lt(),
        Comparison::LessOrEqual => ordering.is_le(),
        Comparison::Greater => ordering.is_gt(),
        Comparison::GreaterOrEqual => ordering.is_ge(),
    }
}
