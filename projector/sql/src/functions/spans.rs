//! Intervals taken apart and put together: justify_*, make_interval, age, date_trunc and bins of times.

use prejoin_model::Type::{Boolean, Double, Integer, Text};
use prejoin_model::{Date, Interval, Timestamp, Timestamptz, Type, Value};

use super::datetime::is_finite;
use super::fields::{Unit, unit};
use super::number_text::fixed;
use super::{Arguments, Computed, Function};
use crate::arithmetic::{DAY_MICROSECONDS, error};
use crate::evaluate::mismatch;
use crate::plan::EvaluateError;

const TIMESTAMPTZ: Type = Type::Timestamptz;
const TIMESTAMP: Type = Type::Timestamp;
const INTERVAL: Type = Type::Interval;
const MONTH_DAYS: i32 = 30;

const fn make_interval(parameters: &'static [Type]) -> Function {
    Function::strict("make_interval", parameters, INTERVAL, made)
}

pub(super) const FUNCTIONS: &[Function] = &[
    Function::strict("date_trunc", &[Text, INTERVAL], INTERVAL, |given| {
        Ok(Value::Interval(truncated(given.text(0)?, given.interval(1)?)?))
    }),
    Function::strict("justify_hours", &[INTERVAL], INTERVAL, |given| justified(given, justify_hours)),
    Function::strict("justify_days", &[INTERVAL], INTERVAL, |given| justified(given, justify_days)),
    Function::strict("justify_interval", &[INTERVAL], INTERVAL, |given| justified(given, justify_both)),
    make_interval(&[]),
    make_interval(&[Integer]),
    make_interval(&[Integer, Integer]),
    make_interval(&[Integer, Integer, Integer]),
    make_interval(&[Integer, Integer, Integer, Integer]),
    make_interval(&[Integer, Integer, Integer, Integer, Integer]),
    make_interval(&[Integer, Integer, Integer, Integer, Integer, Integer]),
    make_interval(&[Integer, Integer, Integer, Integer, Integer, Integer, Double]),
    Function::strict("age", &[TIMESTAMPTZ, TIMESTAMPTZ], INTERVAL, |given| {
        age(given.timestamptz(0)?.0, given.timestamptz(1)?.0)
    }),
    Function::strict("age", &[TIMESTAMP, TIMESTAMP], INTERVAL, |given| {
        age(given.timestamp(0)?.0, given.timestamp(1)?.0)
    }),
    Function::strict("date_bin", &[INTERVAL, TIMESTAMPTZ, TIMESTAMPTZ], TIMESTAMPTZ, |given| {
        let bin = bin(given.interval(0)?, given.timestamptz(1)?.0, given.timestamptz(2)?.0)?;
        Ok(Value::Timestamptz(Timestamptz(bin)))
    }),
    Function::strict("date_bin", &[INTERVAL, TIMESTAMP, TIMESTAMP], TIMESTAMP, |given| {
        let bin = bin(given.interval(0)?, given.timestamp(1)?.0, given.timestamp(2)?.0)?;
        Ok(Value::Timestamp(Timestamp(bin)))
    }),
    Function::strict("isfinite", &[Type::Date], Boolean, |given| {
        Ok(Value::Boolean(given.date(0)?.is_finite()))
    }),
    Function::strict("isfinite", &[TIMESTAMPTZ], Boolean, |given| {
        Ok(Value::Boolean(is_finite(given.timestamptz(0)?.0)))
    }),
    Function::strict("isfinite", &[TIMESTAMP], Boolean, |given| {
        Ok(Value::Boolean(is_finite(given.timestamp(0)?.0)))
    }),
    Function::strict("isfinite", &[INTERVAL], Boolean, |_| Ok(Value::Boolean(true))),
    Function::strict("to_timestamp", &[Double], TIMESTAMPTZ, |given| moment(given.double(0)?)),
];

fn out_of_range() -> EvaluateError {
    error("interval out of range")
}

