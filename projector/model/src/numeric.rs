//! Arbitrary-precision decimal with PostgreSQL's scale rules.

/// A decimal number: digits × 10^-scale. Equality is identity: 1.0 and 1.00 differ.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Numeric;
