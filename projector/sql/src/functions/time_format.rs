//! to_char for times.

use std::fmt::Write;

use prejoin_model::Type::{self, Text};
use prejoin_model::Value;

use super::datetime::{is_finite, split};
use super::fields::{day_of_week, day_of_year, iso_week, julian};
use super::time_picture::Piece;
use super::{Arguments, Computed, Function, Need};
use crate::arithmetic::error;
use crate::evaluate::mismatch;
use crate::plan::EvaluateError;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::strict("to_char", &[Type::Timestamptz, Text], Text, |given| {
        formatted(given, given.timestamptz(0)?.0, true)
    })
    .needing(Need::TimePicture(1)),
    Function::strict("to_char", &[Type::Timestamp, Text], Text, |given| {
        formatted(given, given.timestamp(0)?.0, false)
    })
    .needing(Need::TimePicture(1)),
];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const ROMAN: [&str; 12] = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"];

/// A moment taken apart.
struct Moment {
    /// 0 is 1 BC.
    year: i64,
    month: usize,
    day: i64,
    /// From 0 for Monday.
    weekday: usize,
    day_of_year: i64,
    /// Year (0 is 1 BC) and number.
    iso_week: (i64, i64),
    julian: i64,
    second_of_day: i64,
    micros: i64,
    zoned: bool,
}

/// Nothing for an infinite time, as in PostgreSQL; typing has checked the template.
fn formatted(given: Arguments<'_>, micros: i64, zoned: bool) -> Computed {
    if !is_finite(micros) || given.text(1)?.is_empty() {
        return Ok(Value::Null);
    }
    let moment = Moment::new(micros, zoned)?;
    let mut out = String::new();
    for piece in given.time_picture()? {
        match *piece {
            Piece::Literal(character) => out.push(character),
            Piece::Field { name, is_plain, ordinal } => {
                let text = moment.field(name, is_plain);
                out.push_str(&with_suffix(text, name, ordinal)?);
            }
        }
    }
    Ok(Value::text(out))
}

/// A field's text with st, nd, rd or th, if the template has TH behind it; names and offsets take none.
pub(super) fn with_suffix(
    mut text: String,
    field: &str,
    ordinal: Option<bool>,
) -> Result<String, EvaluateError> {
    if let Some(upper) = ordinal.filter(|_| !is_name(field)) {
        let suffix = suffix(&text, upper)?;
        text.push_str(&suffix);
    }
    Ok(text)
}

fn is_name(field: &str) -> bool {
    let names = [
        "AM", "PM", "A.M.", "P.M.", "AD", "BC", "A.D.", "B.C.", "MONTH", "MON", "DAY", "DY", "RM", "TZ",
        "TZH", "TZM", "OF",
    ];
    names.iter().any(|name| name.eq_ignore_ascii_case(field))
}

/// st, nd, rd or th for the number.
pub(super) fn suffix(number: &str, upper: bool) -> Result<String, EvaluateError> {
    let digits = number.as_bytes();
    let last = digits.last().filter(|byte| byte.is_ascii_digit());
    let last = last.ok_or_else(|| error(format!("\"{number}\" is not a number")))?;
    let teen = digits.len() > 1 && digits[digits.len() - 2] == b'1';
    let suffix = match last {
        b'1' if !teen => "st",
        b'2' if !teen => "nd",
        b'3' if !teen => "rd",
        _ => "th",
    };
    Ok(if upper { suffix.to_ascii_uppercase() } else { suffix.to_owned() })
}

impl Moment {
    fn new(micros: i64, zoned: bool) -> Result<Moment, EvaluateError> {
        let (date, of_day) = split(micros);
        let (year, month, day) = date.civil().ok_or_else(mismatch)?;
        let (iso_year, iso_number) = iso_week(date)?;
        Ok(Moment {
            year: year.into(),
            month: month as usize,
            day: day.into(),
            weekday: usize::try_from(day_of_week(date)).map_err(|_| mismatch())?,
            day_of_year: day_of_year(date)?,
            iso_week: (iso_year.into(), iso_number),
            julian: julian(date),
            second_of_day: of_day / 1_000_000,
            micros: of_day % 1_000_000,
            zoned,
        })
    }

