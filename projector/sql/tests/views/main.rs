//! Views as text: their plans, their rows, and what is refused.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod shop;

mod evaluation;
mod plans;
mod refusals;
