//! A jsonb value in PostgreSQL's canonical form.

use crate::Numeric;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Json {
    Null,
    Boolean(bool),
    Number(Numeric),
    String(String),
    Array(Vec<Json>),
    /// Keys in jsonb's order (shorter first, then by bytes), each once.
    Object(Vec<(String, Json)>),
}
