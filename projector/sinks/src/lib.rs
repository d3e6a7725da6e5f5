//! Places that hold view rows together with the position they reflect.
//!
//! Knows how rows are stored and made visible, not how they are computed. The one crate of the projector that knows
//! sqlx.

mod build;
mod catalog;
mod error;
mod file;
mod live;
mod rows;
mod store;
mod stored_form;

pub use error::StoreError;
pub use live::LiveWrite;
pub use store::{Generation, SqliteStore};
