//! Time zones by name: offsets from UTC, and moments by what a clock reads.
//!
//! The names and rules are those of the IANA database that is built in, so that every machine gives the same answer.

mod merged;

use std::fmt;
use std::sync::LazyLock;

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};

use crate::arithmetic::error;
use crate::plan::EvaluateError;

static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

const SECOND_MICROS: i64 = 1_000_000;
const DAY_SECONDS: i64 = 86_400;
/// The calendar, and with it every rule of the future, comes again after 400 years.
const CYCLE_SECONDS: i64 = 146_097 * DAY_SECONDS;
/// The year 9000: later moments are looked up some cycles earlier.
const FAR_SECONDS: i64 = 221_845_392_000;
/// PostgreSQL's bound of the hours in an offset.
const OFFSET_HOURS_MAX: u32 = 167;

/// Abbreviations that PostgreSQL knows besides the names of the database and prefers to them, each with the minutes
/// that it is ahead of UTC. Those that have meant several offsets are left out.
const ABBREVIATIONS: &[(&str, i32)] = &[
    ("ACDT", 630),
    ("ACST", 570),
    ("ADT", -180),
    ("AEDT", 660),
    ("AEST", 600),
    ("AKDT", -480),
    ("AKST", -540),
    ("AST", -240),
    ("AWST", 480),
    ("BRT", -180),
    ("BST", 60),
    ("CDT", -300),
    ("CEST", 120),
    ("CET", 60),
    ("COT", -300),
    ("CST", -360),
    ("EAT", 180),
    ("EDT", -240),
    ("EEST", 180),
    ("EET", 120),
    ("EST", -300),
    ("GMT", 0),
    ("HKT", 480),
    ("HST", -600),
    ("ICT", 420),
    ("IDT", 180),
    ("IST", 120),
    ("JST", 540),
    ("KST", 540),
    ("MDT", -360),
    ("MEST", 120),
    ("MESZ", 120),
    ("MET", 60),
    ("MEZ", 60),
    ("MST", -420),
    ("NDT", -150),
    ("NST", -210),
    ("NZDT", 780),
    ("NZST", 720),
    ("PDT", -420),
    ("PET", -300),
    ("PHT", 480),
    ("PKT", 300),
    ("PST", -480),
    ("SAST", 120),
    ("UCT", 0),
    ("UT", 0),
    ("UTC", 0),
    ("WAT", 60),
    ("WET", 0),
    ("Z", 0),
    ("ZULU", 0),
];

#[derive(Clone)]
pub(crate) enum Zone {
    /// Seconds ahead of UTC.
    Fixed(i64),
    Named(TimeZone),
}

impl Zone {
    /// An abbreviation, a name of the database in any case, or an offset in the form of POSIX: `UTC+2`, where the sign
    /// tells how far behind UTC the zone is.
    pub(crate) fn find(name: &str) -> Option<Zone> {
        let abbreviation = ABBREVIATIONS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        if let Some((_, minutes)) = abbreviation {
            return Some(Zone::Fixed(i64::from(*minutes) * 60));
        }
        match DATABASE.get(name) {
            Ok(zone) => Some(Zone::Named(zone)),
            Err(_) => posix_offset(name).map(|behind| Zone::Fixed(-behind)),
        }
    }

    pub(crate) fn names() -> Vec<String> {
        DATABASE.available().map(|name| name.as_str().to_owned()).collect()
    }

    /// How many microseconds the zone is ahead of UTC at a moment, in microseconds since 1970.
    pub(crate) fn offset_at(&self, micros: i64) -> Result<i64, EvaluateError> {
        let seconds = match self {
            Zone::Fixed(seconds) => *seconds,
            Zone::Named(zone) => {
                refuse_merged(zone, micros)?;
                let near = nearer(micros.div_euclid(SECOND_MICROS));
                let moment = jiff::Timestamp::from_second(near).unwrap_or_default();
                i64::from(zone.to_offset(moment).seconds())
            }
        };
        Ok(seconds * SECOND_MICROS)
    }

