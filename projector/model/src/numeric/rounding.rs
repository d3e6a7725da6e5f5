//! Rounding to a scale: half away from zero, towards zero, down and up.

use num_bigint::BigInt;

use super::digits::ten_power;
use super::{Numeric, NumericError};

/// PostgreSQL clamps the scale that `round` and `trunc` are asked for to these.
const MAX_ROUNDING_SCALE: i32 = 16_383;
const MIN_ROUNDING_SCALE: i32 = -131_073;

impl Numeric {
    /// Rounds half away from zero to this many digits after the point; negative ones count before the point.
    pub fn round(&self, scale: i32) -> Result<Numeric, NumericError> {
        self.to_scale(scale, divide_rounded)
    }

    /// Cuts off digits towards zero.
    pub fn trunc(&self, scale: i32) -> Result<Numeric, NumericError> {
        self.to_scale(scale, |left, right| left / right)
    }

    fn to_scale(
        &self,
        scale: i32,
        divide: impl Fn(&BigInt, &BigInt) -> BigInt,
    ) -> Result<Numeric, NumericError> {
        let Some((mantissa, current)) = self.as_finite() else { return Ok(self.clone()) };
        let scale = scale.clamp(MIN_ROUNDING_SCALE, MAX_ROUNDING_SCALE);
        let shown = u32::try_from(scale.max(0)).expect("not negative");
        let dropped = i64::from(current) - i64::from(scale);
        // 3 bits hold less than a digit: of a number that short nothing is left.
        if dropped > i64::try_from(mantissa.bits() / 3).unwrap_or(i64::MAX) + 2 {
            return Numeric::from_parts(BigInt::ZERO, shown);
        }
        let power = ten_power(u32::try_from(dropped.unsigned_abs()).expect("scales are small"));
        let mantissa = match dropped {
            ..=0 => mantissa * power,
            _ => divide(&mantissa, &power) * ten_power(u32::try_from(-scale.min(0)).expect("not negative")),
        };
        Numeric::from_parts(mantissa, shown)
    }

    /// The greatest integer that is not greater, at scale 0.
    pub fn floor(&self) -> Result<Numeric, NumericError> {
        let cut = self.trunc(0)?;
        if self.compare(&cut).is_lt() { cut.sub(&Numeric::ONE) } else { Ok(cut) }
    }

    /// The least integer that is not less, at scale 0.
    pub fn ceil(&self) -> Result<Numeric, NumericError> {
        let cut = self.trunc(0)?;
        if self.compare(&cut).is_gt() { cut.add(&Numeric::ONE) } else { Ok(cut) }
    }
}

/// The quotient rounded half away from zero; the divisor is not zero.
pub(super) fn divide_rounded(left: &BigInt, right: &BigInt) -> BigInt {
    let quotient = left / right;
    let remainder = left - &quotient * right;
    if (remainder.magnitude() << 1u8) < *right.magnitude() {
        return quotient;
    }
    if left.sign() == right.sign() { quotient + 1 } else { quotient - 1 }
}

/// The same for machine integers; the divisor is within i64 and not zero.
pub(super) fn divide_rounded_wide(left: i128, right: i128) -> i128 {
    let (quotient, remainder) = (left / right, left % right);
    if remainder.unsigned_abs() * 2 < right.unsigned_abs() {
        return quotient;
    }
    if (left < 0) == (right < 0) { quotient + 1 } else { quotient - 1 }
}
