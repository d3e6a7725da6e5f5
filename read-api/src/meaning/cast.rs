//! Casts by a type's name.

use prejoin_model::{Type, Value, cast as cast_value};

use super::{long_name, refused_text};
use crate::Error;

/// PostgreSQL's names of the types that values here have.
const NAMES: [(&str, Type); 22] = [
    ("text", Type::Text),
    ("int", Type::Integer),
    ("int4", Type::Integer),
    ("integer", Type::Integer),
    ("bigint", Type::Bigint),
    ("int8", Type::Bigint),
    ("numeric", Type::Numeric),
    ("decimal", Type::Numeric),
    ("dec", Type::Numeric),
    ("double precision", Type::Double),
    ("float8", Type::Double),
    ("float", Type::Double),
    ("boolean", Type::Boolean),
    ("bool", Type::Boolean),
    ("uuid", Type::Uuid),
    ("date", Type::Date),
    ("timestamptz", Type::Timestamptz),
    ("timestamp with time zone", Type::Timestamptz),
    ("timestamp", Type::Timestamp),
    ("timestamp without time zone", Type::Timestamp),
    ("jsonb", Type::Jsonb),
    ("interval", Type::Interval),
];

/// Types that PostgreSQL has and values here have not.
const ELSEWHERE: [&str; 41] = [
    "smallint",
    "int2",
    "real",
    "float4",
    "json",
    "varchar",
    "character varying",
    "char",
    "character",
    "bpchar",
    "name",
    "bytea",
    "time",
    "time with time zone",
    "time without time zone",
    "timetz",
    "money",
    "xml",
    "oid",
    "regclass",
    "regtype",
    "inet",
    "cidr",
    "macaddr",
    "macaddr8",
    "bit",
    "varbit",
    "bit varying",
    "point",
    "line",
    "lseg",
    "box",
    "path",
    "polygon",
    "circle",
    "tsvector",
    "tsquery",
    "jsonpath",
    "int4range",
    "numrange",
    "tstzrange",
];

/// The type that a client calls so.
pub(crate) fn named_type(name: &str) -> Result<Type, Error> {
    let plain = name.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase();
    if let Some((_, kind)) = NAMES.iter().find(|(known, _)| *known == plain) {
        return Ok(*kind);
    }
    let element = plain.strip_prefix('_').unwrap_or(&plain);
    if ELSEWHERE.contains(&element) || NAMES.iter().any(|(known, _)| *known == element) {
        let reason = format!("Casts to {plain} are not supported: no column of a view has this type.");
        return Err(Error::NotImplemented { reason });
    }
    Err(Error::does_not_fit("42704", format!("type \"{plain}\" does not exist")))
}

/// Fails if PostgreSQL has no cast from the one type to the other.
pub(crate) fn check_cast(from: Type, to: Type) -> Result<(), Error> {
    if has_cast(from, to) {
        return Ok(());
    }
    let message = format!("cannot cast type {} to {}", long_name(from), long_name(to));
    Err(Error::does_not_fit("42846", message))
}

fn has_cast(from: Type, to: Type) -> bool {
    use Type::{Bigint, Boolean, Date, Double, Integer, Jsonb, Numeric, Text, Timestamp, Timestamptz};
    match (from, to) {
        _ if from == to => true,
        (Text, _) | (_, Text) => true,
        (Boolean, Integer) | (Integer, Boolean) => true,
        (Integer | Bigint | Numeric | Double | Jsonb, Integer | Bigint | Numeric | Double) => true,
        (Jsonb, Boolean) => true,
        (Date, Timestamptz | Timestamp)
        | (Timestamptz, Date | Timestamp)
        | (Timestamp, Date | Timestamptz) => true,
        (Type::Array(from), Type::Array(to)) => has_cast(from.kind(), to.kind()),
        _ => false,
    }
}

/// `value::type`. NULL stays NULL.
pub(crate) fn cast(value: &Value, to: Type) -> Result<Value, Error> {
    cast_value(value, to).map_err(refused_text)
}
