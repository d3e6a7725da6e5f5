//! Texts made of values: concat, concat_ws, format and quoting.

use prejoin_model::Type::Text;
use prejoin_model::{Type, Value, from_text, output_text};

use super::text::BYTES_MAX;
use super::{Arguments, Computed, Function};
use crate::arithmetic::error;
use crate::evaluate::mismatch;
use crate::names;
use crate::plan::EvaluateError;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::variadic("concat", &[], Text, |given| joined(given, 0, "")),
    Function::variadic("concat_ws", &[Text], Text, |given| match given.value(0)? {
        Value::Null => Ok(Value::Null),
        _ => joined(given, 1, given.text(0)?),
    }),
    Function::variadic("format", &[Text], Text, |given| match given.value(0)? {
        Value::Null => Ok(Value::Null),
        _ => format(given),
    }),
    Function::strict("quote_ident", &[Text], Text, |given| Ok(Value::text(quoted_name(given.text(0)?)))),
    Function::strict("quote_literal", &[Text], Text, |given| Ok(Value::text(quoted_literal(given.text(0)?)))),
];

/// NULLs are left out.
fn joined(given: Arguments<'_>, first: usize, separator: &str) -> Computed {
    let mut text = String::new();
    let mut count = 0;
    for index in first..given.count() {
        if let Some(part) = output_text(given.value(index)?) {
            if count > 0 {
                text.push_str(separator);
            }
            text.push_str(&part);
            count += 1;
        }
    }
    Ok(Value::text(text))
}

/// Words that are no names without quotes, beside the reserved ones.
const COLUMN_WORDS: &[&str] = &[
    "between",
    "bigint",
    "bit",
    "boolean",
    "char",
    "character",
    "coalesce",
    "dec",
    "decimal",
    "exists",
    "extract",
    "float",
    "greatest",
    "grouping",
    "inout",
    "int",
    "integer",
    "interval",
    "least",
    "national",
    "nchar",
    "none",
    "normalize",
    "nullif",
    "numeric",
    "out",
    "overlay",
    "position",
    "precision",
    "real",
    "row",
    "setof",
    "smallint",
    "substring",
    "time",
    "timestamp",
    "treat",
    "trim",
    "values",
    "varchar",
    "xmlattributes",
    "xmlconcat",
    "xmlelement",
    "xmlexists",
    "xmlforest",
    "xmlnamespaces",
    "xmlparse",
    "xmlpi",
    "xmlroot",
    "xmlserialize",
    "xmltable",
];

/// In double quotes where SQL needs them.
fn quoted_name(name: &str) -> String {
    let mut bytes = name.bytes();
    let plain = bytes.next().is_some_and(|first| matches!(first, b'a'..=b'z' | b'_'))
        && bytes.all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
        && !names::RESERVED.contains(&name)
        && !COLUMN_WORDS.contains(&name);
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

fn quoted_literal(text: &str) -> String {
    let escape = if text.contains('\\') { "E" } else { "" };
    format!("{escape}'{}'", text.replace('\'', "''").replace('\\', "\\\\"))
}

/// What stands between `%` and the letter.
#[derive(Default)]
struct Specifier {
    argument: Option<usize>,
    left: bool,
    width: Option<Width>,
}

enum Width {
    Written(i32),
    /// The next argument, or the one of this number.
    Argument(Option<usize>),
}

struct Scanner<'a> {
    rest: &'a str,
    next_argument: usize,
}

fn format(given: Arguments<'_>) -> Computed {
    let mut scanner = Scanner { rest: given.text(0)?, next_argument: 1 };
    let mut out = String::new();
    while let Some(place) = scanner.rest.find('%') {
        out.push_str(&scanner.rest[..place]);
        scanner.rest = &scanner.rest[place + 1..];
        if let Some(after) = scanner.rest.strip_prefix('%') {
            scanner.rest = after;
            out.push('%');
            continue;
        }
        scanner.specifier(given, &mut out)?;
    }
    out.push_str(scanner.rest);
    Ok(Value::text(out))
}

fn unterminated() -> EvaluateError {
    error("unterminated format() type specifier")
}

