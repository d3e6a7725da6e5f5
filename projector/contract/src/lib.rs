//! A service's published language: contract files, decoding an event, folding it into changes of tables.
//!
//! A contract file says which tables a service owns and how each of its event types changes them. `ContractSet::load`
//! reads all files together and reports every problem at its place; `ContractSet::decode` turns the bytes of one event
//! into changes, or says in words why the event does not fit.
//!
//! Knows no view, no state and no log: bytes in, table operations out. What a change does to the rows that are there
//! already is for the engine to work out.

mod canonical;
mod cast;
mod check;
mod compile;
mod declaration;
mod decode;
mod document;
mod entity;
mod fold;
mod literal;
mod name;
mod owner;
mod path;
mod payload;
mod place;
mod rule;
mod set;
mod source;

pub use decode::{Decoded, Head, Outcome, TableChange};
pub use name::DECISIONS_SERVICE;
pub use set::{ContractFile, ContractSet, Numbering};
