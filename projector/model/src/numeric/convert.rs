//! Between numeric and the other number types.

use super::{Numeric, NumericError, Repr};

impl From<i32> for Numeric {
    fn from(value: i32) -> Numeric {
        Numeric::small(value.into(), 0)
    }
}

impl From<i64> for Numeric {
    fn from(value: i64) -> Numeric {
        Numeric::small(value, 0)
    }
}

impl Numeric {
    /// Rounded half away from zero; an error if that is no bigint.
    pub fn to_i64(&self) -> Result<i64, NumericError> {
        self.integer("bigint")
    }

    /// Rounded half away from zero; an error if that is no integer.
    pub fn to_i32(&self) -> Result<i32, NumericError> {
        self.integer("integer")
    }

    fn integer<T: TryFrom<i64>>(&self, to: &'static str) -> Result<T, NumericError> {
        match self.0 {
            Repr::NaN => return Err(NumericError::NotFinite { what: "NaN", to }),
            Repr::Infinity | Repr::NegativeInfinity => {
                return Err(NumericError::NotFinite { what: "infinity", to });
            }
            Repr::Small { .. } | Repr::Big(_) => {}
        }
        let rounded = if self.scale() == 0 { self.clone() } else { self.round(0)? };
        let fitting = rounded.as_small().and_then(|(value, _)| T::try_from(value).ok());
        fitting.ok_or(NumericError::OutOfRange(to))
    }

    /// As PostgreSQL casts double precision: to 15 significant digits.
    pub fn from_f64(value: f64) -> Numeric {
        if value.is_nan() {
            Numeric::NAN
        } else if value.is_infinite() {
            if value > 0.0 { Numeric::INFINITY } else { Numeric::NEGATIVE_INFINITY }
        } else {
            fifteen_digits(value)
        }
    }

    /// The nearest double; an error if the number is too great for one, or so small that only zero is left.
    pub fn to_f64(&self) -> Result<f64, NumericError> {
        match self.0 {
            Repr::NaN => return Ok(f64::NAN),
            Repr::Infinity => return Ok(f64::INFINITY),
            Repr::NegativeInfinity => return Ok(f64::NEG_INFINITY),
            Repr::Small { .. } | Repr::Big(_) => {}
        }
        let text = self.to_string();
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() && (value != 0.0 || self.is_zero()) => Ok(value),
            _ => Err(NumericError::DoubleOutOfRange(text)),
        }
    }
}

/// What `%.15g` prints, read back: trailing zeros of the fraction are gone.
fn fifteen_digits(value: f64) -> Numeric {
    let text = format!("{value:.14e}");
    let number = Numeric::parse(&text).expect("a finite double prints as digits and an exponent within ±324");
    number.without_trailing_zeros()
}
