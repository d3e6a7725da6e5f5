//! Literals: the type that PostgreSQL gives to each.

use std::sync::Arc;

use prejoin_model::{Type, Value, from_text};
use sqlparser::ast;

use super::{Operand, typed};
use crate::expression::Expression;
use crate::refusal::{Checked, Place, refuse};

pub(super) fn value(value: &ast::Value, place: Place) -> Checked<Operand> {
    match value {
        ast::Value::Null => Ok(Operand::Unknown { text: None, place }),
        ast::Value::Boolean(truth) => Ok(typed(Expression::Constant(Value::Boolean(*truth)), Type::Boolean)),
        ast::Value::Number(digits, false) => number(digits, place),
        ast::Value::SingleQuotedString(text)
        | ast::Value::EscapedStringLiteral(text)
        | ast::Value::UnicodeStringLiteral(text) => quoted(text, place),
        ast::Value::DollarQuotedString(quote) => quoted(&quote.value, place),
        ast::Value::Placeholder(name) => {
            refuse(place, format!("{name} is a parameter; a view has none"), "write the value itself")
        }
        other => refuse(
            place,
            format!("the literal {other} is not supported"),
            "write a number, a text in single quotes, TRUE, FALSE or NULL",
        ),
    }
}

/// A number without quotes: integer if it fits, then bigint, then numeric.
pub(super) fn number(digits: &str, place: Place) -> Checked<Operand> {
    let plain =
        digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
    if !plain {
        return refuse(
            place,
            format!("the number {digits} is not in decimal digits"),
            "write it with digits, a point and an exponent only",
        );
    }
    if let Ok(number) = digits.parse::<i32>() {
        return Ok(typed(Expression::Constant(Value::Integer(number)), Type::Integer));
    }
    if let Ok(number) = digits.parse::<i64>() {
        return Ok(typed(Expression::Constant(Value::Bigint(number)), Type::Bigint));
    }
    match from_text(Type::Numeric, digits) {
        Ok(number) => Ok(typed(Expression::Constant(number), Type::Numeric)),
        Err(error) => refuse(place, error.to_string(), "write a number that PostgreSQL's numeric can hold"),
    }
}

fn quoted(text: &str, place: Place) -> Checked<Operand> {
    if text.contains('\0') {
        return refuse(place, "a text cannot hold a NUL character", "leave it out");
    }
    Ok(Operand::Unknown { text: Some(Arc::from(text)), place })
}

/// The digits of a number with its minus signs, as PostgreSQL's grammar joins them: `-9223372036854775808` is one
/// literal.
pub(super) fn signed_digits(expr: &ast::Expr) -> Option<String> {
    match expr {
        ast::Expr::Nested(inner) => signed_digits(inner),
        ast::Expr::Value(value) => match &value.value {
            ast::Value::Number(digits, false) => Some(digits.clone()),
            _ => None,
        },
        ast::Expr::UnaryOp { op: ast::UnaryOperator::Minus, expr } => {
            let digits = signed_digits(expr)?;
            Some(match digits.strip_prefix('-') {
                Some(positive) => positive.to_owned(),
                None => format!("-{digits}"),
            })
        }
        _ => None,
    }
}
