//! Text to date and timestamptz: ISO forms only, so that nothing can be misread under another DateStyle.

use super::{DAY_MICROS, Date, Timestamp, Timestamptz, calendar};
use crate::TextError;
use crate::text::{is_space, syntax_error, trim_space};

/// Why the text was refused; becomes PostgreSQL's message.
enum Refusal {
    Syntax,
    FieldOutOfRange,
    ZoneOutOfRange,
    ValueOutOfRange,
    Clock,
}

/// What the text says, before it is put together.
struct Fields {
    /// Year 0 is 1 BC.
    year: i64,
    month: u32,
    day: u32,
    /// Since midnight.
    time_micros: i64,
    /// East of Greenwich.
    offset_seconds: i64,
}

enum Parsed {
    Fields(Fields),
    Infinity,
    NegativeInfinity,
    Epoch,
}

impl Date {
    /// Reads `1996-07-04`, `0044-03-15 BC`, `infinity`, `epoch`; a time and an offset after it are checked and left out,
    /// as PostgreSQL does.
    pub fn parse(text: &str) -> Result<Date, TextError> {
        let read = parse(text).and_then(|parsed| match parsed {
            Parsed::Infinity => Ok(Date::INFINITY),
            Parsed::NegativeInfinity => Ok(Date::NEGATIVE_INFINITY),
            Parsed::Epoch => Ok(Date(0)),
            Parsed::Fields(fields) => {
                let days = i32::try_from(fields.days()?).map_err(|_| Refusal::ValueOutOfRange)?;
                Some(Date(days))
                    .filter(|date| (Date::MIN..=Date::MAX).contains(date))
                    .ok_or(Refusal::ValueOutOfRange)
            }
        });
        read.map_err(|refusal| refusal.message("date", "date", text))
    }
}

impl Timestamptz {
    /// Reads `1996-07-04T09:00:00.5Z`, `1996-07-04 09:00+02:00`, `1996-07-04` (midnight UTC), `infinity`, `epoch`.
    /// Without an offset the time is UTC; fractions are rounded to microseconds.
    pub fn parse(text: &str) -> Result<Timestamptz, TextError> {
        let read = parse(text).and_then(|parsed| match parsed {
            Parsed::Infinity => Ok(Timestamptz::INFINITY),
            Parsed::NegativeInfinity => Ok(Timestamptz::NEGATIVE_INFINITY),
            Parsed::Epoch => Ok(Timestamptz(0)),
            Parsed::Fields(fields) => fields.instant(),
        });
        read.map_err(|refusal| refusal.message("timestamp with time zone", "timestamp", text))
    }
}

impl Timestamp {
    /// Reads what `Timestamptz` reads; an offset is checked and left out, as PostgreSQL does.
    pub fn parse(text: &str) -> Result<Timestamp, TextError> {
        let read = parse(text).and_then(|parsed| match parsed {
            Parsed::Infinity => Ok(Timestamptz::INFINITY),
            Parsed::NegativeInfinity => Ok(Timestamptz::NEGATIVE_INFINITY),
            Parsed::Epoch => Ok(Timestamptz(0)),
            Parsed::Fields(fields) => Fields { offset_seconds: 0, ..fields }.instant(),
        });
        let read = read.map(|instant| Timestamp(instant.0));
        read.map_err(|refusal| refusal.message("timestamp", "timestamp", text))
    }
}

impl Refusal {
    fn message(&self, kind: &str, noun: &str, text: &str) -> TextError {
        TextError(match self {
            Refusal::Syntax => return syntax_error(kind, text),
            Refusal::FieldOutOfRange => format!("date/time field value out of range: \"{text}\""),
            Refusal::ZoneOutOfRange => format!("time zone displacement out of range: \"{text}\""),
            Refusal::ValueOutOfRange => format!("{noun} out of range: \"{text}\""),
            Refusal::Clock => {
                format!(
                    "\"{text}\" depends on the clock and cannot be a value of type {kind}; write the date"
                )
            }
        })
    }
}

