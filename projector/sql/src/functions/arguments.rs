//! The arguments of a call, each read as the type that its parameter has.

use std::borrow::Cow;

use prejoin_model::{Date, Interval, Json, Numeric, Regex, Timestamp, Timestamptz, Value};

use super::Prepared;
use super::number_picture::Picture;
use super::time_picture::Piece;
use crate::evaluate::mismatch;
use crate::plan::EvaluateError;
use crate::zone::Zone;

#[derive(Clone, Copy)]
pub(crate) struct Arguments<'a> {
    pub(super) values: &'a [Cow<'a, Value>],
    pub(super) prepared: Option<&'a Prepared>,
}

impl<'a> Arguments<'a> {
    pub(super) fn count(self) -> usize {
        self.values.len()
    }

    pub(super) fn value(self, index: usize) -> Result<&'a Value, EvaluateError> {
        self.values.get(index).map(|value| &**value).ok_or_else(mismatch)
    }

    pub(super) fn text(self, index: usize) -> Result<&'a str, EvaluateError> {
        match self.value(index)? {
            Value::Text(text) => Ok(text),
            _ => Err(mismatch()),
        }
    }

    pub(super) fn integer(self, index: usize) -> Result<i32, EvaluateError> {
        match self.value(index)? {
            Value::Integer(number) => Ok(*number),
            _ => Err(mismatch()),
        }
    }

    pub(super) fn bigint(self, index: usize) -> Result<i64, EvaluateError> {
        match self.value(index)? {
            Value::Bigint(number) => Ok(*number),
            _ => Err(mismatch()),
        }
    }

    pub(super) fn numeric(self, index: usize) -> Result<&'a Numeric, EvaluateError> {
        match self.value(index)? {
            Value::Numeric(number) => Ok(number),
            _ => Err(mismatch()),
        }
    }

    pub(super) fn double(self, index: usize) -> Result<f64, EvaluateError> {
        match self.value(index)? {
            Value::Double(number) => Ok(*number),
            _ => Err(mismatch()),
        }
    }

    pub(super) fn date(self, index: usize) -> Result<Date, EvaluateError> {
        match self.value(index)? {
            Value::Date(date) => Ok(*date),
            _ => Err(mismatch()),
        }
    }

    pub(super) fn timestamp(self, index: usize) -> Result<Timestamp, EvaluateError> {
        match self.value(index)? {
            Value::Timestamp(time) => Ok(*time),
            _ => Err(mismatch()),
        }
    }

    pub(super) fn timestamptz(self, index: usize) -> Result<Timestamptz, EvaluateError> {
        match self.value(index)? {
            Value::Timestamptz(time) => Ok(*time),
            _ => Err(mismatch()),
        }
    }

    pub(super) fn interval(self, index: usize) -> Result<Interval, EvaluateError> {
        match self.value(index)? {
            Value::Interval(interval) => Ok(*interval),
            _ => Err(mismatch()),
        }
    }

    pub(super) fn json(self, index: usize) -> Result<&'a Json, EvaluateError> {
        match self.value(index)? {
            Value::Jsonb(json) => Ok(json),
            _ => Err(mismatch()),
        }
    }

    pub(super) fn regex(self) -> Result<&'a Regex, EvaluateError> {
        match self.prepared {
            Some(Prepared::Regex(regex)) => Ok(regex),
            _ => Err(mismatch()),
        }
    }

    pub(super) fn zone(self) -> Result<&'a Zone, EvaluateError> {
        match self.prepared {
            Some(Prepared::Zone(zone)) => Ok(zone),
            _ => Err(mismatch()),
        }
    }

    pub(super) fn time_picture(self) -> Result<&'a [Piece], EvaluateError> {
        match self.prepared {
            Some(Prepared::TimePicture(pieces)) => Ok(pieces),
            _ => Err(mismatch()),
        }
    }

    pub(super) fn number_picture(self) -> Result<&'a Picture, EvaluateError> {
        match self.prepared {
            Some(Prepared::NumberPicture(picture)) => Ok(picture),
            _ => Err(mismatch()),
        }
    }
}
