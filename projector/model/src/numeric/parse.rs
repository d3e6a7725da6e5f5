//! Text to numeric, by the rules of PostgreSQL 15 (no hexadecimal digits, no underscores).

use num_bigint::BigInt;

use super::{MAX_INTEGER_DIGITS, MAX_SCALE, Numeric, NumericError};
use crate::text::trim_space;

/// What stands in the text: digits × 10^-(fraction_digits - exponent).
struct Written<'a> {
    negative: bool,
    integer: &'a str,
    fraction: &'a str,
    exponent: i64,
}

impl Numeric {
    /// Reads `1.10`, `1e3`, ` -0.5 `, `.5`, `5.`, `NaN`, `Infinity`, `-inf`. The scale is as written: 1.10 has two
    /// digits after the point, 1e3 none.
    pub fn parse(text: &str) -> Result<Numeric, NumericError> {
        let trimmed = trim_space(text);
        match written(trimmed) {
            Some(written) => written.value(),
            None => special(trimmed).ok_or_else(|| NumericError::Syntax(text.to_owned())),
        }
    }
}

fn special(text: &str) -> Option<Numeric> {
    if text.eq_ignore_ascii_case("nan") {
        return Some(Numeric::NAN);
    }
    let (negative, unsigned) = split_sign(text);
    let infinite = unsigned.eq_ignore_ascii_case("infinity") || unsigned.eq_ignore_ascii_case("inf");
    infinite.then_some(if negative { Numeric::NEGATIVE_INFINITY } else { Numeric::INFINITY })
}

fn split_sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len()))
}

fn written(text: &str) -> Option<Written<'_>> {
    let (negative, rest) = split_sign(text);
    let (integer, rest) = split_digits(rest);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => split_digits(rest),
        None => ("", rest),
    };
    if integer.is_empty() && fraction.is_empty() {
        return None;
    }
    let exponent = match rest.strip_prefix(['e', 'E']) {
        Some(exponent) => read_exponent(exponent)?,
        None if rest.is_empty() => 0,
        None => return None,
    };
    Some(Written { negative, integer, fraction, exponent })
}

/// As C's strtol: white space and a sign may come first; what is beyond i64 stays far out of every range.
fn read_exponent(text: &str) -> Option<i64> {
    let (negative, digits) = split_sign(trim_space(text));
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let exponent = digits.parse().unwrap_or(i64::from(i32::MAX)).min(i64::from(i32::MAX));
    Some(if negative { -exponent } else { exponent })
}

impl Written<'_> {
    fn value(&self) -> Result<Numeric, NumericError> {
        const EXPONENT_LIMIT: i64 = (i32::MAX / 2) as i64;
        if self.exponent >= EXPONENT_LIMIT || self.exponent <= -EXPONENT_LIMIT {
            return Err(NumericError::Overflow);
        }
        let point = self.fraction.len() as i64 - self.exponent;
        let scale = u32::try_from(point.max(0)).ok().filter(|&scale| scale <= MAX_SCALE);
        let scale = scale.ok_or(NumericError::Overflow)?;
        let zeros = point.min(0).unsigned_abs();
        let length = self.integer.len() + self.fraction.len();
        if length as u64 + zeros <= 18 {
            return Numeric::from_wide(self.small_mantissa(zeros).into(), scale);
        }
        self.big_mantissa(zeros, scale).and_then(|mantissa| Numeric::from_parts(mantissa, scale))
    }

    /// Only for up to 18 digits, zeros included.
    fn small_mantissa(&self, zeros: u64) -> i64 {
        let digits = self.integer.bytes().chain(self.fraction.bytes());
        let magnitude = digits.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
        let magnitude = (0..zeros).fold(magnitude, |product, _| product * 10);
        if self.negative { -magnitude } else { magnitude }
    }

    fn big_mantissa(&self, zeros: u64, scale: u32) -> Result<BigInt, NumericError> {
        let mut digits = self.integer.trim_start_matches('0').to_owned();
        digits.push_str(self.fraction);
        digits.drain(..digits.len() - digits.trim_start_matches('0').len());
        if digits.is_empty() {
            return Ok(BigInt::ZERO);
        }
        if digits.len() as u64 + zeros > u64::from(MAX_INTEGER_DIGITS + scale) {
            return Err(NumericError::Overflow);
        }
        digits.extend((0..zeros).map(|_| '0'));
        let magnitude = BigInt::parse_bytes(digits.as_bytes(), 10).expect("only digits were collected");
        Ok(if self.negative { -magnitude } else { magnitude })
    }
}
