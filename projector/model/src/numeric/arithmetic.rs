//! Addition to remainder, with PostgreSQL's result scales.

use num_bigint::{BigInt, Sign};

use super::digits::{TEN_POWERS, align, ten_power};
use super::rounding::{divide_rounded, divide_rounded_wide};
use super::{Big, MAX_SCALE, Numeric, NumericError, Repr};

/// The least number of significant digits that a quotient has.
const QUOTIENT_SIGNIFICANT_DIGITS: i64 = 16;
/// The greatest scale that a division chooses.
const QUOTIENT_MAX_SCALE: i64 = 1000;
/// PostgreSQL computes in groups of four decimal digits, and its choice of a quotient's scale shows them.
const GROUP_DIGITS: i64 = 4;

impl Numeric {
    /// The sum, at the greater of the two scales.
    pub fn add(&self, other: &Numeric) -> Result<Numeric, NumericError> {
        if let (Some(left), Some(right)) = (self.as_small(), other.as_small()) {
            let scale = left.1.max(right.1);
            let raise = |(mantissa, from): (i64, u32)| {
                let power = TEN_POWERS.get((scale - from) as usize)?;
                i128::from(mantissa).checked_mul(*power)
            };
            if let (Some(left), Some(right)) = (raise(left), raise(right))
                && let Some(sum) = left.checked_add(right)
            {
                return Numeric::from_wide(sum, scale);
            }
        }
        match (self.as_finite(), other.as_finite()) {
            (Some(left), Some(right)) => {
                let (left, right, scale) = align(left, right);
                Numeric::from_parts(left + right, scale)
            }
            _ => Ok(self.add_special(other)),
        }
    }

    fn add_special(&self, other: &Numeric) -> Numeric {
        match (&self.0, &other.0) {
            (Repr::NaN, _) | (_, Repr::NaN) => Numeric::NAN,
            (Repr::Infinity, Repr::NegativeInfinity) | (Repr::NegativeInfinity, Repr::Infinity) => {
                Numeric::NAN
            }
            (Repr::Infinity | Repr::NegativeInfinity, _) => self.clone(),
            _ => other.clone(),
        }
    }

    /// The difference, at the greater of the two scales.
    pub fn sub(&self, other: &Numeric) -> Result<Numeric, NumericError> {
        self.add(&other.neg())
    }

    /// The product, at the sum of the scales (rounded if that is beyond 16383).
    pub fn mul(&self, other: &Numeric) -> Result<Numeric, NumericError> {
        if let (Some((left, left_scale)), Some((right, right_scale))) = (self.as_small(), other.as_small())
            && left_scale + right_scale <= MAX_SCALE
        {
            return Numeric::from_wide(i128::from(left) * i128::from(right), left_scale + right_scale);
        }
        let (Some((left, left_scale)), Some((right, right_scale))) = (self.as_finite(), other.as_finite())
        else {
            return Ok(self.mul_special(other));
        };
        let (product, scale) = (left * right, left_scale + right_scale);
        match scale.checked_sub(MAX_SCALE) {
            None | Some(0) => Numeric::from_parts(product, scale),
            Some(excess) => Numeric::from_parts(divide_rounded(&product, &ten_power(excess)), MAX_SCALE),
        }
    }

    fn mul_special(&self, other: &Numeric) -> Numeric {
        match self.signum() * other.signum() {
            _ if self.is_nan() || other.is_nan() => Numeric::NAN,
            0 => Numeric::NAN,
            1 => Numeric::INFINITY,
            _ => Numeric::NEGATIVE_INFINITY,
        }
    }

