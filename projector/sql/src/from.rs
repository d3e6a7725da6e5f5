//! The FROM clause to relations: tables, views and queries by name or in parentheses, joins bound to keys.

use sqlparser::ast::{
    Join, JoinConstraint, JoinOperator, Query, Spanned, TableAlias, TableFactor, TableWithJoins,
};

use crate::common_tables::{CommonTables, column_aliases};
use crate::expression::Expression;
use crate::joins;
use crate::names;
use crate::plan::{self, JoinKind, Relation};
use crate::planner::Planner;
use crate::query::{self, Planned, Reading, Surroundings};
use crate::refusal::{Checked, Place, Refusal, nearest, refuse};
use crate::scope::{ColumnPlace, Scope, ScopeColumn, ScopeItem};

/// Bounds what views over views can become.
const RELATIONS_MAX: usize = 100;

/// The items of a FROM clause, with their relations in the plan.
#[derive(Debug)]
pub(crate) struct FromClause<'a> {
    pub(crate) scope: Scope<'a>,
    /// The FROM table, then the joined ones but for those within a joined query.
    pub(crate) relations: Vec<usize>,
    /// WHERE of the query that is the FROM table.
    pub(crate) filter: Option<Expression>,
}

/// Adds what FROM names to the plan.
pub(crate) fn resolve<'a>(
    from: &[TableWithJoins],
    planner: &Planner<'_>,
    surroundings: Surroundings<'a>,
    place: Place,
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
    let scope = Scope {
        number: planner.next_scope(),
        outer: surroundings.outer,
        common_tables: surroundings.common_tables,
        ..Scope::default()
    };
    let mut resolver = Resolver { planner, surroundings, scope };
    let Item { item, mut relations, filter } = resolver.item(relation, place)?;
    resolver.scope.add(item, place.or(relation.span()))?;
    for join in joins {
        relations.push(resolver.join(join, place)?);
    }
    Ok(FromClause { scope: resolver.scope, relations, filter })
}

/// An item that stands in the plan, not yet in the scope. Its relations are those that its own joins find.
struct Item {
    item: ScopeItem,
    relations: Vec<usize>,
    filter: Option<Expression>,
}

struct Resolver<'p, 'a> {
    planner: &'p Planner<'p>,
    surroundings: Surroundings<'a>,
    scope: Scope<'a>,
}

impl Resolver<'_, '_> {
    /// Returns the number of the relation that is joined.
    fn join(&mut self, join: &Join, near: Place) -> Checked<usize> {
        let place = near.or(join.relation.span());
        let (kind, constraint) = join_kind(&join.join_operator, place)?;
        if join.global {
            return refuse(place, "GLOBAL JOIN is not PostgreSQL's", "leave GLOBAL out");
        }
        let Item { item, relations, filter } = self.item(&join.relation, place)?;
        let first = relations[0];
        if relations.len() > 1 || filter.is_some() {
            let nested = self.planner.selection(relations, filter);
            self.planner.change_relation(first, |relation| relation.nested = Some(nested));
        }
        self.scope.add(item, place)?;
        let bound = joins::bind(&mut self.scope, self.planner, first, constraint, place)?;
        let joined = plan::Join { kind, columns: bound.columns, values: bound.values, index: bound.index };
        self.planner.change_relation(first, |relation| relation.join = Some(joined));
        self.planner.set_residual(first, bound.residual);
        if kind == JoinKind::Left {
            for column in self.scope.newest_mut().columns.iter_mut() {
                column.value = if_joined(first, column);
            }
        }
        Ok(first)
    }

    fn item(&mut self, factor: &TableFactor, near: Place) -> Checked<Item> {
        let place = near.or(factor.span());
        let (source, alias) = named_item(factor, place)?;
        let (name, renamed) = match (alias, &source) {
            (Some(alias), _) => (names::name(&alias.name, place)?, column_aliases(&alias.columns, place)?),
            (None, Source::Named(name)) => (name.clone(), Vec::new()),
            (None, Source::Query(_)) => {
                return refuse(
                    place,
                    "subquery in FROM must have an alias",
                    "give it a name after the parenthesis: (SELECT …) AS name",
                );
            }
        };
        let is_named = matches!(source, Source::Named(_));
        let start = self.planner.mark().relations;
        if start > RELATIONS_MAX {
            return refuse(
                place,
                format!(
                    "the view reads more than {RELATIONS_MAX} tables, those of the views that it reads counted"
                ),
                "split it in two views and read both",
            );
        }
        let (own_name, planned) = match source {
            Source::Named(table) => {
                let planned = self.named(&table, place)?;
                (table, planned)
            }
            Source::Query(query) => (name.clone(), self.query(query, self.surroundings, place)?),
        };
        let is_table = is_named && self.is_table(&own_name);
        let Planned { relations, filter, mut columns, .. } = planned;
        rename(&mut columns, &renamed, &name, place)?;
        self.planner.change_relation(start, |relation| {
            if is_table || relation.error_column.is_some() {
                relation.alias.clone_from(&name);
            }
        });
        let range = start..self.planner.mark().relations;
        let item = ScopeItem { alias: name, name: own_name, columns, relations: range, is_table };
        Ok(Item { item, relations, filter })
    }

