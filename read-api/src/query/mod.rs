//! A plan as one statement with bound parameters, in the store's dialect.
//!
//! The only text that enters SQL is from this folder and names from the catalog, quoted. Whatever the client wrote is a
//! parameter.

mod condition;
mod expression;
mod like;
mod writer;

#[cfg(test)]
mod tests;

use crate::Error;
use crate::catalog::{self, View, position};
use crate::plan::ReadPlan;
use crate::store::{Dialect, Parameter, Statement};

use prejoin_envelope::Position;
use writer::Writer;

/// The rows of a plan: one result column per output, or a single NULL if there is none. A plan that seeks has more: the
/// order's values and the row's key in hexadecimal.
pub(crate) fn rows(plan: &ReadPlan, dialect: Dialect) -> Result<Statement, Error> {
    let mut writer = Writer::new(dialect);
    writer.rows(plan)?;
    Ok(writer.statement)
}

/// How many rows `rows` answers.
pub(crate) fn count(plan: &ReadPlan, dialect: Dialect) -> Result<Statement, Error> {
    let mut writer = Writer::new(dialect);
    writer.push("SELECT CAST(count(*) AS TEXT) FROM (");
    writer.matching(plan, true)?;
    writer.range(plan);
    writer.push(") counted");
    Ok(writer.statement)
}

/// How many rows there are, whatever the range.
pub(crate) fn total(plan: &ReadPlan, dialect: Dialect) -> Result<Statement, Error> {
    let mut writer = Writer::new(dialect);
    writer.push("SELECT CAST(");
    writer.total(plan)?;
    writer.push(" AS TEXT)");
    Ok(writer.statement)
}

/// How the store would find the rows.
pub(crate) fn explained(plan: &ReadPlan, dialect: Dialect, options: &str) -> Result<Statement, Error> {
    let mut writer = Writer::new(dialect);
    writer.push(match dialect {
        Dialect::Sqlite => "EXPLAIN QUERY PLAN ".to_owned(),
        Dialect::Postgres => format!("EXPLAIN ({options}) "),
    });
    writer.rows(plan)?;
    Ok(writer.statement)
}

/// `rows` with one column more, the heading, which says of which moment they are: one statement is of one moment, and needs no
/// transaction around it. It is NULL if the view is gone, or has another search index than the one that was asked, if one was.
pub(crate) fn rows_with_heading(
    plan: &ReadPlan,
    view: &View,
    dialect: Dialect,
    total: Total,
    search_index: Option<&str>,
) -> Result<Statement, Error> {
    let mut writer = Writer::new(dialect);
    writer.push("SELECT ");
    writer.columns(plan);
    writer.push(format_args!(", (SELECT {} || ' ' || ", catalog::stamp_sql(dialect)));
    match total {
        Total::Unasked => writer.push("'-'"),
        Total::Known if plan.is_whole_view() => writer.push("CAST(g.rows AS TEXT)"),
        Total::Known | Total::Counted => {
            writer.push("CAST(");
            writer.total(plan)?;
            writer.push(" AS TEXT)");
        }
    }
    let name = writer.statement.bind(Parameter::Text(view.name.clone()));
    writer.push(format_args!(
        " || ' ' || g.position FROM _prejoin_generations g WHERE g.view = {name} AND g.state = 'current'"
    ));
    if let Some(directory) = search_index {
        let place = writer.statement.bind(Parameter::Text(directory.to_owned()));
        writer.push(format_args!(" AND g.search_index = {place}"));
    }
    writer.push(")");
    writer.rows_after_columns(plan)?;
    Ok(writer.statement)
}

/// The heading's place in the rows of `rows_with_heading`.
pub(crate) fn heading_place(plan: &ReadPlan) -> usize {
    let seeking = if plan.seek.is_some() { plan.order.len() + 1 } else { 0 };
    (plan.output.len() + seeking).max(1)
}

/// Whether the number of all rows is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Total {
    Unasked,
    Counted,
    /// Of a whole view, the catalog knows it.
    Known,
}

/// What each row of `rows_with_heading` says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Heading {
    pub(crate) stamp: String,
    pub(crate) total: Option<u64>,
    pub(crate) position: Position,
}

impl Heading {
    pub(crate) fn parse(text: &str) -> Result<Heading, Error> {
        let unreadable = || Error::unreadable(format!("the heading {text:?}"));
        let mut blanks = text.match_indices(' ').map(|(at, _)| at);
        let (stamp_end, total_end) = (blanks.nth(1), blanks.next());
        let (stamp_end, total_end) = (stamp_end.ok_or_else(unreadable)?, total_end.ok_or_else(unreadable)?);
        let total = match &text[stamp_end + 1..total_end] {
            "-" => None,
            digits => Some(digits.parse().map_err(|_| unreadable())?),
        };
        Ok(Heading {
            stamp: text[..stamp_end].to_owned(),
            total,
            position: position(&text[total_end + 1..])?,
        })
    }
}
