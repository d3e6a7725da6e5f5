//! Where a column gets its value from: `$.path`, `@.path`, `#`, `$event.attribute`, or a constant.

use std::fmt;

use prejoin_model::{Type, Value, to_text};

use crate::path::Path;

/// An attribute of the envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attribute {
    Id,
    Source,
    Type,
    Subject,
    Time,
    Sequence,
}

impl Attribute {
    pub(crate) const ALL: [Attribute; 6] = [
        Attribute::Id,
        Attribute::Source,
        Attribute::Type,
        Attribute::Subject,
        Attribute::Time,
        Attribute::Sequence,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Attribute::Id => "id",
            Attribute::Source => "source",
            Attribute::Type => "type",
            Attribute::Subject => "subject",
            Attribute::Time => "time",
            Attribute::Sequence => "sequence",
        }
    }

    /// The types of column that can take the attribute.
    pub(crate) fn column_types(self) -> &'static [Type] {
        match self {
            Attribute::Id => &[Type::Text, Type::Uuid],
            Attribute::Source | Attribute::Type => &[Type::Text],
            Attribute::Subject => &[Type::Text, Type::Bigint, Type::Uuid, Type::Date, Type::Numeric],
            Attribute::Time => &[Type::Timestamptz, Type::Text],
            Attribute::Sequence => &[Type::Bigint, Type::Numeric],
        }
    }
}

/// The types of column that can take the number of an element.
pub(crate) const NUMBER_TYPES: &[Type] = &[Type::Bigint, Type::Numeric];

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Source {
    /// A path into the event's data.
    Data(Path),
    /// A path into the element at hand.
    Element(Path),
    /// The number of the element at hand, from 1.
    Number,
    Attribute(Attribute),
    /// Of the column's type.
    Constant(Value),
}

impl Source {
    /// Reads anything but a constant; nothing if it is none of them.
    pub(crate) fn parse(text: &str) -> Option<Source> {
        if text == "#" {
            return Some(Source::Number);
        }
        if let Some(name) = text.strip_prefix("$event.") {
            let known = Attribute::ALL.into_iter().find(|attribute| attribute.name() == name);
            return known.map(Source::Attribute);
        }
        match text.strip_prefix('@') {
            Some(path) => Path::parse(path).map(Source::Element),
            None => Path::parse(text.strip_prefix('$')?).map(Source::Data),
        }
    }

    /// Whether the value differs from element to element.
    pub(crate) fn is_of_element(&self) -> bool {
        matches!(self, Source::Element(_) | Source::Number)
    }

    /// Whether the value may be the key of the entity that the event is about.
    pub(crate) fn may_be_entity(&self) -> bool {
        matches!(self, Source::Data(_) | Source::Attribute(Attribute::Subject))
    }
}

/// As it is written in a contract; a constant as its type and text.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Data(path) => write!(f, "${path}"),
            Source::Element(path) => write!(f, "@{path}"),
            Source::Number => f.write_str("#"),
            Source::Attribute(attribute) => write!(f, "$event.{}", attribute.name()),
            Source::Constant(value) => match (value.kind(), to_text(value)) {
                (Some(kind), Some(text)) => write!(f, "{kind} \"{}\"", escape(&text)),
                _ => f.write_str("null"),
            },
        }
    }
}

/// One line, from which the text can be told apart from every other.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\r', "\\r")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_read_and_written() {
        for text in ["$", "$.a.b", "@", "@.x[1]", "#", "$event.time", "$event.subject"] {
            assert_eq!(Source::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "a", "a.b", "$a", "$event", "$event.colour", "#1", "@x", "$.", "%.a"] {
            assert_eq!(Source::parse(text), None, "{text}");
        }
    }
}
