//! The exact sum of numerics from which each can be taken back.

use std::collections::BTreeMap;

use prejoin_model::{Numeric, Type, Value, decode_row, encode_row};
use prejoin_sql::EvaluateError;

use crate::EngineError;
use crate::groups::layout::form;
use crate::groups::tally::{Direction, count};
use crate::stored::StoredSum;

/// A numeric is below 10^131072. A sum beyond that is kept as a multiple of it and a rest: numbers that come later may
/// bring it back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NumericSum {
    /// The rest, with the sign of `carry` unless that is 0.
    finite: Numeric,
    /// In 10^131072.
    carry: i64,
    /// How many of the finite numbers have how many digits after the point: the result has as many as any of them.
    scales: BTreeMap<u32, u64>,
    nan_count: u64,
    infinity_count: u64,
    negative_infinity_count: u64,
}

impl NumericSum {
    pub(crate) fn new() -> NumericSum {
        NumericSum {
            finite: Numeric::ZERO,
            carry: 0,
            scales: BTreeMap::new(),
            nan_count: 0,
            infinity_count: 0,
            negative_infinity_count: 0,
        }
    }

    pub(crate) fn take(&mut self, value: &Numeric, direction: Direction) -> Result<(), EngineError> {
        if !value.is_finite() {
            return count(
                match value.signum() {
                    1 => &mut self.infinity_count,
                    -1 => &mut self.negative_infinity_count,
                    _ => &mut self.nan_count,
                },
                direction,
            );
        }
        let of_scale = self.scales.entry(value.scale()).or_default();
        count(of_scale, direction)?;
        match direction {
            Direction::In => self.add(value),
            Direction::Out => {
                if *of_scale == 0 {
                    self.scales.remove(&value.scale());
                }
                self.add(&value.neg());
            }
        }
        Ok(())
    }

    fn add(&mut self, value: &Numeric) {
        match self.finite.add(value) {
            Ok(sum) => self.finite = sum,
            Err(_) => {
                // Both have this sign, or their sum would be no greater than they are.
                let half = half_carry(value.signum());
                self.finite = within(within(self.finite.sub(&half)).add(&within(value.sub(&half))));
                self.carry += i64::from(value.signum());
            }
        }
        let sign = self.carry.signum();
        if i64::from(self.finite.signum()) * sign < 0 {
            let sign = if sign < 0 { -1 } else { 1 };
            let half = half_carry(sign);
            self.finite = within(within(self.finite.add(&half)).add(&half));
            self.carry -= i64::from(sign);
        }
        let scale = self.scale();
        if self.finite.scale() > scale {
            // The digits beyond are zeros: those that had others there are taken back.
            self.finite = within(self.finite.round(i32::try_from(scale).unwrap_or(i32::MAX)));
        }
    }

    /// The greatest number of digits after the point.
    fn scale(&self) -> u32 {
        self.scales.last_key_value().map_or(0, |(scale, _)| *scale)
    }

    pub(crate) fn count(&self) -> u64 {
        self.scales.values().sum::<u64>()
            + self.nan_count
            + self.infinity_count
            + self.negative_infinity_count
    }

    /// As PostgreSQL adds: 0 over nothing.
    pub(crate) fn total(&self) -> Result<Numeric, EvaluateError> {
        if self.nan_count > 0 || (self.infinity_count > 0 && self.negative_infinity_count > 0) {
            return Ok(Numeric::NAN);
        }
        if self.infinity_count > 0 {
            return Ok(Numeric::INFINITY);
        }
        if self.negative_infinity_count > 0 {
            return Ok(Numeric::NEGATIVE_INFINITY);
        }
        if self.carry != 0 {
            return Err(EvaluateError("value overflows numeric format".to_owned()));
        }
        Ok(self.finite.clone())
    }

    pub(crate) fn average(&self) -> Result<Numeric, EvaluateError> {
        let count =
            i64::try_from(self.count()).map_err(|_| EvaluateError("bigint out of range".to_owned()))?;
        self.total()?.div(&Numeric::from(count)).map_err(|problem| EvaluateError(problem.to_string()))
    }

    pub(crate) fn to_stored(&self) -> StoredSum {
        StoredSum {
            finite: encode_row(&form([Type::Numeric]), &[Value::Numeric(self.finite.clone())]),
            carry: self.carry,
            scales: self.scales.iter().map(|(&scale, &count)| (scale, count)).collect(),
            nan_count: self.nan_count,
            infinity_count: self.infinity_count,
            negative_infinity_count: self.negative_infinity_count,
        }
    }

    pub(crate) fn from_stored(stored: StoredSum) -> Result<NumericSum, EngineError> {
        let row = decode_row(&form([Type::Numeric]), &stored.finite)?;
        let [Value::Numeric(finite)] = row.as_slice() else {
            return Err(EngineError::Damaged("the sum of a group is NULL".to_owned()));
        };
        Ok(NumericSum {
            finite: finite.clone(),
            carry: stored.carry,
            scales: stored.scales.into_iter().collect(),
            nan_count: stored.nan_count,
            infinity_count: stored.infinity_count,
            negative_infinity_count: stored.negative_infinity_count,
        })
    }
}

