//! The commands as a person meets them: help, settings, refusals, answers.

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod events;
mod help;
mod keys;
mod parked;
mod refusals;
mod republish;
mod settings;
