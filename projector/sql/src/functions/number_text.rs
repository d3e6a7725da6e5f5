//! Numbers as plain digits, and with an exponent.

use prejoin_model::{Numeric, Value};

use crate::arithmetic::error;
use crate::evaluate::mismatch;
use crate::plan::EvaluateError;

/// A double in plain digits.
pub(super) fn fixed(number: f64, fraction: usize) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number < 0.0 { "-Infinity" } else { "Infinity" }.to_owned();
    }
    format!("{number:.fraction$}")
}

/// An exact number times 10^shift, rounded to so many digits behind the point.
pub(super) fn rounded(value: &Value, shift: usize, fraction: usize) -> Result<String, EvaluateError> {
    let whole = match value {
        // What does not fit wraps around, as in PostgreSQL.
        Value::Integer(number) => {
            let factor = u32::try_from(shift).ok().and_then(|shift| 10i32.checked_pow(shift));
            number.wrapping_mul(factor.unwrap_or(i32::MIN)).to_string()
        }
        Value::Bigint(number) => {
            let factor = u32::try_from(shift).ok().and_then(|shift| 10i64.checked_pow(shift));
            let product = factor.and_then(|factor| number.checked_mul(factor));
            product.ok_or_else(|| error("bigint out of range"))?.to_string()
        }
        Value::Numeric(number) => {
            let places = i32::try_from(fraction).map_err(|_| mismatch())?;
            return shifted(number, shift)
                .and_then(|number| number.round(places))
                .map(|number| number.to_string())
                .map_err(|problem| error(problem.to_string()));
        }
        _ => return Err(mismatch()),
    };
    Ok(if fraction == 0 { whole } else { format!("{whole}.{}", "0".repeat(fraction)) })
}

fn shifted(number: &Numeric, shift: usize) -> Result<Numeric, prejoin_model::NumericError> {
    if shift == 0 {
        return Ok(number.clone());
    }
    number.mul(&Numeric::parse(&format!("1e{shift}"))?)
}

/// A number with an exponent, and with a space for the sign that it does not have.
pub(super) fn scientific(value: &Value, whole: usize, fraction: usize) -> Result<String, EvaluateError> {
    let text = match value {
        Value::Integer(number) => of_double(f64::from(*number), fraction),
        Value::Double(number) if number.is_finite() => of_double(*number, fraction),
        Value::Bigint(number) => of_numeric(&Numeric::from(*number), fraction)?,
        Value::Numeric(number) if number.is_finite() => of_numeric(number, fraction)?,
        Value::Double(_) | Value::Numeric(_) => {
            let mut places = vec![b'#'; whole + fraction + 6];
            places[0] = b' ';
            places[whole + 1] = b'.';
            return String::from_utf8(places).map_err(|_| mismatch());
        }
        _ => return Err(mismatch()),
    };
    Ok(if text.starts_with('-') { text } else { format!(" {text}") })
}

/// As C's `%e`: the exponent has a sign and at least two digits.
fn of_double(number: f64, fraction: usize) -> String {
    let text = format!("{number:.fraction$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    with_exponent(digits, exponent.parse().unwrap_or(0))
}

fn with_exponent(digits: &str, exponent: i64) -> String {
    format!("{digits}e{exponent:+03}")
}

/// The exponent is that of the number before it is rounded: 9.99 may become `10.0e+00`.
fn of_numeric(number: &Numeric, fraction: usize) -> Result<String, EvaluateError> {
    let text = number.abs().to_string();
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let length = |digits: &str| i64::try_from(digits.len()).map_err(|_| mismatch());
    let exponent = match (whole.trim_start_matches('0'), part.trim_start_matches('0')) {
        ("", "") => 0,
        ("", rest) => length(rest)? - length(part)? - 1,
        (whole, _) => length(whole)? - 1,
    };
    // One digit more than are written decides how the last one is rounded.
    let all = [whole, part].concat();
    let digits: String = all.trim_start_matches('0').chars().take(fraction + 2).collect();
    let (first, rest) = digits.split_at(usize::from(!digits.is_empty()));
    let sign = if number.signum() < 0 { "-" } else { "" };
    let places = i32::try_from(fraction).map_err(|_| mismatch())?;
    let rounded =
        Numeric::parse(&format!("{sign}{first:0>1}.{rest:0<1}")).and_then(|number| number.round(places));
    let rounded = rounded.map_err(|problem| error(problem.to_string()))?;
    Ok(with_exponent(&rounded.to_string(), exponent))
}
