//! Square roots and powers, with the scales that PostgreSQL 15 chooses.

use num_bigint::{BigInt, Sign};

use super::digits::ten_power;
use super::rounding::divide_rounded;
use super::{Numeric, NumericError};

/// The least number of significant digits that PostgreSQL aims at.
const SIGNIFICANT_DIGITS: i64 = 16;
/// The greatest scale that a root or a power chooses.
const RESULT_SCALE_MAX: i64 = 1000;
/// Natural logarithms of results beyond this are out of range.
const LOGARITHM_MAX: f64 = 6020.0;
/// Digits computed beyond those that are kept.
const GUARD_DIGITS: i64 = 24;

fn clamp_scale(scale: i64) -> u32 {
    u32::try_from(scale.clamp(0, RESULT_SCALE_MAX)).expect("clamped to 0 … 1000")
}

impl Numeric {
    /// The square root; nothing for a negative number.
    pub fn sqrt(&self) -> Result<Option<Numeric>, NumericError> {
        if self.signum() < 0 {
            return Ok(None);
        }
        let Some((mantissa, scale)) = self.as_finite() else { return Ok(Some(self.clone())) };
        let (weight, _) = self.leading_group();
        let root_weight = if weight >= 0 { weight * 2 + 1 } else { 1 - (1 - weight * 4) / 2 };
        let result_scale = clamp_scale((SIGNIFICANT_DIGITS - root_weight).max(scale.into()));
        // One digit more than is kept, cut off: the root's next digits decide no tie, as it is irrational or exact.
        let shift = i64::from(2 * (result_scale + 1)) - i64::from(scale);
        let power = ten_power(u32::try_from(shift.unsigned_abs()).expect("scales are small"));
        let radicand = if shift >= 0 { mantissa * power } else { mantissa / power };
        let root = divide_rounded(&radicand.sqrt(), &BigInt::from(10));
        Numeric::from_parts(root, result_scale).map(Some)
    }

    /// Whether this is a finite number without digits other than 0 after the point, or an infinity.
    pub fn is_integral(&self) -> bool {
        match self.as_finite() {
            Some(_) => self.trunc(0).is_ok_and(|cut| cut.compare(self).is_eq()),
            None => !self.is_nan(),
        }
    }

    fn is_odd(&self) -> bool {
        let two = Numeric::from(2);
        self.rem(&two).is_ok_and(|rest| !rest.is_zero())
    }

    /// This number raised to a power. The caller has refused zero to a negative power and a negative number to a power
    /// that is not integral.
    pub fn power(&self, exponent: &Numeric) -> Result<Numeric, NumericError> {
        if !self.is_finite() || !exponent.is_finite() {
            return Ok(self.power_special(exponent));
        }
        let integral = exponent.is_integral().then(|| exponent.to_i32().ok()).flatten();
        match integral {
            Some(integral) => self.power_integral(integral),
            None => self.power_real(exponent),
        }
    }

    fn power_special(&self, exponent: &Numeric) -> Numeric {
        let is_one = self.compare(&Numeric::ONE).is_eq();
        if is_one || exponent.is_zero() {
            return Numeric::ONE;
        }
        if self.is_nan() || exponent.is_nan() {
            return Numeric::NAN;
        }
        if self.is_zero() {
            return Numeric::ZERO;
        }
        if !exponent.is_finite() {
            let order = self.abs().compare(&Numeric::ONE);
            return match order.is_eq() {
                true => Numeric::ONE,
                false if order.is_gt() == (exponent.signum() > 0) => Numeric::INFINITY,
                false => Numeric::ZERO,
            };
        }
        match (self.signum(), exponent.signum()) {
            (_, ..0) => Numeric::ZERO,
            (..0, _) if exponent.is_odd() => Numeric::NEGATIVE_INFINITY,
            _ => Numeric::INFINITY,
        }
    }

