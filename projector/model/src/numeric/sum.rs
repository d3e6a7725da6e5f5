//! The sum of many numbers.

use num_bigint::BigInt;

use super::digits::align;
use super::{Numeric, NumericError};

impl Numeric {
    /// The sum of all, at the greatest of their scales; 0 for none. As in PostgreSQL only the result must be within the
    /// limits: what is summed on the way may be beyond them.
    pub fn sum(numbers: impl IntoIterator<Item = Numeric>) -> Result<Numeric, NumericError> {
        let mut sum = Numeric::ZERO;
        // Finite sums to which the number that came next could not be added.
        let mut parts: Vec<Numeric> = Vec::new();
        for number in numbers {
            match sum.add(&number) {
                Ok(more) => sum = more,
                Err(_) => parts.push(std::mem::replace(&mut sum, number)),
            }
        }
        if parts.is_empty() || !sum.is_finite() {
            return Ok(sum);
        }
        parts.push(sum);
        let finite = parts.iter().filter_map(Numeric::as_finite);
        let (mantissa, scale) = finite.fold((BigInt::ZERO, 0), |sum, part| {
            let (sum, part, scale) = align(sum, part);
            (sum + part, scale)
        });
        Numeric::from_parts(mantissa, scale)
    }
}
