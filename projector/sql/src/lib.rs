//! View text to plan: parse, resolve names, type, evaluate; refusals of what cannot be kept up to date.
//!
//! Knows tables by schema only: rows reach it through a look-up that the caller passes in.

mod group;
mod plan;
mod views;

mod aggregate;
mod canonical;
mod catalog;
mod clauses;
mod column_name;
mod common_tables;
mod expression;
mod from;
mod fulltext;
mod grouping;
mod joins;
mod names;
mod output;
mod paths;
mod planner;
mod query;
mod refusal;
mod row_view;
mod scope;
mod statements;
mod subquery;
mod ties;
mod type_name;
mod typing;
mod unread;

mod arithmetic;
mod cast;
mod evaluate;
mod functions;
mod query_rows;
mod zone;

pub use fulltext::{FULLTEXT_LANGUAGES, FulltextColumn};
pub use group::{Accumulation, GroupAggregate, GroupTable};
pub use plan::{
    EvaluateError, Hop, IndexMethod, IndexUse, Join, JoinKind, KeySource, LookupRow, OutputColumn, Path,
    Relation, RowView, Scan, StoreIndex, TableIndex,
};
pub use views::{ViewFile, Views, parse_views};