fn truncated(name: &str, span: Interval) -> Result<Interval, EvaluateError> {
    let name = name.to_ascii_lowercase();
    let unit = unit(&name).filter(|unit| unit.is_unit());
    let unit = unit.ok_or_else(|| error(format!("unit \"{name}\" not recognized for type interval")))?;
    let months = |size: i32| Interval { months: span.months / size * size, days: 0, micros: 0 };
    let time = |size: i64| Interval { micros: span.micros / size * size, ..span };
    Ok(match unit {
        Unit::Millennium => months(12_000),
        Unit::Century => months(1_200),
        Unit::Decade => months(120),
        Unit::Year => months(12),
        Unit::Quarter => months(3),
        Unit::Month => months(1),
        Unit::Day => Interval { micros: 0, ..span },
        Unit::Hour => time(3_600_000_000),
        Unit::Minute => time(60_000_000),
        Unit::Second => time(1_000_000),
        Unit::Milliseconds => time(1_000),
        Unit::Microseconds => span,
        _ => return Err(error(format!("unit \"{name}\" not supported for type interval"))),
    })
}

fn justified(given: Arguments<'_>, justify: fn(Interval) -> Option<Interval>) -> Computed {
    justify(given.interval(0)?).map(Value::Interval).ok_or_else(out_of_range)
}

/// Whole days of the time, and the rest with the days' sign.
fn justify_hours(mut span: Interval) -> Option<Interval> {
    carry_days(&mut span)?;
    align_time(&mut span);
    Some(span)
}

/// Whole months of the days, and the rest with the months' sign.
fn justify_days(mut span: Interval) -> Option<Interval> {
    carry_months(&mut span)?;
    if span.months > 0 && span.days < 0 {
        (span.days, span.months) = (span.days + MONTH_DAYS, span.months - 1);
    } else if span.months < 0 && span.days > 0 {
        (span.days, span.months) = (span.days - MONTH_DAYS, span.months + 1);
    }
    Some(span)
}

fn justify_both(mut span: Interval) -> Option<Interval> {
    let same_sign = (span.days > 0 && span.micros > 0) || (span.days < 0 && span.micros < 0);
    if same_sign {
        carry_months(&mut span)?;
    }
    carry_days(&mut span)?;
    carry_months(&mut span)?;
    let below = span.days < 0 || (span.days == 0 && span.micros < 0);
    let above = span.days > 0 || (span.days == 0 && span.micros > 0);
    if span.months > 0 && below {
        (span.days, span.months) = (span.days + MONTH_DAYS, span.months - 1);
    } else if span.months < 0 && above {
        (span.days, span.months) = (span.days - MONTH_DAYS, span.months + 1);
    }
    align_time(&mut span);
    Some(span)
}

fn carry_days(span: &mut Interval) -> Option<()> {
    let days = i32::try_from(span.micros / DAY_MICROSECONDS).ok()?;
    span.micros %= DAY_MICROSECONDS;
    span.days = span.days.checked_add(days)?;
    Some(())
}

fn carry_months(span: &mut Interval) -> Option<()> {
    span.months = span.months.checked_add(span.days / MONTH_DAYS)?;
    span.days %= MONTH_DAYS;
    Some(())
}

fn align_time(span: &mut Interval) {
    if span.days > 0 && span.micros < 0 {
        (span.micros, span.days) = (span.micros + DAY_MICROSECONDS, span.days - 1);
    } else if span.days < 0 && span.micros > 0 {
        (span.micros, span.days) = (span.micros - DAY_MICROSECONDS, span.days + 1);
    }
}

/// Years, months, weeks, days, hours, minutes and seconds. Sums that do not fit wrap around, as in PostgreSQL.
fn made(given: Arguments<'_>) -> Computed {
    let part = |index: usize| if index < given.count() { given.integer(index) } else { Ok(0) };
    let seconds = if given.count() > 6 { given.double(6)? } else { 0.0 };
    if !seconds.is_finite() {
        return Err(out_of_range());
    }
    let micros = (seconds * 1e6).round_ties_even();
    let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&micros);
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked first")]
    let micros = if fits { micros as i64 } else { i64::MIN };
    let time = i64::from(part(4)?) * 3_600_000_000 + i64::from(part(5)?) * 60_000_000;
    Ok(Value::Interval(Interval {
        months: part(0)?.wrapping_mul(12).wrapping_add(part(1)?),
        days: part(2)?.wrapping_mul(7).wrapping_add(part(3)?),
        micros: time.wrapping_add(micros),
    }))
}

/// A moment's year, month, day and microseconds of the day.
struct Fields {
    year: i32,
    month: u32,
    day: u32,
    micros: i64,
}

