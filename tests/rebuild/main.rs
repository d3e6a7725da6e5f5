//! Views changed, built anew, compared and repaired while readers read.

#[path = "../end_to_end/oracle.rs"]
mod oracle;
#[path = "../end_to_end/shop.rs"]
mod shop;
#[path = "../support/mod.rs"]
mod support;

mod at_a_terminal;
mod comparing;
mod copies;
mod from_events;
mod from_state;
mod reader;
mod system;
mod undeclared;
