//! View text to plan: parse, resolve names, type, evaluate; refusals of what cannot be kept up to date.
//!
//! Knows tables by schema only: rows reach it through a look-up that the caller passes in.

mod plan;

pub use plan::{
    EvaluateError, Hop, IndexUse, Join, JoinKind, KeySource, LookupRow, OutputColumn, Path, Relation,
    RowView, StoreIndex, TableIndex,
};