/// PostgreSQL counts its infinity as the last moment of its clock here, and refuses the negative one.
fn fields(micros: i64) -> Result<Fields, EvaluateError> {
    /// From 1970 to 2000, where PostgreSQL's clock begins.
    const EPOCH_MICROS: i128 = 946_684_800_000_000;
    let wide = if micros == i64::MAX { i128::from(micros) + EPOCH_MICROS } else { i128::from(micros) };
    let day = i128::from(DAY_MICROSECONDS);
    let date = i32::try_from(wide.div_euclid(day)).ok().filter(|_| micros != i64::MIN);
    let date = date.and_then(|days| Date(days).civil());
    let (year, month, day_of_month) = date.ok_or_else(|| error("timestamp out of range"))?;
    let micros = i64::try_from(wide.rem_euclid(day)).map_err(|_| mismatch())?;
    Ok(Fields { year, month, day: day_of_month, micros })
}

/// The difference by the calendar: whole years and months, then days.
fn age(left: i64, right: i64) -> Computed {
    let (later, earlier) = (fields(left.max(right))?, fields(left.min(right))?);
    let narrow = |number: u32| i32::try_from(number).map_err(|_| mismatch());
    let mut micros = later.micros - earlier.micros;
    let mut days = narrow(later.day)? - narrow(earlier.day)?;
    let mut months = (later.year - earlier.year) * 12 + narrow(later.month)? - narrow(earlier.month)?;
    if micros < 0 {
        (micros, days) = (micros + DAY_MICROSECONDS, days - 1);
    }
    if days < 0 {
        // The month that is not complete is the one of the earlier moment.
        (days, months) = (days + month_length(earlier.year, earlier.month), months - 1);
    }
    let sign = if left < right { -1 } else { 1 };
    let span = Interval { months: months * sign, days: days * sign, micros: micros * i64::from(sign) };
    Ok(Value::Interval(span))
}

fn month_length(year: i32, month: u32) -> i32 {
    let is_leap = year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The beginning of the bin that a time falls into; bins are as long as the stride and one begins at the origin.
fn bin(stride: Interval, time: i64, origin: i64) -> Result<i64, EvaluateError> {
    if !is_finite(time) {
        return Ok(time);
    }
    if !is_finite(origin) {
        return Err(error("origin out of range"));
    }
    if stride.months != 0 {
        return Err(error("timestamps cannot be binned into intervals containing months or years"));
    }
    let stride = i64::from(stride.days)
        .checked_mul(DAY_MICROSECONDS)
        .and_then(|days| days.checked_add(stride.micros))
        .ok_or_else(out_of_range)?;
    if stride <= 0 {
        return Err(error("stride must be greater than zero"));
    }
    let distance = time.checked_sub(origin).ok_or_else(out_of_range)?;
    let begin = time.checked_sub(distance.rem_euclid(stride));
    let begin = begin.filter(|begin| is_finite(*begin) && Timestamptz(*begin).in_range());
    begin.ok_or_else(|| error("timestamp out of range"))
}

/// A number of seconds since 1970.
fn moment(seconds: f64) -> Computed {
    const EPOCH_SECONDS: f64 = 946_684_800.0;
    if seconds.is_nan() {
        return Err(error("timestamp cannot be NaN"));
    }
    let infinite = |positive: bool| if positive { i64::MAX } else { i64::MIN };
    if seconds.is_infinite() {
        return Ok(Value::Timestamptz(Timestamptz(infinite(seconds > 0.0))));
    }
    // PostgreSQL counts from 2000, which decides how the fraction is rounded.
    let micros = ((seconds - EPOCH_SECONDS) * 1e6).round_ties_even();
    let fits = micros.abs() < 9.2e18;
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked first")]
    let micros = fits.then_some(micros as i64).and_then(|micros| micros.checked_add(946_684_800_000_000));
    let found = micros.filter(|micros| is_finite(*micros) && Timestamptz(*micros).in_range());
    match found {
        Some(micros) => Ok(Value::Timestamptz(Timestamptz(micros))),
        None => Err(error(format!("timestamp out of range: \"{}\"", six_digits(seconds)))),
    }
}

/// As C's `%g` writes a large number.
fn six_digits(number: f64) -> String {
    let text = format!("{number:.5e}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let digits = digits.trim_end_matches('0').trim_end_matches('.');
            format!("{digits}e+{exponent:0>2}")
        }
        None => fixed(number, 0),
    }
}