impl Scanner<'_> {
    fn specifier(&mut self, given: Arguments<'_>, out: &mut String) -> Result<(), EvaluateError> {
        let specifier = self.read()?;
        let letter = self.rest.chars().next().ok_or_else(unterminated)?;
        if !matches!(letter, 's' | 'I' | 'L') {
            return Err(error(format!("unrecognized format() type specifier \"{letter}\"")));
        }
        self.rest = &self.rest[1..];
        let (mut left, width) = (specifier.left, self.width(&specifier, given)?);
        if width < 0 {
            left = true;
        }
        let index = self.argument(specifier.argument, given)?;
        let text = match (letter, output_text(given.value(index)?)) {
            ('s', text) => text.unwrap_or_default(),
            ('I', Some(text)) => quoted_name(&text),
            ('I', None) => return Err(error("null values cannot be formatted as an SQL identifier")),
            (_, text) => text.map_or_else(|| "NULL".to_owned(), |text| quoted_literal(&text)),
        };
        let width = usize::try_from(width.unsigned_abs()).unwrap_or(0);
        let spaces = width.saturating_sub(text.chars().count());
        if spaces as u64 + text.len() as u64 + out.len() as u64 >= BYTES_MAX {
            return Err(error("out of memory"));
        }
        let padding = " ".repeat(spaces);
        out.push_str(if left { "" } else { &padding });
        out.push_str(&text);
        out.push_str(if left { &padding } else { "" });
        Ok(())
    }

    fn read(&mut self) -> Result<Specifier, EvaluateError> {
        let mut specifier = Specifier::default();
        if self.rest.is_empty() {
            return Err(unterminated());
        }
        if let Some(number) = self.number()? {
            if !self.eat('$') {
                specifier.width = Some(Width::Written(number));
                return Ok(specifier);
            }
            specifier.argument = Some(position(number)?);
            if self.rest.is_empty() {
                return Err(unterminated());
            }
        }
        while self.eat('-') {
            specifier.left = true;
        }
        if self.eat('*') {
            let number = self.number()?;
            if number.is_some() && !self.eat('$') {
                return Err(error("width argument position must be ended by \"$\""));
            }
            specifier.width = Some(Width::Argument(number.map(position).transpose()?));
        } else if let Some(number) = self.number()? {
            specifier.width = Some(Width::Written(number));
        }
        Ok(specifier)
    }

    fn eat(&mut self, character: char) -> bool {
        let after = self.rest.strip_prefix(character);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn number(&mut self) -> Result<Option<i32>, EvaluateError> {
        let end = self.rest.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        if digits.is_empty() {
            return Ok(None);
        }
        let number: i32 = digits.parse().map_err(|_| error("number is out of range"))?;
        if rest.is_empty() { Err(unterminated()) } else { Ok(Some(number)) }
    }

    fn width(&mut self, specifier: &Specifier, given: Arguments<'_>) -> Result<i32, EvaluateError> {
        let argument = match specifier.width {
            None => return Ok(0),
            Some(Width::Written(width)) => return Ok(width),
            Some(Width::Argument(argument)) => self.argument(argument, given)?,
        };
        match given.value(argument)? {
            Value::Null => Ok(0),
            Value::Integer(width) => Ok(*width),
            other => {
                let text = output_text(other).unwrap_or_default();
                match from_text(Type::Integer, &text) {
                    Ok(Value::Integer(width)) => Ok(width),
                    Ok(_) => Err(mismatch()),
                    Err(problem) => Err(error(problem.to_string())),
                }
            }
        }
    }

    fn argument(&mut self, written: Option<usize>, given: Arguments<'_>) -> Result<usize, EvaluateError> {
        let index = written.unwrap_or(self.next_argument);
        self.next_argument = index + 1;
        if index < given.count() { Ok(index) } else { Err(error("too few arguments for format()")) }
    }
}

fn position(number: i32) -> Result<usize, EvaluateError> {
    usize::try_from(number)
        .ok()
        .filter(|&position| position > 0)
        .ok_or_else(|| error("format specifies argument 0, but arguments are numbered from 1"))
}
