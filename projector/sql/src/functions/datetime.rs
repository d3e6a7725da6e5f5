//! Dates, timestamps and intervals: sums, differences, date_trunc and make_date. The time zone is UTC.

use prejoin_model::Type::{self, Double, Integer, Text};
use prejoin_model::{Date, Interval, TimeUnit, Timestamp, Timestamptz, Value};

use super::fields::{Unit, unit};
use super::{Arguments, Computed, Function};
use crate::arithmetic::{DAY_MICROSECONDS, error};
use crate::plan::EvaluateError;

const TIMESTAMPTZ: Type = Type::Timestamptz;
const TIMESTAMP: Type = Type::Timestamp;
const DATE: Type = Type::Date;
const INTERVAL: Type = Type::Interval;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::strict("+", &[TIMESTAMPTZ, INTERVAL], TIMESTAMPTZ, |given| shift_instant(given, 0, 1, false)),
    Function::strict("+", &[INTERVAL, TIMESTAMPTZ], TIMESTAMPTZ, |given| shift_instant(given, 1, 0, false)),
    Function::strict("-", &[TIMESTAMPTZ, INTERVAL], TIMESTAMPTZ, |given| shift_instant(given, 0, 1, true)),
    Function::strict("+", &[TIMESTAMP, INTERVAL], TIMESTAMP, |given| shift_local(given, 0, 1, false)),
    Function::strict("+", &[INTERVAL, TIMESTAMP], TIMESTAMP, |given| shift_local(given, 1, 0, false)),
    Function::strict("-", &[TIMESTAMP, INTERVAL], TIMESTAMP, |given| shift_local(given, 0, 1, true)),
    Function::strict("+", &[DATE, INTERVAL], TIMESTAMP, |given| shift_date(given, 0, 1, false)),
    Function::strict("+", &[INTERVAL, DATE], TIMESTAMP, |given| shift_date(given, 1, 0, false)),
    Function::strict("-", &[DATE, INTERVAL], TIMESTAMP, |given| shift_date(given, 0, 1, true)),
    Function::strict("-", &[TIMESTAMPTZ, TIMESTAMPTZ], INTERVAL, |given| {
        difference(given.timestamptz(0)?.0, given.timestamptz(1)?.0)
    }),
    Function::strict("-", &[TIMESTAMP, TIMESTAMP], INTERVAL, |given| {
        difference(given.timestamp(0)?.0, given.timestamp(1)?.0)
    }),
    Function::strict("+", &[INTERVAL, INTERVAL], INTERVAL, |given| {
        interval(given.interval(0)?.checked_add(given.interval(1)?))
    }),
    Function::strict("-", &[INTERVAL, INTERVAL], INTERVAL, |given| {
        interval(given.interval(0)?.checked_sub(given.interval(1)?))
    }),
    Function::strict("-", &[INTERVAL], INTERVAL, |given| interval(given.interval(0)?.checked_neg())),
    Function::strict("*", &[INTERVAL, Double], INTERVAL, |given| {
        interval(given.interval(0)?.checked_mul(given.double(1)?))
    }),
    Function::strict("*", &[Double, INTERVAL], INTERVAL, |given| {
        interval(given.interval(1)?.checked_mul(given.double(0)?))
    }),
    Function::strict("/", &[INTERVAL, Double], INTERVAL, |given| match given.double(1)? {
        0.0 => Err(error("division by zero")),
        divisor => interval(given.interval(0)?.checked_div(divisor)),
    }),
    Function::strict("date_trunc", &[Text, TIMESTAMPTZ], TIMESTAMPTZ, |given| {
        let instant = truncated(given.text(0)?, given.timestamptz(1)?.0, "timestamp with time zone")?;
        Ok(Value::Timestamptz(Timestamptz(instant)))
    }),
    Function::strict("date_trunc", &[Text, TIMESTAMP], TIMESTAMP, |given| {
        let moment = truncated(given.text(0)?, given.timestamp(1)?.0, "timestamp without time zone")?;
        Ok(Value::Timestamp(Timestamp(moment)))
    }),
    Function::strict("make_date", &[Integer, Integer, Integer], DATE, make_date),
];

fn interval(result: Option<Interval>) -> Computed {
    result.map(Value::Interval).ok_or_else(|| error("interval out of range"))
}

fn out_of_range() -> EvaluateError {
    error("timestamp out of range")
}

/// The day and the microseconds since its midnight.
pub(super) fn split(micros: i64) -> (Date, i64) {
    (Timestamptz(micros).date(), micros.rem_euclid(DAY_MICROSECONDS))
}

pub(super) fn is_finite(micros: i64) -> bool {
    Timestamptz(micros).is_finite()
}