impl Fields {
    fn days(&self) -> Result<i64, Refusal> {
        calendar::days_from_civil(self.year, self.month, self.day).ok_or(Refusal::FieldOutOfRange)
    }

    fn instant(&self) -> Result<Timestamptz, Refusal> {
        let midnight = self.days()?.checked_mul(DAY_MICROS).ok_or(Refusal::ValueOutOfRange)?;
        let shift = self.time_micros - self.offset_seconds * 1_000_000;
        let instant = midnight.checked_add(shift).map(Timestamptz).ok_or(Refusal::ValueOutOfRange)?;
        let within = (Timestamptz::MIN..=Timestamptz::MAX).contains(&instant);
        if within { Ok(instant) } else { Err(Refusal::ValueOutOfRange) }
    }
}

fn parse(text: &str) -> Result<Parsed, Refusal> {
    let trimmed = trim_space(text);
    if !trimmed.starts_with(|first: char| first.is_ascii_digit()) {
        match trimmed.to_ascii_lowercase().as_str() {
            "infinity" => return Ok(Parsed::Infinity),
            "-infinity" => return Ok(Parsed::NegativeInfinity),
            "epoch" => return Ok(Parsed::Epoch),
            "now" | "today" | "tomorrow" | "yesterday" => return Err(Refusal::Clock),
            _ => {}
        }
    }
    let mut scanner = Scanner { rest: trimmed };
    let (year, month, day) = scanner.date()?;
    let at_time = scanner.separator();
    let time_micros = if at_time { scanner.time()? } else { 0 };
    let offset_seconds = scanner.offset()?;
    let year = match scanner.era()? {
        _ if year == 0 => return Err(Refusal::FieldOutOfRange),
        Era::Bc => 1 - year,
        Era::Ad => year,
    };
    let fields = Fields { year, month, day, time_micros, offset_seconds };
    fields.days()?;
    Ok(Parsed::Fields(fields))
}

enum Era {
    Ad,
    Bc,
}

