//! AT TIME ZONE, and date_trunc in a zone.

use prejoin_model::Type::{self, Text};
use prejoin_model::{Interval, Timestamp, Timestamptz, Value};

use super::datetime::{is_finite, truncated};
use super::fields::{Unit, unit};
use super::{Arguments, Computed, Function, Need};
use crate::arithmetic::error;
use crate::plan::EvaluateError;
use crate::zone::Zone;

const TIMESTAMPTZ: Type = Type::Timestamptz;
const TIMESTAMP: Type = Type::Timestamp;
const INTERVAL: Type = Type::Interval;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::strict("timezone", &[Text, TIMESTAMPTZ], TIMESTAMP, |given| {
        to_reading(given.zone()?, given.timestamptz(1)?.0)
    })
    .needing(Need::Zone(0)),
    Function::strict("timezone", &[Text, TIMESTAMP], TIMESTAMPTZ, |given| {
        to_moment(given.zone()?, given.timestamp(1)?.0)
    })
    .needing(Need::Zone(0)),
    Function::strict("timezone", &[INTERVAL, TIMESTAMPTZ], TIMESTAMP, |given| {
        let micros = given.timestamptz(1)?.0;
        to_reading(&ahead(given.interval(0)?, micros)?, micros)
    }),
    Function::strict("timezone", &[INTERVAL, TIMESTAMP], TIMESTAMPTZ, |given| {
        let reading = given.timestamp(1)?.0;
        to_moment(&ahead(given.interval(0)?, reading)?, reading)
    }),
    Function::strict("date_trunc", &[Text, TIMESTAMPTZ, Text], TIMESTAMPTZ, truncated_in_zone)
        .needing(Need::Zone(2)),
];

fn in_range(micros: Option<i64>) -> Result<i64, EvaluateError> {
    let fits = |micros: &i64| is_finite(*micros) && Timestamptz(*micros).in_range();
    micros.filter(fits).ok_or_else(|| error("timestamp out of range"))
}

/// What the clock reads at a moment.
fn to_reading(zone: &Zone, micros: i64) -> Computed {
    let reading = match is_finite(micros) {
        true => in_range(micros.checked_add(zone.offset_at(micros)?))?,
        false => micros,
    };
    Ok(Value::Timestamp(Timestamp(reading)))
}

/// The moment when the clock reads this.
fn to_moment(zone: &Zone, reading: i64) -> Computed {
    let micros = match is_finite(reading) {
        true => in_range(reading.checked_sub(zone.offset_of_reading(reading)?))?,
        false => reading,
    };
    Ok(Value::Timestamptz(Timestamptz(micros)))
}

/// A zone that is told as an interval ahead of UTC; fractions of seconds do not count. For an infinite time none counts.
fn ahead(ahead: Interval, time: i64) -> Result<Zone, EvaluateError> {
    if is_finite(time) && (ahead.months != 0 || ahead.days != 0) {
        return Err(error(format!("interval time zone \"{ahead}\" must not include months or days")));
    }
    Ok(Zone::Fixed(ahead.micros / 1_000_000))
}

/// The beginning of an hour or less keeps the moment's own offset; that of a day or more has the offset that its own
/// reading has.
fn truncated_in_zone(given: Arguments<'_>) -> Computed {
    let (name, micros, zone) = (given.text(0)?, given.timestamptz(1)?.0, given.zone()?);
    if !is_finite(micros) {
        return Ok(Value::Timestamptz(Timestamptz(micros)));
    }
    let offset = zone.offset_at(micros)?;
    let reading = micros.checked_add(offset).ok_or_else(|| error("timestamp out of range"))?;
    let size = match unit(&name.to_ascii_lowercase()) {
        Some(Unit::Microseconds) => 1,
        Some(Unit::Milliseconds) => 1_000,
        Some(Unit::Second) => 1_000_000,
        Some(Unit::Minute) => 60_000_000,
        Some(Unit::Hour) => 3_600_000_000,
        _ => {
            let begin = truncated(name, reading, "timestamp with time zone")?;
            let moment = begin.checked_sub(zone.offset_of_reading(begin)?);
            return Ok(Value::Timestamptz(Timestamptz(in_range(moment)?)));
        }
    };
    let begin = reading - reading.rem_euclid(size) - offset;
    Ok(Value::Timestamptz(Timestamptz(in_range(Some(begin))?)))
}
