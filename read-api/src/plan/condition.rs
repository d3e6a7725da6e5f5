//! A filter with its column found and its value read as the column's type.

use prejoin_model::{Element, Type, Value, from_text};

use super::{Condition, find, not_yet, plain_field};
use crate::Error;
use crate::catalog::{Column, View};
use crate::request::{Field, IsWord, Logic, Operation};

pub(super) fn plan(view: &View, logic: &Logic<Field>) -> Result<Condition, Error> {
    let Logic::Filter(filter) = logic else { return Err(not_yet("The parameters 'and' and 'or' are")) };
    let column = view.columns[find(view, plain_field(&filter.subject)?)?].clone();
    let condition = match &filter.operation {
        Operation::Compare { comparison, quantifier: None, value: text } => {
            let value = value(&column, text)?;
            Condition::Compare { column, comparison: *comparison, value }
        }
        Operation::In(texts) => {
            let values = texts.iter().map(|text| value(&column, text)).collect::<Result<_, _>>()?;
            Condition::In { column, values }
        }
        Operation::Is(word) => is(column, *word)?,
        Operation::Like { pattern, ignore_case, quantifier: None } => like(column, pattern, *ignore_case)?,
        _ => return Err(not_yet("This operator is")),
    };
    Ok(if filter.negated { Condition::Not(Box::new(condition)) } else { condition })
}

fn value(column: &Column, text: &str) -> Result<Value, Error> {
    from_text(column.kind, text).map_err(|error| Error::does_not_fit(sqlstate(&error.0), error.0))
}

/// The SQLSTATE that PostgreSQL gives with a message about a value's text.
fn sqlstate(message: &str) -> &'static str {
    let of_a_time = message.contains(" type date:") || message.contains(" type timestamp");
    if message.starts_with("invalid input syntax") {
        if of_a_time { "22007" } else { "22P02" }
    } else if message.starts_with("date/time field value out of range")
        || message.starts_with("date out of range")
        || message.starts_with("timestamp out of range")
    {
        "22008"
    } else if message.starts_with("time zone displacement out of range") {
        "22009"
    } else if message.starts_with("time zone ") {
        "22023"
    } else if message.starts_with("unsupported Unicode escape sequence") {
        "22P05"
    } else if message.contains("out of range") || message.contains("overflow") {
        "22003"
    } else {
        "22P02"
    }
}

fn is(column: Column, word: IsWord) -> Result<Condition, Error> {
    let of_boolean = |shown: &str| match column.kind {
        Type::Boolean => Ok(()),
        kind => {
            let message =
                format!("argument of IS {shown} must be type boolean, not type {}", long_name(kind));
            Err(Error::does_not_fit("42804", message))
        }
    };
    match word {
        IsWord::Null => {}
        IsWord::NotNull => return Ok(Condition::IsNotNull(column)),
        IsWord::True => {
            of_boolean("TRUE")?;
            return Ok(Condition::IsBoolean { column, value: true });
        }
        IsWord::False => {
            of_boolean("FALSE")?;
            return Ok(Condition::IsBoolean { column, value: false });
        }
        IsWord::Unknown => of_boolean("UNKNOWN")?,
    }
    Ok(Condition::IsNull(column))
}

fn like(column: Column, pattern: &str, ignore_case: bool) -> Result<Condition, Error> {
    if column.kind != Type::Text {
        return Err(Error::missing_operator(long_name(column.kind), if ignore_case { "~~*" } else { "~~" }));
    }
    let pattern = pattern.replace('*', "%");
    let escapes = pattern.len() - pattern.trim_end_matches('\\').len();
    if escapes % 2 == 1 {
        return Err(Error::does_not_fit("22025", "LIKE pattern must not end with escape character"));
    }
    Ok(Condition::Like { column, pattern, ignore_case })
}

/// The type as PostgreSQL's messages write it.
fn long_name(kind: Type) -> &'static str {
    match kind {
        Type::Timestamptz => "timestamp with time zone",
        Type::Array(Element::Timestamptz) => "timestamp with time zone[]",
        other => other.name(),
    }
}
