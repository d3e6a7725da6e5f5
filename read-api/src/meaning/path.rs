//! Paths into jsonb: `->` with keys and numbers, `->>` at the end.

use prejoin_model::{Json, Type, Value};
use serde_json::Value as JsonValue;

use crate::Error;

/// Where a value lies within a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) steps: Vec<Step>,
    /// Whether the last step is `->>`.
    pub(crate) as_text: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    /// From 0, or from the end with -1.
    Index(i32),
}

impl Path {
    pub(crate) fn kind(&self) -> Type {
        if self.as_text { Type::Text } else { Type::Jsonb }
    }

    /// What lies there, or NULL.
    pub(crate) fn find(&self, document: &Json) -> Value {
        let mut found = document;
        for step in &self.steps {
            let next = match step {
                Step::Key(key) => found.get(key),
                Step::Index(index) => found.element_or_self(i64::from(*index)),
            };
            match next {
                Some(next) => found = next,
                None => return Value::Null,
            }
        }
        match self.as_text {
            true => found.as_text().map_or(Value::Null, Value::text),
            false => Value::Jsonb(found.clone().into()),
        }
    }

    /// For a statement's parameter: `[true,"address",0]`, whether as text and the steps.
    pub(crate) fn encoded(&self) -> String {
        let steps = self.steps.iter().map(|step| match step {
            Step::Key(key) => JsonValue::from(key.as_str()),
            Step::Index(index) => JsonValue::from(*index),
        });
        let whole: Vec<JsonValue> = std::iter::once(JsonValue::from(self.as_text)).chain(steps).collect();
        JsonValue::from(whole).to_string()
    }

    /// Reads what `encoded` wrote.
    pub(super) fn decoded(text: &str) -> Result<Path, Error> {
        let wrong = || Error::unreadable(format!("the path {text}"));
        let JsonValue::Array(parts) = serde_json::from_str(text).map_err(|_| wrong())? else {
            return Err(wrong());
        };
        let mut parts = parts.into_iter();
        let as_text = parts.next().and_then(|first| first.as_bool()).ok_or_else(wrong)?;
        let steps = parts.map(|part| match part {
            JsonValue::String(key) => Ok(Step::Key(key)),
            other => {
                let index = other.as_i64().and_then(|index| i32::try_from(index).ok());
                index.map(Step::Index).ok_or_else(wrong)
            }
        });
        Ok(Path { steps: steps.collect::<Result<_, _>>()?, as_text })
    }
}
