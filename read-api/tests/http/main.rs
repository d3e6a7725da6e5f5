//! The read API over HTTP, on view stores written by hand as the projector writes them.

#![expect(clippy::unwrap_used, reason = "what a test cannot do fails it")]

mod api;
mod postgres;
mod sign;
mod store;

mod access;
mod both;
mod compose;
mod errors;
mod life;
mod overview;
mod pages;
mod standing;
mod tenants;
mod values;
