//! Contracts from the outside: what is refused, what events become, and that no bytes do harm.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
mod decoding;
mod malformed;
mod never_panics;
mod unfit;
