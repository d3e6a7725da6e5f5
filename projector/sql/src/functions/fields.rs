//! The fields of dates, timestamps and intervals: extract (numeric) and date_part (double precision).

use prejoin_model::Type::{self, Double, Text};
use prejoin_model::{Date, Interval, Numeric, Value};

use super::datetime::{is_finite, midnight, split};
use super::{Arguments, Computed, Function};
use crate::arithmetic::{DAY_MICROSECONDS, error};
use crate::evaluate::mismatch;
use crate::plan::EvaluateError;

const DATE: Type = Type::Date;
const TIMESTAMP: Type = Type::Timestamp;
const TIMESTAMPTZ: Type = Type::Timestamptz;
const INTERVAL: Type = Type::Interval;
const NUMERIC: Type = Type::Numeric;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::strict("extract", &[Text, TIMESTAMPTZ], NUMERIC, |given| {
        numeric(of_moment(given, given.timestamptz(1)?.0, "timestamp with time zone")?)
    }),
    Function::strict("extract", &[Text, TIMESTAMP], NUMERIC, |given| {
        numeric(of_moment(given, given.timestamp(1)?.0, "timestamp without time zone")?)
    }),
    Function::strict("extract", &[Text, DATE], NUMERIC, |given| numeric(of_date(given)?)),
    Function::strict("extract", &[Text, INTERVAL], NUMERIC, |given| numeric(of_interval(given)?)),
    Function::strict("date_part", &[Text, TIMESTAMPTZ], Double, |given| {
        double(of_moment(given, given.timestamptz(1)?.0, "timestamp with time zone")?)
    }),
    Function::strict("date_part", &[Text, TIMESTAMP], Double, |given| {
        double(of_moment(given, given.timestamp(1)?.0, "timestamp without time zone")?)
    }),
    Function::strict("date_part", &[Text, DATE], Double, |given| {
        double(of_moment(given, midnight(given.date(1)?)?, "timestamp without time zone")?)
    }),
    Function::strict("date_part", &[Text, INTERVAL], Double, |given| double(of_interval(given)?)),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Microseconds,
    Milliseconds,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
    Decade,
    Century,
    Millennium,
    Zone,
    ZoneHour,
    ZoneMinute,
    DayOfWeek,
    DayOfYear,
    IsoDayOfWeek,
    IsoYear,
    Julian,
    Epoch,
}

impl Unit {
    /// Whether it is a span of time, and not only a field.
    pub(super) fn is_unit(self) -> bool {
        !matches!(
            self,
            Unit::DayOfWeek
                | Unit::DayOfYear
                | Unit::IsoDayOfWeek
                | Unit::IsoYear
                | Unit::Julian
                | Unit::Epoch
        )
    }
}

/// PostgreSQL compares the first ten characters.
const NAME_CHARACTERS: usize = 10;

const UNITS: &[(&[&str], Unit)] = &[
    (&["microsecon", "us", "usec", "usecs", "usecond", "useconds"], Unit::Microseconds),
    (&["millisecon", "ms", "msec", "msecs", "msecond"], Unit::Milliseconds),
    (&["s", "sec", "second", "seconds", "secs"], Unit::Second),
    (&["m", "min", "mins", "minute", "minutes"], Unit::Minute),
    (&["h", "hour", "hours", "hr", "hrs"], Unit::Hour),
    (&["d", "day", "days"], Unit::Day),
    (&["w", "week", "weeks"], Unit::Week),
    (&["mon", "mons", "month", "months"], Unit::Month),
    (&["qtr", "quarter"], Unit::Quarter),
    (&["y", "year", "years", "yr", "yrs"], Unit::Year),
    (&["dec", "decs", "decade", "decades"], Unit::Decade),
    (&["c", "cent", "century", "centuries"], Unit::Century),
    (&["mil", "mils", "millennia", "millennium"], Unit::Millennium),
    (&["timezone"], Unit::Zone),
    (&["timezone_h"], Unit::ZoneHour),
    (&["timezone_m"], Unit::ZoneMinute),
    (&["dow"], Unit::DayOfWeek),
    (&["doy"], Unit::DayOfYear),
    (&["isodow"], Unit::IsoDayOfWeek),
    (&["isoyear"], Unit::IsoYear),
    (&["j", "jd", "julian"], Unit::Julian),
    (&["epoch"], Unit::Epoch),
];

/// A unit by its name in lower case.
pub(super) fn unit(name: &str) -> Option<Unit> {
    let cut: String = name.chars().take(NAME_CHARACTERS).collect();
    UNITS.iter().find(|(names, _)| names.contains(&cut.as_str())).map(|(_, unit)| *unit)
}

/// A field's value, as both result types need it.
enum Part {
    /// What an infinite time has of a field that comes again and again.
    Null,
    Infinity {
        negative: bool,
    },
    Whole(i64),
    /// whole + fraction / 10^scale.
    Decimal {
        whole: i64,
        fraction: i64,
        scale: u32,
    },
    /// Julian day and microseconds of the day.
    Julian {
        day: i64,
        micros: i64,
    },
    /// Seconds that are days and months, and microseconds.
    Seconds {
        quarters: i64,
        months: Interval,
    },
}

