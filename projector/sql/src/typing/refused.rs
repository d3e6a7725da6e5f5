//! Expressions that are not supported, each with its reason and what to write instead.

use prejoin_model::Type;
use sqlparser::ast::{BinaryOperator, CastKind, Expr};

use super::function::refused_function;
use crate::refusal::{Checked, Place, Refusal, refuse};

pub(super) fn refuse_foreign_cast(kind: &CastKind, has_format: bool, place: Place) -> Checked<()> {
    match kind {
        CastKind::Cast | CastKind::DoubleColon if !has_format => Ok(()),
        _ => refuse(place, "this kind of cast is not PostgreSQL's", "write CAST(value AS type)"),
    }
}

/// Types that arise within expressions only.
pub(super) fn refuse_as_column(kind: Type, place: Place) -> Checked<()> {
    match kind {
        Type::Interval => refuse(
            place,
            "a column of type interval is not supported",
            "write …::text for its text, or extract(epoch FROM …) for its seconds",
        ),
        Type::Timestamp => refuse(
            place,
            "a column of type timestamp without time zone is not supported",
            "write …::date, …::timestamptz (read as UTC), to_char(…) or …::text",
        ),
        _ => Ok(()),
    }
}

pub(super) fn refused(expr: &Expr, place: Place) -> Refusal {
    let (reason, remedy) = match expr {
        Expr::AllOp { .. } => (
            "ALL over a subquery is not supported",
            "write NOT EXISTS (SELECT … WHERE …) with the opposite comparison, or NOT IN (…)",
        ),
        Expr::RLike { .. } => ("RLIKE is not PostgreSQL's", "write ~ or ~*"),
        Expr::Collate { .. } => {
            ("COLLATE is not supported: texts are compared by their bytes", "leave COLLATE out")
        }
        Expr::Tuple(_) => ("a row value is not supported", "compare the columns one by one, joined with AND"),
        Expr::Array(_) => ("brackets alone are no array", "write ARRAY[…]"),
        Expr::JsonAccess { .. } => (
            "access into jsonb is not supported yet",
            "let the contract put the field into a column of its own",
        ),
        Expr::IsNormalized { .. } => ("IS NORMALIZED is not supported", "normalize in the service"),
        Expr::IsJson { .. } => ("IS JSON is not supported", "declare the column as jsonb in the contract"),
        Expr::GroupingSets(_) | Expr::Cube(_) | Expr::Rollup(_) => {
            ("grouping sets are not supported", "group when the view is read")
        }
        Expr::Wildcard(_) | Expr::QualifiedWildcard(..) => ("* is not a value", "name one column"),
        Expr::Ceil { .. } => return refused_function("ceil", "ceil()", place),
        Expr::Floor { .. } => return refused_function("floor", "floor()", place),
        Expr::Substring { .. } => return refused_function("substring", "substring()", place),
        Expr::Trim { .. } => return refused_function("trim", "trim()", place),
        Expr::Overlay { .. } => return refused_function("overlay", "overlay()", place),
        Expr::Like { .. } | Expr::ILike { .. } => {
            ("LIKE ANY is not supported", "write one LIKE for each pattern, joined with OR")
        }
        _ => ("this expression is not supported", SUPPORTED),
    };
    Refusal::new(place, reason, remedy)
}

const SUPPORTED: &str =
    "use columns, literals, comparisons, CASE, CAST, and the operators and functions that docs/sql.md lists";

pub(super) fn refused_operator(operator: &BinaryOperator, place: Place) -> Refusal {
    let remedy = match operator {
        BinaryOperator::PGLikeMatch | BinaryOperator::PGNotLikeMatch => "write LIKE",
        BinaryOperator::PGILikeMatch | BinaryOperator::PGNotILikeMatch => "write ILIKE",
        BinaryOperator::PGExp => "write the product, or let the service compute it",
        BinaryOperator::Overlaps => {
            "compare each beginning with the other's end: a_from < b_until AND b_from < a_until"
        }
        BinaryOperator::AtQuestion | BinaryOperator::AtAt => {
            "write -> and ->> with the path's names, or @> with the value that must be there"
        }
        BinaryOperator::Arrow
        | BinaryOperator::LongArrow
        | BinaryOperator::HashArrow
        | BinaryOperator::HashLongArrow
        | BinaryOperator::AtArrow
        | BinaryOperator::ArrowAt
        | BinaryOperator::Question => "let the contract put the field into a column of its own",
        _ => SUPPORTED,
    };
    Refusal::new(place, format!("the operator {operator} is not supported yet"), remedy)
}

/// Arithmetic that PostgreSQL has and this does not.
pub(super) fn refused_arithmetic(
    kinds: (Option<Type>, Option<Type>),
    symbol: &str,
    place: Place,
) -> Option<Refusal> {
    let either = |kind: Type| kinds.0 == Some(kind) || kinds.1 == Some(kind);
    let literal = kinds.0.is_none() || kinds.1.is_none();
    if either(Type::Date) && literal {
        return Some(Refusal::new(
            place,
            format!("{symbol} on times and a literal in quotes is not supported"),
            "add whole days to a date (…::date + 1), or write INTERVAL before the literal",
        ));
    }
    // PostgreSQL reads a literal before `- text` as jsonb.
    let from_literal = kinds == (None, Some(Type::Text));
    if (either(Type::Jsonb) || from_literal) && symbol == "-" {
        return Some(Refusal::new(
            place,
            "- on jsonb is not supported yet",
            "read the value as it is, or let the contract put fields into columns of their own",
        ));
    }
    None
}
