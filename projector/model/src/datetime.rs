//! Dates and timestamps with PostgreSQL's range, precision and text.

mod calendar;
mod parse;
mod truncate;

pub use truncate::TimeUnit;

use std::fmt;

use self::calendar::civil_from_days;

const DAY_MICROS: i64 = 86_400_000_000;

/// Days since 1970-01-01 in the proleptic Gregorian calendar; `i32::MIN` and `i32::MAX` are -infinity and infinity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date(pub i32);

/// Microseconds since 1970-01-01T00:00:00Z; `i64::MIN` and `i64::MAX` are -infinity and infinity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamptz(pub i64);

/// Microseconds since 1970-01-01 00:00:00 of a clock whose zone is not said; infinities as in `Timestamptz`. Its range is
/// that of `Timestamptz`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

impl Date {
    pub const INFINITY: Date = Date(i32::MAX);
    pub const NEGATIVE_INFINITY: Date = Date(i32::MIN);
    /// 4714-11-24 BC.
    pub const MIN: Date = Date(-2_440_588);
    /// 5874897-12-31.
    pub const MAX: Date = Date(2_145_042_905);

    /// A date of the proleptic Gregorian calendar, where year 0 is 1 BC; nothing if there is no such day or it is out of
    /// range.
    pub fn from_civil(year: i32, month: u32, day: u32) -> Option<Date> {
        let days = calendar::days_from_civil(year.into(), month, day)?;
        i32::try_from(days).ok().map(Date).filter(|date| date.in_range())
    }

    /// Year (0 is 1 BC), month and day; nothing for the infinities.
    pub fn civil(self) -> Option<(i32, u32, u32)> {
        let (year, month, day) = self.is_finite().then(|| civil_from_days(self.0.into()))?;
        Some((i32::try_from(year).ok()?, month, day))
    }

    pub fn is_finite(self) -> bool {
        self != Date::INFINITY && self != Date::NEGATIVE_INFINITY
    }

    /// Whether this is infinite or a date that PostgreSQL can hold.
    pub fn in_range(self) -> bool {
        !self.is_finite() || (Date::MIN..=Date::MAX).contains(&self)
    }

    /// The instant at which the day begins in UTC; nothing if no timestamptz can hold it.
    pub fn midnight(self) -> Option<Timestamptz> {
        match self {
            Date::INFINITY => Some(Timestamptz::INFINITY),
            Date::NEGATIVE_INFINITY => Some(Timestamptz::NEGATIVE_INFINITY),
            Date(days) => {
                let micros = i64::from(days).checked_mul(DAY_MICROS).map(Timestamptz);
                micros.filter(|instant| instant.in_range())
            }
        }
    }
}

impl Timestamptz {
    pub const INFINITY: Timestamptz = Timestamptz(i64::MAX);
    pub const NEGATIVE_INFINITY: Timestamptz = Timestamptz(i64::MIN);
    /// 4714-11-24 00:00:00+00 BC.
    pub const MIN: Timestamptz = Timestamptz(Date::MIN.0 as i64 * DAY_MICROS);
    /// 294247-01-10 04:00:54.775806+00, the last that 64 bits hold from 1970. PostgreSQL, which counts from 2000, goes on
    /// to the end of 294276; what lies between is refused as out of range.
    pub const MAX: Timestamptz = Timestamptz(i64::MAX - 1);

    pub fn is_finite(self) -> bool {
        self != Timestamptz::INFINITY && self != Timestamptz::NEGATIVE_INFINITY
    }

    /// Whether this is infinite or an instant from `MIN` to `MAX`.
    pub fn in_range(self) -> bool {
        !self.is_finite() || (Timestamptz::MIN..=Timestamptz::MAX).contains(&self)
    }

    /// The day in UTC.
    pub fn date(self) -> Date {
        match self {
            Timestamptz::INFINITY => Date::INFINITY,
            Timestamptz::NEGATIVE_INFINITY => Date::NEGATIVE_INFINITY,
            Timestamptz(micros) => {
                let days = micros.div_euclid(DAY_MICROS);
                Date(i32::try_from(days).expect("2^63 microseconds are less than 2^31 days"))
            }
        }
    }
}

/// `1996-07-04`, `0044-03-15 BC`, `infinity`.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Date::INFINITY => f.write_str("infinity"),
            Date::NEGATIVE_INFINITY => f.write_str("-infinity"),
            Date(days) => {
                let era = write_civil(f, days.into())?;
                f.write_str(era)
            }
        }
    }
}

/// `1996-07-04 09:00:00+00`, `1996-07-04 00:00:00.5+00`, `0044-03-15 00:00:00+00 BC`, `infinity`.
impl fmt::Display for Timestamptz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_moment(f, self.0, "+00")
    }
}

/// `1996-07-04 09:00:00`, `0044-03-15 00:00:00 BC`, `infinity`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_moment(f, self.0, "")
    }
}

fn write_moment(f: &mut impl fmt::Write, micros: i64, zone: &str) -> fmt::Result {
    match micros {
        i64::MAX => return f.write_str("infinity"),
        i64::MIN => return f.write_str("-infinity"),
        _ => {}
    }
    let era = write_civil(f, micros.div_euclid(DAY_MICROS))?;
    let of_day = micros.rem_euclid(DAY_MICROS);
    let (seconds, fraction) = (of_day / 1_000_000, of_day % 1_000_000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let [[h, hh], [m, mm], [s, ss]] = [hour, minute, second].map(two_digits);
    write_ascii(f, &[b' ', h, hh, b':', m, mm, b':', s, ss])?;
    if fraction != 0 {
        write!(f, ".{}", format!("{fraction:06}").trim_end_matches('0'))?;
    }
    f.write_str(zone)?;
    f.write_str(era)
}

/// Writes year, month and day, and answers the era that comes at the end.
fn write_civil(f: &mut impl fmt::Write, days: i64) -> Result<&'static str, fmt::Error> {
    let (year, month, day) = civil_from_days(days);
    let (shown, era) = if year > 0 { (year, "") } else { (1 - year, " BC") };
    if shown > 9_999 {
        write!(f, "{shown}-{month:02}-{day:02}")?;
        return Ok(era);
    }
    let [[c, cc], [y, yy], [m, mm], [d, dd]] =
        [shown / 100, shown % 100, month.into(), day.into()].map(two_digits);
    write_ascii(f, &[c, cc, y, yy, b'-', m, mm, b'-', d, dd])?;
    Ok(era)
}

/// The last two decimal digits of a number that is not negative.
fn two_digits(number: i64) -> [u8; 2] {
    let digit = |number: i64| b'0' + (number % 10).to_le_bytes()[0];
    [digit(number / 10), digit(number)]
}

/// Times are printed by the million: formatting each number by itself takes several times as long.
fn write_ascii(f: &mut impl fmt::Write, text: &[u8]) -> fmt::Result {
    f.write_str(std::str::from_utf8(text).expect("digits and separators are ASCII"))
}

impl Timestamptz {
    pub(crate) fn write(self, out: &mut String) -> fmt::Result {
        write_moment(out, self.0, "+00")
    }
}
