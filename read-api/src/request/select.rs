//! `select=order_id,customer:customer_name,*`.

use super::cursor::Cursor;
use super::{Selected, name};
use crate::Error;

const AFTER_NAME: &str = "\"->>\", \"->\", \"::\", \".\", \")\", \",\" or end of input";
const AGGREGATES: [&str; 5] = ["sum", "avg", "count", "max", "min"];

/// The selected items in order; none for an empty text.
pub(super) fn parse(text: &str) -> Result<Vec<Selected>, Error> {
    let mut cursor = Cursor::new("select parameter", text);
    let mut selected = Vec::new();
    if cursor.at_end() {
        return Ok(selected);
    }
    loop {
        cursor.skip_blanks();
        selected.push(item(&mut cursor)?);
        cursor.skip_blanks();
        if cursor.at_end() {
            return Ok(selected);
        }
        if !cursor.eat(",") {
            return Err(cursor.expected("\",\" or end of input"));
        }
    }
}

fn item(cursor: &mut Cursor<'_>) -> Result<Selected, Error> {
    if cursor.rest().starts_with("...") {
        return Err(embedding());
    }
    if cursor.eat("*") {
        cursor.skip_blanks();
        let ends = matches!(cursor.peek(), None | Some(','));
        return if ends { Ok(Selected::All) } else { Err(cursor.expected("\")\", \",\" or end of input")) };
    }
    let starting = format!("\"...\", {}, \"*\" or \"count()\"", name::FIELD_NAME);
    let mut column = name::parse(cursor, &starting)?;
    let mut alias = None;
    if cursor.rest().starts_with(':') && !cursor.rest().starts_with("::") {
        cursor.eat(":");
        cursor.skip_blanks();
        alias = Some(std::mem::replace(&mut column, name::parse(cursor, name::FIELD_NAME)?).text);
    }
    refuse_unsupported(cursor, &column)?;
    match cursor.peek() {
        None | Some(',') => Ok(Selected::Column { name: column.text, alias }),
        Some(_) => Err(cursor.expected(&column.expecting(AFTER_NAME))),
    }
}

/// What may follow a name in PostgREST's grammar and is not answered here.
fn refuse_unsupported(cursor: &mut Cursor<'_>, column: &name::Name) -> Result<(), Error> {
    let not_implemented = |reason: String| Err(Error::NotImplemented { reason });
    name::refuse_json_path(cursor, column)?;
    let rest = cursor.rest();
    if rest.starts_with("()") && column.text == "count" {
        return not_implemented("Aggregates ('count()') are not supported yet.".to_owned());
    }
    if rest.starts_with('(') || (rest.starts_with('!') && rest.contains('(')) {
        return Err(embedding());
    }
    if cursor.eat("::") {
        let target = cursor
            .take_while(|character| character.is_alphanumeric() || matches!(character, '_' | ' ' | '$'));
        return match target {
            "" => Err(cursor.expected("letter or digit")),
            _ => not_implemented(format!("Casts ('{}::{target}') are not supported yet.", column.text)),
        };
    }
    if cursor.eat(".") {
        let Some(function) = AGGREGATES.into_iter().find(|function| cursor.rest().starts_with(function))
        else {
            return Err(cursor.expected("\"sum\", \"avg\", \"count\", \"max\" or \"min\""));
        };
        cursor.eat(function);
        return match cursor.eat("()") {
            true => {
                not_implemented(format!("Aggregates ('{}.{function}()') are not supported yet.", column.text))
            }
            false => Err(cursor.expected_word("()", "\"()\"")),
        };
    }
    Ok(())
}

fn embedding() -> Error {
    let reason = "Embedding other resources is not supported: a view already holds its joins.";
    Error::NotImplemented { reason: reason.to_owned() }
}
