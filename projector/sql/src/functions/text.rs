//! Texts, by characters. Collation C: only ASCII letters have two cases.

use prejoin_model::Type::{Boolean, Integer, Text};
use prejoin_model::{Type, Value};

use md5::{Digest, Md5};

use super::{Arguments, Computed, Function, Need};
use crate::arithmetic::error;
use crate::evaluate::mismatch;
use crate::plan::EvaluateError;

/// PostgreSQL allocates no more at once.
pub(super) const BYTES_MAX: u64 = 0x3fff_ffff;
/// Of a value that PostgreSQL allocates.
const HEADER_BYTES: u64 = 4;
const CHARACTER_BYTES_MAX: u64 = 4;

const fn of_text(name: &'static str, result: Type, compute: fn(Arguments<'_>) -> Computed) -> Function {
    Function::strict(name, &[Text], result, compute)
}

pub(super) const FUNCTIONS: &[Function] = &[
    of_text("lower", Text, |given| Ok(Value::text(given.text(0)?.to_ascii_lowercase()))),
    of_text("upper", Text, |given| Ok(Value::text(given.text(0)?.to_ascii_uppercase()))),
    of_text("initcap", Text, |given| Ok(Value::text(capitalized(given.text(0)?)))),
    of_text("btrim", Text, |given| Ok(Value::text(given.text(0)?.trim_matches(' ')))),
    of_text("ltrim", Text, |given| Ok(Value::text(given.text(0)?.trim_start_matches(' ')))),
    of_text("rtrim", Text, |given| Ok(Value::text(given.text(0)?.trim_end_matches(' ')))),
    Function::strict("btrim", &[Text, Text], Text, |given| {
        let set = given.text(1)?;
        Ok(Value::text(given.text(0)?.trim_matches(|character| set.contains(character))))
    }),
    Function::strict("ltrim", &[Text, Text], Text, |given| {
        let set = given.text(1)?;
        Ok(Value::text(given.text(0)?.trim_start_matches(|character| set.contains(character))))
    }),
    Function::strict("rtrim", &[Text, Text], Text, |given| {
        let set = given.text(1)?;
        Ok(Value::text(given.text(0)?.trim_end_matches(|character| set.contains(character))))
    }),
    Function::strict("substring", &[Text, Integer], Text, substring),
    Function::strict("substring", &[Text, Integer, Integer], Text, substring),
    Function::strict("substring", &[Text, Text], Text, |_| Err(mismatch())).needing(Need::Refused(
        "substring with a regular expression is not supported",
        "write split_part or substring with numbers; cast a number in quotes to integer",
    )),
    Function::strict("substring", &[Text, Text, Text], Text, |_| Err(mismatch())).needing(Need::Refused(
        "substring with a regular expression is not supported",
        "write split_part or substring with numbers; cast a number in quotes to integer",
    )),
    Function::strict("substr", &[Text, Integer], Text, substring),
    Function::strict("substr", &[Text, Integer, Integer], Text, substring),
    Function::strict("left", &[Text, Integer], Text, |given| {
        let text = given.text(0)?;
        Ok(Value::text(&text[..place_of(text, from_either_end(text, given.integer(1)?))]))
    }),
    Function::strict("right", &[Text, Integer], Text, |given| {
        let text = given.text(0)?;
        let number = given.integer(1)?;
        // PostgreSQL's negation of the least integer is itself, which keeps the whole text.
        if number == i32::MIN {
            return Ok(Value::text(text));
        }
        let kept = from_either_end(text, number);
        Ok(Value::text(&text[place_of(text, text.chars().count().saturating_sub(kept))..]))
    }),
    Function::strict("lpad", &[Text, Integer], Text, |given| padded(given, true)),
    Function::strict("lpad", &[Text, Integer, Text], Text, |given| padded(given, true)),
    Function::strict("rpad", &[Text, Integer], Text, |given| padded(given, false)),
    Function::strict("rpad", &[Text, Integer, Text], Text, |given| padded(given, false)),
    Function::strict("replace", &[Text, Text, Text], Text, replaced),
    Function::strict("translate", &[Text, Text, Text], Text, translated),
    Function::strict("split_part", &[Text, Text, Integer], Text, split_part),
    Function::strict("strpos", &[Text, Text], Integer, position),
    Function::strict("position", &[Text, Text], Integer, position),
    of_text("length", Integer, |given| count(given.text(0)?.chars().count())),
    of_text("char_length", Integer, |given| count(given.text(0)?.chars().count())),
    of_text("character_length", Integer, |given| count(given.text(0)?.chars().count())),
    of_text("octet_length", Integer, |given| count(given.text(0)?.len())),
    of_text("bit_length", Integer, |given| count(given.text(0)?.len() * 8)),
    of_text("reverse", Text, |given| Ok(Value::text(given.text(0)?.chars().rev().collect::<String>()))),
    of_text("md5", Text, |given| {
        let digest = Md5::digest(given.text(0)?.as_bytes());
        Ok(Value::text(digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
    }),
    Function::strict("repeat", &[Text, Integer], Text, repeated),
    Function::strict("starts_with", &[Text, Text], Boolean, starts_with),
    Function::strict("^@", &[Text, Text], Boolean, starts_with),
    Function::strict("chr", &[Integer], Text, character),
    of_text("ascii", Integer, |given| {
        let first = given.text(0)?.chars().next().map_or(0, u32::from);
        Ok(Value::Integer(first.cast_signed()))
    }),
];

fn count(number: usize) -> Computed {
    i32::try_from(number).map(Value::Integer).map_err(|_| error("integer out of range"))
}

/// The byte at which this character begins; the end beyond the last one.
fn place_of(text: &str, characters: usize) -> usize {
    text.char_indices().nth(characters).map_or(text.len(), |(place, _)| place)
}

/// That many characters, or all but that many for a negative number.
fn from_either_end(text: &str, number: i32) -> usize {
    let magnitude = usize::try_from(number.unsigned_abs()).unwrap_or(usize::MAX);
    if number >= 0 { magnitude } else { text.chars().count().saturating_sub(magnitude) }
}

fn capitalized(text: &str) -> String {
    let mut within_word = false;
    let characters = text.chars().map(|character| {
        let changed =
            if within_word { character.to_ascii_lowercase() } else { character.to_ascii_uppercase() };
        within_word = character.is_ascii_alphanumeric();
        changed
    });
    characters.collect()
}

/// From a character counted from 1, which may lie before the text, for so many characters.
fn substring(given: Arguments<'_>) -> Computed {
    let (text, start) = (given.text(0)?, given.integer(1)?);
    let first = usize::try_from(start.max(1) - 1).unwrap_or(0);
    let length = if given.count() > 2 { Some(given.integer(2)?) } else { None };
    if length.is_some_and(|length| length < 0) {
        return Err(error("negative substring length not allowed"));
    }
    let from = place_of(text, first);
    let kept = match length.and_then(|length| start.checked_add(length)) {
        Some(end) => usize::try_from(end.saturating_sub(1)).unwrap_or(0).saturating_sub(first),
        None => return Ok(Value::text(&text[from..])),
    };
    let rest = &text[from..];
    Ok(Value::text(&rest[..place_of(rest, kept)]))
}

fn too_large() -> EvaluateError {
    error("requested length too large")
}

fn padded(given: Arguments<'_>, before: bool) -> Computed {
    let text = given.text(0)?;
    let length = u64::try_from(given.integer(1)?).unwrap_or(0);
    let fill = if given.count() > 2 { given.text(2)? } else { " " };
    if !fill.is_empty() && length * CHARACTER_BYTES_MAX + HEADER_BYTES > BYTES_MAX {
        return Err(too_large());
    }
    let length = usize::try_from(length).map_err(|_| too_large())?;
    let present = text.chars().count();
    if present >= length || fill.is_empty() {
        return Ok(Value::text(&text[..place_of(text, length)]));
    }
    let padding: String = fill.chars().cycle().take(length - present).collect();
    Ok(Value::text(if before { padding + text } else { text.to_owned() + &padding }))
}

fn replaced(given: Arguments<'_>) -> Computed {
    let (text, from, to) = (given.text(0)?, given.text(1)?, given.text(2)?);
    Ok(Value::text(if from.is_empty() { text.to_owned() } else { text.replace(from, to) }))
}

/// Each character of the second text becomes the one at its place in the third, or nothing.
fn translated(given: Arguments<'_>) -> Computed {
    let (text, from) = (given.text(0)?, given.text(1)?);
    let to: Vec<char> = given.text(2)?.chars().collect();
    let characters =
        text.chars().filter_map(|character| match from.chars().position(|known| known == character) {
            Some(place) => to.get(place).copied(),
            None => Some(character),
        });
    Ok(Value::text(characters.collect::<String>()))
}

/// A negative field counts from the end.
fn split_part(given: Arguments<'_>) -> Computed {
    let (text, separator, field) = (given.text(0)?, given.text(1)?, given.integer(2)?);
    if field == 0 {
        return Err(error("field position must not be zero"));
    }
    let place = usize::try_from(field.unsigned_abs()).unwrap_or(usize::MAX) - 1;
    let part = if separator.is_empty() {
        (place == 0).then_some(text)
    } else if field > 0 {
        text.split(separator).nth(place)
    } else {
        // Separators are found from the left, also where they may overlap.
        let parts: Vec<&str> = text.split(separator).collect();
        parts.len().checked_sub(place + 1).and_then(|index| parts.get(index).copied())
    };
    Ok(Value::text(part.unwrap_or_default()))
}

fn position(given: Arguments<'_>) -> Computed {
    let text = given.text(0)?;
    match text.find(given.text(1)?) {
        Some(place) => count(text[..place].chars().count() + 1),
        None => Ok(Value::Integer(0)),
    }
}

fn repeated(given: Arguments<'_>) -> Computed {
    let (text, times) = (given.text(0)?, usize::try_from(given.integer(1)?).unwrap_or(0));
    let length =
        (text.len() as u64).checked_mul(times as u64).filter(|bytes| bytes + HEADER_BYTES <= BYTES_MAX);
    if length.is_none() {
        return Err(too_large());
    }
    Ok(Value::text(text.repeat(times)))
}

fn starts_with(given: Arguments<'_>) -> Computed {
    Ok(Value::Boolean(given.text(0)?.starts_with(given.text(1)?)))
}

fn character(given: Arguments<'_>) -> Computed {
    let number = given.integer(0)?;
    match (u32::try_from(number), number) {
        (Err(_), _) => Err(error("character number must be positive")),
        (_, 0) => Err(error("null character not permitted")),
        (Ok(number), _) if number > u32::from(char::MAX) => {
            Err(error(format!("requested character too large for encoding: {number}")))
        }
        (Ok(number), _) => char::from_u32(number)
            .map(|character| Value::text(character.to_string()))
            .ok_or_else(|| error(format!("requested character not valid for encoding: {number}"))),
    }
}
