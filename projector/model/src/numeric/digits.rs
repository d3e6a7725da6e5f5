//! Powers of ten and decimal digits of mantissas.

use std::fmt;

use num_bigint::{BigInt, BigUint, Sign};

use super::{Numeric, Repr};

/// 10^0 … 10^38: all that i128 holds.
pub(super) const TEN_POWERS: [i128; 39] = {
    let mut powers = [1; 39];
    let mut index = 1;
    while index < powers.len() {
        powers[index] = powers[index - 1] * 10;
        index += 1;
    }
    powers
};

pub(super) fn ten_power(exponent: u32) -> BigInt {
    match TEN_POWERS.get(exponent as usize) {
        Some(&power) => power.into(),
        None => BigInt::from(BigUint::from(10u8).pow(exponent)),
    }
}

/// Both mantissas at the greater of the two scales, and that scale.
pub(super) fn align(left: (BigInt, u32), right: (BigInt, u32)) -> (BigInt, BigInt, u32) {
    let scale = left.1.max(right.1);
    (raise(left.0, scale - left.1), raise(right.0, scale - right.1), scale)
}

fn raise(mantissa: BigInt, by: u32) -> BigInt {
    if by == 0 || mantissa.sign() == Sign::NoSign { mantissa } else { mantissa * ten_power(by) }
}

/// A finite number other than zero as ±0.d₁d₂d₃… × 10^exponent with d₁ ≠ 0 and the last digit ≠ 0.
pub(crate) struct Scientific {
    pub(crate) negative: bool,
    /// ASCII digits.
    pub(crate) digits: String,
    pub(crate) exponent: i32,
}

impl Numeric {
    /// Nothing for zero, infinities and NaN.
    pub(crate) fn scientific(&self) -> Option<Scientific> {
        let mut digits = match &self.0 {
            Repr::Small { mantissa: 0, .. } | Repr::NaN | Repr::Infinity | Repr::NegativeInfinity => {
                return None;
            }
            Repr::Small { mantissa, .. } => mantissa.unsigned_abs().to_string(),
            Repr::Big(big) => big.mantissa.magnitude().to_string(),
        };
        let exponent = digits.len() as i64 - i64::from(self.scale());
        digits.truncate(digits.trim_end_matches('0').len());
        let exponent = i32::try_from(exponent).expect("a numeric has at most 131072 digits before the point");
        Some(Scientific { negative: self.signum() < 0, digits, exponent })
    }

    /// The number equal to this one with the fewest digits after the point.
    pub fn without_trailing_zeros(&self) -> Numeric {
        let Some((mut mantissa, mut scale)) = self.as_small() else { return self.trim_big() };
        while scale > 0 && mantissa % 10 == 0 {
            (mantissa, scale) = (mantissa / 10, scale - 1);
        }
        Numeric::from_wide(mantissa.into(), scale).expect("a lesser scale is within the limits")
    }

    fn trim_big(&self) -> Numeric {
        match (self.as_finite(), self.scientific()) {
            (Some((mantissa, scale)), Some(scientific)) => {
                let zeros = mantissa.magnitude().to_string().len() - scientific.digits.len();
                let trimmed = scale.min(u32::try_from(zeros).unwrap_or(u32::MAX));
                let mantissa = if trimmed == 0 { mantissa } else { mantissa / ten_power(trimmed) };
                Numeric::from_parts(mantissa, scale - trimmed).expect("a lesser scale is within the limits")
            }
            _ => self.clone(),
        }
    }
}

/// The decimal digits of a number, at the end of the buffer: as many as 64 bits make.
pub(crate) fn digits_of(mut number: u64, buffer: &mut [u8; 20]) -> &[u8] {
    let mut start = buffer.len();
    loop {
        start -= 1;
        buffer[start] = b'0' + (number % 10).to_le_bytes()[0];
        number /= 10;
        if number == 0 {
            return &buffer[start..];
        }
    }
}

/// Numbers are printed by the million: this takes a fraction of what formatting takes.
pub(crate) fn write_integer(number: i64, out: &mut impl fmt::Write) -> fmt::Result {
    if number < 0 {
        out.write_char('-')?;
    }
    let mut buffer = [0; 20];
    let digits = digits_of(number.unsigned_abs(), &mut buffer);
    out.write_str(std::str::from_utf8(digits).expect("digits are ASCII"))
}
