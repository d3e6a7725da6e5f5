//! to_char for numbers, with the signs and separators of the C locale.

use prejoin_model::Type::{self, Text};
use prejoin_model::{Numeric, Value};

use super::number_picture::{Anchor, Item, Picture};
use super::number_text::{fixed, rounded, scientific};
use super::time_format::suffix;
use super::{Arguments, Computed, Function, Need};
use crate::arithmetic::error;
use crate::plan::EvaluateError;

pub(super) const FUNCTIONS: &[Function] = &[
    of(&[Type::Integer, Text]),
    of(&[Type::Bigint, Text]),
    of(&[Type::Numeric, Text]),
    of(&[Type::Double, Text]),
];

const fn of(parameters: &'static [Type]) -> Function {
    Function::strict("to_char", parameters, Text, formatted).needing(Need::NumberPicture)
}

/// A double has no more digits than these.
const DOUBLE_DIGITS: usize = 15;
const ROMAN_WIDTH: usize = 15;

fn formatted(given: Arguments<'_>) -> Computed {
    let (value, picture) = (given.value(0)?, given.number_picture()?);
    if given.text(1)?.is_empty() {
        return Ok(Value::text(""));
    }
    let text = if picture.is_roman {
        in_roman(value, picture)?
    } else if picture.is_scientific {
        scientific(value, picture.whole, picture.fraction)?
    } else {
        Writer::new(picture, Digits::new(value, picture)?).write()?
    };
    Ok(Value::text(text))
}

/// A number as it is put into the picture's places.
struct Digits {
    negative: bool,
    /// Digits, a point and digits; or `#` in all places if there are too few.
    text: Vec<u8>,
    /// Places before the point, and after it.
    whole: usize,
    fraction: usize,
    /// Places before the first digit.
    empty: usize,
}

impl Digits {
    fn new(value: &Value, picture: &Picture) -> Result<Digits, EvaluateError> {
        let whole = picture.whole + picture.shift;
        let mut fraction = picture.fraction;
        let text = match value {
            Value::Double(number) => {
                let shifted = if picture.shift > 0 { number * 10f64.powi(shift(picture)) } else { *number };
                let length = fixed(shifted.abs(), 0).len();
                fraction = fraction.min(DOUBLE_DIGITS.saturating_sub(length));
                fixed(shifted, fraction)
            }
            exact => rounded(exact, picture.shift, fraction)?,
        };
        let negative = text.starts_with('-');
        let mut text = text.trim_start_matches('-').as_bytes().to_vec();
        let length = text.iter().position(|byte| *byte == b'.').unwrap_or(text.len());
        if length > whole {
            text = vec![b'#'; whole + fraction + 1];
            text[whole] = b'.';
        }
        Ok(Digits { negative, text, whole, fraction, empty: whole.saturating_sub(length) })
    }

    /// Zero behind the last one.
    fn at(&self, index: usize) -> u8 {
        self.text.get(index).copied().unwrap_or(0)
    }
}

fn shift(picture: &Picture) -> i32 {
    i32::try_from(picture.shift).unwrap_or(i32::MAX)
}

/// Goes through the picture's places and the number's digits.
struct Writer<'a> {
    picture: &'a Picture,
    digits: Digits,
    out: Vec<u8>,
    anchor: Option<Anchor>,
    in_brackets: bool,
    /// Whether the sign needs not be written any more.
    sign_done: bool,
    /// The last digit that FM keeps.
    last_kept: Option<usize>,
    /// The next place, and the next digit.
    place: usize,
    next: usize,
    places: usize,
    /// Whether a digit was written, so that a separator may follow.
    within_number: bool,
}

