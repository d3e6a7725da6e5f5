//! The promises of the outbox, kept against a real event log.

#![expect(clippy::unwrap_used, reason = "the helpers of these tests are tests too")]

mod backlog;
mod jetstream;
mod killed;
mod parking;
mod reconciling;
mod recording;
mod relaying;
mod speed;
mod stores;
mod support;
mod taking_turns;