    fn is_table(&self, name: &str) -> bool {
        let common = self.surroundings.common_tables.and_then(|tables| tables.find(name));
        common.is_none() && self.planner.catalog.table(name).is_some()
    }

    /// A WITH query, a table, or a view.
    fn named(&mut self, name: &str, place: Place) -> Checked<Planned> {
        let catalog = self.planner.catalog;
        if let Some(common) = self.surroundings.common_tables.and_then(|tables| tables.find(name)) {
            common.is_used.set(true);
            let inside = Surroundings { common_tables: common.before, ..self.surroundings };
            let mut planned = self.query(common.query, inside, place)?;
            rename(&mut planned.columns, &common.columns, name, place)?;
            return Ok(planned);
        }
        if let Some(table) = catalog.table(name) {
            let relation = self.planner.add_relation(Relation::new(table, name.to_owned(), None));
            let columns = catalog.schema(table).columns.into_iter().enumerate();
            let columns = columns.map(|(column, declared)| ScopeColumn {
                name: declared.name,
                kind: declared.kind,
                value: Expression::Column(ColumnPlace { relation, column }),
            });
            return Ok(Planned {
                relations: vec![relation],
                filter: None,
                columns: columns.collect(),
                places: Vec::new(),
            });
        }
        if let Some(view) = catalog.views.get(name) {
            return query::plan_view_read(view, self.planner, &self.surroundings, place);
        }
        let mut known: Vec<&str> = catalog.tables.iter().map(|table| table.name.as_str()).collect();
        let is_read = |name: &&&str| Reading::views(self.surroundings.reading).all(|view| view != **name);
        known.extend(catalog.views.keys().filter(is_read));
        known.extend(common_names(self.surroundings.common_tables));
        refuse(place, format!("table {name} does not exist"), nearest(name, known.into_iter()))
    }

    /// A query in FROM sees neither the items beside it nor a query around.
    fn query(&self, query: &Query, surroundings: Surroundings<'_>, place: Place) -> Checked<Planned> {
        let surroundings = Surroundings { outer: None, ..surroundings };
        query::plan_query(query, self.planner, surroundings, place).map_err(first_refusal)
    }
}

pub(crate) fn first_refusal(refusals: Vec<Refusal>) -> Refusal {
    refusals.into_iter().next().expect("a query that is refused says why")
}

/// What a column of a query is after LEFT JOIN: a plain one is NULL by itself where no row is joined.
fn if_joined(relation: usize, column: &ScopeColumn) -> Expression {
    match &column.value {
        Expression::Column(_) => column.value.clone(),
        of => Expression::IfJoined { relation, of: Box::new(of.clone()) },
    }
}

/// The first columns take these names.
fn rename(
    columns: &mut [ScopeColumn],
    names: &[&sqlparser::ast::Ident],
    table: &str,
    place: Place,
) -> Checked<()> {
    if names.len() > columns.len() {
        return refuse(
            place,
            format!(
                "table {table} has {} columns available but {} columns specified",
                columns.len(),
                names.len()
            ),
            "leave the names that are too many out",
        );
    }
    for (column, name) in columns.iter_mut().zip(names) {
        column.name = names::name(name, place)?;
    }
    Ok(())
}

fn common_names<'c>(tables: Option<&'c CommonTables<'c>>) -> Vec<&'c str> {
    std::iter::successors(tables, |table| table.before).map(|table| table.name.as_str()).collect()
}

enum Source<'f> {
    Named(String),
    Query(&'f Query),
}

fn named_item(factor: &TableFactor, place: Place) -> Checked<(Source<'_>, Option<&TableAlias>)> {
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
            return Ok((Source::Named(names::single_name(name, place)?), alias.as_ref()));
        }
        TableFactor::Derived { lateral: false, subquery, alias, sample: None } => {
            return Ok((Source::Query(subquery), alias.as_ref()));
        }
        TableFactor::Table { sample: Some(_), .. } | TableFactor::Derived { sample: Some(_), .. } => {
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
        TableFactor::Derived { lateral: true, .. } | TableFactor::Function { lateral: true, .. } => (
            "LATERAL is not supported",
            "LEFT JOIN the table on its whole key, or write a subquery in the SELECT list",
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

fn join_kind(operator: &JoinOperator, place: Place) -> Checked<(JoinKind, &JoinConstraint)> {
    let (reason, remedy) = match operator {
        JoinOperator::Join(constraint) | JoinOperator::Inner(constraint) => {
            return Ok((JoinKind::Inner, constraint));
        }
        JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => {
            return Ok((JoinKind::Left, constraint));
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
