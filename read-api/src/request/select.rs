//! `select=order_id,customer:customer_name,lines->0->>product,total::text,total.sum(),*`.

use super::parser::{self, Parsed, Parser};
use super::{Selected, item, name};
use crate::Error;

/// The selected items in order; none for an empty text.
pub(super) fn parse(text: &str) -> Result<Vec<Selected>, Error> {
    parser::parse("select parameter", text, items)
}

fn items(parser: &mut Parser<'_>) -> Parsed<Vec<Selected>> {
    let separator = |parser: &mut Parser<'_>| {
        parser.blanks();
        parser.word(",")?;
        parser.blanks();
        Ok(())
    };
    let items = parser.optional(|parser| parser.separated(selected, separator))?;
    Ok(items.unwrap_or_default())
}

fn selected(parser: &mut Parser<'_>) -> Parsed<Selected> {
    let embedded = |parser: &mut Parser<'_>, relation: String| {
        parser.word("(")?;
        parser.nested(items)?;
        parser.word(")")?;
        Ok(Selected::Embedded { relation })
    };
    parser.or(
        |parser| {
            let relation = parser.attempt(spread)?;
            embedded(parser, relation)
        },
        |parser| {
            parser.or(
                |parser| {
                    let relation = parser.attempt(relation)?;
                    embedded(parser, relation)
                },
                column,
            )
        },
    )
}

/// `...relation(…)`.
fn spread(parser: &mut Parser<'_>) -> Parsed<String> {
    parser.blanks();
    parser.word("...")?;
    let relation = name::name(parser)?;
    embedding_parameters(parser)?;
    parser.ahead(|parser| parser.word("("))?;
    Ok(relation)
}

/// `alias:relation!hint!inner(…)`, but not `count()`.
fn relation(parser: &mut Parser<'_>) -> Parsed<String> {
    parser.blanks();
    name::alias(parser)?;
    let relation = name::name(parser)?;
    if relation == "count" {
        return Err(parser::Unfit);
    }
    embedding_parameters(parser)?;
    parser.blanks();
    parser.ahead(|parser| parser.word("("))?;
    Ok(relation)
}

fn embedding_parameters(parser: &mut Parser<'_>) -> Parsed<()> {
    for _ in 0..2 {
        parser.optional(|parser| {
            parser.word("!")?;
            name::name(parser)
        })?;
    }
    Ok(())
}

fn column(parser: &mut Parser<'_>) -> Parsed<Selected> {
    parser.blanks();
    let all = |parser: &mut Parser<'_>| {
        parser.word("*")?;
        parser.blanks();
        end(parser)?;
        Ok(Selected::All)
    };
    let count = |parser: &mut Parser<'_>| {
        let alias = name::alias(parser)?;
        let mut item = item::count_of_rows(parser)?;
        item.aggregate_cast = item::cast(parser)?;
        parser.blanks();
        end(parser)?;
        Ok(Selected::Item { item, alias })
    };
    let item = |parser: &mut Parser<'_>| {
        let alias = name::alias(parser)?;
        let item = item::selected(parser)?;
        parser.blanks();
        end(parser)?;
        Ok(Selected::Item { item, alias })
    };
    parser.or(|parser| parser.attempt(all), |parser| parser.or(|parser| parser.attempt(count), item))
}

fn end(parser: &mut Parser<'_>) -> Parsed<()> {
    for end in [")", ","] {
        if parser.attempt(|parser| parser.ahead(|parser| parser.word(end))).is_ok() {
            return Ok(());
        }
    }
    parser.end()
}
