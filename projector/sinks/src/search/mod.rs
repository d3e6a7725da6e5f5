//! Search indexes: the words of a view's rows, each generation's in a directory of its own, together with the position
//! that they reflect.
//!
//! The part of the crate that knows tantivy. A directory holds one index of all fulltext columns of a view. Its rows are
//! found by their keys, and nothing else of them is kept.

mod definition;

mod analyzer;
mod description;
mod document;
mod stand;

mod directory;
mod error;
mod index;
mod inspect;

pub use analyzer::analyzer;
pub use definition::{IndexDefinition, IndexedColumn};
pub use directory::{FoundDirectory, IndexPlace, found_directories};
pub use error::SearchError;
pub use index::SearchIndex;
pub use inspect::{InspectedIndex, inspect};
pub use stand::{IndexRows, IndexStand};
