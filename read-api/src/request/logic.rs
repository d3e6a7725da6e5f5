//! `or=(total.gt.100,and(status.eq.paid,not.or(a.is.null,b.is.null)))`, and the same over groups:
//! `having=(count().gte.2,total.sum().gt.1000)`.

use super::parser::{self, Parsed, Parser};
use super::{Field, Filter, Item, Logic, LogicOperator, filter, item, name, not_embedded};
use crate::Error;

/// A parameter whose name ends in `and` or `or`, `not` perhaps among its parts.
pub(super) fn parse(key: &str, text: &str) -> Result<Logic<Field>, Error> {
    let mut path =
        parser::parse("logic path", key, |parser| parser.separated(name::name, Parser::delimiter))?;
    let operator = path.pop().unwrap_or_default();
    let negated = path.iter().any(|part| part == "not");
    let resource = path.into_iter().find(|part| part != "not");
    let negation = if negated { "not." } else { "" };
    // The operator stands before its list, as it does within another list.
    let whole = format!("{negation}{operator}{text}");
    let logic = parser::parse_as("logic tree", text, &whole, |parser| logic(parser, name::field))?;
    match resource {
        Some(resource) => Err(not_embedded(&resource)),
        None => Ok(logic),
    }
}

/// `(count().gte.2,or(…))`: all must hold for a group.
pub(super) fn having(text: &str) -> Result<Vec<Logic<Item>>, Error> {
    parser::parse("having", text, |parser| list(parser, item::plain))
}

fn logic<T>(parser: &mut Parser<'_>, subject: fn(&mut Parser<'_>) -> Parsed<T>) -> Parsed<Logic<T>> {
    let filter = |parser: &mut Parser<'_>| {
        parser.attempt(|parser| {
            let subject = subject(parser)?;
            parser.delimiter()?;
            let (negated, operation) = filter::operation(parser, filter::enclosed_value)?;
            Ok(Logic::Filter(Filter { subject, negated, operation }))
        })
    };
    let group = |parser: &mut Parser<'_>| {
        let negation = |parser: &mut Parser<'_>| {
            parser.attempt(|parser| {
                parser.word("not")?;
                parser.delimiter()
            })
        };
        let negated =
            parser.described("negation operator (not)", |parser| parser.optional(negation))?.is_some();
        let operator = parser.described("logic operator (and, or)", |parser| {
            let and = |parser: &mut Parser<'_>| {
                parser.attempt(|parser| parser.word("and"))?;
                Ok(LogicOperator::And)
            };
            let or = |parser: &mut Parser<'_>| {
                parser.word("or")?;
                Ok(LogicOperator::Or)
            };
            parser.or(and, or)
        })?;
        let members = list(parser, subject)?;
        Ok(Logic::Group { negated, operator, members })
    };
    parser.or(filter, group)
}

fn list<T>(parser: &mut Parser<'_>, subject: fn(&mut Parser<'_>) -> Parsed<T>) -> Parsed<Vec<Logic<T>>> {
    parser.blanks();
    parser.word("(")?;
    let members = parser.nested(|parser| {
        parser.blanks();
        let separator = |parser: &mut Parser<'_>| {
            parser.blanks();
            parser.word(",")?;
            parser.blanks();
            Ok(())
        };
        parser.separated(|parser| logic(parser, subject), separator)
    })?;
    parser.blanks();
    parser.word(")")?;
    parser.blanks();
    Ok(members)
}
