//! Conditions that name rows by their whole key: the store finds those by its own key, whichever indexes the view declares.

use prejoin_model::{Type, Value, encode_key};

use super::{Condition, Expression};
use crate::catalog::{Column, View};
use crate::request::Comparison;

/// What follows from the conditions about the rows' hidden keys, if they say all of it. It leaves no row out that they let in.
pub(super) fn named(view: &View, conditions: &[Condition]) -> Option<Condition> {
    let mut key: Vec<&Column> = view.columns.iter().filter(|column| column.key_place.is_some()).collect();
    key.sort_by_key(|column| column.key_place);
    if let [column] = key[..]
        && let Some(values) = conditions.iter().find_map(|condition| values(condition, column))
    {
        return Some(Condition::KeyIn(
            values.iter().map(|value| encode_key(std::slice::from_ref(value))).collect(),
        ));
    }
    let value = |column: &Column| conditions.iter().find_map(|condition| value(condition, column).cloned());
    let values: Vec<Value> = key.into_iter().map(value).collect::<Option<_>>()?;
    (!values.is_empty()).then(|| Condition::KeyIn(vec![encode_key(&values)]))
}

fn value<'a>(condition: &'a Condition, of: &Column) -> Option<&'a Value> {
    match condition {
        Condition::Compare { left: Expression::Column(column), comparison: Comparison::Equal, value }
            if column == of && is_named_by_its_key(of.kind) =>
        {
            Some(value)
        }
        _ => None,
    }
}

fn values<'a>(condition: &'a Condition, of: &Column) -> Option<&'a [Value]> {
    match condition {
        Condition::In { left: Expression::Column(column), values }
            if column == of && is_named_by_its_key(of.kind) =>
        {
            Some(values)
        }
        _ => None,
    }
}

/// Whether values that are equal in PostgreSQL, and no others, have one key.
fn is_named_by_its_key(kind: Type) -> bool {
    matches!(
        kind,
        Type::Boolean
            | Type::Integer
            | Type::Bigint
            | Type::Text
            | Type::Uuid
            | Type::Date
            | Type::Timestamptz
    )
}
