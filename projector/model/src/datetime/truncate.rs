//! What date_trunc leaves of a moment.

use crate::{Date, Timestamptz};

/// The unit that a moment is cut off to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeUnit {
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
}

const DAY_MICROSECONDS: i64 = 86_400_000_000;

impl TimeUnit {
    pub const ALL: [TimeUnit; 13] = [
        TimeUnit::Microseconds,
        TimeUnit::Milliseconds,
        TimeUnit::Second,
        TimeUnit::Minute,
        TimeUnit::Hour,
        TimeUnit::Day,
        TimeUnit::Week,
        TimeUnit::Month,
        TimeUnit::Quarter,
        TimeUnit::Year,
        TimeUnit::Decade,
        TimeUnit::Century,
        TimeUnit::Millennium,
    ];

    /// As `date_trunc` calls it.
    pub fn name(self) -> &'static str {
        match self {
            TimeUnit::Microseconds => "microseconds",
            TimeUnit::Milliseconds => "milliseconds",
            TimeUnit::Second => "second",
            TimeUnit::Minute => "minute",
            TimeUnit::Hour => "hour",
            TimeUnit::Day => "day",
            TimeUnit::Week => "week",
            TimeUnit::Month => "month",
            TimeUnit::Quarter => "quarter",
            TimeUnit::Year => "year",
            TimeUnit::Decade => "decade",
            TimeUnit::Century => "century",
            TimeUnit::Millennium => "millennium",
        }
    }
}

impl Timestamptz {
    /// The beginning of the unit in UTC; an infinite moment is its own. Nothing before the first moment that PostgreSQL knows.
    pub fn truncated(self, unit: TimeUnit) -> Option<Timestamptz> {
        if !self.is_finite() {
            return Some(self);
        }
        let (date, of_day) = (self.date(), self.0.rem_euclid(DAY_MICROSECONDS));
        let step = |size: i64| join(date, of_day - of_day % size);
        let (year, month, _) = date.civil()?;
        let first = |year: i32, month: u32| join(Date::from_civil(year, month, 1)?, 0);
        match unit {
            TimeUnit::Microseconds => Some(self),
            TimeUnit::Milliseconds => step(1_000),
            TimeUnit::Second => step(1_000_000),
            TimeUnit::Minute => step(60_000_000),
            TimeUnit::Hour => step(3_600_000_000),
            TimeUnit::Day => join(date, 0),
            TimeUnit::Week => join(Date(date.0 - (date.0 + 3).rem_euclid(7)), 0),
            TimeUnit::Month => first(year, month),
            TimeUnit::Quarter => first(year, (month - 1) / 3 * 3 + 1),
            TimeUnit::Year => first(year, 1),
            TimeUnit::Decade if year > 0 => first(year / 10 * 10, 1),
            TimeUnit::Decade => first(-((8 - (year - 1)) / 10) * 10, 1),
            TimeUnit::Century if year > 0 => first((year + 99) / 100 * 100 - 99, 1),
            TimeUnit::Century => first(-((99 - (year - 1)) / 100) * 100 + 1, 1),
            TimeUnit::Millennium if year > 0 => first((year + 999) / 1000 * 1000 - 999, 1),
            TimeUnit::Millennium => first(-((999 - (year - 1)) / 1000) * 1000 + 1, 1),
        }
    }
}

fn join(date: Date, micros_of_day: i64) -> Option<Timestamptz> {
    let moment = date.midnight()?.0.checked_add(micros_of_day).map(Timestamptz);
    moment.filter(|moment| moment.in_range())
}
