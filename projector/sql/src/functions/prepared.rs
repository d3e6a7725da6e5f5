//! Arguments that are literals and are read once, when the view is checked.

use prejoin_model::{Regex, RegexProblem};

use super::number_picture::{self, Picture};
use super::span_format;
use super::time_picture::{self, Piece};
use crate::refusal::nearest;
use crate::zone::Zone;

/// What must be known when the view is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    Nothing,
    /// What cannot be done: the reason and the remedy.
    Refused(&'static str, &'static str),
    /// The pattern of to_char for times, by the number of its argument.
    TimePicture(usize),
    /// The second argument is the pattern of to_char for intervals.
    SpanPicture,
    /// The second argument is the pattern of to_char for numbers.
    NumberPicture,
    /// The second argument is a regular expression.
    Regex {
        ignores_case: bool,
    },
    /// A time zone, by the number of its argument.
    Zone(usize),
}

/// What was read.
#[derive(Debug)]
pub(crate) enum Prepared {
    TimePicture(Vec<Piece>),
    NumberPicture(Picture),
    Regex(Regex),
    Zone(Zone),
}

/// A reason and a remedy.
pub(crate) type Unprepared = (String, String);

impl Need {
    /// The number of the argument that is read.
    pub(crate) fn argument(self) -> Option<usize> {
        match self {
            Need::Nothing | Need::Refused(..) => None,
            Need::TimePicture(index) | Need::Zone(index) => Some(index),
            Need::SpanPicture | Need::NumberPicture | Need::Regex { .. } => Some(1),
        }
    }

    /// Why an argument that is not a literal is refused.
    pub(crate) fn not_literal(self) -> Unprepared {
        let (what, remedy) = match self {
            Need::Regex { .. } => (
                "a regular expression",
                "write the pattern in single quotes; one CASE branch for each of several patterns",
            ),
            Need::Zone(_) => {
                ("a time zone", "write the zone in single quotes; one CASE branch for each of several zones")
            }
            _ => ("to_char with a pattern", "write the pattern in single quotes"),
        };
        (format!("{what} that is not a literal is not supported"), remedy.to_owned())
    }

    pub(crate) fn prepare(self, text: &str) -> Result<Option<Prepared>, Unprepared> {
        match self {
            Need::Nothing | Need::Refused(..) => Ok(None),
            Need::TimePicture(_) | Need::SpanPicture => match time_picture::pieces(text) {
                Ok(pieces) => match span_format::refused(&pieces).filter(|_| self == Need::SpanPicture) {
                    Some(reason) => Err((reason, SPAN_PATTERNS.to_owned())),
                    None => Ok(Some(Prepared::TimePicture(pieces))),
                },
                Err(pattern) => Err((
                    format!("the pattern {pattern} of to_char is not supported"),
                    TIME_PATTERNS.to_owned(),
                )),
            },
            Need::NumberPicture => match number_picture::picture(text) {
                Ok(picture) => Ok(Some(Prepared::NumberPicture(picture))),
                Err(reason) => Err((reason, NUMBER_PATTERNS.to_owned())),
            },
            Need::Regex { ignores_case } => match Regex::new(text, ignores_case) {
                Ok(regex) => Ok(Some(Prepared::Regex(regex))),
                Err(problem) => Err(bad_regex(problem)),
            },
            Need::Zone(_) => match Zone::find(text) {
                Some(zone) => Ok(Some(Prepared::Zone(zone))),
                None => Err((format!("the time zone \"{text}\" is not supported"), zone_remedy(text))),
            },
        }
    }
}

const TIME_PATTERNS: &str = "supported are HH24 HH12 HH MI SS MS US FF1 to FF6 SSSS AM PM YYYY YYY YY Y IYYY IYY IY I BC AD \
     Month Mon MM Day Dy DD DDD IDDD D ID W WW IW CC J Q RM TZ TZH TZM OF, FM or TM before and TH after one";

const SPAN_PATTERNS: &str = "supported for intervals are HH24 HH12 HH MI SS MS US FF1 to FF6 SSSS AM PM YYYY YYY YY Y MM DD DDD, \
     FM before and TH after one; extract gives other fields";

const NUMBER_PATTERNS: &str = "write 9 and 0 for digits, D or . for the point, G or , between thousands, then MI, PL, SG, S or PR for the sign; \
     FM before them leaves out spaces; RN or EEEE by themselves";

pub(crate) fn bad_regex(problem: RegexProblem) -> Unprepared {
    match problem {
        RegexProblem::Invalid(what) => (
            format!("invalid regular expression: {what}"),
            "write a backslash before a character that stands for itself".to_owned(),
        ),
        RegexProblem::Unsupported(what) => (
            format!("{what} is not supported"),
            "write several comparisons joined with AND, OR or NOT, or LIKE".to_owned(),
        ),
    }
}

fn zone_remedy(name: &str) -> String {
    let names = Zone::names();
    let hint = nearest(name, names.iter().map(String::as_str));
    match hint.starts_with("did") {
        true => hint,
        false => "write a name of the IANA database, 'Europe/Berlin'; or an interval, INTERVAL '2 hours'"
            .to_owned(),
    }
}
