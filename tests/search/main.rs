//! Search indexes through the built binary: opened beside the projector, they say what the rows say.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

#[path = "../end_to_end/shop.rs"]
mod shop;
#[path = "../support/mod.rs"]
mod support;

mod index;
mod system;

mod following;
mod healing;
mod rebuilding;
