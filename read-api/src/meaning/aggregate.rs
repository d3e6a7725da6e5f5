//! sum, avg, min and max, with PostgreSQL's types and exact results.

use prejoin_model::{Numeric, NumericError, Type, Value};

use super::failure::missing_function;
use super::long_name;
use crate::Error;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum AggregateFunction {
    Count,
    Sum,
    Average,
    Minimum,
    Maximum,
}

impl AggregateFunction {
    pub(crate) fn name(self) -> &'static str {
        match self {
            AggregateFunction::Count => "count",
            AggregateFunction::Sum => "sum",
            AggregateFunction::Average => "avg",
            AggregateFunction::Minimum => "min",
            AggregateFunction::Maximum => "max",
        }
    }

    /// The type of the aggregate over values of a type, if there is such an aggregate.
    pub(crate) fn result_type(self, of: Type) -> Result<Type, Error> {
        use AggregateFunction::{Average, Count, Maximum, Minimum, Sum};
        match (self, of) {
            (Count, _) => Ok(Type::Bigint),
            (Sum, Type::Integer) => Ok(Type::Bigint),
            (Sum, Type::Bigint | Type::Numeric) => Ok(Type::Numeric),
            (Average, Type::Integer | Type::Bigint | Type::Numeric) => Ok(Type::Numeric),
            (Sum | Average, Type::Double) => {
                let reason = format!(
                    "{} of double precision depends on the order of the rows: cast to numeric first ('::numeric.{}()').",
                    self.name(),
                    self.name(),
                );
                Err(Error::NotImplemented { reason })
            }
            (Sum | Average, Type::Interval) => {
                let reason = format!("{} of intervals is not supported.", self.name());
                Err(Error::NotImplemented { reason })
            }
            (Minimum | Maximum, kind) if is_ordered(kind) => Ok(kind),
            (_, kind) => Err(missing_function(&format!("{}({})", self.name(), long_name(kind)))),
        }
    }
}

/// Whether PostgreSQL has min and max of the type.
fn is_ordered(kind: Type) -> bool {
    match kind {
        Type::Integer
        | Type::Bigint
        | Type::Numeric
        | Type::Double
        | Type::Text
        | Type::Date
        | Type::Timestamptz
        | Type::Timestamp
        | Type::Interval
        | Type::Array(_) => true,
        Type::Boolean | Type::Uuid | Type::Jsonb => false,
    }
}

/// What an aggregate keeps of the values so far.
#[derive(Debug)]
pub(crate) struct Accumulator {
    function: AggregateFunction,
    count: i64,
    /// Of integers, as long as they fit.
    whole: i128,
    sum: Numeric,
    /// Finite sums to which the number that came next could not be added.
    parts: Vec<Numeric>,
    extreme: Option<Value>,
    of_integers: bool,
}

impl Accumulator {
    pub(crate) fn new(function: AggregateFunction) -> Accumulator {
        Accumulator {
            function,
            count: 0,
            whole: 0,
            sum: Numeric::from(0_i64),
            parts: Vec::new(),
            extreme: None,
            of_integers: false,
        }
    }

    /// NULL is passed over.
    pub(crate) fn add(&mut self, value: Value) {
        if value.is_null() {
            return;
        }
        self.count += 1;
        match self.function {
            AggregateFunction::Count => {}
            AggregateFunction::Sum | AggregateFunction::Average => match value {
                Value::Integer(number) => {
                    self.of_integers = true;
                    self.add_whole(i64::from(number));
                }
                Value::Bigint(number) => self.add_whole(number),
                Value::Numeric(number) => self.add_numeric(number),
                // Types are checked before; other values have no sum.
                _ => {}
            },
            AggregateFunction::Minimum => self.keep(value, std::cmp::Ordering::Less),
            AggregateFunction::Maximum => self.keep(value, std::cmp::Ordering::Greater),
        }
    }

    fn add_whole(&mut self, number: i64) {
        // More than 2^63 rows would be needed to leave the range.
        self.whole = self.whole.saturating_add(i128::from(number));
    }

    fn add_numeric(&mut self, number: Numeric) {
        match self.sum.add(&number) {
            Ok(sum) => self.sum = sum,
            Err(_) => self.parts.push(std::mem::replace(&mut self.sum, number)),
        }
    }

    /// Of equal values that print differently the last one, as PostgreSQL keeps it.
    fn keep(&mut self, value: Value, wanted: std::cmp::Ordering) {
        match &self.extreme {
            Some(best) if best.compare(&value) == wanted => {}
            _ => self.extreme = Some(value),
        }
    }

    /// NULL over no values, but for count.
    pub(crate) fn result(self) -> Result<Value, Error> {
        if self.function == AggregateFunction::Count {
            return Ok(Value::Bigint(self.count));
        }
        if self.count == 0 {
            return Ok(Value::Null);
        }
        match self.function {
            AggregateFunction::Sum if self.of_integers => {
                let sum = i64::try_from(self.whole);
                sum.map(Value::Bigint).map_err(|_| Error::does_not_fit("22003", "bigint out of range"))
            }
            AggregateFunction::Average => {
                let count = Numeric::from(self.count);
                let mean = self.total().and_then(|sum| sum.div(&count));
                mean.map(Value::Numeric).map_err(out_of_range)
            }
            AggregateFunction::Sum => self.total().map(Value::Numeric).map_err(out_of_range),
            AggregateFunction::Minimum | AggregateFunction::Maximum | AggregateFunction::Count => {
                Ok(self.extreme.unwrap_or(Value::Null))
            }
        }
    }

    fn total(self) -> Result<Numeric, NumericError> {
        let whole = Numeric::parse(&self.whole.to_string())?;
        let of_decimals = Numeric::sum(self.parts.into_iter().chain([self.sum]))?;
        if self.whole == 0 { Ok(of_decimals) } else { of_decimals.add(&whole) }
    }
}

fn out_of_range(error: NumericError) -> Error {
    let message = error.to_string();
    Error::does_not_fit(super::sqlstate(&message), message)
}
