//! to_char for intervals.

use prejoin_model::Type::{self, Text};
use prejoin_model::{Interval, Value};

use super::time_format::with_suffix;
use super::time_picture::Piece;
use super::{Arguments, Computed, Function, Need};
use crate::evaluate::mismatch;

pub(super) const FUNCTIONS: &[Function] =
    &[Function::strict("to_char", &[Type::Interval, Text], Text, formatted).needing(Need::SpanPicture)];

/// The fields that an interval has without a calendar.
const FIELDS: &[&str] = &[
    "HH24", "HH12", "HH", "MI", "SS", "MS", "US", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6", "SSSS", "SSSSS",
    "YYYY", "YYY", "YY", "Y", "MM", "DD", "DDD", "AM", "PM", "am", "pm", "A.M.", "P.M.", "a.m.", "p.m.",
];

/// Those that PostgreSQL derives from a calendar all the same.
const CALENDAR: &[&str] =
    &["Y,YYY", "IYYY", "IYY", "IY", "I", "IDDD", "WW", "W", "IW", "CC", "J", "Q", "RM", "rm"];

/// Why a template is refused for intervals.
pub(super) fn refused(pieces: &[Piece]) -> Option<String> {
    pieces.iter().find_map(|piece| match piece {
        Piece::Field { name, .. } if CALENDAR.contains(name) => {
            Some(format!("the pattern {name} of to_char is not supported for intervals"))
        }
        Piece::Field { name, .. } if !FIELDS.contains(name) => {
            Some("invalid format specification for an interval value".to_owned())
        }
        _ => None,
    })
}

fn formatted(given: Arguments<'_>) -> Computed {
    if given.text(1)?.is_empty() {
        return Ok(Value::Null);
    }
    let span = given.interval(0)?;
    let mut out = String::new();
    for piece in given.time_picture()? {
        match *piece {
            Piece::Literal(character) => out.push(character),
            Piece::Field { name, is_plain, ordinal } => {
                let text = field(span, name, is_plain).ok_or_else(mismatch)?;
                out.push_str(&with_suffix(text, name, ordinal)?);
            }
        }
    }
    Ok(Value::text(out))
}

fn field(span: Interval, name: &str, is_plain: bool) -> Option<String> {
    let seconds = span.micros / 1_000_000;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let micros = span.micros % 1_000_000;
    let (year, month) = (i64::from(span.months / 12), i64::from(span.months % 12));
    // The sign has a place of its own, which that of the whole decides.
    let padded = |value: i64, whole: i64, width: usize| match is_plain {
        true => value.to_string(),
        false => format!("{value:0width$}", width = width + usize::from(whole < 0)),
    };
    let half = |before: &str, after: &str| if hour % 24 < 12 { before } else { after }.to_owned();
    Some(match name {
        "HH24" => padded(hour, hour, 2),
        "HH" | "HH12" => padded(if hour % 12 == 0 { 12 } else { hour % 12 }, hour, 2),
        "MI" => padded(minute, minute, 2),
        "SS" => padded(second, second, 2),
        "MS" | "FF3" => format!("{:03}", micros / 1_000),
        "US" | "FF6" => format!("{micros:06}"),
        "FF1" => (micros / 100_000).to_string(),
        "FF2" => format!("{:02}", micros / 10_000),
        "FF4" => format!("{:04}", micros / 100),
        "FF5" => format!("{:05}", micros / 10),
        "SSSS" | "SSSSS" => seconds.to_string(),
        "YYYY" => padded(year, year, 4),
        "YYY" => padded(year % 1000, year, 3),
        "YY" => padded(year % 100, year, 2),
        "Y" => (year % 10).to_string(),
        "MM" => padded(month, month, 2),
        "DD" => padded(span.days.into(), span.days.into(), 2),
        // It wraps around, as in PostgreSQL.
        "DDD" => {
            let days = i64::from(span.months.wrapping_mul(30).wrapping_add(span.days));
            padded(days, days, 3)
        }
        "AM" | "PM" => half("AM", "PM"),
        "am" | "pm" => half("am", "pm"),
        "A.M." | "P.M." => half("A.M.", "P.M."),
        "a.m." | "p.m." => half("a.m.", "p.m."),
        _ => return None,
    })
}
