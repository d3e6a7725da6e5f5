//! A jsonb value in PostgreSQL's canonical form.

mod parse;
mod print;

use std::cmp::Ordering;

use smol_str::SmolStr;

use crate::Numeric;

pub use parse::check_nesting;

/// Its texts are short more often than not, and then within it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Json {
    Null,
    Boolean(bool),
    Number(Numeric),
    String(SmolStr),
    Array(Vec<Json>),
    /// Keys in jsonb's order (shorter first, then by bytes), each once.
    Object(Vec<(SmolStr, Json)>),
}

/// jsonb's order of keys within an object.
fn compare_keys(left: &str, right: &str) -> Ordering {
    left.len().cmp(&right.len()).then_with(|| left.as_bytes().cmp(right.as_bytes()))
}

impl Json {
    /// Arrays and objects within each other in a document that is read. Far from what exhausts a thread's stack, and twice
    /// what JSON readers commonly accept, so that values built around such documents can be read back.
    pub const MAX_DEPTH: usize = 256;

    /// An object of these pairs in jsonb's order; of equal keys the last one stays.
    pub fn object(mut pairs: Vec<(SmolStr, Json)>) -> Json {
        let in_order = |pair: &[(SmolStr, Json)]| compare_keys(&pair[0].0, &pair[1].0).is_lt();
        if !pairs.windows(2).all(in_order) {
            pairs.sort_by(|left, right| compare_keys(&left.0, &right.0));
            // `dedup_by` keeps the earlier of two neighbours, so the later one's value moves there.
            pairs.dedup_by(|later, earlier| {
                let same = later.0 == earlier.0;
                if same {
                    std::mem::swap(later, earlier);
                }
                same
            });
        }
        Json::Object(pairs)
    }

    /// What `jsonb_typeof` says.
    pub fn type_name(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Boolean(_) => "boolean",
            Json::Number(_) => "number",
            Json::String(_) => "string",
            Json::Array(_) => "array",
            Json::Object(_) => "object",
        }
    }

    /// The value of an object's key; nothing for other kinds.
    pub fn get(&self, key: &str) -> Option<&Json> {
        let Json::Object(pairs) = self else { return None };
        let found = pairs.binary_search_by(|(known, _)| compare_keys(known, key)).ok()?;
        Some(&pairs[found].1)
    }

    /// An array's element, from 0, or from the end with -1; nothing for other kinds.
    pub fn element(&self, index: i64) -> Option<&Json> {
        let Json::Array(elements) = self else { return None };
        let from_end = usize::try_from(index.unsigned_abs()).ok()?;
        match index {
            0.. => elements.get(from_end),
            _ => elements.get(elements.len().checked_sub(from_end)?),
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Json::String(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_number(&self) -> Option<&Numeric> {
        match self {
            Json::Number(number) => Some(number),
            _ => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Json::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    /// Whether PostgreSQL's `@>` holds. At the top, an array contains a scalar that is one of its elements.
    pub fn contains(&self, inner: &Json) -> bool {
        match (self, inner) {
            (Json::Array(held), scalar) if !matches!(scalar, Json::Array(_) | Json::Object(_)) => {
                held.iter().any(|held| held.contains_nested(scalar))
            }
            _ => self.contains_nested(inner),
        }
    }

    fn contains_nested(&self, inner: &Json) -> bool {
        match (self, inner) {
            (Json::Object(_), Json::Object(pairs)) => {
                pairs.iter().all(|(key, value)| self.get(key).is_some_and(|held| held.contains_nested(value)))
            }
            (Json::Array(held), Json::Array(wanted)) => {
                wanted.iter().all(|wanted| held.iter().any(|held| held.contains_nested(wanted)))
            }
            (Json::Array(_) | Json::Object(_), _) | (_, Json::Array(_) | Json::Object(_)) => false,
            (outer, inner) => outer.compare(inner).is_eq(),
        }
    }

    /// What `->` with a number finds: a scalar counts as the only element of an array.
    pub fn element_or_self(&self, index: i64) -> Option<&Json> {
        match self {
            Json::Array(_) | Json::Object(_) => self.element(index),
            scalar => matches!(index, 0 | -1).then_some(scalar),
        }
    }

    /// What `->>` makes of what it finds: a string as it is, null as NULL, anything else as its text.
    pub fn as_text(&self) -> Option<String> {
        match self {
            Json::Null => None,
            Json::String(text) => Some(text.to_string()),
            other => Some(other.to_string()),
        }
    }

    /// PostgreSQL's order of jsonb: null, strings, numbers, booleans, arrays, objects; longer arrays and objects after
    /// shorter ones, then element by element; numbers by value. At the top, an empty array comes before everything.
    pub fn compare(&self, other: &Json) -> Ordering {
        let empty = |json: &Json| matches!(json, Json::Array(elements) if elements.is_empty());
        match (empty(self), empty(other)) {
            (false, false) => self.compare_nested(other),
            (left, right) => right.cmp(&left),
        }
    }

    fn compare_nested(&self, other: &Json) -> Ordering {
        match (self, other) {
            (Json::Boolean(left), Json::Boolean(right)) => left.cmp(right),
            (Json::Number(left), Json::Number(right)) => left.compare(right),
            (Json::String(left), Json::String(right)) => left.as_bytes().cmp(right.as_bytes()),
            (Json::Array(left), Json::Array(right)) => {
                let elements = || left.iter().zip(right).map(|(left, right)| left.compare_nested(right));
                left.len().cmp(&right.len()).then_with(|| first_difference(elements()))
            }
            (Json::Object(left), Json::Object(right)) => {
                let pairs = || left.iter().zip(right).map(|(left, right)| compare_pairs(left, right));
                left.len().cmp(&right.len()).then_with(|| first_difference(pairs()))
            }
            _ => self.rank().cmp(&other.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Json::Null => 0,
            Json::String(_) => 1,
            Json::Number(_) => 2,
            Json::Boolean(_) => 3,
            Json::Array(_) => 4,
            Json::Object(_) => 5,
        }
    }
}

fn compare_pairs(left: &(SmolStr, Json), right: &(SmolStr, Json)) -> Ordering {
    left.0.as_bytes().cmp(right.0.as_bytes()).then_with(|| left.1.compare_nested(&right.1))
}

fn first_difference(mut orders: impl Iterator<Item = Ordering>) -> Ordering {
    orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}
