//! Arbitrary-precision decimal with PostgreSQL's scale rules.

mod arithmetic;
mod convert;
mod digits;
mod parse;
mod power;
mod rounding;
mod sum;

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use num_bigint::{BigInt, Sign};
use thiserror::Error;

use self::digits::{TEN_POWERS, ten_power};
pub(crate) use self::digits::{digits_of, write_integer};

/// Decimal digits that may stand before the point: 32,768 groups of four.
pub(crate) const MAX_INTEGER_DIGITS: u32 = 131_072;
/// Decimal digits that may stand after the point.
pub(crate) const MAX_SCALE: u32 = 16_383;

/// A decimal number (digits × 10^-scale), an infinity or NaN. Equality is identity: 1.0 and 1.00 differ; `compare` is
/// SQL's. Numbers of up to 18 digits need no allocation.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Numeric(Repr);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr {
    NegativeInfinity,
    Small {
        mantissa: i64,
        scale: u16,
    },
    /// Only for mantissas outside of i64, so that identity is equality of representations.
    Big(Arc<Big>),
    Infinity,
    NaN,
}

#[derive(PartialEq, Eq, Hash)]
struct Big {
    mantissa: BigInt,
    scale: u16,
}

/// What PostgreSQL reports, in its words.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum NumericError {
    #[error("invalid input syntax for type numeric: \"{0}\"")]
    Syntax(String),
    #[error("value overflows numeric format")]
    Overflow,
    #[error("division by zero")]
    DivisionByZero,
    /// The type that the value does not fit into.
    #[error("{0} out of range")]
    OutOfRange(&'static str),
    #[error("\"{0}\" is out of range for type double precision")]
    DoubleOutOfRange(String),
    #[error("cannot convert {what} to {to}")]
    NotFinite { what: &'static str, to: &'static str },
}

impl Numeric {
    pub const ZERO: Numeric = Numeric::small(0, 0);
    pub const ONE: Numeric = Numeric::small(1, 0);
    pub const NAN: Numeric = Numeric(Repr::NaN);
    pub const INFINITY: Numeric = Numeric(Repr::Infinity);
    pub const NEGATIVE_INFINITY: Numeric = Numeric(Repr::NegativeInfinity);

    const fn small(mantissa: i64, scale: u16) -> Numeric {
        Numeric(Repr::Small { mantissa, scale })
    }

    /// mantissa × 10^-scale, within the limits.
    pub(crate) fn from_parts(mantissa: BigInt, scale: u32) -> Result<Numeric, NumericError> {
        let scale = u16::try_from(scale).ok().filter(|&scale| u32::from(scale) <= MAX_SCALE);
        let scale = scale.ok_or(NumericError::Overflow)?;
        if let Ok(mantissa) = i64::try_from(&mantissa) {
            return Ok(Numeric::small(mantissa, scale));
        }
        // 3 bits hold less than a digit: below this, no exact count is needed.
        let most_digits = MAX_INTEGER_DIGITS + u32::from(scale);
        if mantissa.bits() > 3 * u64::from(most_digits)
            && mantissa.magnitude() >= ten_power(most_digits).magnitude()
        {
            return Err(NumericError::Overflow);
        }
        Ok(Numeric(Repr::Big(Arc::new(Big { mantissa, scale }))))
    }

    pub(crate) fn from_wide(mantissa: i128, scale: u32) -> Result<Numeric, NumericError> {
        match (i64::try_from(mantissa), u16::try_from(scale)) {
            (Ok(mantissa), Ok(scale)) if u32::from(scale) <= MAX_SCALE => Ok(Numeric::small(mantissa, scale)),
            _ => Numeric::from_parts(BigInt::from(mantissa), scale),
        }
    }

    /// Mantissa and scale of a finite number that is held without allocation.
    pub(crate) fn as_small(&self) -> Option<(i64, u32)> {
        match self.0 {
            Repr::Small { mantissa, scale } => Some((mantissa, scale.into())),
            _ => None,
        }
    }

    /// Mantissa and scale of any finite number.
    pub(crate) fn as_finite(&self) -> Option<(BigInt, u32)> {
        match &self.0 {
            Repr::Small { mantissa, scale } => Some(((*mantissa).into(), (*scale).into())),
            Repr::Big(big) => Some((big.mantissa.clone(), big.scale.into())),
            Repr::NegativeInfinity | Repr::Infinity | Repr::NaN => None,
        }
    }

