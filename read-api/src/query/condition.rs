//! Conditions as SQL.

use prejoin_model::{Element, Type, Value, encode_key_value, to_text};
use serde_json::Value as JsonValue;

use super::expression::{Compared, Form};
use super::like;
use super::writer::Writer;
use crate::meaning::sqlite;
use crate::plan::{Condition, Expression};
use crate::request::Comparison;
use crate::store::{Dialect, Parameter};
use crate::{Error, hexadecimal};

impl Writer {
    pub(super) fn all_of(&mut self, conditions: &[&Condition]) -> Result<(), Error> {
        self.joined(conditions, " AND ", true)
    }

    /// A balanced tree: SQLite limits the depth of an expression.
    fn joined(&mut self, conditions: &[&Condition], operator: &str, of_none: bool) -> Result<(), Error> {
        match conditions {
            [] => self.push(if of_none { "(1 = 1)" } else { "(1 = 0)" }),
            [condition] => return self.condition(condition),
            _ => {
                let (left, right) = conditions.split_at(conditions.len() / 2);
                self.push("(");
                self.joined(left, operator, of_none)?;
                self.push(operator);
                self.joined(right, operator, of_none)?;
                self.push(")");
            }
        }
        Ok(())
    }

    fn condition(&mut self, condition: &Condition) -> Result<(), Error> {
        match condition {
            Condition::Constant(value) => self.joined(&[], "", *value)?,
            Condition::Unknown => self.push("(NULL = 0)"),
            Condition::Not(inner) => {
                self.push("NOT (");
                self.condition(inner)?;
                self.push(")");
            }
            Condition::All(members) => self.joined(&members.iter().collect::<Vec<_>>(), " AND ", true)?,
            Condition::Any(members) => self.joined(&members.iter().collect::<Vec<_>>(), " OR ", false)?,
            Condition::Compare { left, comparison, value } => {
                self.binary(left, symbol(*comparison), value)?;
            }
            Condition::IsDistinct { left, value } => {
                let symbol = match self.dialect {
                    Dialect::Sqlite => "IS NOT",
                    Dialect::Postgres => "IS DISTINCT FROM",
                };
                self.binary(left, symbol, value)?;
            }
            Condition::In { left, values } => self.is_in(left, values)?,
            Condition::IsNull(left) => {
                let left = self.value(left);
                self.push(format_args!("{left} IS NULL"));
            }
            Condition::IsNotNull(left) => {
                let left = self.value(left);
                self.push(format_args!("{left} IS NOT NULL"));
            }
            Condition::IsBoolean { left, value } => self.is_boolean(left, *value),
            Condition::Like { left, pattern, ignore_case } => self.like(left, pattern, *ignore_case)?,
            Condition::Match { left, pattern, ignore_case } => self.matches(left, pattern, *ignore_case),
            Condition::Contains { left, value } => self.collections(left, value, Collections::Contains)?,
            Condition::Contained { left, value } => self.collections(left, value, Collections::Contained)?,
            Condition::Overlaps { left, value } => self.collections(left, value, Collections::Overlap)?,
            Condition::KeyAfter(key) => {
                let place = self.statement.bind(Parameter::Bytes(key.clone()));
                self.push(format_args!("{} > {place}", self.row_key()));
            }
            Condition::KeyIn(keys) => self.key_in(keys),
            Condition::Search(search) => {
                let what = format!("a search in {} that no index has answered", search.column.name);
                return Err(Error::unreadable(what));
            }
        }
        Ok(())
    }

    fn binary(&mut self, left: &Expression, symbol: &str, value: &Value) -> Result<(), Error> {
        let Compared { sql, form } = self.compared(left);
        let place = self.place(value, left.kind(), form)?;
        self.push(format_args!("{sql} {symbol} {place}"));
        Ok(())
    }

    /// A value's place, as the other side of what is compared in that form.
    fn place(&mut self, value: &Value, kind: Type, form: Form) -> Result<String, Error> {
        if form != Form::Native {
            let parameter = parameter(value, form)?;
            return Ok(self.statement.bind(parameter));
        }
        Ok(match value {
            Value::Integer(integer) => self.statement.bind(Parameter::Integer(i64::from(*integer))),
            Value::Bigint(integer) => self.statement.bind(Parameter::Integer(*integer)),
            Value::Text(text) => self.statement.bind(Parameter::Text(text.to_string())),
            other => {
                let place = self.statement.bind(Parameter::Text(text(other)?));
                format!("{place}::{}", kind.name())
            }
        })
    }

    fn is_boolean(&mut self, left: &Expression, value: bool) {
        let sql = self.value(left);
        match (self.dialect, left) {
            (Dialect::Postgres, _) => self.push(format_args!("{sql} IS {value}")),
            (Dialect::Sqlite, Expression::Column(_)) => {
                self.push(format_args!("{sql} IS {}", u8::from(value)));
            }
            (Dialect::Sqlite, _) => self.push(format_args!("{sql} IS '{value}'")),
        }
    }

    /// The list is one parameter: its length does not change the statement, nor meet a limit of parameters.
    fn is_in(&mut self, left: &Expression, values: &[Value]) -> Result<(), Error> {
        if values.is_empty() {
            // Unknown for NULL, as PostgreSQL's `= ANY ('{}')` is not: it is false.
            return self.joined(&[], "", false);
        }
        let Compared { sql, form } = self.compared(left);
        if form != Form::Native {
            let values = values.iter().map(|value| parameter(value, form)).collect::<Result<Vec<_>, _>>()?;
            let element = match values.first() {
                Some(Parameter::Bytes(_)) => "unhex(value)",
                _ => "value",
            };
            let values: JsonValue = values.into_iter().map(json_element).collect();
            let place = self.statement.bind(Parameter::Text(values.to_string()));
            self.push(format_args!("{sql} IN (SELECT {element} FROM json_each({place}))"));
            return Ok(());
        }
        let kind = left.kind();
        let Some(element) = Element::of(kind) else {
            let mut places = Vec::with_capacity(values.len());
            for value in values {
                places.push(self.place(value, kind, form)?);
            }
            self.push(format_args!("{sql} IN ({})", places.join(", ")));
            return Ok(());
        };
        let list = text(&Value::array(element, values.to_vec()))?;
        let place = self.statement.bind(Parameter::Text(list));
        self.push(format_args!("{sql} = ANY ({place}::{})", Type::Array(element).name()));
        Ok(())
    }

