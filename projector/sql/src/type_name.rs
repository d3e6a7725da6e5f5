//! The names of types in casts.

use prejoin_model::{Element, Numeric, Type};
use sqlparser::ast::{ArrayElemTypeDef, DataType, ExactNumberInfo, TimezoneInfo};

use crate::expression::NumericModifier;
use crate::names;
use crate::refusal::{Checked, Place, refuse};

/// The largest precision and the scales that numeric(precision, scale) may have.
const PRECISION_MAX: u64 = 1000;
const SCALE_MAX: i64 = 1000;

/// The type that a cast names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CastTarget {
    pub(crate) kind: Type,
    pub(crate) modifier: Option<NumericModifier>,
}

pub(crate) fn cast_target(data_type: &DataType, place: Place) -> Checked<CastTarget> {
    if let DataType::Numeric(info) | DataType::Decimal(info) | DataType::Dec(info) = data_type {
        return Ok(CastTarget { kind: Type::Numeric, modifier: numeric_modifier(*info, place)? });
    }
    if let Some(of) = array_of(data_type) {
        return Ok(CastTarget { kind: Type::Array(element(of, place)?), modifier: None });
    }
    match plain_type(data_type) {
        Some(kind) => Ok(CastTarget { kind, modifier: None }),
        None => {
            let known = Type::ALL.map(Type::name).join(", ");
            let remedy = match suggestion(data_type) {
                Some(kind) => format!("write {kind}"),
                None => format!("write one of {known}"),
            };
            refuse(place, format!("the type {data_type} is not supported"), remedy)
        }
    }
}

/// What `type[]`, `type[3]` and `type ARRAY` are arrays of; PostgreSQL does not heed the length.
fn array_of(data_type: &DataType) -> Option<&DataType> {
    match data_type {
        DataType::Array(ArrayElemTypeDef::SquareBracket(of, _) | ArrayElemTypeDef::Qualified(of, _)) => {
            Some(of)
        }
        _ => None,
    }
}

fn element(of: &DataType, place: Place) -> Checked<Element> {
    if array_of(of).is_some() {
        return refuse(
            place,
            "an array of several dimensions is not supported",
            "write one pair of brackets: text[]",
        );
    }
    let CastTarget { kind, modifier } = cast_target(of, place)?;
    if modifier.is_some() {
        return refuse(
            place,
            format!("an array of {of} is not supported"),
            "write numeric[], and round the elements before",
        );
    }
    match Element::of(kind) {
        Some(element) => Ok(element),
        None => refuse(place, format!("an array of {kind} is not supported"), "write text[]"),
    }
}

fn plain_type(data_type: &DataType) -> Option<Type> {
    Some(match data_type {
        DataType::Bool | DataType::Boolean => Type::Boolean,
        DataType::Int(None) | DataType::Int4(None) | DataType::Integer(None) => Type::Integer,
        DataType::BigInt(None) | DataType::Int8(None) => Type::Bigint,
        DataType::DoublePrecision | DataType::Float8 => Type::Double,
        DataType::Float(ExactNumberInfo::None) => Type::Double,
        DataType::Float(ExactNumberInfo::Precision(25..=53)) => Type::Double,
        DataType::Text => Type::Text,
        DataType::Uuid => Type::Uuid,
        DataType::Date => Type::Date,
        DataType::Timestamp(None, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz) => Type::Timestamptz,
        DataType::Timestamp(None, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => Type::Timestamp,
        DataType::Interval { fields: None, precision: None } => Type::Interval,
        DataType::JSONB => Type::Jsonb,
        _ => return None,
    })
}

fn suggestion(data_type: &DataType) -> Option<Type> {
    Some(match data_type {
        DataType::SmallInt(_) | DataType::Int2(_) => Type::Integer,
        DataType::Real | DataType::Float4 | DataType::Float(_) | DataType::Double(_) => Type::Double,
        DataType::Timestamp(..) | DataType::Datetime(_) => Type::Timestamptz,
        DataType::JSON => Type::Jsonb,
        DataType::Varchar(_)
        | DataType::Char(_)
        | DataType::Character(_)
        | DataType::CharacterVarying(_)
        | DataType::CharVarying(_)
        | DataType::String(_) => Type::Text,
        _ => return None,
    })
}

fn numeric_modifier(info: ExactNumberInfo, place: Place) -> Checked<Option<NumericModifier>> {
    let (precision, scale) = match info {
        ExactNumberInfo::None => return Ok(None),
        ExactNumberInfo::Precision(precision) => (precision, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => (precision, scale),
    };
    let within = (1..=PRECISION_MAX).contains(&precision) && (-SCALE_MAX..=SCALE_MAX).contains(&scale);
    let modifier = || {
        let (precision, scale) = (u32::try_from(precision).ok()?, i32::try_from(scale).ok()?);
        let limit = Numeric::parse(&format!("1e{}", i64::from(precision) - i64::from(scale))).ok()?;
        Some(NumericModifier { precision, scale, limit })
    };
    match modifier().filter(|_| within) {
        Some(modifier) => Ok(Some(modifier)),
        None => refuse(
            place,
            format!("numeric({precision}, {scale}) is outside of PostgreSQL's limits"),
            format!(
                "write a precision from 1 to {PRECISION_MAX} and a scale from -{SCALE_MAX} to {SCALE_MAX}"
            ),
        ),
    }
}

/// The name that PostgreSQL's catalog has for a type, which columns are named after.
pub(crate) fn internal_name(data_type: &DataType) -> String {
    if let Some(of) = array_of(data_type) {
        return internal_name(of);
    }
    let known = match plain_type(data_type) {
        Some(kind) => kind,
        None => match data_type {
            DataType::Numeric(_) | DataType::Decimal(_) | DataType::Dec(_) => Type::Numeric,
            DataType::Custom(name, _) => {
                let last = name.0.last().and_then(|part| part.as_ident());
                return last.map(names::fold).unwrap_or_default();
            }
            _ => return data_type.to_string().to_ascii_lowercase(),
        },
    };
    let name = match known {
        Type::Boolean => "bool",
        Type::Integer => "int4",
        Type::Bigint => "int8",
        Type::Double => "float8",
        Type::Numeric
        | Type::Text
        | Type::Uuid
        | Type::Date
        | Type::Timestamptz
        | Type::Jsonb
        | Type::Timestamp
        | Type::Interval
        | Type::Array(_) => known.name(),
    };
    name.to_owned()
}
