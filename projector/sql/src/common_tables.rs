//! What WITH names: queries that FROM can name like tables, each computed wherever it is named.

use std::cell::Cell;

use sqlparser::ast::{Cte, Ident, Query, TableAliasColumnDef, With};

use crate::names;
use crate::refusal::{Checked, Place, Refusal, refuse};

/// One query of a WITH, and those that are seen beside it.
#[derive(Debug)]
pub(crate) struct CommonTables<'a> {
    pub(crate) name: String,
    pub(crate) query: &'a Query,
    /// Names for its columns, the first ones at least.
    pub(crate) columns: Vec<&'a Ident>,
    /// What it sees itself: those before it, and those of a WITH around it.
    pub(crate) before: Option<&'a CommonTables<'a>>,
    pub(crate) is_used: Cell<bool>,
}

impl<'a> CommonTables<'a> {
    /// The nearest one with this name.
    pub(crate) fn find(&'a self, name: &str) -> Option<&'a CommonTables<'a>> {
        if self.name == name { Some(self) } else { self.before?.find(name) }
    }
}

/// What is done where the queries of a WITH are in view.
type GoOn<'g, R> = &'g mut dyn FnMut(Option<&CommonTables<'_>>) -> Result<R, Vec<Refusal>>;

/// Goes on with what WITH names in view.
pub(crate) fn with_all<R>(
    with: Option<&With>,
    before: Option<&CommonTables<'_>>,
    place: Place,
    go_on: GoOn<'_, R>,
) -> Result<R, Vec<Refusal>> {
    let Some(with) = with else { return go_on(before) };
    let place = place.or(with.with_token.0.span);
    check(with, place).map_err(|refusal| vec![refusal])?;
    each(&with.cte_tables, before, place, go_on)
}

fn check(with: &With, place: Place) -> Checked<()> {
    if with.recursive {
        return refuse(
            place,
            "WITH RECURSIVE is not supported: one change could reach any number of rows",
            "let the service put the level or the path into a column of its own",
        );
    }
    for (number, table) in with.cte_tables.iter().enumerate() {
        let name = names::name(&table.alias.name, place)?;
        let mut earlier = with.cte_tables[..number].iter();
        if earlier.any(|other| names::fold(&other.alias.name) == name) {
            return refuse(
                place.or(table.alias.name.span),
                format!("WITH query name {name} specified more than once"),
                "rename one of them",
            );
        }
        if table.from.is_some() {
            return refuse(
                place.or(table.alias.name.span),
                "FROM after a WITH query is not PostgreSQL's",
                "leave it out",
            );
        }
    }
    Ok(())
}

fn each<R>(
    tables: &[Cte],
    before: Option<&CommonTables<'_>>,
    place: Place,
    go_on: GoOn<'_, R>,
) -> Result<R, Vec<Refusal>> {
    let Some((table, further)) = tables.split_first() else { return go_on(before) };
    let place_of_name = place.or(table.alias.name.span);
    let one = |refusal| vec![refusal];
    let own = CommonTables {
        name: names::name(&table.alias.name, place).map_err(one)?,
        query: &table.query,
        columns: column_aliases(&table.alias.columns, place_of_name).map_err(one)?,
        before,
        is_used: Cell::new(false),
    };
    let result = each(further, Some(&own), place, go_on)?;
    if !own.is_used.get() {
        let unused = Refusal::new(
            place_of_name,
            format!("nothing reads the query {} of WITH", own.name),
            "leave it out, or name it in FROM",
        );
        return Err(vec![unused]);
    }
    Ok(result)
}

/// The names in `AS alias (name, …)`.
pub(crate) fn column_aliases(columns: &[TableAliasColumnDef], place: Place) -> Checked<Vec<&Ident>> {
    let name = |column: &'_ TableAliasColumnDef| match &column.data_type {
        None => Ok(()),
        Some(kind) => refuse(
            place.or(column.name.span),
            format!("a type ({kind}) after a column's name is for functions that return records"),
            "write the name alone",
        ),
    };
    columns.iter().try_for_each(name)?;
    Ok(columns.iter().map(|column| &column.name).collect())
}