/// 5 × 10^131071 with this sign.
fn half_carry(sign: i32) -> Numeric {
    let half = within(Numeric::parse("5e131071"));
    if sign < 0 { half.neg() } else { half }
}

fn within<E: std::fmt::Debug>(number: Result<Numeric, E>) -> Numeric {
    number.expect("the number is less than 10^131072 and has no more digits after the point than before")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NUMBERS: [&str; 14] = [
        "0",
        "0.00",
        "1",
        "-1",
        "1.50",
        "-1.5",
        "0.001",
        "1e-30",
        "12345678901234567890.12",
        "-9223372036854775808",
        "1e40",
        "NaN",
        "Infinity",
        "-Infinity",
    ];

    fn number(text: &str) -> Numeric {
        Numeric::parse(text).unwrap()
    }

    fn sum_of(texts: &[&str]) -> NumericSum {
        let mut sum = NumericSum::new();
        for text in texts {
            sum.take(&number(text), Direction::In).unwrap();
        }
        sum
    }

    fn total(sum: &NumericSum) -> String {
        sum.total().map_or_else(|error| error.0, |total| total.to_string())
    }

    proptest! {
        #[test]
        fn what_is_left_adds_up_as_if_nothing_else_had_been_there(
            numbers in prop::collection::vec((prop::sample::select(NUMBERS.to_vec()), any::<bool>(), any::<prop::sample::Index>()), 0..30)
        ) {
            let mut sum = NumericSum::new();
            let mut left: Vec<&str> = Vec::new();
            for (text, is_in, place) in numbers {
                if is_in || left.is_empty() {
                    sum.take(&number(text), Direction::In).unwrap();
                    left.push(text);
                } else {
                    let out = left.swap_remove(place.index(left.len()));
                    sum.take(&number(out), Direction::Out).unwrap();
                }
                prop_assert_eq!(&sum, &sum_of(&left));
                let expected = left.iter().fold(Numeric::ZERO, |sum, text| sum.add(&number(text)).unwrap());
                prop_assert_eq!(sum.total().unwrap(), expected.clone());
                prop_assert_eq!(sum.count(), left.len() as u64);
                if !left.is_empty() {
                    let count = i64::try_from(left.len()).unwrap();
                    prop_assert_eq!(sum.average().unwrap(), expected.div(&Numeric::from(count)).unwrap());
                }
                prop_assert_eq!(&NumericSum::from_stored(sum.to_stored()).unwrap(), &sum);
            }
        }

    }

    proptest! {
        // Such numbers take their time.
        #![proptest_config(ProptestConfig::with_cases(8))]

        #[test]
        fn a_sum_beyond_the_greatest_number_comes_back(order in Just(vec![1, 1, 1, -1, -1, -1, -1, 0]).prop_shuffle()) {
            let huge = number("9e131071");
            let mut sum = NumericSum::new();
            for sign in order {
                let value = match sign {
                    1 => huge.clone(),
                    -1 => huge.neg(),
                    _ => number("0.5"),
                };
                sum.take(&value, Direction::In).unwrap();
            }
            let expected = sum_of(&["-9e131071", "0.5"]);
            prop_assert_eq!((&sum.finite, sum.carry), (&expected.finite, 0));
            sum.take(&huge.neg(), Direction::Out).unwrap();
            prop_assert_eq!(total(&sum), "0.5");
        }
    }

    #[test]
    fn the_result_has_the_digits_of_what_is_there() {
        let mut sum = sum_of(&["1.00", "2.5"]);
        assert_eq!(total(&sum), "3.50");
        sum.take(&number("1.00"), Direction::Out).unwrap();
        assert_eq!(total(&sum), "2.5");
        sum.take(&number("2.5"), Direction::Out).unwrap();
        assert_eq!(sum, NumericSum::new());
    }

    #[test]
    fn what_is_not_finite_decides_while_it_is_there() {
        let mut sum = sum_of(&["1", "Infinity"]);
        assert_eq!(total(&sum), "Infinity");
        sum.take(&number("-Infinity"), Direction::In).unwrap();
        assert_eq!(total(&sum), "NaN");
        sum.take(&number("Infinity"), Direction::Out).unwrap();
        assert_eq!(total(&sum), "-Infinity");
        assert_eq!(sum.average().unwrap(), Numeric::NEGATIVE_INFINITY);
        sum.take(&number("-Infinity"), Direction::Out).unwrap();
        assert_eq!(total(&sum), "1");
    }

    #[test]
    fn a_sum_too_great_for_a_numeric_is_an_error() {
        assert_eq!(total(&sum_of(&["9e131071", "9e131071"])), "value overflows numeric format");
        assert_eq!(total(&sum_of(&["-9e131071", "-1e131071"])), "value overflows numeric format");
        assert_eq!(sum_of(&["9e131071", "-9e131071"]).finite.signum(), 0);
    }

    #[test]
    fn more_out_than_in_is_damage() {
        let out = |text| NumericSum::new().take(&number(text), Direction::Out);
        assert!(matches!(out("1"), Err(EngineError::Damaged(_))));
        assert!(matches!(out("NaN"), Err(EngineError::Damaged(_))));
    }
}
