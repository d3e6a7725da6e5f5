//! The view store: generations, positions and rows in one transaction, one writer, every type as its database keeps it.
//! What holds for every store is tested on every store.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod bench;
mod stores;

mod beside;
mod building;
mod changes;
mod comparing;
mod formats;
mod postgres;
mod searching;
mod sqlite;
mod swapping;
mod taking_over;
mod writing;