    pub fn is_nan(&self) -> bool {
        matches!(self.0, Repr::NaN)
    }

    pub fn is_finite(&self) -> bool {
        matches!(self.0, Repr::Small { .. } | Repr::Big(_))
    }

    pub fn is_zero(&self) -> bool {
        matches!(self.0, Repr::Small { mantissa: 0, .. })
    }

    /// -1, 0 or 1; 0 for NaN.
    pub fn signum(&self) -> i32 {
        match &self.0 {
            Repr::Small { mantissa, .. } => mantissa.signum() as i32,
            Repr::Big(big) if big.mantissa.sign() == Sign::Minus => -1,
            Repr::Big(_) | Repr::Infinity => 1,
            Repr::NegativeInfinity => -1,
            Repr::NaN => 0,
        }
    }

    /// Digits after the point as displayed; 0 for infinities and NaN.
    pub fn scale(&self) -> u32 {
        match &self.0 {
            Repr::Small { scale, .. } => (*scale).into(),
            Repr::Big(big) => big.scale.into(),
            Repr::NegativeInfinity | Repr::Infinity | Repr::NaN => 0,
        }
    }

    /// PostgreSQL's order: -Infinity, numbers by value whatever their scale, Infinity, NaN; NaN equals itself.
    pub fn compare(&self, other: &Numeric) -> Ordering {
        match (&self.0, &other.0) {
            (
                &Repr::Small { mantissa: left, scale: left_scale },
                &Repr::Small { mantissa: right, scale: right_scale },
            ) => compare_small((left, left_scale), (right, right_scale))
                .unwrap_or_else(|| self.compare_big(other)),
            (Repr::Small { .. } | Repr::Big(_), Repr::Small { .. } | Repr::Big(_)) => self.compare_big(other),
            (left, right) => left.rank().cmp(&right.rank()),
        }
    }

    fn compare_big(&self, other: &Numeric) -> Ordering {
        let by_sign = self.signum().cmp(&other.signum());
        match (self.as_finite(), other.as_finite()) {
            (Some(left), Some(right)) if by_sign.is_eq() => {
                let (left, right, _) = digits::align(left, right);
                left.cmp(&right)
            }
            _ => by_sign,
        }
    }
}

impl Repr {
    fn rank(&self) -> u8 {
        match self {
            Repr::NegativeInfinity => 0,
            Repr::Small { .. } | Repr::Big(_) => 1,
            Repr::Infinity => 2,
            Repr::NaN => 3,
        }
    }
}

/// Nothing if the scales are too far apart for i128.
fn compare_small(left: (i64, u16), right: (i64, u16)) -> Option<Ordering> {
    let widen = |mantissa: i64, by: u16| Some(i128::from(mantissa) * TEN_POWERS.get(usize::from(by))?);
    let scale = left.1.max(right.1);
    if scale - left.1.min(right.1) > 18 {
        return None;
    }
    Some(widen(left.0, scale - left.1)?.cmp(&widen(right.0, scale - right.1)?))
}

/// All digits, never an exponent, as PostgreSQL prints them: `-0.50`, `1000`, `NaN`, `-Infinity`.
impl fmt::Display for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::NaN => f.write_str("NaN"),
            Repr::Infinity => f.write_str("Infinity"),
            Repr::NegativeInfinity => f.write_str("-Infinity"),
            Repr::Small { mantissa, scale: 0 } => write_integer(*mantissa, f),
            Repr::Small { mantissa, scale } => {
                write_digits(f, *mantissa < 0, &mantissa.unsigned_abs().to_string(), (*scale).into())
            }
            Repr::Big(big) => {
                let negative = big.mantissa.sign() == Sign::Minus;
                write_digits(f, negative, &big.mantissa.magnitude().to_string(), big.scale.into())
            }
        }
    }
}

impl fmt::Debug for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Numeric({self})")
    }
}

fn write_digits(f: &mut fmt::Formatter<'_>, negative: bool, digits: &str, scale: usize) -> fmt::Result {
    f.write_str(if negative { "-" } else { "" })?;
    match digits.len().checked_sub(scale) {
        Some(0) | None => write!(f, "0.{digits:0>scale$}"),
        Some(_) if scale == 0 => f.write_str(digits),
        Some(point) => write!(f, "{}.{}", &digits[..point], &digits[point..]),
    }
}
