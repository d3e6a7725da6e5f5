//! Bad input: events that do not fit, files that cannot be imported, contracts and views that are wrong. Each has its
//! designed outcome, with a message that says what is wrong, where, and what to do; nothing stops but what must.

#[path = "../support/mod.rs"]
mod support;

mod letters;
mod raw_log;

mod config_files;
mod decisions;
mod events;
mod import_files;
mod refused_by_the_log;
mod stopping;