fn numeric(part: Part) -> Computed {
    let number = match part {
        Part::Null => return Ok(Value::Null),
        Part::Infinity { negative: true } => Ok(Numeric::NEGATIVE_INFINITY),
        Part::Infinity { negative: false } => Ok(Numeric::INFINITY),
        Part::Whole(number) => Ok(Numeric::from(number)),
        Part::Decimal { whole, fraction, scale } => {
            let unit = 10i128.pow(scale);
            scaled(i128::from(whole) * unit + i128::from(fraction), scale)
        }
        Part::Julian { day, micros } => Numeric::from(micros)
            .div(&Numeric::from(DAY_MICROSECONDS))
            .and_then(|fraction| Numeric::from(day).add(&fraction)),
        Part::Seconds { quarters, months } => {
            scaled(i128::from(quarters) * 21_600 * 1_000_000 + i128::from(months.micros), 6)
        }
    };
    number.map(Value::Numeric).map_err(|problem| error(problem.to_string()))
}

fn scaled(mantissa: i128, scale: u32) -> Result<Numeric, prejoin_model::NumericError> {
    Numeric::parse(&format!("{mantissa}e-{scale}"))
}

fn double(part: Part) -> Computed {
    Ok(match part {
        Part::Null => Value::Null,
        Part::Infinity { negative } => {
            Value::Double(if negative { f64::NEG_INFINITY } else { f64::INFINITY })
        }
        Part::Whole(number) => Value::Double(number as f64),
        Part::Decimal { whole, fraction, scale } => {
            let unit = if scale == 3 { 1e3 } else { 1e6 };
            Value::Double(whole as f64 + fraction as f64 / unit)
        }
        Part::Julian { day, micros } => {
            let seconds = (micros / 1_000_000) as f64 + (micros % 1_000_000) as f64 / 1e6;
            Value::Double(day as f64 + seconds / 86_400.0)
        }
        Part::Seconds { months, .. } => {
            let mut seconds = months.micros as f64 / 1e6;
            seconds += 365.25 * 86_400.0 * f64::from(months.months / 12);
            seconds += 30.0 * 86_400.0 * f64::from(months.months % 12);
            Value::Double(seconds + 86_400.0 * f64::from(months.days))
        }
    })
}

fn named(given: Arguments<'_>, kind: &str) -> Result<(Unit, String), EvaluateError> {
    let name = given.text(0)?.to_ascii_lowercase();
    match unit(&name) {
        Some(unit) => Ok((unit, name)),
        None => Err(error(format!("unit \"{name}\" not recognized for type {kind}"))),
    }
}

fn not_supported(name: &str, kind: &str) -> EvaluateError {
    error(format!("unit \"{name}\" not supported for type {kind}"))
}

fn is_growing(unit: Unit) -> bool {
    matches!(
        unit,
        Unit::Year
            | Unit::Decade
            | Unit::Century
            | Unit::Millennium
            | Unit::Julian
            | Unit::IsoYear
            | Unit::Epoch
    )
}

fn of_moment(given: Arguments<'_>, micros: i64, kind: &str) -> Result<Part, EvaluateError> {
    let (unit, name) = named(given, kind)?;
    let zoned = kind == "timestamp with time zone";
    let is_zone = matches!(unit, Unit::Zone | Unit::ZoneHour | Unit::ZoneMinute);
    if !is_finite(micros) {
        return Ok(if is_growing(unit) { Part::Infinity { negative: micros < 0 } } else { Part::Null });
    }
    if is_zone && !zoned {
        return Err(not_supported(&name, kind));
    }
    let (date, of_day) = split(micros);
    let (minute, of_minute) = (of_day / 60_000_000, of_day % 60_000_000);
    Ok(match unit {
        _ if is_zone => Part::Whole(0),
        Unit::Microseconds => Part::Whole(of_minute),
        Unit::Milliseconds => {
            Part::Decimal { whole: of_minute / 1_000_000 * 1_000, fraction: of_minute % 1_000_000, scale: 3 }
        }
        Unit::Second => {
            Part::Decimal { whole: of_minute / 1_000_000, fraction: of_minute % 1_000_000, scale: 6 }
        }
        Unit::Minute => Part::Whole(minute % 60),
        Unit::Hour => Part::Whole(minute / 60),
        Unit::Epoch => Part::Decimal { whole: 0, fraction: micros, scale: 6 },
        Unit::Julian => Part::Julian { day: julian(date), micros: of_day },
        _ => of_day_field(unit, date)?.ok_or_else(|| not_supported(&name, kind))?,
    })
}

