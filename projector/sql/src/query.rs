//! A query to relations and columns: the view's own, one in FROM, or that of another view.

use std::cell::RefCell;

use prejoin_model::Type;
use sqlparser::ast::{Distinct, Expr, GroupByExpr, Query, Select, Spanned, Value as Literal};

use crate::aggregate::Aggregate;
use crate::clauses;
use crate::common_tables::{CommonTables, with_all};
use crate::expression::Expression;
use crate::from;
use crate::grouping::{self, Grouped, Key};
use crate::names;
use crate::output::{OutputItem, output};
use crate::planner::Planner;
use crate::refusal::{Checked, Place, Refusal, refuse};
use crate::scope::{Scope, ScopeColumn};
use crate::statements::ViewStatement;
use crate::typing::{AggregateUse, Typing};

const NOT_IN_WHERE: AggregateUse<'_> = AggregateUse::NotHere(
    "aggregate functions are not allowed in WHERE",
    "write the condition in HAVING, or compare with a subquery of its own: (SELECT … FROM … WHERE …)",
);
const NOT_IN_GROUP_BY: AggregateUse<'_> = AggregateUse::NotHere(
    "aggregate functions are not allowed in GROUP BY",
    "aggregate in a subquery in FROM, and group by its column",
);

/// What is known around a query.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Surroundings<'a> {
    /// For a subquery in an expression: the query around it.
    pub(crate) outer: Option<&'a Scope<'a>>,
    pub(crate) common_tables: Option<&'a CommonTables<'a>>,
    /// The views whose queries this one is in.
    pub(crate) reading: Option<&'a Reading<'a>>,
}

#[derive(Debug)]
pub(crate) struct Reading<'a> {
    pub(crate) view: &'a str,
    pub(crate) around: Option<&'a Reading<'a>>,
}

impl<'a> Reading<'a> {
    /// The innermost one first.
    pub(crate) fn views(reading: Option<&'a Reading<'a>>) -> impl Iterator<Item = &'a str> {
        std::iter::successors(reading, |reading| reading.around).map(|reading| reading.view)
    }
}

/// A query in the plan: its rows are those of the first relation that its joins and the filter keep.
#[derive(Debug)]
pub(crate) struct Planned {
    /// The FROM table, then the joined ones but for those within a joined query.
    pub(crate) relations: Vec<usize>,
    pub(crate) filter: Option<Expression>,
    pub(crate) columns: Vec<ScopeColumn>,
    /// Where each column stands in the text.
    pub(crate) places: Vec<Place>,
}

/// Plans the query of a view that another one reads.
pub(crate) fn plan_view_read(
    view: &ViewStatement,
    planner: &Planner<'_>,
    surroundings: &Surroundings<'_>,
    place: Place,
) -> Checked<Planned> {
    let name = view.name.as_str();
    let mut around: Vec<&str> = Reading::views(surroundings.reading).collect();
    if around.contains(&name) {
        around.reverse();
        return refuse(
            place,
            format!("views read each other in a circle: {} → {name}", around.join(" → ")),
            "let one of them read tables only",
        );
    }
    let reading = Reading { view: name, around: surroundings.reading };
    let inside = Surroundings { reading: Some(&reading), ..Surroundings::default() };
    plan_query(&view.query, planner, inside, view.place).map_err(|refusals| {
        let within = from::first_refusal(refusals);
        let reason = match within.reason.starts_with("views read each other") {
            true => within.reason,
            false => format!("the view {name}, which is read here, is refused itself: {}", within.reason),
        };
        Refusal::new(place, reason, within.remedy)
    })
}

/// Plans a query whose rows are wanted, all of them.
pub(crate) fn plan_query(
    query: &Query,
    planner: &Planner<'_>,
    surroundings: Surroundings<'_>,
    place: Place,
) -> Result<Planned, Vec<Refusal>> {
    with_all(query.with.as_ref(), surroundings.common_tables, place, &mut |common_tables| {
        plan_select(query, planner, Surroundings { common_tables, ..surroundings }, place)
    })
}

fn plan_select(
    query: &Query,
    planner: &Planner<'_>,
    surroundings: Surroundings<'_>,
    place: Place,
) -> Result<Planned, Vec<Refusal>> {
    let select = clauses::select_of(query, place)?;
    let place = place.or(select.select_token.0.span);
    let mark = planner.mark();
    let one = |refusal| vec![refusal];
    let from = from::resolve(&select.from, planner, surroundings, place).map_err(one)?;
    let typed = type_clauses(select, &from.scope, planner, place)?;
    let filter = from.filter.clone().into_iter().chain(typed.filter).reduce(Expression::and);
    let mut planned = match typed.grouping {
        None => {
            let (columns, places) = typed.items.into_iter().map(|item| (item.column, item.place)).unzip();
            Planned { relations: from.relations, filter, columns, places }
        }
        Some(grouping) => {
            let grouped = Grouped {
                relations: from.relations.clone(),
                filter,
                keys: grouping.keys,
                aggregates: grouping.aggregates,
            };
            grouping::group(grouped, typed.items, grouping.having, &from.scope, planner, mark, place)
                .map_err(one)?
        }
    };
    if matches!(select.distinct, Some(Distinct::Distinct)) {
        planned = grouping::distinct(planned, planner, mark, place).map_err(one)?;
    }
    Ok(planned)
}

