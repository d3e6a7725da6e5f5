//! Rows as they change, for whoever follows a view: a snapshot, then every change, in the order of the view's transactions.
//!
//! A snapshot is read part by part, each of a moment of its own, so that a client that takes its time holds nothing: the rows
//! told already are brought to the moment of the next part by the changes in between. What follows comes from the one
//! observer of the store, which reads each view's changes once for all.

mod client;
mod events;
mod selection;
mod table;
mod token;

pub(crate) use client::{Chunks, Client, Live, LiveSettings, Viewer};
pub(crate) use selection::Selection;