    fn field(&self, name: &str, is_plain: bool) -> String {
        let number = |value: i64, width: usize| match is_plain {
            true => value.to_string(),
            false if value < 0 => format!("{value:0width$}", width = width + 1),
            false => format!("{value:0width$}"),
        };
        let hour = self.second_of_day / 3600;
        let half = if hour % 12 == 0 { 12 } else { hour % 12 };
        let year = if self.year > 0 { self.year } else { 1 - self.year };
        let iso_year = if self.iso_week.0 > 0 { self.iso_week.0 } else { 1 - self.iso_week.0 };
        let iso_day = self.weekday as i64 + 1;
        match name {
            "AM" | "PM" => half_of_day(hour, "AM", "PM"),
            "am" | "pm" => half_of_day(hour, "am", "pm"),
            "A.M." | "P.M." => half_of_day(hour, "A.M.", "P.M."),
            "a.m." | "p.m." => half_of_day(hour, "a.m.", "p.m."),
            "AD" | "BC" => self.era("AD", "BC"),
            "ad" | "bc" => self.era("ad", "bc"),
            "A.D." | "B.C." => self.era("A.D.", "B.C."),
            "a.d." | "b.c." => self.era("a.d.", "b.c."),
            "HH24" => number(hour, 2),
            "HH" | "HH12" => number(half, 2),
            "MI" => number(self.second_of_day / 60 % 60, 2),
            "SS" => number(self.second_of_day % 60, 2),
            "MS" | "FF3" => format!("{:03}", self.micros / 1_000),
            "US" | "FF6" => format!("{:06}", self.micros),
            "FF1" => format!("{}", self.micros / 100_000),
            "FF2" => format!("{:02}", self.micros / 10_000),
            "FF4" => format!("{:04}", self.micros / 100),
            "FF5" => format!("{:05}", self.micros / 10),
            "SSSS" | "SSSSS" => self.second_of_day.to_string(),
            "TZ" => if self.zoned { "UTC" } else { "" }.to_owned(),
            "tz" => if self.zoned { "utc" } else { "" }.to_owned(),
            "TZH" | "tzh" | "OF" => "+00".to_owned(),
            "TZM" | "tzm" => "00".to_owned(),
            "Y,YYY" => format!("{},{:03}", year / 1000, year % 1000),
            "YYYY" => number(year, 4),
            "YYY" => number(year % 1000, 3),
            "YY" => number(year % 100, 2),
            "Y" => number(year % 10, 1),
            "IYYY" => number(iso_year, 4),
            "IYY" => number(iso_year % 1000, 3),
            "IY" => number(iso_year % 100, 2),
            "I" => number(iso_year % 10, 1),
            "MM" => number(self.month as i64, 2),
            "DD" => number(self.day, 2),
            "DDD" => number(self.day_of_year, 3),
            "IDDD" => number((self.iso_week.1 - 1) * 7 + iso_day, 3),
            "D" => (iso_day % 7 + 1).to_string(),
            "ID" => iso_day.to_string(),
            "WW" => number((self.day_of_year - 1) / 7 + 1, 2),
            "W" => ((self.day - 1) / 7 + 1).to_string(),
            "IW" => number(self.iso_week.1, 2),
            "Q" => ((self.month - 1) / 3 + 1).to_string(),
            "CC" => self.century(is_plain),
            "J" => self.julian.to_string(),
            _ => self.name(name, is_plain),
        }
    }

    fn era(&self, after: &str, before: &str) -> String {
        if self.year > 0 { after } else { before }.to_owned()
    }

    fn century(&self, is_plain: bool) -> String {
        let century = if self.year > 0 { (self.year - 1) / 100 + 1 } else { self.year / 100 - 1 };
        match is_plain {
            false if (-99..=99).contains(&century) => {
                format!("{century:0width$}", width = if century < 0 { 3 } else { 2 })
            }
            _ => century.to_string(),
        }
    }

    /// Names in full are filled up with spaces to the longest, unless FM says not to.
    fn name(&self, name: &str, is_plain: bool) -> String {
        let full = match name.to_ascii_uppercase().as_str() {
            "MONTH" | "MON" => MONTHS[self.month - 1],
            "RM" => ROMAN[self.month - 1],
            _ => DAYS[self.weekday],
        };
        let (text, width) = match name.len() {
            _ if name.eq_ignore_ascii_case("RM") => (full, 4),
            _ if name.eq_ignore_ascii_case("MON") || name.eq_ignore_ascii_case("DY") => (&full[..3], 0),
            _ => (full, 9),
        };
        let mut first_letters = name.chars();
        let upper = first_letters.next().is_some_and(char::is_uppercase);
        let all_upper = upper && first_letters.next().is_some_and(char::is_uppercase);
        let text = match (all_upper, upper) {
            (true, _) => text.to_ascii_uppercase(),
            (_, false) => text.to_ascii_lowercase(),
            _ => text.to_owned(),
        };
        let mut padded = String::new();
        let width = if is_plain { 0 } else { width };
        write!(padded, "{text:<width$}").expect("writing to a String cannot fail");
        padded
    }
}

fn half_of_day(hour: i64, before: &str, after: &str) -> String {
    if hour < 12 { before } else { after }.to_owned()
}
