//! Rows by their words: the search indexes that stand beside the view store.
//!
//! Nothing of a row but its key is in an index: filters, tenants and the rows themselves are the view store's.

mod text_query;
mod tolerance;

mod request;

mod analyzer;
mod compile;
mod description;
mod highlight;
mod index;
mod neutral;
mod resolve;
mod texts;

pub(crate) use compile::SearchedColumn;
pub(crate) use highlight::Highlighter;
pub(crate) use index::{Hit, IndexSnapshot, SearchIndexes, Weighing};
pub(crate) use request::{SearchRequest, parse};
pub(crate) use resolve::{resolve, searches};
pub(crate) use texts::texts;

/// Rows by their words that filters, facets and totals look at, the best first.
pub(crate) const MATCHES_MAX: usize = 100_000;