fn of_date(given: Arguments<'_>) -> Result<Part, EvaluateError> {
    let (unit, name) = named(given, "date")?;
    let date = given.date(1)?;
    let is_time = matches!(
        unit,
        Unit::Microseconds
            | Unit::Milliseconds
            | Unit::Second
            | Unit::Minute
            | Unit::Hour
            | Unit::Zone
            | Unit::ZoneHour
            | Unit::ZoneMinute
    );
    if is_time {
        return Err(not_supported(&name, "date"));
    }
    if !date.is_finite() {
        return Ok(if is_growing(unit) { Part::Infinity { negative: date.0 < 0 } } else { Part::Null });
    }
    Ok(match unit {
        Unit::Epoch => Part::Whole(i64::from(date.0) * 86_400),
        Unit::Julian => Part::Whole(julian(date)),
        _ => of_day_field(unit, date)?.ok_or_else(|| not_supported(&name, "date"))?,
    })
}

pub(super) fn julian(date: Date) -> i64 {
    i64::from(date.0) + 2_440_588
}

/// From 0 for Monday.
pub(super) fn day_of_week(date: Date) -> i64 {
    (i64::from(date.0) + 3).rem_euclid(7)
}

/// From 1.
pub(super) fn day_of_year(date: Date) -> Result<i64, EvaluateError> {
    let (year, _, _) = date.civil().ok_or_else(mismatch)?;
    let mut day = 1;
    // The first day of the first year that PostgreSQL knows is not in its range.
    let first = Date::from_civil(year, 1, 1).map(|first| i64::from(date.0) - i64::from(first.0));
    match first {
        Some(days) => day += days,
        None => day += 328 + i64::from(date.0) - i64::from(Date::MIN.0) - 1,
    }
    Ok(day)
}

/// Year (0 is 1 BC) and number of the ISO week.
pub(super) fn iso_week(date: Date) -> Result<(i32, i64), EvaluateError> {
    let (year, _, _) = date.civil().ok_or_else(mismatch)?;
    let thursday_of_year = day_of_year(date)? - 1 - day_of_week(date) + 3;
    let length = |year: i32| if is_leap(year) { 366 } else { 365 };
    Ok(match thursday_of_year {
        ..0 => (year - 1, (thursday_of_year + length(year - 1)) / 7 + 1),
        day if day >= length(year) => (year + 1, (day - length(year)) / 7 + 1),
        day => (year, day / 7 + 1),
    })
}

fn is_leap(year: i32) -> bool {
    year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0)
}

/// As people count: the year before 1 is -1.
fn counted_year(year: i32) -> i64 {
    i64::from(if year > 0 { year } else { year - 1 })
}

fn of_day_field(unit: Unit, date: Date) -> Result<Option<Part>, EvaluateError> {
    let (year, month, day) = date.civil().ok_or_else(mismatch)?;
    let wide = i64::from(year);
    Ok(Some(Part::Whole(match unit {
        Unit::Day => day.into(),
        Unit::Month => month.into(),
        Unit::Quarter => i64::from((month - 1) / 3 + 1),
        Unit::Week => iso_week(date)?.1,
        Unit::IsoYear => counted_year(iso_week(date)?.0),
        Unit::Year => counted_year(year),
        Unit::Decade if year >= 0 => wide / 10,
        Unit::Decade => -((8 - (wide - 1)) / 10),
        Unit::Century if year > 0 => (wide + 99) / 100,
        Unit::Century => -((99 - (wide - 1)) / 100),
        Unit::Millennium if year > 0 => (wide + 999) / 1000,
        Unit::Millennium => -((999 - (wide - 1)) / 1000),
        Unit::DayOfWeek => (day_of_week(date) + 1) % 7,
        Unit::IsoDayOfWeek => day_of_week(date) + 1,
        Unit::DayOfYear => day_of_year(date)?,
        _ => return Ok(None),
    })))
}

fn of_interval(given: Arguments<'_>) -> Result<Part, EvaluateError> {
    let (unit, name) = named(given, "interval")?;
    let span = given.interval(1)?;
    let (years, months) = (i64::from(span.months / 12), i64::from(span.months % 12));
    let (minutes, of_minute) = (span.micros / 60_000_000, span.micros % 60_000_000);
    Ok(match unit {
        Unit::Microseconds => Part::Whole(of_minute),
        Unit::Milliseconds => {
            Part::Decimal { whole: of_minute / 1_000_000 * 1_000, fraction: of_minute % 1_000_000, scale: 3 }
        }
        Unit::Second => {
            Part::Decimal { whole: of_minute / 1_000_000, fraction: of_minute % 1_000_000, scale: 6 }
        }
        Unit::Minute => Part::Whole(minutes % 60),
        Unit::Hour => Part::Whole(minutes / 60),
        Unit::Day => Part::Whole(span.days.into()),
        Unit::Month => Part::Whole(months),
        Unit::Quarter => Part::Whole(months / 3 + 1),
        Unit::Year => Part::Whole(years),
        Unit::Decade => Part::Whole(years / 10),
        Unit::Century => Part::Whole(years / 100),
        Unit::Millennium => Part::Whole(years / 1000),
        Unit::Epoch => {
            let quarters = 1461 * years + 120 * months + 4 * i64::from(span.days);
            Part::Seconds { quarters, months: span }
        }
        _ => return Err(not_supported(&name, "interval")),
    })
}
