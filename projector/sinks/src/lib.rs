//! Places that hold view rows together with the position they reflect.
//!
//! Knows how rows are stored and made visible, not how they are computed. The one crate of the projector that knows
//! sqlx, and tantivy. What the store's databases are asked is written once where it is the same for all; how each of them wants the
//! rest said is in a folder of its own.

mod address;
mod error;

mod columns;
mod database;
mod postgres;
mod sqlite;

mod catalog;
mod changes;
mod rows;
mod store;

mod beside;
mod build;
mod live;
mod packed;
mod retire;
mod swap;

mod compare;
mod snapshot;

pub mod search;

pub use address::StoreAddress;
pub use beside::Beside;
pub use changes::ChangeBounds;
pub use compare::{ColumnDifference, StoredRow};
pub use error::StoreError;
pub use live::LiveWrite;
pub use packed::{PackedRows, Packer};
pub use snapshot::StoreSnapshot;
pub use store::{Generation, GenerationState, ViewStore};
