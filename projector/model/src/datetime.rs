//! Dates and timestamps with PostgreSQL's range, precision and text.

/// Days since 1970-01-01 in the proleptic Gregorian calendar; `i32::MIN` and `i32::MAX` are -infinity and infinity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date(pub i32);

/// Microseconds since 1970-01-01T00:00:00Z; `i64::MIN` and `i64::MAX` are -infinity and infinity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamptz(pub i64);
