//! The read API over HTTP, on view stores written by hand as the projector writes them.

mod api;
mod store;

mod errors;
mod life;
mod overview;
mod values;
