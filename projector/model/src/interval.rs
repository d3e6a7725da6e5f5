//! Intervals: months, days and microseconds that are kept apart, as PostgreSQL does.

mod arithmetic;
mod parse;

use std::cmp::Ordering;
use std::fmt;

const DAY_MICROS: i64 = 86_400_000_000;
const MONTH_DAYS: i64 = 30;
const YEAR_MONTHS: i32 = 12;

/// A span of time. Equality is identity; by `compare`, as in SQL, 24 hours are a day and 30 days a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Interval {
    pub months: i32,
    pub days: i32,
    pub micros: i64,
}

impl Interval {
    /// Whole days, a month being 30 of them, and the microseconds beyond these days: what SQL compares.
    pub fn normal_days(&self) -> (i64, i64) {
        let days = i64::from(self.months) * MONTH_DAYS + i64::from(self.days);
        (days + self.micros.div_euclid(DAY_MICROS), self.micros.rem_euclid(DAY_MICROS))
    }

    /// SQL's order.
    pub fn compare(&self, other: &Interval) -> Ordering {
        self.normal_days().cmp(&other.normal_days())
    }
}

/// `1 year 2 mons -3 days +04:05:06.5`, `00:00:00`.
impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts =
            [(self.months / YEAR_MONTHS, "year"), (self.months % YEAR_MONTHS, "mon"), (self.days, "day")];
        let (mut first, mut after_negative) = (true, false);
        for (number, unit) in parts.into_iter().filter(|(number, _)| *number != 0) {
            let space = if first { "" } else { " " };
            let sign = if after_negative && number > 0 { "+" } else { "" };
            let plural = if number == 1 { "" } else { "s" };
            write!(f, "{space}{sign}{number} {unit}{plural}")?;
            (first, after_negative) = (false, number < 0);
        }
        if first || self.micros != 0 {
            let space = if first { "" } else { " " };
            let sign = match self.micros {
                ..0 => "-",
                _ if after_negative => "+",
                _ => "",
            };
            let magnitude = self.micros.unsigned_abs();
            let (seconds, fraction) = (magnitude / 1_000_000, magnitude % 1_000_000);
            let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
            write!(f, "{space}{sign}{hours:02}:{minutes:02}:{seconds:02}")?;
            if fraction != 0 {
                write!(f, ".{}", format!("{fraction:06}").trim_end_matches('0'))?;
            }
        }
        Ok(())
    }
}
