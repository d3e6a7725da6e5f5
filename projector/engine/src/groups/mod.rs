//! Group tables: the rows that GROUP BY or DISTINCT makes of others, kept right in the commit that changes those.
//!
//! A changed row of the source is taken out of its group as it was, and into its group as it is. What is kept of a group
//! lets every input be taken back, so that a change costs as much as it changes, however many rows the group has; only
//! aggregates that print all their inputs read them all.

mod open;
mod step;

mod entries;
mod group;
mod layout;
mod sums;
mod tally;

pub(crate) use open::{build_missing, drop_others};
pub(crate) use step::change_group_tables;
