//! Arithmetic and order with PostgreSQL's results and errors.

use std::cmp::Ordering;

use prejoin_model::{Date, Timestamptz, Value};

use crate::expression::Arithmetic;
use crate::plan::EvaluateError;

pub(crate) const DAY_MICROSECONDS: i64 = 86_400_000_000;

/// 4714-11-24 BC, the first day that PostgreSQL knows, and the day after 5874897-12-31, its last.
const DATE_MIN: i32 = -2_440_588;
const DATE_END: i32 = 2_145_042_906;

pub(crate) fn error(message: impl Into<String>) -> EvaluateError {
    EvaluateError(message.into())
}

/// Both values are of one numeric type and neither is NULL.
pub(crate) fn calculate(operator: Arithmetic, left: &Value, right: &Value) -> Result<Value, EvaluateError> {
    match (left, right) {
        (&Value::Integer(left), &Value::Integer(right)) => integer(operator, left, right).map(Value::Integer),
        (&Value::Bigint(left), &Value::Bigint(right)) => bigint(operator, left, right).map(Value::Bigint),
        (Value::Numeric(left), Value::Numeric(right)) => {
            let result = match operator {
                Arithmetic::Add => left.add(right),
                Arithmetic::Subtract => left.sub(right),
                Arithmetic::Multiply => left.mul(right),
                Arithmetic::Divide => left.div(right),
                Arithmetic::Remainder => left.rem(right),
            };
            result.map(Value::Numeric).map_err(|problem| error(problem.to_string()))
        }
        (&Value::Double(left), &Value::Double(right)) => double(operator, left, right).map(Value::Double),
        _ => Err(mismatch(left, right)),
    }
}

/// Typing gives both sides one type; a row of another shape than its schema ends here.
fn mismatch(left: &Value, right: &Value) -> EvaluateError {
    error(format!("a row does not match its schema: {:?} meets {:?}", left.kind(), right.kind()))
}

fn integer(operator: Arithmetic, left: i32, right: i32) -> Result<i32, EvaluateError> {
    let result = match operator {
        Arithmetic::Add => left.checked_add(right),
        Arithmetic::Subtract => left.checked_sub(right),
        Arithmetic::Multiply => left.checked_mul(right),
        Arithmetic::Divide | Arithmetic::Remainder if right == 0 => return Err(error("division by zero")),
        Arithmetic::Divide => left.checked_div(right),
        Arithmetic::Remainder => Some(left.wrapping_rem(right)),
    };
    result.ok_or_else(|| error("integer out of range"))
}

fn bigint(operator: Arithmetic, left: i64, right: i64) -> Result<i64, EvaluateError> {
    let result = match operator {
        Arithmetic::Add => left.checked_add(right),
        Arithmetic::Subtract => left.checked_sub(right),
        Arithmetic::Multiply => left.checked_mul(right),
        Arithmetic::Divide | Arithmetic::Remainder if right == 0 => return Err(error("division by zero")),
        Arithmetic::Divide => left.checked_div(right),
        Arithmetic::Remainder => Some(left.wrapping_rem(right)),
    };
    result.ok_or_else(|| error("bigint out of range"))
}

fn double(operator: Arithmetic, left: f64, right: f64) -> Result<f64, EvaluateError> {
    let (result, may_underflow) = match operator {
        Arithmetic::Add => (left + right, false),
        Arithmetic::Subtract => (left - right, false),
        Arithmetic::Multiply => (left * right, left != 0.0 && right != 0.0),
        Arithmetic::Divide if right == 0.0 && !left.is_nan() => return Err(error("division by zero")),
        Arithmetic::Divide => (left / right, left != 0.0 && right.is_finite()),
        Arithmetic::Remainder => {
            return Err(error("operator does not exist: double precision % double precision"));
        }
    };
    let overflows = match operator {
        Arithmetic::Divide => result.is_infinite() && left.is_finite(),
        _ => result.is_infinite() && left.is_finite() && right.is_finite(),
    };
    if overflows {
        return Err(error("value out of range: overflow"));
    }
    if may_underflow && result == 0.0 {
        return Err(error("value out of range: underflow"));
    }
    Ok(result)
}

/// The unary minus.
pub(crate) fn negate(value: &Value) -> Result<Value, EvaluateError> {
    match value {
        Value::Null => Ok(Value::Null),
        Value::Integer(number) => {
            number.checked_neg().map(Value::Integer).ok_or_else(|| error("integer out of range"))
        }
        Value::Bigint(number) => {
            number.checked_neg().map(Value::Bigint).ok_or_else(|| error("bigint out of range"))
        }
        Value::Numeric(number) => Ok(Value::Numeric(number.neg())),
        Value::Double(number) => Ok(Value::Double(-number)),
        other => Err(mismatch(other, other)),
    }
}

/// date + days, or date - days. Infinities stay what they are.
pub(crate) fn shift_date(date: Date, days: i32, subtract: bool) -> Result<Date, EvaluateError> {
    if is_infinite(date) {
        return Ok(date);
    }
    let shifted = if subtract { date.0.checked_sub(days) } else { date.0.checked_add(days) };
    shifted
        .filter(|day| (DATE_MIN..DATE_END).contains(day))
        .map(Date)
        .ok_or_else(|| error("date out of range"))
}

pub(crate) fn days_between(left: Date, right: Date) -> Result<i32, EvaluateError> {
    if is_infinite(left) || is_infinite(right) {
        return Err(error("cannot subtract infinite dates"));
    }
    left.0.checked_sub(right.0).ok_or_else(|| error("integer out of range"))
}

pub(crate) fn is_infinite(date: Date) -> bool {
    matches!(date.0, i32::MIN | i32::MAX)
}

/// The order of two values that are not NULL, of one type or of dates and timestamps.
pub(crate) fn order(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Date(left), Value::Timestamptz(right)) => order_across(*left, *right),
        (Value::Timestamptz(left), Value::Date(right)) => order_across(*right, *left).reverse(),
        (Value::Date(left), Value::Timestamp(right)) => order_across(*left, Timestamptz(right.0)),
        (Value::Timestamp(left), Value::Date(right)) => order_across(*right, Timestamptz(left.0)).reverse(),
        (Value::Timestamp(left), Value::Timestamptz(right)) => left.0.cmp(&right.0),
        (Value::Timestamptz(left), Value::Timestamp(right)) => left.0.cmp(&right.0),
        _ => left.compare(right),
    }
}

/// A day stands for its first moment in UTC; days beyond the range of timestamps come after all of them.
fn order_across(date: Date, time: Timestamptz) -> Ordering {
    let moment = match date.0 {
        i32::MIN => i128::from(i64::MIN),
        i32::MAX => i128::from(i64::MAX),
        day => return finite_order(i128::from(day) * i128::from(DAY_MICROSECONDS), time),
    };
    moment.cmp(&i128::from(time.0))
}

fn finite_order(moment: i128, time: Timestamptz) -> Ordering {
    match time.0 {
        i64::MIN => Ordering::Greater,
        i64::MAX => Ordering::Less,
        time => moment.cmp(&i128::from(time)),
    }
}
