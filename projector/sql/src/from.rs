//! The FROM clause to relations: tables by name, joins bound to their keys.

use prejoin_model::{TableId, TableSchema};
use sqlparser::ast::{Join, JoinConstraint, JoinOperator, Spanned, TableAlias, TableFactor, TableWithJoins};

use crate::expression::Expression;
use crate::joins;
use crate::names;
use crate::plan;
use crate::refusal::{Checked, Place, nearest, refuse};
use crate::scope::{Scope, ScopeRelation};

/// What FROM can name.
pub(crate) struct Catalog<'a> {
    pub(crate) tables: &'a [TableSchema],
    /// The names of all views of the configuration.
    pub(crate) views: Vec<String>,
}

/// The relations of one query with their joins; the first one has none.
#[derive(Debug)]
pub(crate) struct FromClause<'a> {
    pub(crate) scope: Scope<'a>,
    pub(crate) joins: Vec<Option<plan::Join>>,
    pub(crate) residuals: Vec<Option<Expression>>,
}

/// `around` is for a subquery: the query around it, and the number of its own first relation.
pub(crate) fn resolve<'a>(
    from: &[TableWithJoins],
    catalog: &Catalog<'a>,
    place: Place,
    around: Option<(&'a Scope<'a>, usize)>,
) -> Checked<FromClause<'a>> {
    let [TableWithJoins { relation, joins }] = from else {
        return match from.get(1) {
            None => {
                refuse(place, "the SELECT has no FROM", "name the table whose rows the view has: FROM table")
            }
            Some(second) => refuse(
                place.or(second.span()),
                "several tables in FROM, separated by commas, would multiply rows",
                "write LEFT JOIN or JOIN with ON",
            ),
        };
    };
    let mut scope = Scope::default();
    if let Some((outer, first)) = around {
        scope.outer = Some(outer);
        scope.first = first;
    }
    let mut clause = FromClause { scope, joins: vec![None], residuals: vec![None] };
    clause.add_table(relation, catalog, place)?;
    for join in joins {
        clause.add_join(join, catalog, place)?;
    }
    Ok(clause)
}

impl<'a> FromClause<'a> {
    fn add_join(&mut self, join: &Join, catalog: &Catalog<'a>, near: Place) -> Checked<()> {
        let place = near.or(join.relation.span());
        let (kind, constraint) = join_kind(&join.join_operator, place)?;
        if join.global {
            return refuse(place, "GLOBAL JOIN is not PostgreSQL's", "leave GLOBAL out");
        }
        self.add_table(&join.relation, catalog, place)?;
        let bound = joins::bind(&mut self.scope, constraint, place)?;
        self.joins.push(Some(plan::Join { kind, key: bound.key }));
        self.residuals.push(bound.residual);
        Ok(())
    }

    fn add_table(&mut self, factor: &TableFactor, catalog: &Catalog<'a>, near: Place) -> Checked<()> {
        let place = near.or(factor.span());
        let (name, alias) = plain_table(factor, place)?;
        let table = find_table(&name, catalog, place)?;
        let schema = &catalog.tables[table.0];
        let alias = match alias {
            None => name,
            Some(alias) if !alias.columns.is_empty() => {
                return refuse(
                    place.or(alias.name.span),
                    "a list of column names after a table's alias is not supported",
                    "name the columns with AS in the SELECT",
                );
            }
            Some(alias) => names::name(&alias.name, place)?,
        };
        self.scope.add(ScopeRelation { table, alias, schema }, place)?;
        Ok(())
    }
}

fn find_table(name: &str, catalog: &Catalog<'_>, place: Place) -> Checked<TableId> {
    if let Some(table) = catalog.tables.iter().position(|table| table.name == name) {
        return Ok(TableId(table));
    }
    if catalog.views.iter().any(|view| view == name) {
        return refuse(
            place,
            format!("{name} is a view, and a view over a view is not supported yet"),
            "write the joins of that view here",
        );
    }
    refuse(
        place,
        format!("table {name} does not exist"),
        nearest(name, catalog.tables.iter().map(|table| table.name.as_str())),
    )
}

fn plain_table(factor: &TableFactor, place: Place) -> Checked<(String, Option<&TableAlias>)> {
    let (reason, remedy) = match factor {
        TableFactor::Table {
            name,
            alias,
            args: None,
            with_hints,
            version: None,
            with_ordinality: false,
            partitions,
            json_path: None,
            sample: None,
            index_hints,
        } if with_hints.is_empty() && partitions.is_empty() && index_hints.is_empty() => {
            return Ok((names::single_name(name, place)?, alias.as_ref()));
        }
        TableFactor::Table { sample: Some(_), .. } => {
            ("TABLESAMPLE picks rows by chance: a view may not depend on it", "leave it out")
        }
        TableFactor::Table { name, args: Some(_), .. }
        | TableFactor::Function { name, lateral: false, .. } => {
            let call = name.to_string().to_ascii_lowercase();
            return refuse(
                place,
                format!("the function {call}() in FROM is not supported: its rows belong to no table"),
                "name a table that a contract declares",
            );
        }
        TableFactor::Derived { lateral: true, .. } | TableFactor::Function { lateral: true, .. } => {
            ("LATERAL is not supported", "LEFT JOIN the table on its whole key")
        }
        TableFactor::Derived { .. } => (
            "a subquery in FROM is not supported yet",
            "name the tables in this FROM with joins on their keys",
        ),
        TableFactor::NestedJoin { .. } => (
            "a join in parentheses is not supported",
            "write the joins one after another without parentheses",
        ),
        TableFactor::TableFunction { .. }
        | TableFactor::UNNEST { .. }
        | TableFactor::JsonTable { .. }
        | TableFactor::XmlTable { .. } => (
            "a function in FROM is not supported: its rows belong to no table",
            "let the contract fold the elements into a table of their own with each = …",
        ),
        _ => ("this is not a table", "name a table that a contract declares"),
    };
    refuse(place, reason, remedy)
}

fn join_kind(operator: &JoinOperator, place: Place) -> Checked<(plan::JoinKind, &JoinConstraint)> {
    let (reason, remedy) = match operator {
        JoinOperator::Join(constraint) | JoinOperator::Inner(constraint) => {
            return Ok((plan::JoinKind::Inner, constraint));
        }
        JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => {
            return Ok((plan::JoinKind::Left, constraint));
        }
        JoinOperator::Right(_) | JoinOperator::RightOuter(_) => (
            "RIGHT JOIN is not supported: the view has one row for each row of its FROM table",
            "make the right table the FROM table and LEFT JOIN the other one",
        ),
        JoinOperator::FullOuter(_) => (
            "FULL JOIN is not supported: the view has one row for each row of its FROM table",
            "write two views, each with one of the tables as the FROM table",
        ),
        JoinOperator::CrossJoin(_) => (
            "CROSS JOIN is not supported: it would multiply rows",
            "write LEFT JOIN or JOIN with ON and the whole key of the joined table",
        ),
        _ => ("this kind of join is not PostgreSQL's", "write LEFT JOIN or JOIN with ON"),
    };
    refuse(place, reason, remedy)
}
