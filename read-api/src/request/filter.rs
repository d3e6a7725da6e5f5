//! `total=gte.100`, `status=not.in.(paid,"on hold")`, `paid_at=is.null`.

use super::cursor::Cursor;
use super::{Comparison, Filter, IsWord, Operation, name, not_embedded};
use crate::Error;

const OPERATOR: &str = "operator (eq, gt, ...)";

/// Every operator of PostgREST's grammar; a longer one stands before its own beginnings.
const OPERATORS: [&str; 25] = [
    "isdistinct",
    "imatch",
    "plfts",
    "phfts",
    "ilike",
    "match",
    "wfts",
    "like",
    "neq",
    "nxr",
    "nxl",
    "adj",
    "fts",
    "gte",
    "lte",
    "eq",
    "gt",
    "lt",
    "in",
    "is",
    "cs",
    "cd",
    "ov",
    "sl",
    "sr",
];

const IS_WORDS: [(&str, IsWord); 5] = [
    ("not_null", IsWord::NotNull),
    ("null", IsWord::Null),
    ("true", IsWord::True),
    ("false", IsWord::False),
    ("unknown", IsWord::Unknown),
];

pub(super) fn parse(key: &str, text: &str) -> Result<Filter, Error> {
    let column = column(key)?;
    let mut cursor = Cursor::new("filter", text);
    let negated = negation(&mut cursor)?;
    let operation = operation(&mut cursor, negated)?;
    Ok(Filter { column, negated, operation })
}

fn column(key: &str) -> Result<String, Error> {
    let mut cursor = Cursor::new("tree path", key);
    let mut column = name::parse(&mut cursor, name::FIELD_NAME)?;
    let mut embedded_in = None;
    while cursor.eat(".") {
        let outer = std::mem::replace(&mut column, name::parse(&mut cursor, name::FIELD_NAME)?);
        embedded_in.get_or_insert(outer.text);
    }
    name::refuse_json_path(&cursor, &column)?;
    match (cursor.at_end(), embedded_in) {
        (false, _) => {
            Err(cursor.expected(&column.expecting("delimiter (.), \"->>\", \"->\" or end of input")))
        }
        (true, Some(resource)) => Err(not_embedded(&resource)),
        (true, None) => Ok(column.text),
    }
}

fn negation(cursor: &mut Cursor<'_>) -> Result<bool, Error> {
    if cursor.eat("not.") {
        return Ok(true);
    }
    if cursor.eat("not") {
        return Err(cursor.expected("delimiter (.)"));
    }
    Ok(false)
}

fn operation(cursor: &mut Cursor<'_>, negated: bool) -> Result<Operation, Error> {
    let Some(operator) = OPERATORS.iter().find(|operator| cursor.eat(operator)) else {
        return Err(match negated {
            true => cursor.expected_word("in", OPERATOR),
            false => cursor.expected_word("not", &format!("\"not\" or {OPERATOR}")),
        });
    };
    refuse_quantifier(cursor, operator)?;
    if !cursor.eat(".") {
        return Err(cursor.expected(OPERATOR));
    }
    let value = cursor.rest().to_owned();
    let comparison = match *operator {
        "in" => return Ok(Operation::In(list(cursor)?)),
        "is" => return Ok(Operation::Is(is_word(cursor)?)),
        "like" | "ilike" => {
            return Ok(Operation::Like { pattern: value, ignore_case: *operator == "ilike" });
        }
        "eq" => Comparison::Equal,
        "neq" => Comparison::NotEqual,
        "lt" => Comparison::Less,
        "lte" => Comparison::LessOrEqual,
        "gt" => Comparison::Greater,
        "gte" => Comparison::GreaterOrEqual,
        other => {
            let reason = format!("The operator '{other}' is not supported yet.");
            return Err(Error::NotImplemented { reason });
        }
    };
    Ok(Operation::Compare(comparison, value))
}

/// `eq(any).{1,2}` and `fts(english).word`.
fn refuse_quantifier(cursor: &Cursor<'_>, operator: &str) -> Result<(), Error> {
    let quantifiable =
        matches!(operator, "eq" | "gt" | "gte" | "lt" | "lte" | "like" | "ilike" | "match" | "imatch");
    let after = cursor.rest();
    let reason = if quantifiable && (after.starts_with("(any).") || after.starts_with("(all).")) {
        format!("The quantifier in '{operator}{}' is not supported yet.", &after[..5])
    } else if operator.ends_with("fts") && after.starts_with('(') {
        format!("The operator '{operator}' is not supported yet.")
    } else {
        return Ok(());
    };
    Err(Error::NotImplemented { reason })
}

/// `(1,2,"a,b")`. One empty element, `()`, is the empty list.
fn list(cursor: &mut Cursor<'_>) -> Result<Vec<String>, Error> {
    cursor.skip_blanks();
    if !cursor.eat("(") {
        return Err(cursor.expected("\"(\""));
    }
    cursor.skip_blanks();
    let mut elements = vec![element(cursor)];
    while cursor.eat(",") {
        elements.push(element(cursor));
    }
    if !cursor.eat(")") {
        return Err(cursor.expected("\",\" or \")\""));
    }
    cursor.skip_blanks();
    if !cursor.at_end() {
        return Err(cursor.expected("end of input"));
    }
    if elements == [""] {
        elements.clear();
    }
    Ok(elements)
}

/// Quoted, or anything up to a comma or a closing parenthesis.
fn element(cursor: &mut Cursor<'_>) -> String {
    let start = cursor.at();
    if let Some(text) = name::quoted(cursor)
        && matches!(cursor.peek(), None | Some(',' | ')'))
    {
        return text;
    }
    cursor.go_to(start);
    cursor.take_while(|character| !matches!(character, ',' | ')')).to_owned()
}

fn is_word(cursor: &mut Cursor<'_>) -> Result<IsWord, Error> {
    let rest = cursor.rest();
    let found = IS_WORDS.into_iter().find(|(word, _)| {
        rest.get(..word.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(word))
    });
    let Some((word, is)) = found else {
        let agreeing = IS_WORDS.iter().map(|(word, _)| agreeing_bytes(rest, word)).max().unwrap_or(0);
        cursor.go_to(cursor.at() + agreeing);
        return Err(cursor.expected("isVal: (null, not_null, true, false, unknown)"));
    };
    cursor.go_to(cursor.at() + word.len());
    if cursor.at_end() { Ok(is) } else { Err(cursor.expected("end of input")) }
}

/// How many ASCII bytes of both beginnings are the same, letter case aside.
fn agreeing_bytes(text: &str, word: &str) -> usize {
    text.bytes().zip(word.bytes()).take_while(|(left, right)| left.eq_ignore_ascii_case(right)).count()
}