    /// The keys are one parameter, too.
    fn key_in(&mut self, keys: &[Vec<u8>]) {
        if let [key] = keys {
            let place = self.statement.bind(Parameter::Bytes(key.clone()));
            let own = self.row_key();
            return self.push(format_args!("{own} = {place}"));
        }
        let (list, from): (Vec<String>, _) = match self.dialect {
            Dialect::Sqlite => {
                (keys.iter().map(|key| format!("\"{}\"", hexadecimal::encode(key))).collect(), "[]")
            }
            Dialect::Postgres => {
                (keys.iter().map(|key| format!("\"\\\\x{}\"", hexadecimal::encode(key))).collect(), "{}")
            }
        };
        let list = format!("{}{}{}", &from[..1], list.join(","), &from[1..]);
        let place = self.statement.bind(Parameter::Text(list));
        self.push(match self.dialect {
            Dialect::Sqlite => format!("_key IN (SELECT unhex(value) FROM json_each({place}))"),
            Dialect::Postgres => format!("_key = ANY ({place}::bytea[])"),
        });
    }

    fn like(&mut self, left: &Expression, pattern: &str, ignore_case: bool) -> Result<(), Error> {
        let sql = self.compared(left).sql;
        let (operator, after, pattern) = match (self.dialect, ignore_case) {
            (Dialect::Postgres, false) => ("LIKE", "", pattern.to_owned()),
            (Dialect::Postgres, true) => ("ILIKE", "", pattern.to_owned()),
            // SQLite's LIKE folds ASCII letters and no others, as PostgreSQL's ILIKE does under collation C.
            (Dialect::Sqlite, true) => ("LIKE", " ESCAPE '\\'", like::checked(pattern.to_owned())?),
            (Dialect::Sqlite, false) => ("GLOB", "", like::glob(pattern)?),
        };
        let place = self.statement.bind(Parameter::Text(pattern));
        self.push(format_args!("{sql} {operator} {place}{after}"));
        Ok(())
    }

    fn matches(&mut self, left: &Expression, pattern: &str, ignore_case: bool) {
        let sql = self.compared(left).sql;
        let place = self.statement.bind(Parameter::Text(pattern.to_owned()));
        match self.dialect {
            Dialect::Postgres => {
                let operator = if ignore_case { "~*" } else { "~" };
                self.push(format_args!("{sql} {operator} {place}"));
            }
            Dialect::Sqlite => {
                self.push(format_args!("{}({sql}, {place}, {})", sqlite::MATCH, u8::from(ignore_case)));
            }
        }
    }

    fn collections(&mut self, left: &Expression, value: &Value, how: Collections) -> Result<(), Error> {
        let (sql, kind) = (self.value(left), left.kind());
        let place = self.statement.bind(Parameter::Text(text(value)?));
        match self.dialect {
            Dialect::Postgres => {
                let operator = match how {
                    Collections::Contains => "@>",
                    Collections::Contained => "<@",
                    Collections::Overlap => "&&",
                };
                self.push(format_args!("{sql} {operator} {place}::{}", kind.name()));
            }
            Dialect::Sqlite => {
                let (function, first, second) = match how {
                    Collections::Contains => (sqlite::CONTAINS, sql, place),
                    Collections::Contained => (sqlite::CONTAINS, place, sql),
                    Collections::Overlap => (sqlite::OVERLAPS, sql, place),
                };
                self.push(format_args!("{function}('{}', {first}, {second})", kind.name()));
            }
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Collections {
    Contains,
    Contained,
    Overlap,
}

fn json_element(parameter: Parameter) -> JsonValue {
    match parameter {
        Parameter::Integer(integer) => integer.into(),
        Parameter::Text(text) => text.into(),
        Parameter::Bytes(bytes) => hexadecimal::encode(&bytes).into(),
    }
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

fn text(value: &Value) -> Result<String, Error> {
    to_text(value).ok_or_else(|| Error::unreadable("a NULL where a value was expected"))
}

/// A value as SQLite's columns hold it, or as bytes.
fn parameter(value: &Value, form: Form) -> Result<Parameter, Error> {
    Ok(match value {
        Value::Null => return Err(Error::unreadable("a NULL where a value was expected")),
        Value::Boolean(boolean) if form == Form::Stored => Parameter::Integer(i64::from(*boolean)),
        Value::Integer(integer) if form == Form::Stored => Parameter::Integer(i64::from(*integer)),
        Value::Bigint(integer) if form == Form::Stored => Parameter::Integer(*integer),
        Value::Date(date) if form == Form::Stored => Parameter::Integer(i64::from(date.0)),
        Value::Timestamptz(timestamp) if form == Form::Stored => Parameter::Integer(timestamp.0),
        Value::Text(text) if form == Form::Stored => Parameter::Text(text.to_string()),
        Value::Uuid(_) if form == Form::Stored => Parameter::Text(text(value)?),
        _ => {
            let mut bytes = Vec::new();
            encode_key_value(value, &mut bytes);
            Parameter::Bytes(bytes)
        }
    })
}