impl<'a> Writer<'a> {
    fn new(picture: &'a Picture, digits: Digits) -> Writer<'a> {
        let explicit = picture.has_plus || picture.has_minus;
        let whole = digits.whole;
        let mut anchor = picture.anchor;
        if !explicit && anchor == Some(Anchor::Before) && whole == picture.before_anchor {
            anchor = Some(Anchor::After);
        }
        let sign_done = match explicit {
            true => picture.has_minus,
            false => !digits.negative && picture.is_plain && picture.anchor.is_none(),
        };
        let in_brackets = picture.in_brackets && (explicit || digits.negative || !picture.is_plain);
        let extra = usize::from(digits.empty > 0) + usize::from(picture.has_point);
        let unsigned = usize::from(!sign_done && digits.empty == 0);
        Writer {
            out: Vec::new(),
            anchor,
            in_brackets,
            sign_done,
            last_kept: last_kept(picture, &digits),
            place: 0,
            next: 0,
            // The place after which a sign behind the number is written.
            places: digits.fraction + whole + extra + unsigned,
            within_number: false,
            picture,
            digits,
        }
    }

    fn write(mut self) -> Result<String, EvaluateError> {
        for item in &self.picture.items {
            match *item {
                Item::Literal(character) => self.push_text(character.encode_utf8(&mut [0; 4])),
                Item::Digit { keeps_zero } => self.place(keeps_zero),
                Item::Point => self.place(false),
                Item::Comma if self.within_number => self.out.push(b','),
                Item::Comma => self.space(),
                Item::Currency => self.out.push(b' '),
                Item::Minus if self.digits.negative => self.out.push(b'-'),
                Item::Plus if !self.digits.negative => self.out.push(b'+'),
                Item::Minus | Item::Plus => self.space(),
                Item::Sign => self.out.push(self.sign()),
                Item::Ordinal { upper } => self.ordinal(upper)?,
                Item::Roman { .. } => {}
            }
        }
        // A place after the last digit ends the text.
        let end = self.out.iter().position(|byte| *byte == 0).unwrap_or(self.out.len());
        self.out.truncate(end);
        String::from_utf8(self.out).map_err(|_| crate::evaluate::mismatch())
    }

    fn push_text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn sign(&self) -> u8 {
        if self.digits.negative { b'-' } else { b'+' }
    }

    /// A space, unless FM leaves them out.
    fn space(&mut self) {
        if !self.picture.is_plain {
            self.out.push(b' ');
        }
    }

    /// Whether FM has left out everything behind the point.
    fn ends_with_point(&self) -> bool {
        self.last_kept.is_some_and(|last| self.digits.at(last) == b'.')
    }

    /// Whether this is the only zero before a point, which `9` leaves out: `.5`.
    fn is_lone_zero(&self) -> bool {
        self.picture.zero_from.is_none()
            && self.next == 0
            && self.digits.at(0) == b'0'
            && self.digits.fraction != 0
    }

    /// A place of a digit or of the point.
    fn place(&mut self, keeps_zero: bool) {
        self.within_number = false;
        let zero_from = self.picture.zero_from;
        let begins = self.place >= self.digits.empty || zero_from == Some(self.place);
        if !self.sign_done && begins && (!self.is_lone_zero() || self.ends_with_point()) {
            self.leading_sign();
        }
        if self.place >= self.digits.empty {
            self.digit(keeps_zero);
        } else if zero_from.is_some_and(|from| from <= self.place) {
            self.out.push(b'0');
            self.within_number = true;
        } else {
            self.space();
        }
        // FM ends the number before its last place.
        let is_cut = self.last_kept == Some(self.next);
        if !is_cut && self.place + 2 == self.places {
            if self.sign_done && self.in_brackets {
                self.out.push(if self.digits.negative { b'>' } else { b' ' });
            } else if self.anchor == Some(Anchor::After) {
                self.out.push(self.sign());
            }
        }
        self.place += 1;
    }

    fn leading_sign(&mut self) {
        match self.anchor {
            Some(Anchor::Before) => self.out.push(self.sign()),
            // It comes after the last place.
            Some(Anchor::After) => return,
            None if self.in_brackets => self.out.push(if self.digits.negative { b'<' } else { b' ' }),
            None if self.digits.negative => self.out.push(b'-'),
            None => self.space(),
        }
        self.sign_done = true;
    }

    /// The next digit, or the point.
    fn digit(&mut self, keeps_zero: bool) {
        let digit = self.digits.at(self.next);
        if digit == b'.' {
            if self.picture.is_plain || !self.ends_with_point() {
                self.out.push(b'.');
            }
        } else if self.last_kept.is_some_and(|last| self.next > last) && !keeps_zero {
            // FM leaves out the zeros behind.
        } else if self.is_lone_zero() {
            if !self.picture.is_plain {
                self.out.push(b' ');
            } else if self.ends_with_point() {
                self.out.push(b'0');
            }
        } else {
            self.out.push(digit);
            self.within_number = true;
        }
        if digit != 0 {
            self.next += 1;
        }
    }

    fn ordinal(&mut self, upper: bool) -> Result<(), EvaluateError> {
        if self.digits.at(0) == b'#' || self.digits.negative || self.picture.has_point {
            return Ok(());
        }
        let number = String::from_utf8_lossy(&self.digits.text).into_owned();
        let suffix = suffix(&number, upper)?;
        self.push_text(&suffix);
        Ok(())
    }
}

/// The place in the number's text of the last digit behind the point that is no zero, or that a `0` keeps.
fn last_kept(picture: &Picture, digits: &Digits) -> Option<usize> {
    if !picture.is_plain || !picture.has_point {
        return None;
    }
    let point = digits.text.iter().position(|byte| *byte == b'.')?;
    let last =
        (point + 1..digits.text.len()).rev().find(|&index| digits.text[index] != b'0').unwrap_or(point);
    if picture.zero_until <= digits.empty {
        return Some(last);
    }
    Some(last.max((picture.zero_until - digits.empty).min(digits.text.len() - 1)))
}

const ROMAN: [(&str, i32); 13] = [
    ("M", 1000),
    ("CM", 900),
    ("D", 500),
    ("CD", 400),
    ("C", 100),
    ("XC", 90),
    ("L", 50),
    ("XL", 40),
    ("X", 10),
    ("IX", 9),
    ("V", 5),
    ("IV", 4),
    ("I", 1),
];

/// From 1 to 3999; others are `#`.
fn in_roman(value: &Value, picture: &Picture) -> Result<String, EvaluateError> {
    let number = match value {
        Value::Integer(number) => *number,
        Value::Bigint(number) => i32::try_from(*number).map_err(|_| error("integer out of range"))?,
        Value::Numeric(number) => whole(number)?,
        #[expect(clippy::cast_possible_truncation, reason = "what is out of range is not written in letters")]
        Value::Double(number) => number.round_ties_even() as i32,
        _ => return Err(crate::evaluate::mismatch()),
    };
    let letters = match number {
        1..=3999 => {
            let (mut rest, mut letters) = (number, String::new());
            for (letter, worth) in ROMAN {
                while rest >= worth {
                    letters.push_str(letter);
                    rest -= worth;
                }
            }
            letters
        }
        _ => "#".repeat(ROMAN_WIDTH),
    };
    let written = picture.items.iter().map(|item| match item {
        Item::Roman { upper } => {
            let letters = if *upper { letters.clone() } else { letters.to_ascii_lowercase() };
            if picture.is_plain { letters } else { format!("{letters:>ROMAN_WIDTH$}") }
        }
        Item::Literal(character) => character.to_string(),
        _ => String::new(),
    });
    Ok(written.collect())
}

fn whole(number: &Numeric) -> Result<i32, EvaluateError> {
    let rounded = number.round(0).map_err(|problem| error(problem.to_string()))?;
    rounded.to_i32().map_err(|problem| error(problem.to_string()))
}
