//! Sums and multiples of intervals; nothing stands for "interval out of range".

use super::{DAY_MICROS, Interval, MONTH_DAYS};

const DAY_SECONDS: f64 = 86_400.0;

impl Interval {
    /// A difference of two moments: whole days and the rest, of one sign.
    pub fn of_micros(micros: i64) -> Interval {
        let days = i32::try_from(micros / DAY_MICROS).expect("2^63 microseconds are less than 2^27 days");
        Interval { months: 0, days, micros: micros % DAY_MICROS }
    }

    pub fn checked_add(self, other: Interval) -> Option<Interval> {
        Some(Interval {
            months: self.months.checked_add(other.months)?,
            days: self.days.checked_add(other.days)?,
            micros: self.micros.checked_add(other.micros)?,
        })
    }

    pub fn checked_sub(self, other: Interval) -> Option<Interval> {
        Some(Interval {
            months: self.months.checked_sub(other.months)?,
            days: self.days.checked_sub(other.days)?,
            micros: self.micros.checked_sub(other.micros)?,
        })
    }

    pub fn checked_neg(self) -> Option<Interval> {
        Some(Interval {
            months: self.months.checked_neg()?,
            days: self.days.checked_neg()?,
            micros: self.micros.checked_neg()?,
        })
    }

    pub fn checked_mul(self, factor: f64) -> Option<Interval> {
        self.scaled(|number| number * factor)
    }

    /// The divisor is not zero.
    pub fn checked_div(self, divisor: f64) -> Option<Interval> {
        self.scaled(|number| number / divisor)
    }

    /// Fractions of months become days (of 30 a month), fractions of days time.
    fn scaled(self, scale: impl Fn(f64) -> f64) -> Option<Interval> {
        let (months, days) = (scale(self.months.into()), scale(self.days.into()));
        let (whole_months, whole_days) = (whole(months)?, whole(days)?);
        let month_days = to_micros((months - f64::from(whole_months)) * MONTH_DAYS as f64);
        let mut seconds =
            to_micros((days - f64::from(whole_days) + month_days - month_days.trunc()) * DAY_SECONDS);
        let mut day_sum = whole_days;
        if seconds.abs() >= DAY_SECONDS {
            let carried = (seconds / DAY_SECONDS).trunc();
            day_sum = day_sum.checked_add(whole(carried)?)?;
            seconds -= carried * DAY_SECONDS;
        }
        day_sum = day_sum.checked_add(whole(month_days)?)?;
        let micros = (scale(self.micros as f64) + seconds * 1e6).round_ties_even();
        let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&micros);
        #[expect(clippy::cast_possible_truncation, reason = "the range is checked first")]
        fits.then_some(Interval { months: whole_months, days: day_sum, micros: micros as i64 })
    }
}

/// Cut off towards zero.
fn whole(number: f64) -> Option<i32> {
    let fits = number >= f64::from(i32::MIN) && number < -f64::from(i32::MIN);
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked first")]
    fits.then_some(number as i32)
}

/// Rounded to six digits after the point.
fn to_micros(number: f64) -> f64 {
    (number * 1e6).round_ties_even() / 1e6
}
