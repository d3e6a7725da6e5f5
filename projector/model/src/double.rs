//! Double precision to and from text, and its order.

use std::cmp::Ordering;
use std::fmt;

use crate::TextError;
use crate::text::{syntax_error, trim_space};

/// PostgreSQL's order: NaN is greatest and equals itself, -0 equals 0.
pub(crate) fn compare_double(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right).unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
}

pub(crate) fn parse_double(text: &str) -> Result<f64, TextError> {
    let trimmed = trim_space(text);
    let unsigned = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
    if unsigned.eq_ignore_ascii_case("nan") {
        return Ok(f64::NAN);
    }
    let infinite = unsigned.eq_ignore_ascii_case("inf") || unsigned.eq_ignore_ascii_case("infinity");
    let value: f64 = match unsigned.as_bytes().first() {
        Some(b'0'..=b'9' | b'.') => trimmed.parse().map_err(|_| syntax_error("double precision", text))?,
        _ if infinite => return Ok(if trimmed.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY }),
        _ => return Err(syntax_error("double precision", text)),
    };
    let mantissa = unsigned.split(['e', 'E']).next().unwrap_or(unsigned);
    let written_as_zero = mantissa.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    if value.is_infinite() || (value == 0.0 && !written_as_zero) {
        return Err(TextError(format!("\"{trimmed}\" is out of range for type double precision")));
    }
    Ok(value)
}

/// As PostgreSQL prints it with `extra_float_digits = 1`, its default.
pub(crate) fn print_double(value: f64) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    let magnitude = value.abs();
    if magnitude.is_infinite() {
        return format!("{sign}Infinity");
    }
    if magnitude == 0.0 {
        return format!("{sign}0");
    }
    sign.to_owned() + &shortest(magnitude).to_string()
}

/// d₁.d₂d₃… × 10^exponent.
struct Decimal {
    digits: String,
    exponent: i32,
}

impl Decimal {
    /// Of text in the form 1.25e-7, as Rust prints it.
    fn of_scientific(text: &str) -> Decimal {
        let (mantissa, exponent) = text.split_once('e').expect("the exponent format has an exponent");
        let digits = mantissa.chars().filter(char::is_ascii_digit).collect();
        Decimal { digits, exponent: exponent.parse().expect("a double's decimal exponent is within ±324") }
    }

    /// The exponent of the last digit.
    fn last_exponent(&self) -> i32 {
        self.exponent + 1 - i32::try_from(self.digits.len()).expect("a double has at most 17 digits")
    }
}

/// Exponent form from 1e+15 and below 0.0001.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = &self.digits;
        let size = self.exponent.unsigned_abs() as usize;
        match self.exponent {
            -4..0 => write!(f, "0.{:0>1$}{digits}", "", size - 1),
            0..15 if digits.len() <= size + 1 => write!(f, "{digits:0<0$}", size + 1),
            0..15 => write!(f, "{}.{}", &digits[..size + 1], &digits[size + 1..]),
            exponent => {
                let point = if digits.len() > 1 { "." } else { "" };
                let sign = if exponent < 0 { '-' } else { '+' };
                write!(f, "{}{point}{}e{sign}{size:02}", &digits[..1], &digits[1..])
            }
        }
    }
}

/// The shortest digits that lie nearer to this finite double above zero than to any other.
///
/// PostgreSQL does not take digits that lie exactly half-way to the next double, though the rule "round half to even"
/// would read them back as the same one: 1e23 prints as 9.999999999999999e+22.
fn shortest(value: f64) -> Decimal {
    let shortest = Decimal::of_scientific(&format!("{value:e}"));
    let count = shortest.digits.len();
    if count < 16 && !is_midpoint(value, &shortest) {
        return shortest;
    }
    // Of 16 or 17 digits two choices may be equally near: PostgreSQL takes the even one, and so does Rust when the number
    // of digits is given. Beside a power of two, where doubles are denser below, that choice may not read back.
    let given_digits = |count: usize| Decimal::of_scientific(&format!("{value:.0$e}", count - 1));
    let reads_back =
        |decimal: &Decimal| decimal.to_string().parse() == Ok(value) && !is_midpoint(value, decimal);
    let candidates = [given_digits(count), shortest].into_iter().chain((count + 1..=17).map(given_digits));
    candidates.into_iter().find(reads_back).expect("17 digits name every double")
}

/// Whether the decimal lies exactly half-way between the double and a neighbour. With a last digit after the point that
/// is impossible for 17 digits: the half-way points of numbers with a fraction have more.
fn is_midpoint(value: f64, decimal: &Decimal) -> bool {
    const FRACTION_BITS: u32 = 52;
    const EXPONENT_BIAS: i32 = 1075;
    let bits = value.to_bits();
    let (fraction, biased) = (bits & ((1 << FRACTION_BITS) - 1), bits >> FRACTION_BITS);
    let zeros = decimal.last_exponent();
    // Above 23, 5^zeros alone has more bits than a half-way point.
    if !(0..=23).contains(&zeros) || biased == 0 {
        return false;
    }
    let number: u128 = decimal.digits.parse().expect("at most 17 decimal digits");
    let odd_part = number * 5u128.pow(zeros.unsigned_abs());
    // value = mantissa × 2^power; the half-way points in units of 2^(power - 2), where a power of two has a nearer one.
    let mantissa = u128::from(fraction | 1 << FRACTION_BITS);
    let power = i32::try_from(biased).expect("11 bits") - EXPONENT_BIAS;
    let midpoints = [4 * mantissa + 2, 4 * mantissa - if fraction == 0 { 1 } else { 2 }];
    let shift = zeros - (power - 2);
    midpoints.into_iter().any(|midpoint| match shift {
        0..64 => odd_part.leading_zeros() > shift.unsigned_abs() && odd_part << shift == midpoint,
        -64..0 => midpoint.leading_zeros() > shift.unsigned_abs() && odd_part == midpoint << -shift,
        _ => false,
    })
}