    /// How many microseconds the zone is ahead of UTC when its clock reads this. A reading that is left out when clocks
    /// are put forward counts with the offset before, one that comes twice with the offset after.
    pub(crate) fn offset_of_reading(&self, local_micros: i64) -> Result<i64, EvaluateError> {
        let zone = match self {
            Zone::Fixed(seconds) => return Ok(*seconds * SECOND_MICROS),
            Zone::Named(zone) => zone,
        };
        refuse_merged(zone, local_micros)?;
        let near = nearer(local_micros.div_euclid(SECOND_MICROS));
        let offset = match zone.to_ambiguous_timestamp(reading(near)).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset,
            AmbiguousOffset::Gap { before, .. } => before,
            AmbiguousOffset::Fold { after, .. } => after,
        };
        Ok(i64::from(offset.seconds()) * SECOND_MICROS)
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Zone::Fixed(seconds) => write!(f, "Zone({seconds} s)"),
            Zone::Named(zone) => write!(f, "Zone({})", zone.iana_name().unwrap_or_default()),
        }
    }
}

fn refuse_merged(zone: &TimeZone, micros: i64) -> Result<(), EvaluateError> {
    match zone.iana_name() {
        Some(name) if micros < 0 && merged::MERGED_BEFORE_1970.binary_search(&name).is_ok() => {
            Err(error(format!("times before 1970 in the time zone \"{name}\" are not supported")))
        }
        _ => Ok(()),
    }
}

/// The same second of the calendar in a year that the database's library knows.
fn nearer(seconds: i64) -> i64 {
    let cycles = match seconds {
        FAR_SECONDS.. => (seconds - FAR_SECONDS) / CYCLE_SECONDS + 1,
        _ => 0,
    };
    seconds - cycles * CYCLE_SECONDS
}

fn reading(seconds: i64) -> DateTime {
    let epoch = Date::constant(1970, 1, 1).at(0, 0, 0, 0);
    epoch.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(epoch)
}

/// The seconds behind UTC of `UTC+2`, `+02:30`, `<UTC+2>-2`.
fn posix_offset(name: &str) -> Option<i64> {
    let offset = match name.strip_prefix('<') {
        Some(quoted) => quoted.split_once('>')?.1,
        None => name.trim_start_matches(|first: char| !first.is_ascii_digit() && !",+-".contains(first)),
    };
    let (sign, digits) = match offset.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, offset.strip_prefix('+').unwrap_or(offset)),
    };
    let mut seconds = 0;
    let mut parts = digits.split(':');
    for (unit, most) in [(3600, OFFSET_HOURS_MAX), (60, 59), (1, 60)] {
        let Some(part) = parts.next() else { break };
        let plain = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let number = part.parse::<u32>().ok().filter(|number| plain && *number <= most)?;
        seconds += i64::from(number) * unit;
    }
    parts.next().is_none().then_some(sign * seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_in_any_case_and_offsets_with_the_sign_of_posix() {
        let hours =
            |name: &str| Zone::find(name).map(|zone| zone.offset_at(0).unwrap() / SECOND_MICROS / 3600);
        assert_eq!(hours("europe/BERLIN"), Some(1));
        assert_eq!(hours("UTC+2"), Some(-2));
        assert_eq!(hours("-05"), Some(5));
        assert_eq!(hours("<x>3"), Some(-3));
        assert_eq!(hours("z"), Some(0));
        for unknown in ["", " UTC", "+0200", "+168", "Europe/Berlim", "UTC+2:60", "UTC+2:00:00:00", "<x+3"] {
            assert!(Zone::find(unknown).is_none(), "{unknown}");
        }
    }

    #[test]
    fn the_far_future_keeps_the_last_rule() {
        let zone = Zone::find("Europe/Berlin").unwrap();
        let july_2026 = 1_783_000_000;
        for cycles in [0, 1, 17, 18, 700] {
            let micros = (july_2026 + cycles * CYCLE_SECONDS) * SECOND_MICROS;
            assert_eq!(zone.offset_at(micros).unwrap(), 7_200 * SECOND_MICROS, "after {cycles} cycles");
            assert_eq!(
                zone.offset_of_reading(micros).unwrap(),
                7_200 * SECOND_MICROS,
                "after {cycles} cycles"
            );
        }
    }

    #[test]
    fn what_the_database_does_not_tell_is_an_error() {
        let zone = Zone::find("europe/oslo").unwrap();
        assert!(zone.offset_at(-1).is_err() && zone.offset_of_reading(-1).is_err());
        assert!(zone.offset_at(0).is_ok() && zone.offset_of_reading(0).is_ok());
        assert!(merged::MERGED_BEFORE_1970.is_sorted());
        for name in merged::MERGED_BEFORE_1970 {
            assert!(
                matches!(Zone::find(name), Some(Zone::Named(zone)) if zone.iana_name() == Some(name)),
                "{name}"
            );
        }
    }
}