struct Typed {
    filter: Option<Expression>,
    items: Vec<OutputItem>,
    grouping: Option<Grouping>,
}

struct Grouping {
    keys: Vec<Key>,
    aggregates: Vec<Aggregate>,
    having: Option<(Expression, Place)>,
}

/// Types the expressions of a query; everything wrong with them is found.
fn type_clauses(
    select: &Select,
    scope: &Scope<'_>,
    planner: &Planner<'_>,
    place: Place,
) -> Result<Typed, Vec<Refusal>> {
    let collected = RefCell::default();
    let typing = Typing::of_query(scope, planner, NOT_IN_WHERE);
    let mut refusals = Vec::new();
    let filter = select.selection.as_ref().and_then(|condition| {
        typing.condition(condition, place, "WHERE").map_err(|refusal| refusals.push(refusal)).ok()
    });
    let typing = typing.with_aggregates(AggregateUse::Collect(&collected));
    let items = output(select, scope, &typing, place, &mut refusals);
    let having = select.having.as_ref().and_then(|condition| {
        let place = place.or(condition.span());
        let typed = typing.condition(condition, place, "HAVING");
        typed.map(|having| (having, place)).map_err(|refusal| refusals.push(refusal)).ok()
    });
    let group_by = group_by(select);
    let typing = typing.with_aggregates(NOT_IN_GROUP_BY);
    let aggregated: Vec<usize> =
        collected.borrow().iter().map(|aggregate: &Aggregate| aggregate.answer).collect();
    let mut keys: Vec<Key> = Vec::new();
    if refusals.is_empty() {
        for expr in group_by {
            match key(expr, (&items, &aggregated), scope, &typing, place) {
                Ok(key) if keys.iter().any(|known| known.value == key.value) => {}
                Ok(key) => keys.push(key),
                Err(refusal) => refusals.push(refusal),
            }
        }
    }
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let aggregates: Vec<Aggregate> = collected.into_inner();
    let is_grouped = !group_by.is_empty() || select.having.is_some() || !aggregates.is_empty();
    let grouping = is_grouped.then_some(Grouping { keys, aggregates, having });
    Ok(Typed { filter, items, grouping })
}

fn group_by(select: &Select) -> &[Expr] {
    match &select.group_by {
        GroupByExpr::Expressions(expressions, _) => expressions,
        GroupByExpr::All(_) => &[],
    }
}

/// One expression of GROUP BY: the place of an output column, a column of FROM, the name of an output column, or any
/// other expression. An output column that reads one of the answers in `aggregated` cannot be grouped by.
fn key(
    expr: &Expr,
    (items, aggregated): (&[OutputItem], &[usize]),
    scope: &Scope<'_>,
    typing: &Typing<'_>,
    near: Place,
) -> Checked<Key> {
    let place = near.or(expr.span());
    let of_item = |item: &OutputItem| {
        let ScopeColumn { name, kind, value } = item.column.clone();
        let mut is_aggregated = false;
        value.for_each_answer(&mut |answer| is_aggregated |= aggregated.contains(&answer));
        if is_aggregated {
            return refuse(
                place,
                "aggregate functions are not allowed in GROUP BY",
                "group by columns that are not aggregated",
            );
        }
        Ok(Key { name, kind, value })
    };
    match expr {
        Expr::Value(literal) => match &literal.value {
            Literal::Number(digits, false) => {
                let position = digits.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
                match position.and_then(|position| items.get(position)) {
                    Some(item) => of_item(item),
                    None => refuse(
                        place,
                        format!("GROUP BY position {digits} is not in select list"),
                        format!("write a number from 1 to {}, or name a column", items.len()),
                    ),
                }
            }
            _ => refuse(place, "non-integer constant in GROUP BY", "name a column"),
        },
        Expr::Identifier(ident) => match scope.column(ident, place) {
            Ok(_) => expression_key(expr, typing, place),
            Err(refusal) => {
                let name = names::fold(ident);
                let mut named = items.iter().filter(|item| item.column.name == name);
                match (named.next(), named.next()) {
                    (Some(item), None) => of_item(item),
                    (Some(_), Some(_)) => refuse(
                        place,
                        format!("GROUP BY {name} is ambiguous"),
                        "give the output columns different names",
                    ),
                    (None, _) => Err(refusal),
                }
            }
        },
        Expr::Tuple(parts) if parts.is_empty() => refuse(
            place,
            "GROUP BY () is a grouping set",
            "leave GROUP BY out: aggregates alone make one row",
        ),
        Expr::Rollup(_) | Expr::Cube(_) | Expr::GroupingSets(_) => refuse(
            place,
            "ROLLUP, CUBE and GROUPING SETS are not supported: a row would stand for groups of several kinds",
            "write one view per kind of group",
        ),
        _ => expression_key(expr, typing, place),
    }
}

fn expression_key(expr: &Expr, typing: &Typing<'_>, place: Place) -> Checked<Key> {
    let (value, kind): (Expression, Type) = typing.output(expr, place)?;
    Ok(Key { name: crate::column_name::column_name(expr), kind, value })
}
