//! What a row, or a group of rows, says: a column, a value within its json, a bucket of its time, an aggregate.

use prejoin_model::{TimeUnit, Type};

use super::find;
use crate::Error;
use crate::catalog::{Column, View};
use crate::meaning::{self, AggregateFunction, Path, Step, long_name};
use crate::request::{Aggregate, Field, Item, JsonOperand};

/// An expression with its names found and its types checked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expression {
    Column(Column),
    /// Of a column of jsonb.
    Path {
        column: Column,
        path: Path,
    },
    Cast {
        of: Box<Expression>,
        kind: Type,
    },
    /// The beginning of the unit of time in which the value lies, in UTC.
    Bucket {
        of: Box<Expression>,
        unit: TimeUnit,
    },
    Aggregate {
        function: AggregateFunction,
        /// Nothing for the count of rows.
        of: Option<Box<Expression>>,
        kind: Type,
    },
}

impl Expression {
    pub(crate) fn kind(&self) -> Type {
        match self {
            Expression::Column(column) => column.kind,
            Expression::Path { path, .. } => path.kind(),
            Expression::Cast { kind, .. } | Expression::Aggregate { kind, .. } => *kind,
            Expression::Bucket { .. } => Type::Timestamptz,
        }
    }

    pub(crate) fn is_aggregate(&self) -> bool {
        match self {
            Expression::Aggregate { .. } => true,
            Expression::Cast { of, .. } | Expression::Bucket { of, .. } => of.is_aggregate(),
            Expression::Column(_) | Expression::Path { .. } => false,
        }
    }

    /// The column that it is made from; none for the count of rows.
    pub(crate) fn column(&self) -> Option<&Column> {
        match self {
            Expression::Column(column) | Expression::Path { column, .. } => Some(column),
            Expression::Cast { of, .. } | Expression::Bucket { of, .. } => of.column(),
            Expression::Aggregate { of, .. } => of.as_ref()?.column(),
        }
    }
}

/// A column, or a value within it.
pub(super) fn field(view: &View, field: &Field) -> Result<Expression, Error> {
    let column = view.columns[find(view, &field.column)?].clone();
    let Some(last) = field.path.last() else { return Ok(Expression::Column(column)) };
    if column.kind != Type::Jsonb {
        let reason = format!(
            "A path leads into jsonb, and the column {} is of type {}.",
            column.name,
            long_name(column.kind)
        );
        return Err(Error::NotImplemented { reason });
    }
    let mut steps = Vec::with_capacity(field.path.len());
    for (place, step) in field.path.iter().enumerate() {
        if let (true, Some(next)) = (step.as_text, field.path.get(place + 1)) {
            return Err(Error::missing_operator("text", if next.as_text { "->>" } else { "->" }));
        }
        steps.push(match &step.operand {
            JsonOperand::Key(key) => Step::Key(key.clone()),
            JsonOperand::Index(index) => Step::Index(element_number(index)?),
        });
    }
    Ok(Expression::Path { column, path: Path { steps, as_text: last.as_text } })
}

fn element_number(text: &str) -> Result<i32, Error> {
    let number = text.strip_prefix('+').unwrap_or(text);
    number.parse().map_err(|_| {
        Error::does_not_fit("22003", format!("value \"{number}\" is out of range for type integer"))
    })
}

/// All that may be selected, grouped by, or ordered by.
pub(super) fn item(view: &View, item: &Item) -> Result<Expression, Error> {
    let mut expression = match &item.field {
        Some(name) => Some(field(view, name)?),
        None => None,
    };
    if let (Some(of), Some(name)) = (expression.take_if(|_| item.cast.is_some()), &item.cast) {
        expression = Some(cast(of, name)?);
    }
    if let (Some(of), Some(unit)) = (expression.take_if(|_| item.bucket.is_some()), item.bucket) {
        meaning::check_truncation(of.kind())?;
        expression = Some(Expression::Bucket { of: Box::new(of), unit });
    }
    let expression = match (item.aggregate, expression) {
        (Some(aggregate), of) => aggregated(aggregate, of)?,
        (None, Some(expression)) => expression,
        // The grammar has a field wherever there is no aggregate.
        (None, None) => aggregated(Aggregate::Count, None)?,
    };
    match &item.aggregate_cast {
        Some(name) => cast(expression, name),
        None => Ok(expression),
    }
}

fn cast(of: Expression, name: &str) -> Result<Expression, Error> {
    let kind = meaning::named_type(name)?;
    if kind == of.kind() {
        return Ok(of);
    }
    meaning::check_cast(of.kind(), kind)?;
    Ok(Expression::Cast { of: Box::new(of), kind })
}

fn aggregated(aggregate: Aggregate, of: Option<Expression>) -> Result<Expression, Error> {
    let function = match aggregate {
        Aggregate::Sum => AggregateFunction::Sum,
        Aggregate::Average => AggregateFunction::Average,
        Aggregate::Count => AggregateFunction::Count,
        Aggregate::Maximum => AggregateFunction::Maximum,
        Aggregate::Minimum => AggregateFunction::Minimum,
    };
    let kind = match &of {
        Some(of) => function.result_type(of.kind())?,
        None => Type::Bigint,
    };
    Ok(Expression::Aggregate { function, of: of.map(Box::new), kind })
}