    /// The quotient, with at least 16 significant digits and no fewer digits after the point than either operand.
    pub fn div(&self, other: &Numeric) -> Result<Numeric, NumericError> {
        let (Some((left, left_scale)), Some((right, right_scale))) = (self.as_finite(), other.as_finite())
        else {
            return self.div_special(other);
        };
        if other.is_zero() {
            return Err(NumericError::DivisionByZero);
        }
        let scale = self.quotient_scale(other);
        let shift = i64::from(scale) - i64::from(left_scale) + i64::from(right_scale);
        if let (Some(left), Some(right)) = (self.as_small(), other.as_small())
            && let Some(power) = usize::try_from(shift).ok().and_then(|shift| TEN_POWERS.get(shift))
            && let Some(left) = i128::from(left.0).checked_mul(*power)
        {
            return Numeric::from_wide(divide_rounded_wide(left, right.0.into()), scale);
        }
        let power = ten_power(u32::try_from(shift.unsigned_abs()).expect("scales are at most 16383"));
        let quotient = match shift {
            0.. => divide_rounded(&(left * power), &right),
            _ => divide_rounded(&left, &(right * power)),
        };
        Numeric::from_parts(quotient, scale)
    }

    fn div_special(&self, other: &Numeric) -> Result<Numeric, NumericError> {
        if self.is_nan() || other.is_nan() {
            return Ok(Numeric::NAN);
        }
        match (self.is_finite(), other.is_finite()) {
            (false, false) => Ok(Numeric::NAN),
            (false, true) if other.is_zero() => Err(NumericError::DivisionByZero),
            (false, true) => Ok(self.mul_special(other)),
            (true, _) => Ok(Numeric::ZERO),
        }
    }

    fn quotient_scale(&self, other: &Numeric) -> u32 {
        let (left_weight, left_first) = self.leading_group();
        let (right_weight, right_first) = other.leading_group();
        let weight = left_weight - right_weight - i64::from(left_first <= right_first);
        let scale = (QUOTIENT_SIGNIFICANT_DIGITS - weight * GROUP_DIGITS)
            .max(self.scale().into())
            .max(other.scale().into())
            .clamp(0, QUOTIENT_MAX_SCALE);
        u32::try_from(scale).expect("clamped to 0 … 1000")
    }

    /// The first group of four decimal digits that is not zero, and its power of 10000; (0, 0) for zero.
    pub(super) fn leading_group(&self) -> (i64, i64) {
        let Some(number) = self.scientific() else { return (0, 0) };
        let leading_power = i64::from(number.exponent) - 1;
        let weight = leading_power.div_euclid(GROUP_DIGITS);
        let group_length = leading_power.rem_euclid(GROUP_DIGITS) + 1;
        let digits = number.digits.bytes().chain(std::iter::repeat(b'0'));
        let first =
            (0..group_length).zip(digits).fold(0, |sum, (_, digit)| sum * 10 + i64::from(digit - b'0'));
        (weight, first)
    }

    /// The remainder of the division truncated towards zero, at the greater of the two scales.
    pub fn rem(&self, other: &Numeric) -> Result<Numeric, NumericError> {
        if self.is_nan() || other.is_nan() {
            return Ok(Numeric::NAN);
        }
        if other.is_zero() {
            return Err(NumericError::DivisionByZero);
        }
        match (self.as_finite(), other.as_finite()) {
            (Some(left), Some(right)) => {
                let (left, right, scale) = align(left, right);
                Numeric::from_parts(left % right, scale)
            }
            (None, _) => Ok(Numeric::NAN),
            (Some(_), None) => Ok(self.clone()),
        }
    }

    pub fn neg(&self) -> Numeric {
        match &self.0 {
            Repr::NaN => Numeric::NAN,
            Repr::Infinity => Numeric::NEGATIVE_INFINITY,
            Repr::NegativeInfinity => Numeric::INFINITY,
            Repr::Small { mantissa, scale } => match mantissa.checked_neg() {
                Some(mantissa) => Numeric::small(mantissa, *scale),
                None => Numeric(Repr::Big(Big { mantissa: -BigInt::from(*mantissa), scale: *scale }.into())),
            },
            // -(2^63) is the one negated big mantissa that fits in i64.
            Repr::Big(big) => Numeric::from_parts(-&big.mantissa, big.scale.into())
                .expect("the negative of a number is within the limits"),
        }
    }

    pub fn abs(&self) -> Numeric {
        match &self.0 {
            Repr::Big(big) if big.mantissa.sign() != Sign::Minus => self.clone(),
            _ if self.signum() < 0 => self.neg(),
            _ => self.clone(),
        }
    }
}
