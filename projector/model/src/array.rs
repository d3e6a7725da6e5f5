//! One-dimensional arrays: their element types, PostgreSQL's text form, and its order.

use std::cmp::Ordering;

use crate::text::{TextError, from_text, is_space, to_text};
use crate::{Type, Value};

/// What an array's elements are: every type that a column has, but for arrays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Element {
    Boolean,
    Integer,
    Bigint,
    Numeric,
    Double,
    Text,
    Uuid,
    Date,
    Timestamptz,
    Jsonb,
}

impl Element {
    /// In the order of `Type::ALL`.
    pub const ALL: [Element; 10] = [
        Element::Boolean,
        Element::Integer,
        Element::Bigint,
        Element::Numeric,
        Element::Double,
        Element::Text,
        Element::Uuid,
        Element::Date,
        Element::Timestamptz,
        Element::Jsonb,
    ];

    /// The element of this type; nothing for types that no column has, and for arrays.
    pub fn of(kind: Type) -> Option<Element> {
        Element::ALL.into_iter().find(|element| element.kind() == kind)
    }

    pub fn kind(self) -> Type {
        match self {
            Element::Boolean => Type::Boolean,
            Element::Integer => Type::Integer,
            Element::Bigint => Type::Bigint,
            Element::Numeric => Type::Numeric,
            Element::Double => Type::Double,
            Element::Text => Type::Text,
            Element::Uuid => Type::Uuid,
            Element::Date => Type::Date,
            Element::Timestamptz => Type::Timestamptz,
            Element::Jsonb => Type::Jsonb,
        }
    }

    /// PostgreSQL's name of the array type.
    pub(crate) fn array_name(self) -> &'static str {
        match self {
            Element::Boolean => "boolean[]",
            Element::Integer => "integer[]",
            Element::Bigint => "bigint[]",
            Element::Numeric => "numeric[]",
            Element::Double => "double precision[]",
            Element::Text => "text[]",
            Element::Uuid => "uuid[]",
            Element::Date => "date[]",
            Element::Timestamptz => "timestamptz[]",
            Element::Jsonb => "jsonb[]",
        }
    }
}

/// An array whose first element has the number 1.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Array {
    element: Element,
    values: Vec<Value>,
}

impl Array {
    /// # Panics
    /// If a value is neither NULL nor of the element's type.
    pub fn new(element: Element, values: Vec<Value>) -> Array {
        let fits = |value: &Value| value.kind().is_none_or(|kind| kind == element.kind());
        assert!(values.iter().all(fits), "the elements of {} have its type", element.array_name());
        Array { element, values }
    }

    pub fn element(&self) -> Element {
        self.element
    }

    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// PostgreSQL's order: element by element, NULLs last and equal to each other, then the shorter one first.
    pub fn compare(&self, other: &Array) -> Ordering {
        let mut orders = self.values.iter().zip(&other.values).map(|(left, right)| left.sort_order(right));
        let first_difference = orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal);
        first_difference.then_with(|| self.values.len().cmp(&other.values.len()))
    }

    /// What `'{a,"b c",NULL}'::text[]` reads. Other bounds than from 1 and further dimensions, which PostgreSQL reads,
    /// are refused.
    pub(crate) fn parse(element: Element, text: &str) -> Result<Array, TextError> {
        let items = Reader { whole: text, rest: text }.items()?;
        let values = items.into_iter().map(|item| match item {
            Some(item) => from_text(element.kind(), &item),
            None => Ok(Value::Null),
        });
        Ok(Array { element, values: values.collect::<Result<_, _>>()? })
    }

    /// `{a,"b c",NULL}`.
    pub(crate) fn print(&self) -> String {
        let mut out = String::from("{");
        for (index, value) in self.values.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            match output_text(value) {
                None => out.push_str("NULL"),
                Some(text) if is_plain(&text) => out.push_str(&text),
                Some(text) => quote(&text, &mut out),
            }
        }
        out.push('}');
        out
    }
}

/// What a type's output function gives, which for booleans is not what a cast to text does; nothing for NULL.
pub fn output_text(value: &Value) -> Option<String> {
    match value {
        Value::Boolean(truth) => Some(if *truth { "t" } else { "f" }.to_owned()),
        other => to_text(other),
    }
}

fn is_plain(text: &str) -> bool {
    let special = |character| matches!(character, '"' | '\\' | '{' | '}' | ',') || is_space(character);
    !text.is_empty() && !text.eq_ignore_ascii_case("null") && !text.contains(special)
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
}

struct Reader<'a> {
    whole: &'a str,
    rest: &'a str,
}

impl Reader<'_> {
    fn items(mut self) -> Result<Vec<Option<String>>, TextError> {
        self.skip_space();
        if self.rest.starts_with('[') {
            return Err(self.unsupported("an array with bounds"));
        }
        if !self.eat('{') {
            return Err(self.malformed());
        }
        self.skip_space();
        let mut items = Vec::new();
        if !self.eat('}') {
            loop {
                items.push(self.item()?);
                self.skip_space();
                match self.next() {
                    Some(',') => {}
                    Some('}') => break,
                    _ => return Err(self.malformed()),
                }
            }
        }
        self.skip_space();
        if self.rest.is_empty() { Ok(items) } else { Err(self.malformed()) }
    }

    fn item(&mut self) -> Result<Option<String>, TextError> {
        self.skip_space();
        match self.rest.chars().next() {
            Some('"') => self.quoted().map(Some),
            Some('{') => Err(self.unsupported("an array of several dimensions")),
            _ => self.unquoted(),
        }
    }

    fn quoted(&mut self) -> Result<String, TextError> {
        self.next();
        let mut item = String::new();
        loop {
            match self.next() {
                Some('"') => return Ok(item),
                Some('\\') => item.push(self.next().ok_or_else(|| self.malformed())?),
                Some(character) => item.push(character),
                None => return Err(self.malformed()),
            }
        }
    }

    /// Up to a comma or a brace, without space at both ends unless a backslash stands before it.
    fn unquoted(&mut self) -> Result<Option<String>, TextError> {
        let mut item = String::new();
        let mut kept_bytes = 0;
        let mut escaped = false;
        while let Some(character) = self.rest.chars().next() {
            match character {
                ',' | '}' => break,
                '"' | '{' => return Err(self.malformed()),
                _ => {}
            }
            self.next();
            if character == '\\' {
                escaped = true;
                item.push(self.next().ok_or_else(|| self.malformed())?);
                kept_bytes = item.len();
            } else {
                item.push(character);
                if !is_space(character) {
                    kept_bytes = item.len();
                }
            }
        }
        item.truncate(kept_bytes);
        match item.is_empty() {
            true => Err(self.malformed()),
            false => Ok((escaped || !item.eq_ignore_ascii_case("null")).then_some(item)),
        }
    }

    fn next(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let next = characters.next();
        self.rest = characters.as_str();
        next
    }

    fn eat(&mut self, expected: char) -> bool {
        let rest = self.rest.strip_prefix(expected);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches(is_space);
    }

    fn malformed(&self) -> TextError {
        TextError(format!("malformed array literal: \"{}\"", self.whole))
    }

    fn unsupported(&self, what: &str) -> TextError {
        TextError(format!("{what} is not supported: \"{}\"", self.whole))
    }
}
