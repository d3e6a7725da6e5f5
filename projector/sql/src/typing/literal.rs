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

/// The text of a literal in single quotes.
pub(super) fn quoted_text(expr: &ast::Expr) -> Option<&str> {
    match expr {
        ast::Expr::Value(value) => match &value.value {
            ast::Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// What stands in parentheses.
pub(super) fn unnested(expr: &ast::Expr) -> &ast::Expr {
    match expr {
        ast::Expr::Nested(inner) => unnested(inner),
        other => other,
    }
}

/// The elements of `ARRAY[…]`.
pub(super) fn array(expr: &ast::Expr) -> Option<&[ast::Expr]> {
    match unnested(expr) {
        ast::Expr::Array(array) if array.named => Some(&array.elem),
        _ => None,
    }
}

/// The elements of `ARRAY['a', 'b']` or `'{a,b}'`, if they are plain literals.
pub(super) fn texts(array: &ast::Expr) -> Option<Vec<String>> {
    let text = |expr: &ast::Expr| quoted_text(expr).map(str::to_owned);
    if let ast::Expr::Array(array) = array {
        return array.elem.iter().map(text).collect();
    }
    let written = text(array)?;
    let inner = written.strip_prefix('{')?.strip_suffix('}')?;
    if inner.is_empty() {
        return Some(Vec::new());
    }
    let plain = |element: &str| {
        let quoted = element.contains(['"', '\\', '{', '}']) || element.trim() != element;
        !element.is_empty() && !quoted && !element.eq_ignore_ascii_case("null")
    };
    inner.split(',').map(|element| plain(element).then(|| element.to_owned())).collect()
}

/// `INTERVAL '1 day 02:00:00'`, or `INTERVAL '3' DAY` with one whole number.
pub(super) fn interval(written: &ast::Interval, place: Place) -> Checked<Operand> {
    let plain = written.leading_precision.is_none()
        && written.last_field.is_none()
        && written.fractional_seconds_precision.is_none();
    let text = quoted_text(&written.value).map(str::to_owned);
    let text = match (text.filter(|_| plain), &written.leading_field) {
        (Some(text), None) => Some(text),
        (Some(text), Some(unit)) if text.parse::<i32>().is_ok() => {
            field_name(unit).map(|unit| format!("{text} {unit}"))
        }
        _ => None,
    };
    let Some(text) = text else {
        return refuse(place, format!("{written} is not supported"), "write INTERVAL '1 day 02:30:00'");
    };
    match from_text(Type::Interval, &text) {
        Ok(value) => Ok(typed(Expression::Constant(value), Type::Interval)),
        Err(error) => refuse(place, error.to_string(), "write INTERVAL '1 day 02:30:00'"),
    }
}

fn field_name(field: &ast::DateTimeField) -> Option<&'static str> {
    Some(match field {
        ast::DateTimeField::Year => "year",
        ast::DateTimeField::Month => "month",
        ast::DateTimeField::Day => "day",
        ast::DateTimeField::Hour => "hour",
        ast::DateTimeField::Minute => "minute",
        ast::DateTimeField::Second => "second",
        _ => return None,
    })
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
