//! A value of one of PostgreSQL's types, as far as Prejoin knows them.

use std::fmt;
use std::sync::Arc;

use crate::{Date, Json, Numeric, Timestamptz};

/// A column's or expression's type. `Integer` arises from SQL literals and casts only; contracts declare the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
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

/// A value or NULL. Equality is identity (1.0 and 1.00 differ, as their texts do); `compare` is SQL's.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Boolean(bool),
    Integer(i32),
    Bigint(i64),
    Numeric(Numeric),
    Double(f64),
    Text(Arc<str>),
    Uuid([u8; 16]),
    Date(Date),
    Timestamptz(Timestamptz),
    Jsonb(Arc<Json>),
}

impl Type {
    pub const ALL: [Type; 10] = [
        Type::Boolean,
        Type::Integer,
        Type::Bigint,
        Type::Numeric,
        Type::Double,
        Type::Text,
        Type::Uuid,
        Type::Date,
        Type::Timestamptz,
        Type::Jsonb,
    ];

    /// PostgreSQL's name: what contracts, the catalog and messages say.
    pub fn name(self) -> &'static str {
        match self {
            Type::Boolean => "boolean",
            Type::Integer => "integer",
            Type::Bigint => "bigint",
            Type::Numeric => "numeric",
            Type::Double => "double precision",
            Type::Text => "text",
            Type::Uuid => "uuid",
            Type::Date => "date",
            Type::Timestamptz => "timestamptz",
            Type::Jsonb => "jsonb",
        }
    }

    pub fn from_name(name: &str) -> Option<Type> {
        Type::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Value {
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    pub fn text(text: impl Into<Arc<str>>) -> Value {
        Value::Text(text.into())
    }

    /// The type, or nothing for NULL.
    pub fn kind(&self) -> Option<Type> {
        Some(match self {
            Value::Null => return None,
            Value::Boolean(_) => Type::Boolean,
            Value::Integer(_) => Type::Integer,
            Value::Bigint(_) => Type::Bigint,
            Value::Numeric(_) => Type::Numeric,
            Value::Double(_) => Type::Double,
            Value::Text(_) => Type::Text,
            Value::Uuid(_) => Type::Uuid,
            Value::Date(_) => Type::Date,
            Value::Timestamptz(_) => Type::Timestamptz,
            Value::Jsonb(_) => Type::Jsonb,
        })
    }
}
