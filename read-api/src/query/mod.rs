//! A plan as one SQLite statement with bound parameters.
//!
//! The only text that enters SQL is from this file and names from the catalog, quoted. Whatever the client wrote is a
//! parameter.

mod like;

#[cfg(test)]
mod tests;

use std::fmt::Write;

use prejoin_model::{Type, Value, encode_key_value, to_text};
use serde_json::Value as JsonValue;

use crate::Error;
use crate::catalog::{Column, quoted};
use crate::plan::{Condition, ReadPlan};
use crate::request::Comparison;
use crate::store::{Parameter, Statement};

/// The rows of a plan: one result column per fetched column, or a single NULL if there is none.
pub(crate) fn rows(plan: &ReadPlan) -> Result<Statement, Error> {
    let columns: Vec<_> = plan.fetched.iter().map(|column| quoted(&column.name)).collect();
    let columns = if columns.is_empty() { "NULL".to_owned() } else { columns.join(", ") };
    let mut statement = Statement { sql: format!("SELECT {columns}"), parameters: Vec::new() };
    statement.table_and_conditions(plan)?;
    statement.sql.push_str(" ORDER BY ");
    for order in &plan.order {
        let direction = if order.descending { "DESC" } else { "ASC" };
        let nulls = if order.nulls_first { "FIRST" } else { "LAST" };
        statement.push(format_args!("{} {direction} NULLS {nulls}, ", compared(&order.column)));
    }
    statement.sql.push_str("_key");
    statement.range(plan);
    Ok(statement)
}

/// How many rows `rows` answers.
pub(crate) fn count(plan: &ReadPlan) -> Result<Statement, Error> {
    let mut statement =
        Statement { sql: "SELECT count(*) FROM (SELECT 1".to_owned(), parameters: Vec::new() };
    statement.table_and_conditions(plan)?;
    statement.range(plan);
    statement.sql.push(')');
    Ok(statement)
}

impl Statement {
    fn push(&mut self, text: std::fmt::Arguments<'_>) {
        self.sql.write_fmt(text).expect("writing to a String does not fail");
    }

    fn table_and_conditions(&mut self, plan: &ReadPlan) -> Result<(), Error> {
        self.push(format_args!(" FROM {}", quoted(&plan.table)));
        if !plan.conditions.is_empty() {
            self.sql.push_str(" WHERE ");
            self.all(&plan.conditions)?;
        }
        Ok(())
    }

    /// A balanced tree of ANDs: SQLite limits the depth of an expression.
    fn all(&mut self, conditions: &[Condition]) -> Result<(), Error> {
        if let [condition] = conditions {
            return self.condition(condition);
        }
        let (left, right) = conditions.split_at(conditions.len() / 2);
        self.sql.push('(');
        self.all(left)?;
        self.sql.push_str(" AND ");
        self.all(right)?;
        self.sql.push(')');
        Ok(())
    }

    fn condition(&mut self, condition: &Condition) -> Result<(), Error> {
        match condition {
            Condition::Not(inner) => {
                self.sql.push_str("NOT (");
                self.condition(inner)?;
                self.sql.push(')');
            }
            Condition::Compare { column, comparison, value } => {
                self.push(format_args!("{} {} ?", compared(column), symbol(*comparison)));
                self.parameters.push(parameter(value)?);
            }
            Condition::In { column, values } => self.is_in(column, values)?,
            Condition::IsNull(column) => self.push(format_args!("{} IS NULL", quoted(&column.name))),
            Condition::IsNotNull(column) => self.push(format_args!("{} IS NOT NULL", quoted(&column.name))),
            Condition::IsBoolean { column, value } => {
                self.push(format_args!("{} IS {}", quoted(&column.name), u8::from(*value)));
            }
            Condition::Like { column, pattern, ignore_case } => {
                let (operator, pattern) = match ignore_case {
                    // SQLite's LIKE folds ASCII letters and no others, as PostgreSQL's ILIKE does under collation C.
                    true => ("LIKE ? ESCAPE '\\'", like::checked(pattern.clone())?),
                    false => ("GLOB ?", like::glob(pattern)?),
                };
                self.push(format_args!("{} {operator}", quoted(&column.name)));
                self.parameters.push(Parameter::Text(pattern));
            }
        }
        Ok(())
    }

    /// The list is one JSON parameter: its length does not change the statement, nor meet a limit of parameters.
    fn is_in(&mut self, column: &Column, values: &[Value]) -> Result<(), Error> {
        let values = values.iter().map(parameter).collect::<Result<Vec<_>, _>>()?;
        let element = match values.first() {
            Some(Parameter::Bytes(_)) => "unhex(value)",
            _ => "value",
        };
        let values: JsonValue = values.into_iter().map(json_element).collect();
        self.push(format_args!("{} IN (SELECT {element} FROM json_each(?))", compared(column)));
        self.parameters.push(Parameter::Text(values.to_string()));
        Ok(())
    }

    fn range(&mut self, plan: &ReadPlan) {
        let limited = |rows: u64| Parameter::Integer(i64::try_from(rows).unwrap_or(i64::MAX));
        if plan.limit.is_none() && plan.offset_rows == 0 {
            return;
        }
        self.sql.push_str(" LIMIT ? OFFSET ?");
        // To SQLite, a negative limit is none.
        self.parameters.push(plan.limit.map_or(Parameter::Integer(-1), limited));
        self.parameters.push(limited(plan.offset_rows));
    }
}

fn json_element(parameter: Parameter) -> JsonValue {
    match parameter {
        Parameter::Integer(integer) => integer.into(),
        Parameter::Text(text) => text.into(),
        Parameter::Bytes(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into(),
    }
}

/// The stored column whose order is the values' order.
fn compared(column: &Column) -> String {
    quoted(column.sort_column.as_ref().unwrap_or(&column.name))
}

fn symbol(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "=",
        Comparison::NotEqual => "<>",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    }
}

/// The stored form that `compared` columns hold.
fn parameter(value: &Value) -> Result<Parameter, Error> {
    Ok(match value {
        Value::Boolean(boolean) => Parameter::Integer(i64::from(*boolean)),
        Value::Integer(integer) => Parameter::Integer(i64::from(*integer)),
        Value::Bigint(integer) => Parameter::Integer(*integer),
        Value::Date(date) => Parameter::Integer(i64::from(date.0)),
        Value::Timestamptz(timestamp) => Parameter::Integer(timestamp.0),
        Value::Text(text) => Parameter::Text(text.to_string()),
        Value::Uuid(_) => Parameter::Text(to_text(value).unwrap_or_default()),
        // No column has the type timestamp or interval; they would be stored so.
        Value::Numeric(_)
        | Value::Double(_)
        | Value::Jsonb(_)
        | Value::Array(_)
        | Value::Timestamp(_)
        | Value::Interval(_) => {
            let mut bytes = Vec::new();
            encode_key_value(value, &mut bytes);
            Parameter::Bytes(bytes)
        }
        Value::Null => return Err(Error::unreadable(format!("a NULL where a {} was expected", Type::Text))),
    })
}
