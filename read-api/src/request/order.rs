//! `order=placed_at.desc.nullslast,address->>city,total.sum().desc`.

use super::parser::{self, Parsed, Parser, Unfit};
use super::{Item, OrderTerm, item, name, not_embedded};
use crate::Error;

pub(super) fn parse(text: &str) -> Result<Vec<OrderTerm>, Error> {
    let terms = parser::parse("order", text, |parser| {
        parser.separated(
            |parser| {
                parser.blanks();
                let term = parser.or(|parser| parser.attempt(related), |parser| own(parser).map(Ok))?;
                parser.blanks();
                Ok(term)
            },
            |parser| parser.word(","),
        )
    })?;
    let terms: Result<Vec<OrderTerm>, String> = terms.into_iter().collect();
    terms.map_err(|resource| not_embedded(&resource))
}

fn own(parser: &mut Parser<'_>) -> Parsed<OrderTerm> {
    let item = item::plain(parser)?;
    directed(parser, item)
}

/// A term that belongs to another resource: its name.
fn related(parser: &mut Parser<'_>) -> Parsed<Result<OrderTerm, String>> {
    let resource = name::name(parser)?;
    parser.word("(")?;
    name::field(parser)?;
    parser.word(")")?;
    directed(parser, Item::default())?;
    Ok(Err(resource))
}

fn directed(parser: &mut Parser<'_>, item: Item) -> Parsed<OrderTerm> {
    let descending = parser.optional(|parser| {
        parser.or(|parser| suffix(parser, "asc", false), |parser| suffix(parser, "desc", true))
    })?;
    let nulls_first = parser.optional(|parser| {
        parser.or(|parser| suffix(parser, "nullsfirst", true), |parser| suffix(parser, "nullslast", false))
    })?;
    end(parser)?;
    Ok(OrderTerm { item, descending: descending.unwrap_or(false), nulls_first })
}

fn suffix(parser: &mut Parser<'_>, word: &'static str, meaning: bool) -> Parsed<bool> {
    parser.attempt(|parser| {
        parser.delimiter()?;
        parser.word(word)?;
        Ok(meaning)
    })
}

fn end(parser: &mut Parser<'_>) -> Parsed<()> {
    let comma = |parser: &mut Parser<'_>| parser.attempt(|parser| parser.ahead(|parser| parser.word(",")));
    match comma(parser) {
        Ok(()) => Ok(()),
        Err(Unfit) => parser.end(),
    }
}
