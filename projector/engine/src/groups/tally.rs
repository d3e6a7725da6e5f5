//! What is counted of one aggregate's inputs in one group.

use prejoin_model::{Numeric, Value};
use prejoin_sql::{Accumulation, EvaluateError};

use crate::EngineError;
use crate::groups::sums::NumericSum;
use crate::stored::StoredTally;

/// Whether something comes into a group or is taken out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    In,
    Out,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Tally {
    /// Nothing: there is an entry for each input.
    Entries,
    Count(u64),
    Truths {
        true_count: u64,
        false_count: u64,
    },
    Integers {
        count: u64,
        sum: i128,
    },
    Numerics(NumericSum),
}

impl Tally {
    /// Of no inputs.
    pub(crate) fn new(accumulation: Accumulation) -> Tally {
        match accumulation {
            Accumulation::Count => Tally::Count(0),
            Accumulation::SumIntegers => Tally::Integers { count: 0, sum: 0 },
            Accumulation::SumNumerics | Accumulation::Average => Tally::Numerics(NumericSum::new()),
            Accumulation::BoolAnd | Accumulation::BoolOr => Tally::Truths { true_count: 0, false_count: 0 },
            Accumulation::Minimum | Accumulation::Maximum | Accumulation::Collect => Tally::Entries,
        }
    }

    /// Takes an input in or out; of a DISTINCT aggregate, the one of equal inputs that counts.
    pub(crate) fn take(&mut self, input: &[Value], direction: Direction) -> Result<(), EngineError> {
        match (self, input.first()) {
            (Tally::Entries, _) => Ok(()),
            (Tally::Count(inputs), _) => count(inputs, direction),
            (Tally::Truths { true_count, .. }, Some(Value::Boolean(true))) => count(true_count, direction),
            (Tally::Truths { false_count, .. }, Some(Value::Boolean(false))) => count(false_count, direction),
            (Tally::Integers { count: inputs, sum }, Some(Value::Integer(value))) => {
                match direction {
                    Direction::In => *sum += i128::from(*value),
                    Direction::Out => *sum -= i128::from(*value),
                }
                count(inputs, direction)
            }
            (Tally::Numerics(sum), Some(Value::Numeric(value))) => sum.take(value, direction),
            (Tally::Numerics(sum), Some(Value::Integer(value))) => {
                sum.take(&Numeric::from(*value), direction)
            }
            (Tally::Numerics(sum), Some(Value::Bigint(value))) => sum.take(&Numeric::from(*value), direction),
            (_, input) => {
                let kind = input.and_then(Value::kind);
                Err(EngineError::Damaged(format!("an aggregate is given a value of the type {kind:?}")))
            }
        }
    }

    /// The result, as PostgreSQL computes it over the same inputs; nothing if the entries hold it.
    pub(crate) fn result(&self, accumulation: Accumulation) -> Option<Result<Value, EvaluateError>> {
        let bigint = |value: Option<i64>| {
            value.map(Value::Bigint).ok_or_else(|| EvaluateError("bigint out of range".to_owned()))
        };
        Some(match self {
            Tally::Entries => return None,
            Tally::Count(inputs) => bigint(i64::try_from(*inputs).ok()),
            Tally::Truths { true_count: 0, false_count: 0 } => Ok(Value::Null),
            Tally::Truths { true_count, false_count } => {
                Ok(Value::Boolean(match accumulation == Accumulation::BoolOr {
                    true => *true_count > 0,
                    false => *false_count == 0,
                }))
            }
            Tally::Integers { count: 0, .. } => Ok(Value::Null),
            Tally::Integers { sum, .. } => bigint(i64::try_from(*sum).ok()),
            Tally::Numerics(sum) if sum.count() == 0 => Ok(Value::Null),
            Tally::Numerics(sum) if accumulation == Accumulation::Average => {
                sum.average().map(Value::Numeric)
            }
            Tally::Numerics(sum) => sum.total().map(Value::Numeric),
        })
    }

    pub(crate) fn to_stored(&self) -> StoredTally {
        match self {
            Tally::Entries => StoredTally::Entries,
            Tally::Count(count) => StoredTally::Count(*count),
            &Tally::Truths { true_count, false_count } => StoredTally::Truths { true_count, false_count },
            &Tally::Integers { count, sum } => StoredTally::Integers { count, sum },
            Tally::Numerics(sum) => StoredTally::Numerics(sum.to_stored()),
        }
    }

    pub(crate) fn from_stored(stored: StoredTally) -> Result<Tally, EngineError> {
        Ok(match stored {
            StoredTally::Entries => Tally::Entries,
            StoredTally::Count(count) => Tally::Count(count),
            StoredTally::Truths { true_count, false_count } => Tally::Truths { true_count, false_count },
            StoredTally::Integers { count, sum } => Tally::Integers { count, sum },
            StoredTally::Numerics(sum) => Tally::Numerics(NumericSum::from_stored(sum)?),
        })
    }
}

/// One more or one less.
pub(crate) fn count(count: &mut u64, direction: Direction) -> Result<(), EngineError> {
    let changed = match direction {
        Direction::In => count.checked_add(1),
        Direction::Out => count.checked_sub(1),
    };
    *count = changed
        .ok_or_else(|| EngineError::Damaged("more is taken out of a group than is in it".to_owned()))?;
    Ok(())
}
