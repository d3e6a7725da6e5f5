//! A constant as it is written in a contract, and its value in a column of some type.

use std::borrow::Cow;

use prejoin_model::{Json, Type, Value};
use toml::Spanned;
use toml::de::DeValue;

use crate::cast::{self, Misfit};

/// A TOML value that keeps the digits of its numbers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    String(String),
    /// Decimal digits with an optional sign; nothing if it is greater than an i64.
    Integer(Option<String>),
    Float(String),
    Boolean(bool),
    /// RFC 3339, or a part of it.
    Datetime(String),
    Array(Vec<Literal>),
    Table(Vec<(String, Literal)>),
}

impl Literal {
    pub(crate) fn read(value: &DeValue<'_>) -> Literal {
        match value {
            DeValue::String(text) => Literal::String(text.to_string()),
            DeValue::Integer(integer) => {
                let parsed = i64::from_str_radix(integer.as_str(), integer.radix());
                Literal::Integer(parsed.ok().map(|integer| integer.to_string()))
            }
            DeValue::Float(float) => Literal::Float(float.as_str().to_owned()),
            DeValue::Boolean(boolean) => Literal::Boolean(*boolean),
            DeValue::Datetime(datetime) => Literal::Datetime(datetime.to_string()),
            DeValue::Array(elements) => {
                Literal::Array(elements.iter().map(|element| Literal::read(element.get_ref())).collect())
            }
            DeValue::Table(members) => {
                let member = |(name, value): (&Spanned<Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
                    (name.get_ref().to_string(), Literal::read(value.get_ref()))
                };
                Literal::Table(members.iter().map(member).collect())
            }
        }
    }

    /// The value in a column of this type.
    pub(crate) fn value(&self, kind: Type) -> Result<Value, Misfit> {
        match (self, kind) {
            (_, Type::Jsonb) => Ok(Value::Jsonb(self.json()?.into())),
            (Literal::String(text), _) => cast::from_string(kind, text),
            (Literal::Integer(Some(digits)), _) => cast::from_number(kind, digits),
            (Literal::Float(digits), Type::Numeric | Type::Double) => cast::from_number(kind, digits),
            (Literal::Boolean(boolean), Type::Boolean) => Ok(Value::Boolean(*boolean)),
            (Literal::Datetime(text), Type::Date | Type::Timestamptz) => cast::from_string(kind, text),
            _ => Err(cast::expected(kind)),
        }
    }

    fn json(&self) -> Result<Json, Misfit> {
        Ok(match self {
            Literal::String(text) => cast::json_string(text)?,
            Literal::Integer(Some(digits)) | Literal::Float(digits) => cast::json_number(digits)?,
            Literal::Integer(None) => return Err(cast::expected(Type::Bigint)),
            Literal::Boolean(boolean) => Json::Boolean(*boolean),
            Literal::Datetime(_) => return Err("a date or time in jsonb is a string: put it in quotes"),
            Literal::Array(elements) => {
                Json::Array(elements.iter().map(Literal::json).collect::<Result<_, _>>()?)
            }
            Literal::Table(members) => {
                let json = |(name, value): &(String, Literal)| Ok((name.into(), value.json()?));
                Json::object(members.iter().map(json).collect::<Result<_, Misfit>>()?)
            }
        })
    }
}