/// What is left to read.
struct Scanner<'a> {
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches(is_space);
    }

    fn digits(&mut self) -> &'a str {
        let end = self.rest.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        digits
    }

    fn eat(&mut self, character: char) -> bool {
        let after = self.rest.strip_prefix(character);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    /// One or two digits.
    fn pair(&mut self) -> Result<i64, Refusal> {
        number(self.digits(), 1..=2)
    }

    /// `1996-07-04`, `1996-7-4` or `19960704`; the year has at least four digits, so that it cannot be taken for a day.
    fn date(&mut self) -> Result<(i64, u32, u32), Refusal> {
        let digits = self.digits();
        let (year, month, day) = if self.eat('-') {
            let month = self.pair()?;
            if !self.eat('-') {
                return Err(Refusal::Syntax);
            }
            (number(digits, 4..=7)?, month, self.pair()?)
        } else if digits.len() == 8 {
            let part = |range| number(&digits[range], 1..=4);
            (part(0..4)?, part(4..6)?, part(6..8)?)
        } else {
            return Err(Refusal::Syntax);
        };
        let small = |number: i64| u32::try_from(number).map_err(|_| Refusal::Syntax);
        Ok((year, small(month)?, small(day)?))
    }

    /// Steps over what separates a date from a time; whether a time follows.
    fn separator(&mut self) -> bool {
        let date_end = self.rest;
        if self.eat('T') || self.eat('t') {
            return true;
        }
        self.skip_space();
        self.rest.len() < date_end.len() && self.rest.starts_with(|c: char| c.is_ascii_digit())
    }

    /// `9:00`, `09:00:00.5`, `090000`, up to `24:00:00` and with a 60th second; in microseconds since midnight.
    fn time(&mut self) -> Result<i64, Refusal> {
        let digits = self.digits();
        let (hour, minute, second, fraction) = if self.eat(':') {
            let (hour, minute) = (number(digits, 1..=2)?, self.pair()?);
            let with_second = self.eat(':');
            let second = if with_second { self.pair()? } else { 0 };
            (hour, minute, second, if with_second { self.fraction()? } else { 0 })
        } else if matches!(digits.len(), 4 | 6) {
            let part = |range| number(&digits[range], 2..=2);
            let with_second = digits.len() == 6;
            let second = if with_second { part(4..6)? } else { 0 };
            (part(0..2)?, part(2..4)?, second, if with_second { self.fraction()? } else { 0 })
        } else {
            return Err(Refusal::Syntax);
        };
        let seconds = hour * 3600 + minute * 60 + second;
        let past_midnight = seconds * 1_000_000 + fraction > DAY_MICROS;
        let past_leap_second = second == 60 && fraction > 0;
        if minute > 59 || second > 60 || past_midnight || past_leap_second {
            return Err(Refusal::FieldOutOfRange);
        }
        Ok(seconds * 1_000_000 + fraction)
    }

    /// Microseconds, rounded half to even as the double that PostgreSQL makes of the digits rounds.
    fn fraction(&mut self) -> Result<i64, Refusal> {
        if !self.eat('.') {
            return Ok(0);
        }
        let digits = self.digits();
        let seconds: f64 = format!("0.{digits}0").parse().map_err(|_| Refusal::Syntax)?;
        #[expect(clippy::cast_possible_truncation, reason = "between 0 and 1,000,000")]
        Ok((seconds * 1_000_000.0).round_ties_even() as i64)
    }

    /// `Z`, `UTC`, `GMT`, `+02`, `-0330`, `+02:00`, `+02:00:30`, or nothing, which is UTC. In seconds east.
    fn offset(&mut self) -> Result<i64, Refusal> {
        self.skip_space();
        for name in ["utc", "gmt", "z"] {
            if self.word(name) {
                return Ok(0);
            }
        }
        let sign = match self.rest.as_bytes().first() {
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return Ok(0),
        };
        self.rest = &self.rest[1..];
        let digits = self.digits();
        let (hour, minute, second) = match digits.len() {
            1 | 2 if self.eat(':') => {
                let minute = self.pair()?;
                (number(digits, 1..=2)?, minute, if self.eat(':') { self.pair()? } else { 0 })
            }
            1 | 2 => (number(digits, 1..=2)?, 0, 0),
            length @ (3 | 4) => {
                let (hour, minute) = digits.split_at(length - 2);
                (number(hour, 1..=2)?, number(minute, 2..=2)?, 0)
            }
            _ => return Err(Refusal::Syntax),
        };
        if hour > 15 || minute > 59 || second > 59 {
            return Err(Refusal::ZoneOutOfRange);
        }
        Ok(sign * (hour * 3600 + minute * 60 + second))
    }

    /// `BC`, `AD` or nothing; and nothing after it.
    fn era(&mut self) -> Result<Era, Refusal> {
        self.skip_space();
        let era = if self.word("bc") {
            Era::Bc
        } else {
            self.word("ad");
            Era::Ad
        };
        if self.rest.is_empty() { Ok(era) } else { Err(Refusal::Syntax) }
    }

    /// Steps over this word, in any case, if it stands here whole.
    fn word(&mut self, word: &str) -> bool {
        let end = self.rest.bytes().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(self.rest.len());
        let found = self.rest[..end].eq_ignore_ascii_case(word);
        if found {
            self.rest = &self.rest[end..];
        }
        found
    }
}

fn number(digits: &str, lengths: std::ops::RangeInclusive<usize>) -> Result<i64, Refusal> {
    if !lengths.contains(&digits.len()) {
        return Err(Refusal::Syntax);
    }
    digits.parse().map_err(|_| Refusal::Syntax)
}
