//! Text to interval: numbers with units and a time, `1 year -2 days 03:04:05.6`, and `ago`.

use super::{DAY_MICROS, Interval, MONTH_DAYS, YEAR_MONTHS};
use crate::TextError;
use crate::text::{is_space, trim_space};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// Units of this many microseconds.
    Micros(i64),
    /// Units of this many days.
    Days(i32),
    /// Units of this many months.
    Months(i32),
}

const UNITS: &[(&[&str], Unit)] = &[
    (&["microsecond", "microseconds", "us", "usec", "usecs"], Unit::Micros(1)),
    (&["millisecond", "milliseconds", "ms", "msec", "msecs"], Unit::Micros(1_000)),
    (&["second", "seconds", "s", "sec", "secs"], Unit::Micros(1_000_000)),
    (&["minute", "minutes", "m", "min", "mins"], Unit::Micros(60_000_000)),
    (&["hour", "hours", "h", "hr", "hrs"], Unit::Micros(3_600_000_000)),
    (&["day", "days", "d"], Unit::Days(1)),
    (&["week", "weeks", "w"], Unit::Days(7)),
    (&["month", "months", "mon", "mons"], Unit::Months(1)),
    (&["year", "years", "y", "yr", "yrs"], Unit::Months(YEAR_MONTHS)),
    (&["decade", "decades", "dec", "decs"], Unit::Months(10 * YEAR_MONTHS)),
    (&["century", "centuries", "c", "cent"], Unit::Months(100 * YEAR_MONTHS)),
];

impl Interval {
    /// Reads `1 day 2 hours`, `-1.5 months`, `90 minutes ago`, `3 days 04:05:06.5`. PostgreSQL's other forms (ISO 8601,
    /// SQL's year-month, numbers without a unit) are refused.
    pub fn parse(text: &str) -> Result<Interval, TextError> {
        read(text).ok_or_else(|| {
            TextError(format!(
                "the interval \"{text}\" is not supported: write numbers with units and a time, '1 day 02:30:00'"
            ))
        })
    }
}

fn read(text: &str) -> Option<Interval> {
    let lower = trim_space(text).to_ascii_lowercase();
    let mut words: Vec<&str> = lower.split(is_space).filter(|word| !word.is_empty()).collect();
    let ago = words.last() == Some(&"ago");
    if ago {
        words.pop();
    }
    let mut sum = Interval { months: 0, days: 0, micros: 0 };
    let mut seen = Vec::new();
    let mut with_time = false;
    let mut words = words.into_iter().peekable();
    words.peek()?;
    while let Some(word) = words.next() {
        if word.contains(':') {
            if with_time || seen.iter().any(|unit| matches!(unit, Unit::Micros(_))) {
                return None;
            }
            with_time = true;
            sum.micros = sum.micros.checked_add(time(word)?)?;
            continue;
        }
        let digits_end = word.find(|character: char| character.is_ascii_alphabetic()).unwrap_or(word.len());
        let (number, name) = match word.split_at(digits_end) {
            (number, "") => (number, words.next()?),
            joined => joined,
        };
        let unit = UNITS.iter().find(|(names, _)| names.contains(&name))?.1;
        if seen.contains(&unit) || (with_time && matches!(unit, Unit::Micros(_))) {
            return None;
        }
        seen.push(unit);
        sum.add_unit(number, unit)?;
    }
    if ago { sum.checked_neg() } else { Some(sum) }
}

/// `[-]4:05` or `[-]4:05:06.7`, in microseconds.
fn time(word: &str) -> Option<i64> {
    let (negative, word) = match word.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, word.strip_prefix('+').unwrap_or(word)),
    };
    let mut parts = word.split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next().unwrap_or("0"));
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let number = |digits: &str, most: i64| {
        let plain =
            !digits.is_empty() && digits.len() <= 9 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<i64>().ok().filter(|number| plain && *number <= most)
    };
    if parts.next().is_some() || fraction.len() > 6 {
        return None;
    }
    let fraction = number(&format!("{fraction:0<6}"), 999_999)?;
    let whole = number(hours, i64::MAX)? * 3600 + number(minutes, 59)? * 60 + number(seconds, 59)?;
    let micros = whole * 1_000_000 + fraction;
    Some(if negative { -micros } else { micros })
}

impl Interval {
    fn add_unit(&mut self, number: &str, unit: Unit) -> Option<()> {
        let unsigned = number.strip_prefix(['-', '+']).unwrap_or(number);
        let (digits, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let plain =
            !digits.is_empty() && digits.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
        if !plain {
            return None;
        }
        let magnitude: i64 = digits.parse().ok()?;
        let fraction: f64 = format!("0.{fraction}0").parse().ok()?;
        let (whole, fraction) =
            if number.starts_with('-') { (-magnitude, -fraction) } else { (magnitude, fraction) };
        match unit {
            Unit::Micros(size) => {
                self.micros = self.micros.checked_add(whole.checked_mul(size)?)?;
                self.add_micros(fraction * size as f64)
            }
            Unit::Days(size) => {
                self.add_days(i32::try_from(whole).ok()?.checked_mul(size)?)?;
                self.add_fraction_of_days(fraction * f64::from(size))
            }
            Unit::Months(size) => {
                let months = i32::try_from(whole).ok()?.checked_mul(size)?;
                self.months = self.months.checked_add(months)?;
                if size == 1 {
                    return self.add_fraction_of_days(fraction * MONTH_DAYS as f64);
                }
                #[expect(clippy::cast_possible_truncation, reason = "at most a century's months")]
                let months = (fraction * f64::from(size)).round_ties_even() as i32;
                self.months = self.months.checked_add(months)?;
                Some(())
            }
        }
    }

    fn add_days(&mut self, days: i32) -> Option<()> {
        self.days = self.days.checked_add(days)?;
        Some(())
    }

    /// At most some weeks.
    fn add_fraction_of_days(&mut self, days: f64) -> Option<()> {
        #[expect(clippy::cast_possible_truncation, reason = "a fraction of a month at most")]
        self.add_days(days.trunc() as i32)?;
        self.add_micros(days.fract() * DAY_MICROS as f64)
    }

    /// Less than a day; rounded half away from the even, as PostgreSQL drops what is exactly half.
    fn add_micros(&mut self, micros: f64) -> Option<()> {
        let whole = micros.trunc();
        let rest = micros - whole;
        let carried = if rest > 0.5 {
            1
        } else if rest < -0.5 {
            -1
        } else {
            0
        };
        #[expect(clippy::cast_possible_truncation, reason = "less than a day")]
        let whole = whole as i64;
        self.micros = self.micros.checked_add(whole + carried)?;
        Some(())
    }
}
