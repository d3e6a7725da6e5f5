//! What a column, a bucket of time or an aggregate is called by: `total`, `placed_at.date_trunc(day)`, `total.sum()`,
//! `count()`. Buckets are not PostgREST's.

use super::parser::{self, Parsed, Parser, Unfit};
use super::{Aggregate, BucketUnit, Item, name};
use crate::Error;

const AGGREGATES: [(&str, Aggregate); 5] = [
    ("sum", Aggregate::Sum),
    ("avg", Aggregate::Average),
    ("count", Aggregate::Count),
    ("max", Aggregate::Maximum),
    ("min", Aggregate::Minimum),
];

const UNITS: &str = "unit (microseconds, milliseconds, second, minute, hour, day, week, month, quarter, year, decade, century, millennium)";

/// With casts, where a select has them.
pub(super) fn selected(parser: &mut Parser<'_>) -> Parsed<Item> {
    let field = name::field(parser)?;
    let cast = cast(parser)?;
    let bucket = bucket(parser)?;
    let aggregate = parser.optional(|parser| parser.attempt(aggregate))?;
    let aggregate_cast = self::cast(parser)?;
    Ok(Item { field: Some(field), cast, bucket, aggregate, aggregate_cast })
}

/// `count()`: of rows, not of a column's values.
pub(super) fn count_of_rows(parser: &mut Parser<'_>) -> Parsed<Item> {
    parser.word("count()")?;
    Ok(Item { aggregate: Some(Aggregate::Count), ..Item::default() })
}

/// Without casts: in an order or a condition on groups.
pub(super) fn plain(parser: &mut Parser<'_>) -> Parsed<Item> {
    if let Some(count) = parser.quietly(count_of_rows) {
        return Ok(count);
    }
    let field = name::field(parser)?;
    let bucket = bucket(parser)?;
    let aggregate = parser.quietly(aggregate);
    Ok(Item { field: Some(field), bucket, aggregate, ..Item::default() })
}

pub(super) fn cast(parser: &mut Parser<'_>) -> Parsed<Option<String>> {
    parser.optional(|parser| {
        parser.word("::")?;
        Ok(name::identifier(parser)?.to_owned())
    })
}

fn aggregate(parser: &mut Parser<'_>) -> Parsed<Aggregate> {
    parser.word(".")?;
    for (function, aggregate) in AGGREGATES {
        if parser.attempt(|parser| parser.word(function)).is_ok() {
            parser.word("()")?;
            return Ok(aggregate);
        }
    }
    Err(Unfit)
}

/// Once the function is named, its unit must be known.
fn bucket(parser: &mut Parser<'_>) -> Parsed<Option<BucketUnit>> {
    if parser.quietly(|parser| parser.word(".date_trunc(")).is_none() {
        return Ok(None);
    }
    let unit = parser.described(UNITS, |parser| {
        for unit in BucketUnit::ALL {
            if parser.attempt(|parser| parser.word(unit.name())).is_ok() {
                return Ok(unit);
            }
        }
        Err(Unfit)
    })?;
    parser.word(")")?;
    Ok(Some(unit))
}

/// `(customer_id,placed_at.date_trunc(day))`.
pub(super) fn group_by(text: &str) -> Result<Vec<Item>, Error> {
    parser::parse("groupby", text, |parser| {
        parser.word("(")?;
        let items = parser.separated(
            |parser| {
                let field = name::field(parser)?;
                let bucket = bucket(parser)?;
                parser.blanks();
                Ok(Item { field: Some(field), bucket, ..Item::default() })
            },
            |parser| parser.word(","),
        )?;
        parser.word(")")?;
        Ok(items)
    })
}