/// Months first, to the end of the month at most, then days, then time.
pub(super) fn shifted(micros: i64, by: Interval) -> Option<i64> {
    if !is_finite(micros) {
        return Some(micros);
    }
    let (mut date, of_day) = split(micros);
    if by.months != 0 {
        let (year, month, day) = date.civil()?;
        let months = i64::from(year) * 12 + i64::from(month) - 1 + i64::from(by.months);
        let (year, month) = (i32::try_from(months.div_euclid(12)).ok()?, months.rem_euclid(12) + 1);
        let month = u32::try_from(month).ok()?;
        date = (28..=day).rev().chain([day]).find_map(|day| Date::from_civil(year, month, day))?;
    }
    let date = Date(date.0.checked_add(by.days)?);
    // An interval of days may leave the range that its time then comes back to.
    let midnight = i128::from(date.0) * i128::from(DAY_MICROSECONDS) + i128::from(of_day);
    let sum = i64::try_from(midnight + i128::from(by.micros)).ok()?;
    Some(sum).filter(|micros| is_finite(*micros) && Timestamptz(*micros).in_range())
}

fn shift(micros: i64, by: Interval, subtract: bool) -> Result<i64, EvaluateError> {
    let by = if subtract { by.checked_neg().ok_or_else(|| error("interval out of range"))? } else { by };
    shifted(micros, by).ok_or_else(out_of_range)
}

fn shift_instant(given: Arguments<'_>, time: usize, by: usize, subtract: bool) -> Computed {
    let shifted = shift(given.timestamptz(time)?.0, given.interval(by)?, subtract)?;
    Ok(Value::Timestamptz(Timestamptz(shifted)))
}

fn shift_local(given: Arguments<'_>, time: usize, by: usize, subtract: bool) -> Computed {
    let shifted = shift(given.timestamp(time)?.0, given.interval(by)?, subtract)?;
    Ok(Value::Timestamp(Timestamp(shifted)))
}

pub(super) fn midnight(date: Date) -> Result<i64, EvaluateError> {
    let moment = date.midnight().ok_or_else(|| error("date out of range for timestamp"))?;
    Ok(moment.0)
}

fn shift_date(given: Arguments<'_>, date: usize, by: usize, subtract: bool) -> Computed {
    let shifted = shift(midnight(given.date(date)?)?, given.interval(by)?, subtract)?;
    Ok(Value::Timestamp(Timestamp(shifted)))
}

fn difference(left: i64, right: i64) -> Computed {
    if !is_finite(left) || !is_finite(right) {
        return Err(error("cannot subtract infinite timestamps"));
    }
    let micros = left.checked_sub(right).ok_or_else(|| error("interval out of range"))?;
    Ok(Value::Interval(Interval::of_micros(micros)))
}

fn make_date(given: Arguments<'_>) -> Computed {
    let (year, month, day) = (given.integer(0)?, given.integer(1)?, given.integer(2)?);
    // A negative year is one before Christ; there is no year 0.
    let civil_year = if year < 0 { year.checked_add(1) } else { Some(year).filter(|&year| year != 0) };
    let part = |number: i32| u32::try_from(number).ok();
    let found = civil_year
        .zip(part(month).zip(part(day)))
        .and_then(|(year, (month, day))| Date::from_civil(year, month, day));
    // PostgreSQL's message has the year as it counts within, where 0 is 1 BC.
    let year = if year < 0 && year > i32::MIN { year + 1 } else { year };
    // Such a day exists in some year, so it is the year that is out of range.
    let is_day = year != 0
        && year != i32::MIN
        && part(month)
            .zip(part(day))
            .is_some_and(|(month, day)| Date::from_civil(2000 + year.rem_euclid(400), month, day).is_some());
    let problem = if is_day { "date out of range" } else { "date field value out of range" };
    found.map(Value::Date).ok_or_else(|| error(format!("{problem}: {year}-{month:02}-{day:02}")))
}

/// date_trunc of a moment that is told in the zone at hand.
pub(super) fn truncated(name: &str, micros: i64, kind: &str) -> Result<i64, EvaluateError> {
    if !is_finite(micros) {
        return Ok(micros);
    }
    let name = name.to_ascii_lowercase();
    let unit = unit(&name).filter(|unit| unit.is_unit());
    let unit = unit.ok_or_else(|| error(format!("unit \"{name}\" not recognized for type {kind}")))?;
    let unit = match unit {
        Unit::Microseconds => TimeUnit::Microseconds,
        Unit::Milliseconds => TimeUnit::Milliseconds,
        Unit::Second => TimeUnit::Second,
        Unit::Minute => TimeUnit::Minute,
        Unit::Hour => TimeUnit::Hour,
        Unit::Day => TimeUnit::Day,
        Unit::Week => TimeUnit::Week,
        Unit::Month => TimeUnit::Month,
        Unit::Quarter => TimeUnit::Quarter,
        Unit::Year => TimeUnit::Year,
        Unit::Decade => TimeUnit::Decade,
        Unit::Century => TimeUnit::Century,
        Unit::Millennium => TimeUnit::Millennium,
        _ => return Err(error(format!("unit \"{name}\" not supported for type {kind}"))),
    };
    Timestamptz(micros).truncated(unit).map(|moment| moment.0).ok_or_else(out_of_range)
}
