//! A value of one of PostgreSQL's types, as far as Prejoin knows them.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::double::compare_double;
use crate::{Array, Date, Element, Interval, Json, Numeric, Timestamp, Timestamptz};

/// A column's or expression's type. `Integer` arises from SQL only; `Timestamp` and `Interval` arise within expressions
/// only and are no column's type; contracts declare the others, but for arrays.
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
    /// Date and time without a zone.
    Timestamp,
    Interval,
    /// Of one dimension.
    Array(Element),
}

/// A value or NULL. Equality is identity (1.0 and 1.00 differ, as their texts do; NULL and NaN equal themselves, -0 is not
/// 0); `compare` is SQL's.
#[derive(Debug, Clone)]
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
    Timestamp(Timestamp),
    Interval(Interval),
    Array(Arc<Array>),
}

impl Type {
    /// The types that columns of contracts have, and `Integer`; arrays of them are columns of views.
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
            Type::Timestamp => "timestamp",
            Type::Interval => "interval",
            Type::Array(element) => element.array_name(),
        }
    }

    /// The type of a contract's or a view's column by its name.
    pub fn from_name(name: &str) -> Option<Type> {
        let arrays = Element::ALL.into_iter().map(Type::Array);
        Type::ALL.into_iter().chain(arrays).find(|kind| kind.name() == name)
    }

    pub fn is_array(self) -> bool {
        matches!(self, Type::Array(_))
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

    /// # Panics
    /// If a value is neither NULL nor of the element's type.
    pub fn array(element: Element, values: Vec<Value>) -> Value {
        Value::Array(Arc::new(Array::new(element, values)))
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
            Value::Timestamp(_) => Type::Timestamp,
            Value::Interval(_) => Type::Interval,
            Value::Array(array) => Type::Array(array.element()),
        })
    }
}

impl Value {
    /// SQL's order of two values of one type that are not NULL: text by bytes (collation C), numeric by value whatever its
    /// scale, NaN greatest and equal to itself, -0 equal to 0, jsonb and arrays as PostgreSQL orders them.
    ///
    /// NULL comes last, and values of different types stand in the order of `Type::ALL`; SQL asks for neither.
    pub fn compare(&self, other: &Value) -> Ordering {
        match (self, other) {
            (Value::Boolean(left), Value::Boolean(right)) => left.cmp(right),
            (Value::Integer(left), Value::Integer(right)) => left.cmp(right),
            (Value::Bigint(left), Value::Bigint(right)) => left.cmp(right),
            (Value::Numeric(left), Value::Numeric(right)) => left.compare(right),
            (Value::Double(left), Value::Double(right)) => compare_double(*left, *right),
            (Value::Text(left), Value::Text(right)) => left.as_bytes().cmp(right.as_bytes()),
            (Value::Uuid(left), Value::Uuid(right)) => left.cmp(right),
            (Value::Date(left), Value::Date(right)) => left.cmp(right),
            (Value::Timestamptz(left), Value::Timestamptz(right)) => left.cmp(right),
            (Value::Jsonb(left), Value::Jsonb(right)) => left.compare(right),
            (Value::Timestamp(left), Value::Timestamp(right)) => left.cmp(right),
            (Value::Interval(left), Value::Interval(right)) => left.compare(right),
            (Value::Array(left), Value::Array(right)) => left.compare(right),
            _ => self.rank().cmp(&other.rank()),
        }
    }

    /// The order of `ORDER BY value` (ascending, NULLS LAST): total, NULL equal to NULL.
    pub fn sort_order(&self, other: &Value) -> Ordering {
        self.compare(other)
    }

    /// `self = other`: nothing if either is NULL.
    pub fn sql_equal(&self, other: &Value) -> Option<bool> {
        (!self.is_null() && !other.is_null()).then(|| self.compare(other).is_eq())
    }

    fn rank(&self) -> usize {
        let position = |kind| Type::ALL.into_iter().position(|known| known == kind);
        self.kind().map_or(usize::MAX, |kind| position(kind).unwrap_or(Type::ALL.len()))
    }
}

/// The bits that say which double it is: every NaN is one NaN.
fn identity_bits(value: f64) -> u64 {
    if value.is_nan() { u64::MAX } else { value.to_bits() }
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Boolean(left), Value::Boolean(right)) => left == right,
            (Value::Integer(left), Value::Integer(right)) => left == right,
            (Value::Bigint(left), Value::Bigint(right)) => left == right,
            (Value::Numeric(left), Value::Numeric(right)) => left == right,
            (Value::Double(left), Value::Double(right)) => identity_bits(*left) == identity_bits(*right),
            (Value::Text(left), Value::Text(right)) => left == right,
            (Value::Uuid(left), Value::Uuid(right)) => left == right,
            (Value::Date(left), Value::Date(right)) => left == right,
            (Value::Timestamptz(left), Value::Timestamptz(right)) => left == right,
            (Value::Jsonb(left), Value::Jsonb(right)) => left == right,
            (Value::Timestamp(left), Value::Timestamp(right)) => left == right,
            (Value::Interval(left), Value::Interval(right)) => left == right,
            (Value::Array(left), Value::Array(right)) => left == right,
            _ => false,
        }
    }
}

impl Eq for Value {}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Value::Null => {}
            Value::Boolean(value) => value.hash(state),
            Value::Integer(value) => value.hash(state),
            Value::Bigint(value) => value.hash(state),
            Value::Numeric(value) => value.hash(state),
            Value::Double(value) => identity_bits(*value).hash(state),
            Value::Text(value) => value.hash(state),
            Value::Uuid(value) => value.hash(state),
            Value::Date(value) => value.hash(state),
            Value::Timestamptz(value) => value.hash(state),
            Value::Jsonb(value) => value.hash(state),
            Value::Timestamp(value) => value.hash(state),
            Value::Interval(value) => value.hash(state),
            Value::Array(value) => value.hash(state),
        }
    }
}
