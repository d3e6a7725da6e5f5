//! `order=placed_at.desc.nullslast,order_id`.

use super::cursor::Cursor;
use super::{OrderTerm, name, not_embedded};
use crate::Error;

pub(super) fn parse(text: &str) -> Result<Vec<OrderTerm>, Error> {
    let mut cursor = Cursor::new("order", text);
    let mut terms = Vec::new();
    loop {
        cursor.skip_blanks();
        terms.push(term(&mut cursor)?);
        if cursor.at_end() {
            return Ok(terms);
        }
        if !cursor.eat(",") {
            return Err(cursor.expected("\",\" or end of input"));
        }
    }
}

fn term(cursor: &mut Cursor<'_>) -> Result<OrderTerm, Error> {
    let column = name::parse(cursor, name::FIELD_NAME)?;
    name::refuse_json_path(cursor, &column)?;
    if cursor.rest().starts_with('(') && cursor.rest().contains(')') {
        return Err(not_embedded(&column.text));
    }
    let mut term = OrderTerm { column: column.text.clone(), descending: false, nulls_first: None };
    if ends(cursor) {
        return Ok(term);
    }
    if !cursor.eat(".") {
        let following = column.expecting("\"->>\", \"->\", delimiter (.), \",\" or end of input");
        return Err(cursor.expected(&following));
    }
    if let Some(descending) = direction(cursor) {
        term.descending = descending;
        if ends(cursor) {
            return Ok(term);
        }
        if !cursor.eat(".") {
            return Err(cursor.expected("delimiter (.), \",\" or end of input"));
        }
        term.nulls_first = nulls(cursor);
        if term.nulls_first.is_none() {
            return Err(cursor.expected_word("nullsfirst", "\"nullsfirst\" or \"nullslast\""));
        }
    } else {
        term.nulls_first = nulls(cursor);
        if term.nulls_first.is_none() {
            return Err(cursor.expected_word("asc", "\"asc\", \"desc\", \"nullsfirst\" or \"nullslast\""));
        }
    }
    Ok(term)
}

fn ends(cursor: &Cursor<'_>) -> bool {
    matches!(cursor.peek(), None | Some(','))
}

fn direction(cursor: &mut Cursor<'_>) -> Option<bool> {
    if cursor.eat("asc") {
        return Some(false);
    }
    cursor.eat("desc").then_some(true)
}

fn nulls(cursor: &mut Cursor<'_>) -> Option<bool> {
    if cursor.eat("nullsfirst") {
        return Some(true);
    }
    cursor.eat("nullslast").then_some(false)
}
