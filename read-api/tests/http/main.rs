//! The read API over HTTP, on view stores written by hand as the projector writes them.

#![expect(clippy::unwrap_used, reason = "what a test cannot do fails it")]

mod api;
mod postgres;
mod store;

mod both;
mod compose;
mod errors;
mod life;
mod overview;
mod values;
