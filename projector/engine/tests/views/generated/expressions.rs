//! Made-up expressions of a type over some columns.

use super::{Column, Kind};
use crate::random::Random;

const DEPTH_MAX: usize = 3;

/// An expression of the type; it never fails to be computed.
pub(super) fn expression(kind: Kind, columns: &[Column], random: &mut Random) -> String {
    at_depth(kind, columns, 0, random)
}

pub(super) fn condition(columns: &[Column], random: &mut Random) -> String {
    expression(Kind::Boolean, columns, random)
}

/// Equal values print alike: what is compared, grouped or sorted needs it, for PostgreSQL leaves open which one it shows.
pub(super) fn comparable(kind: Kind, columns: &[Column], random: &mut Random) -> String {
    let of = expression(kind, columns, random);
    match kind {
        Kind::Numeric => format!("round({of}, 4)"),
        _ => of,
    }
}

fn at_depth(kind: Kind, columns: &[Column], depth: usize, random: &mut Random) -> String {
    let known: Vec<&Column> = columns.iter().filter(|column| column.kind == kind).collect();
    if depth >= DEPTH_MAX || random.below(5) < 2 {
        return match known.is_empty() || random.below(8) == 0 {
            true => literal(kind, random),
            false => known[random.below(known.len())].sql.clone(),
        };
    }
    let mut part = |kind: Kind| at_depth(kind, columns, depth + 1, random);
    let parts = [part(kind), part(kind)];
    let [text, number, truth, array] =
        [part(Kind::Text), part(Kind::Bigint), part(Kind::Boolean), part(Kind::Texts)];
    let [left, right] = parts;
    let other = random.pick(&[Kind::Text, Kind::Bigint, Kind::Numeric, Kind::Date, Kind::Texts]);
    let sides = [at_depth(other, columns, depth + 1, random), at_depth(other, columns, depth + 1, random)];
    let choice = random.below(7);
    match (kind, choice) {
        (_, 0) => format!("coalesce({left}, {right})"),
        (_, 1) => format!("CASE WHEN {truth} THEN {left} ELSE {right} END"),
        (Kind::Text, 2) => format!("({left} || {right})"),
        (Kind::Text, 3) => format!("upper({left})"),
        (Kind::Text, 4) => format!("({number})::text"),
        (Kind::Text, 5) => format!("({array})[1]"),
        (Kind::Text, _) => format!("nullif({left}, {right})"),
        (Kind::Bigint, 2) => format!("({left} + {right})"),
        (Kind::Bigint, 3) => format!("({left} - 1)"),
        (Kind::Bigint, 4) => format!("length({text})::bigint"),
        (Kind::Bigint, 5) => format!("cardinality({array})::bigint"),
        (Kind::Bigint, _) => format!("greatest({left}, {right})"),
        (Kind::Numeric, 2) => format!("({left} + {right})"),
        (Kind::Numeric, 3) => format!("({number})::numeric"),
        (Kind::Numeric, 4) => format!("round({left}, 1)"),
        (Kind::Numeric, _) => format!("({left} * 1.5)"),
        (Kind::Date, 2) => format!("({left} + 1)"),
        (Kind::Date, _) => format!("least({left}, {right})"),
        (Kind::Texts, 2) => format!("ARRAY[{text}]"),
        (Kind::Texts, 3 | 4) => format!("ARRAY[{text}, upper({text}), 'k1']"),
        (Kind::Texts, _) => format!("nullif({left}, {right})"),
        (Kind::Boolean, 5) => format!("({text} = ANY ({array}))"),
        (Kind::Boolean, 2) => format!("({left} AND {right})"),
        (Kind::Boolean, 3) => format!("NOT ({left} OR {right})"),
        (Kind::Boolean, 4) => format!("({} IS DISTINCT FROM {})", sides[0], sides[1]),
        (Kind::Boolean, _) => {
            let operator = random.pick(&["=", "<>", "<", ">="]);
            format!("({} {operator} {})", sides[0], sides[1])
        }
    }
}

fn literal(kind: Kind, random: &mut Random) -> String {
    match kind {
        Kind::Text => random.pick(&["'k1'", "'k2'", "''", "NULL::text"]),
        Kind::Bigint => random.pick(&["0::bigint", "2::bigint", "-1::bigint", "NULL::bigint"]),
        Kind::Numeric => random.pick(&["0.5", "2::numeric", "NULL::numeric"]),
        Kind::Boolean => random.pick(&["true", "false", "NULL::boolean"]),
        Kind::Date => random.pick(&["'2024-02-29'::date", "NULL::date"]),
        Kind::Texts => random.pick(&["'{k1,NULL}'::text[]", "'{}'::text[]", "NULL::text[]"]),
    }
    .to_owned()
}
