//! Numbers: rounding, roots, powers, signs, and the greatest and least of several values.

use std::cmp::Ordering;

use prejoin_model::Type::{Bigint, Double, Integer, Numeric};
use prejoin_model::{NumericError, Type, Value};

use super::{Arguments, Computed, Function};
use crate::arithmetic::{calculate, error, order};
use crate::expression::Arithmetic;
use crate::plan::EvaluateError;

const fn of_double(name: &'static str, compute: fn(Arguments<'_>) -> Computed) -> Function {
    Function::strict(name, &[Double], Double, compute)
}

const fn of_numeric(name: &'static str, compute: fn(Arguments<'_>) -> Computed) -> Function {
    Function::strict(name, &[Numeric], Numeric, compute)
}

const fn of_two(
    name: &'static str,
    kinds: &'static [Type],
    kind: Type,
    compute: fn(Arguments<'_>) -> Computed,
) -> Function {
    Function::strict(name, kinds, kind, compute)
}

pub(super) const FUNCTIONS: &[Function] = &[
    Function::strict("abs", &[Integer], Integer, |given| {
        given.integer(0)?.checked_abs().map(Value::Integer).ok_or_else(|| error("integer out of range"))
    }),
    Function::strict("abs", &[Bigint], Bigint, |given| {
        given.bigint(0)?.checked_abs().map(Value::Bigint).ok_or_else(|| error("bigint out of range"))
    }),
    of_numeric("abs", |given| Ok(Value::Numeric(given.numeric(0)?.abs()))),
    of_double("abs", |given| Ok(Value::Double(given.double(0)?.abs()))),
    of_double("round", |given| Ok(Value::Double(given.double(0)?.round_ties_even()))),
    of_numeric("round", |given| numeric(given.numeric(0)?.round(0))),
    of_two("round", &[Numeric, Integer], Numeric, |given| {
        numeric(given.numeric(0)?.round(given.integer(1)?))
    }),
    of_double("trunc", |given| Ok(Value::Double(given.double(0)?.trunc()))),
    of_numeric("trunc", |given| numeric(given.numeric(0)?.trunc(0))),
    of_two("trunc", &[Numeric, Integer], Numeric, |given| {
        numeric(given.numeric(0)?.trunc(given.integer(1)?))
    }),
    of_double("ceil", |given| Ok(Value::Double(given.double(0)?.ceil()))),
    of_numeric("ceil", |given| numeric(given.numeric(0)?.ceil())),
    of_double("ceiling", |given| Ok(Value::Double(given.double(0)?.ceil()))),
    of_numeric("ceiling", |given| numeric(given.numeric(0)?.ceil())),
    of_double("floor", |given| Ok(Value::Double(given.double(0)?.floor()))),
    of_numeric("floor", |given| numeric(given.numeric(0)?.floor())),
    of_double("sign", |given| Ok(Value::Double(sign(given.double(0)?)))),
    of_numeric("sign", numeric_sign),
    of_double("sqrt", double_root),
    of_numeric("sqrt", numeric_root),
    of_two("power", &[Double, Double], Double, double_power),
    of_two("power", &[Numeric, Numeric], Numeric, numeric_power),
    of_two("pow", &[Double, Double], Double, double_power),
    of_two("pow", &[Numeric, Numeric], Numeric, numeric_power),
    of_two("^", &[Double, Double], Double, double_power),
    of_two("^", &[Numeric, Numeric], Numeric, numeric_power),
    of_two("mod", &[Integer, Integer], Integer, remainder),
    of_two("mod", &[Bigint, Bigint], Bigint, remainder),
    of_two("mod", &[Numeric, Numeric], Numeric, remainder),
];

/// GREATEST and LEAST: typing has given all arguments one type, which is also that of the result.
pub(crate) static GREATEST: Function =
    Function::variadic("greatest", &[], Type::Text, |given| extreme(given, Ordering::Greater));
pub(crate) static LEAST: Function =
    Function::variadic("least", &[], Type::Text, |given| extreme(given, Ordering::Less));

/// NULLs do not count; of equal values the first one is taken.
fn extreme(given: Arguments<'_>, wanted: Ordering) -> Computed {
    let mut found: Option<&Value> = None;
    for index in 0..given.count() {
        let value = given.value(index)?;
        if !value.is_null() && found.is_none_or(|found| order(value, found) == wanted) {
            found = Some(value);
        }
    }
    Ok(found.cloned().unwrap_or(Value::Null))
}

fn numeric(result: Result<prejoin_model::Numeric, NumericError>) -> Computed {
    result.map(Value::Numeric).map_err(|problem| error(problem.to_string()))
}

/// 0 for NaN, too.
fn sign(number: f64) -> f64 {
    if number > 0.0 {
        1.0
    } else if number < 0.0 {
        -1.0
    } else {
        0.0
    }
}

fn numeric_sign(given: Arguments<'_>) -> Computed {
    let number = given.numeric(0)?;
    if number.is_nan() {
        return Ok(Value::Numeric(number.clone()));
    }
    Ok(Value::Numeric(prejoin_model::Numeric::from(number.signum())))
}

fn negative_root() -> EvaluateError {
    error("cannot take square root of a negative number")
}

fn double_root(given: Arguments<'_>) -> Computed {
    let number = given.double(0)?;
    if number < 0.0 { Err(negative_root()) } else { Ok(Value::Double(number.sqrt())) }
}

fn numeric_root(given: Arguments<'_>) -> Computed {
    match given.numeric(0)?.sqrt() {
        Ok(root) => root.map(Value::Numeric).ok_or_else(negative_root),
        Err(problem) => Err(error(problem.to_string())),
    }
}

fn remainder(given: Arguments<'_>) -> Computed {
    calculate(Arithmetic::Remainder, given.value(0)?, given.value(1)?)
}

const ZERO_TO_NEGATIVE: &str = "zero raised to a negative power is undefined";
const COMPLEX: &str = "a negative number raised to a non-integer power yields a complex result";

fn numeric_power(given: Arguments<'_>) -> Computed {
    let (base, exponent) = (given.numeric(0)?, given.numeric(1)?);
    let is_number = !base.is_nan() && !exponent.is_nan();
    if is_number && base.is_zero() && exponent.signum() < 0 {
        return Err(error(ZERO_TO_NEGATIVE));
    }
    if is_number && base.signum() < 0 && !exponent.is_integral() {
        return Err(error(COMPLEX));
    }
    numeric(base.power(exponent))
}

/// The C library's pow, with PostgreSQL's errors.
fn double_power(given: Arguments<'_>) -> Computed {
    let (base, exponent) = (given.double(0)?, given.double(1)?);
    if base.is_nan() || exponent.is_nan() {
        return Ok(Value::Double(base.powf(exponent)));
    }
    if base == 0.0 && exponent < 0.0 {
        return Err(error(ZERO_TO_NEGATIVE));
    }
    if base < 0.0 && exponent.floor() != exponent {
        return Err(error(COMPLEX));
    }
    let result = base.powf(exponent);
    let finite = base.is_finite() && exponent.is_finite();
    if finite && result.is_infinite() {
        return Err(error("value out of range: overflow"));
    }
    if finite && result == 0.0 && base != 0.0 {
        return Err(error("value out of range: underflow"));
    }
    Ok(Value::Double(result))
}
