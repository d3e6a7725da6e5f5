//! Names and what they lead to: `order_id`, `"with, comma"`, `address->lines->>0`, `customer:customer_name`.

use super::parser::{Parsed, Parser};
use super::{Field, JsonOperand, JsonStep};

/// A column's name.
pub(super) fn name(parser: &mut Parser<'_>) -> Parsed<String> {
    parser.described("field name (* or [a..z0..9_$])", |parser| {
        parser.or(quoted, |parser| joined_by_dashes(parser, |parser| Ok(identifier(parser)?.to_owned())))
    })
}

/// Letters, digits, `_`, `$` and blanks, without the blanks around them.
pub(super) fn identifier<'a>(parser: &mut Parser<'a>) -> Parsed<&'a str> {
    let fits = |character: char| {
        character.is_alphabetic() || character.is_ascii_digit() || matches!(character, '_' | ' ' | '$')
    };
    Ok(parser.characters1(fits, &["letter", "digit"])?.trim())
}

/// Text in double quotes, `\` before a character that stands for itself.
pub(super) fn quoted(parser: &mut Parser<'_>) -> Parsed<String> {
    parser.word("\"")?;
    let mut text = String::new();
    loop {
        text.push_str(parser.characters(|character| !matches!(character, '"' | '\\')));
        if parser.rest().starts_with('\\') {
            parser.word("\\")?;
            text.push(parser.character(|_| true)?);
        } else {
            parser.or(|parser| parser.word("\\"), |parser| parser.word("\""))?;
            return Ok(text);
        }
    }
}

fn joined_by_dashes(
    parser: &mut Parser<'_>,
    part: impl Fn(&mut Parser<'_>) -> Parsed<String>,
) -> Parsed<String> {
    let dash = |parser: &mut Parser<'_>| {
        parser.attempt(|parser| {
            parser.word("-")?;
            parser.not_followed_by(|character| character == '>', Some(">"))
        })
    };
    Ok(parser.separated(part, dash)?.join("-"))
}

/// A name and a path into its json.
pub(super) fn field(parser: &mut Parser<'_>) -> Parsed<Field> {
    parser.blanks();
    let column = name(parser)?;
    let path = path(parser)?;
    parser.blanks();
    Ok(Field { column, path })
}

/// `->address->>city`, or nothing.
pub(super) fn path(parser: &mut Parser<'_>) -> Parsed<Vec<JsonStep>> {
    parser.many(|parser| {
        let as_text = parser.or(
            |parser| parser.attempt(|parser| parser.word("->>")).map(|()| true),
            |parser| parser.attempt(|parser| parser.word("->")).map(|()| false),
        )?;
        let operand = parser.or(
            |parser| parser.attempt(index),
            |parser| parser.attempt(|parser| Ok(JsonOperand::Key(key(parser)?))),
        )?;
        Ok(JsonStep { operand, as_text })
    })
}

/// An element's number: only where nothing but digits stands.
fn index(parser: &mut Parser<'_>) -> Parsed<JsonOperand> {
    let sign = parser.optional(|parser| parser.word("-"))?.map_or("+", |()| "-");
    let digits = parser.characters1(|character| character.is_ascii_digit(), &["digit"])?;
    for end in ["->", "::", ".", ","] {
        if parser.attempt(|parser| parser.ahead(|parser| parser.word(end))).is_ok() {
            return Ok(JsonOperand::Index(format!("{sign}{digits}")));
        }
    }
    parser.end()?;
    Ok(JsonOperand::Index(format!("{sign}{digits}")))
}

fn key(parser: &mut Parser<'_>) -> Parsed<String> {
    parser.described("any non reserved character different from: .,>()", |parser| {
        parser.or(quoted, |parser| {
            joined_by_dashes(parser, |parser| {
                let reserved = |character| matches!(character, '(' | '-' | ':' | '.' | ',' | '>' | ')');
                Ok(parser.characters1(|character| !reserved(character), &[])?.trim().to_owned())
            })
        })
    })
}

/// `alias:`, which `::` is not.
pub(super) fn alias(parser: &mut Parser<'_>) -> Parsed<Option<String>> {
    parser.optional(|parser| {
        parser.attempt(|parser| {
            let alias = name(parser)?;
            parser.word(":")?;
            parser.not_followed_by(|character| character == ':', Some(":"))?;
            Ok(alias)
        })
    })
}
