//! Rows by their words: the search indexes that stand beside the view store.
//!
//! Nothing of a row but its key is in an index: filters, tenants and the rows themselves are the view store's.

mod text_query;
mod tolerance;

mod analyzer;
mod compile;
mod description;
mod highlight;
mod index;

pub(crate) use compile::SearchedColumn;
pub(crate) use highlight::Highlighter;
pub(crate) use index::{Hit, IndexSnapshot, SearchIndexes};
pub(crate) use text_query::{TextQuery, parse};
pub(crate) use tolerance::{TYPOS_MAX, Typos};