    fn power_integral(&self, exponent: i32) -> Result<Numeric, NumericError> {
        let scale = clamp_scale(SIGNIFICANT_DIGITS.max(self.scale().into()));
        match exponent {
            0 => return Numeric::ONE.round(i32::try_from(scale).expect("at most 1000")),
            1 => return self.round(i32::try_from(scale).expect("at most 1000")),
            _ => {}
        }
        let Some(base) = self.scientific() else {
            return if exponent < 0 {
                Err(NumericError::DivisionByZero)
            } else {
                Numeric::from_parts(BigInt::ZERO, scale)
            };
        };
        let leading: f64 = format!("0.{:.17}", base.digits).parse().expect("digits after a point");
        let weight = f64::from(exponent) * (leading.log10() + f64::from(base.exponent));
        if weight > 393_204.0 {
            return Err(NumericError::Overflow);
        }
        if weight + 1.0 < -f64::from(scale) || weight + 1.0 < -1000.0 {
            return Numeric::from_parts(BigInt::ZERO, scale);
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most 393,204")]
        let digits = i64::from(scale) + (weight.abs() as i64) + 2 * GUARD_DIGITS;
        let mantissa = BigInt::parse_bytes(base.digits.as_bytes(), 10).expect("decimal digits");
        let mut square = Floating { mantissa, exponent: i64::from(base.exponent) - base.digits.len() as i64 };
        let mut product = Floating { mantissa: BigInt::from(1), exponent: 0 };
        let mut rest = exponent.unsigned_abs();
        while rest > 0 {
            if rest & 1 == 1 {
                product = product.times(&square, digits);
            }
            rest >>= 1;
            if rest > 0 {
                square = square.times(&square, digits);
            }
        }
        let magnitude = if exponent < 0 { product.inverse(scale) } else { product.fixed(scale)? };
        let negative = base.negative && exponent & 1 == 1;
        Numeric::from_parts(if negative { -magnitude } else { magnitude }, scale)
    }

    fn power_real(&self, exponent: &Numeric) -> Result<Numeric, NumericError> {
        if self.is_zero() {
            return Numeric::from_parts(BigInt::ZERO, 16);
        }
        let rough = self.abs().logarithm(40) * exponent_fixed(exponent, 40) / ten_power(40);
        let mut value = to_double(&rough, 40);
        if value.abs() > LOGARITHM_MAX {
            return if value > 0.0 {
                Err(NumericError::Overflow)
            } else {
                Numeric::from_parts(BigInt::ZERO, clamp_scale(RESULT_SCALE_MAX))
            };
        }
        value *= std::f64::consts::LOG10_E;
        #[expect(clippy::cast_possible_truncation, reason = "at most 6020")]
        let weight = value as i64;
        let scales = i64::from(self.scale()).max(exponent.scale().into());
        let scale = clamp_scale((SIGNIFICANT_DIGITS - weight).max(scales));
        let digits =
            u32::try_from(i64::from(scale) + weight.abs() + 2 * GUARD_DIGITS).expect("some thousands");
        let exponent_digits = digits + u32::try_from(scales).expect("a scale");
        let product = self.abs().logarithm(exponent_digits) * exponent_fixed(exponent, exponent_digits)
            / ten_power(2 * exponent_digits - digits);
        let power = exponential(&product, digits);
        let magnitude = divide_rounded(&power, &ten_power(digits - scale));
        let negative = self.signum() < 0 && exponent.is_odd();
        Numeric::from_parts(if negative { -magnitude } else { magnitude }, scale)
    }

    /// The natural logarithm of a finite number above zero, times 10^digits.
    fn logarithm(&self, digits: u32) -> BigInt {
        let number = self.scientific().expect("a number above zero");
        let working = digits + 20;
        let mantissa = BigInt::parse_bytes(number.digits.as_bytes(), 10).expect("decimal digits");
        let length = u32::try_from(number.digits.len()).expect("a numeric has fewer digits");
        // 0.d₁d₂… × 10: between 1 and 10.
        let scaled = mantissa * ten_power(working + 1) / ten_power(length);
        let tens = BigInt::from(number.exponent - 1);
        let sum = fixed_logarithm(scaled, working)
            + tens * fixed_logarithm(BigInt::from(10) * ten_power(working), working);
        sum / ten_power(working - digits)
    }
}

/// The number times 10^digits.
fn exponent_fixed(number: &Numeric, digits: u32) -> BigInt {
    let (mantissa, scale) = number.as_finite().expect("a finite exponent");
    if digits >= scale { mantissa * ten_power(digits - scale) } else { mantissa / ten_power(scale - digits) }
}

fn to_double(fixed: &BigInt, digits: u32) -> f64 {
    format!("{fixed}e-{digits}").parse().expect("a number")
}

/// By square roots down to near 1, then the series of the inverse hyperbolic tangent.
fn fixed_logarithm(mut number: BigInt, digits: u32) -> BigInt {
    const ROOTS: u32 = 8;
    let one = ten_power(digits);
    for _ in 0..ROOTS {
        number = (number * &one).sqrt();
    }
    let ratio = (&number - &one) * &one / (&number + &one);
    let square = &ratio * &ratio / &one;
    let (mut term, mut sum, mut divisor) = (ratio.clone(), ratio, 1u32);
    while term.sign() != Sign::NoSign {
        term = term * &square / &one;
        divisor += 2;
        sum += &term / divisor;
    }
    sum << (ROOTS + 1)
}

/// e to the power of a fixed-point number, by its series at a 2^-12th and squaring.
fn exponential(power: &BigInt, digits: u32) -> BigInt {
    const HALVINGS: u32 = 24;
    let working = digits + 30;
    let one = ten_power(working);
    let small = (power * ten_power(30)) >> HALVINGS;
    let (mut term, mut sum, mut count) = (one.clone(), one.clone(), 0u32);
    while term.sign() != Sign::NoSign && term != BigInt::from(-1) {
        count += 1;
        term = term * &small / &one / count;
        sum += &term;
    }
    for _ in 0..HALVINGS {
        sum = &sum * &sum / &one;
    }
    sum / ten_power(30)
}

/// mantissa × 10^exponent, cut to so many digits after each product.
#[derive(Clone)]
struct Floating {
    mantissa: BigInt,
    exponent: i64,
}

impl Floating {
    fn times(&self, other: &Floating, digits: i64) -> Floating {
        let mantissa = &self.mantissa * &other.mantissa;
        let exponent = self.exponent + other.exponent;
        // 10 bits are a little more than 3 digits.
        let length = i64::try_from(mantissa.bits()).unwrap_or(i64::MAX) * 3 / 10;
        match u32::try_from(length - digits) {
            Ok(surplus) if surplus > 0 => {
                Floating { mantissa: mantissa / ten_power(surplus), exponent: exponent + i64::from(surplus) }
            }
            _ => Floating { mantissa, exponent },
        }
    }

    /// Rounded, times 10^scale.
    fn fixed(&self, scale: u32) -> Result<BigInt, NumericError> {
        let shift = self.exponent + i64::from(scale);
        let power = u32::try_from(shift.unsigned_abs()).ok().filter(|&power| power < 600_000);
        let power = ten_power(power.ok_or(NumericError::Overflow)?);
        Ok(if shift >= 0 { &self.mantissa * power } else { divide_rounded(&self.mantissa, &power) })
    }

    /// One divided by this, rounded, times 10^scale.
    fn inverse(&self, scale: u32) -> BigInt {
        let shift = i64::from(scale) - self.exponent;
        let power = ten_power(u32::try_from(shift.unsigned_abs()).unwrap_or(0));
        if shift >= 0 { divide_rounded(&power, &self.mantissa) } else { BigInt::ZERO }
    }
}
