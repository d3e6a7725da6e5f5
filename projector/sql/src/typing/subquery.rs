//! Subqueries in expressions: scalar, EXISTS and IN, tied to the query around them.

use std::cell::RefCell;

use prejoin_model::Type;
use sqlparser::ast::{
    BinaryOperator, Expr, OrderByExpr, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, Spanned,
    Value as Literal,
};

use super::operator::{Sides, compare};
use super::{AggregateUse, Operand, Typing, boolean, typed};
use crate::aggregate::{Aggregate, SortKey};
use crate::clauses::{self, SubqueryClauses};
use crate::column_name::column_name;
use crate::expression::{Comparison, Expression};
use crate::from::{self, FromClause};
use crate::names;
use crate::planner::Planner;
use crate::query::Surroundings;
use crate::refusal::{Checked, Place, refuse};
use crate::subquery::{Outcome, Selection, Subquery};
use crate::ties;

const NOT_IN_WHERE: AggregateUse<'_> = AggregateUse::NotHere(
    "aggregate functions are not allowed in WHERE",
    "compare with a subquery of its own: (SELECT … FROM … WHERE …)",
);
const NOT_IN_EXISTS: AggregateUse<'_> = AggregateUse::NotHere(
    "EXISTS over an aggregate is always true: an aggregate gives one row",
    "write SELECT 1, or compare the aggregate: (SELECT count(*) …) > 0",
);
const NOT_IN_ANY: AggregateUse<'_> =
    AggregateUse::NotHere("an aggregate in the subquery of IN gives one row", "write = instead of IN");

/// A subquery whose FROM and WHERE are planned.
struct Opened<'q> {
    clauses: SubqueryClauses<'q>,
    place: Place,
    relations: Vec<usize>,
    filter: Option<Expression>,
    is_whole_key: bool,
}

impl Typing<'_> {
    /// `(SELECT value …)`.
    pub(super) fn scalar_subquery(&self, query: &Query, place: Place) -> Checked<Operand> {
        self.subquery(query, place, None, |typing, opened| typing.value_of(opened))
    }

    pub(super) fn exists(&self, query: &Query, negated: bool, place: Place) -> Checked<Operand> {
        let found = self.subquery(query, place, None, |typing, opened| {
            typing.check_exists_list(opened)?;
            Ok((Outcome::Exists, Type::Boolean))
        })?;
        negate(found, negated)
    }

    /// `of IN (SELECT …)`.
    pub(super) fn in_subquery(
        &self,
        of: &Expr,
        query: &Query,
        negated: bool,
        place: Place,
    ) -> Checked<Operand> {
        let rewrite =
            format!("write {}EXISTS (SELECT 1 FROM … WHERE … = {of})", if negated { "NOT " } else { "" });
        let found =
            self.subquery(query, place, Some(rewrite), |typing, opened| typing.any_of(of, self, opened))?;
        negate(found, negated)
    }

    /// `of = ANY (SELECT …)`.
    pub(super) fn any_subquery(
        &self,
        of: &Expr,
        operator: &BinaryOperator,
        query: &Query,
        place: Place,
    ) -> Checked<Operand> {
        match operator {
            BinaryOperator::Eq => self.in_subquery(of, query, false, place),
            _ => refuse(
                place,
                format!("{operator} ANY over a subquery is not supported"),
                "write EXISTS (SELECT … WHERE …) with the comparison in its WHERE",
            ),
        }
    }

    fn subquery(
        &self,
        query: &Query,
        place: Place,
        untied_remedy: Option<String>,
        outcome: impl FnOnce(&Typing<'_>, &Opened<'_>) -> Checked<(Outcome, Type)>,
    ) -> Checked<Operand> {
        let Some(planner) = self.planner else {
            return refuse(
                place,
                "a subquery is not supported here",
                "subqueries may stand in the SELECT list and in WHERE, and not in ON or in the SELECT list of EXISTS",
            );
        };
        let clauses = clauses::subquery_of(query, place)?;
        let select = clauses.select;
        if let Some((answer, kind)) = planner.known(self.scope, select) {
            return Ok(typed(Expression::Answer(answer), kind));
        }
        let place = place.or(clauses.select.select_token.0.span);
        let around = Surroundings {
            outer: Some(self.scope),
            common_tables: self.scope.common_tables,
            ..Surroundings::default()
        };
        let from = from::resolve(&select.from, planner, around, place)?;
        let typing = self.inside(&from.scope, NOT_IN_WHERE);
        let opened = typing.open(clauses, &from, planner, place, untied_remedy)?;
        let (outcome, kind) = outcome(&typing, &opened)?;
        self.expressions.set(typing.expressions.get());
        let row_subqueries = row_subqueries(&outcome, planner);
        let selection: Selection = planner.selection(opened.relations, opened.filter);
        let answer = planner.next_answer();
        planner.add_subquery(
            self.scope,
            select,
            Subquery { answer, selection, row_subqueries, outcome },
            kind,
        );
        Ok(typed(Expression::Answer(answer), kind))
    }

    /// In the subquery's scope: types its WHERE, and finds what ties it.
    fn open<'q>(
        &self,
        clauses: SubqueryClauses<'q>,
        from: &FromClause<'_>,
        planner: &Planner<'_>,
        place: Place,
        untied_remedy: Option<String>,
    ) -> Checked<Opened<'q>> {
        let condition = clauses.select.selection.as_ref();
        let filter = condition.map(|condition| self.condition(condition, place, "WHERE")).transpose()?;
        let filter = from.filter.clone().into_iter().chain(filter).reduce(Expression::and);
        let relations = from.relations.clone();
        let schema = planner.catalog.schema(planner.table_of(relations[0]));
        let scan = ties::scan(self.scope, &schema, self, condition, place, untied_remedy)?;
        let is_whole_key = scan.is_whole_key;
        planner.set_scan(relations[0], scan);
        Ok(Opened { clauses, place, relations, filter, is_whole_key })
    }

    fn value_of(&self, opened: &Opened<'_>) -> Checked<(Outcome, Type)> {
        let (expr, alias) = only_item(opened.clauses.select, opened.place)?;
        let collected = RefCell::default();
        let (value, kind) = {
            let typing = self.inside(self.scope, AggregateUse::Collect(&collected));
            let output = typing.output(expr, opened.place)?;
            self.expressions.set(typing.expressions.get());
            output
        };
        let aggregates = collected.into_inner();
        if !aggregates.is_empty() {
            return Ok((self.aggregated(aggregates, value, opened)?, kind));
        }
        let order = opened.clauses.order.iter();
        let order =
            order.map(|key| self.order_of_rows(key, (expr, alias.as_deref()), (&value, kind), opened.place));
        let order: Vec<SortKey> = order.collect::<Checked<_>>()?;
        let first_only = opened.clauses.first_only;
        if first_only && order.is_empty() && !opened.is_whole_key {
            return refuse(
                opened.place,
                "LIMIT 1 without ORDER BY takes any row",
                "write ORDER BY before LIMIT 1 to say which one",
            );
        }
        Ok((Outcome::Value { value, order, first_only }, kind))
    }

    fn aggregated(
        &self,
        aggregates: Vec<Aggregate>,
        value: Expression,
        opened: &Opened<'_>,
    ) -> Checked<Outcome> {
        if !opened.clauses.order.is_empty() || opened.clauses.first_only {
            return refuse(
                opened.place,
                "ORDER BY and LIMIT have no meaning here: the aggregates give one row",
                "leave them out; an order of the inputs is written inside: jsonb_agg(… ORDER BY …)",
            );
        }
        let planner = self.planner.expect("a subquery has a planner");
        let ungrouped = planner.columns_of(&value).into_iter().find(|at| self.scope.owns(at.relation));
        if let Some(at) = ungrouped {
            let name = self.scope.name_of(at).unwrap_or_else(|| "of the query in FROM".to_owned());
            return refuse(
                opened.place,
                format!(
                    "column {name} must appear in the GROUP BY clause or be used in an aggregate function"
                ),
                "put it into an aggregate, or write a subquery of its own for it",
            );
        }
        let value_subqueries = planner.subqueries_of([&value]);
        Ok(Outcome::Aggregates { aggregates, value, value_subqueries })
    }

    /// A key of the subquery's ORDER BY: an output column by its name or place, or an expression over the rows.
    fn order_of_rows(
        &self,
        key: &OrderByExpr,
        (expr, alias): (&Expr, Option<&str>),
        (value, kind): (&Expression, Type),
        place: Place,
    ) -> Checked<SortKey> {
        let of = match &key.expr {
            Expr::Identifier(ident)
                if alias.map_or_else(|| column_name(expr), str::to_owned) == names::fold(ident) =>
            {
                (value.clone(), kind)
            }
            Expr::Value(literal) => match &literal.value {
                Literal::Number(digits, false) if digits == "1" => (value.clone(), kind),
                Literal::Number(digits, false) => {
                    return refuse(
                        place.or(key.expr.span()),
                        format!("ORDER BY position {digits} is not in select list"),
                        "name a column",
                    );
                }
                _ => {
                    return refuse(
                        place.or(key.expr.span()),
                        "non-integer constant in ORDER BY",
                        "name a column",
                    );
                }
            },
            other => self.output(other, place)?,
        };
        self.sort_key(key, of, place)
    }

    /// The directions of an ORDER BY's expression.
    pub(super) fn sort_key(
        &self,
        key: &OrderByExpr,
        (of, kind): (Expression, Type),
        place: Place,
    ) -> Checked<SortKey> {
        let (descending, nulls_first) = clauses::direction(key, place)?;
        Ok(SortKey { of, kind, descending, nulls_first })
    }

    /// The SELECT list of EXISTS is checked and has no meaning besides.
    fn check_exists_list(&self, opened: &Opened<'_>) -> Checked<()> {
        let mut typing = self.inside(self.scope, NOT_IN_EXISTS);
        typing.planner = None;
        for item in &opened.clauses.select.projection {
            match item {
                SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                    typing.output(expr, opened.place)?;
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                    if let [part] = name.0.as_slice()
                        && let Some(qualifier) = part.as_ident()
                    {
                        self.scope.item(qualifier, opened.place)?;
                    }
                }
                SelectItem::Wildcard(_) => {}
                _ => return refuse(opened.place, "this SELECT list is not supported", "write SELECT 1"),
            }
        }
        self.expressions.set(typing.expressions.get());
        if opened.clauses.order.is_empty() {
            Ok(())
        } else {
            refuse(opened.place, "ORDER BY has no meaning in EXISTS", "leave it out")
        }
    }

    fn any_of(&self, of: &Expr, around: &Typing<'_>, opened: &Opened<'_>) -> Checked<(Outcome, Type)> {
        if !opened.clauses.order.is_empty() || opened.clauses.first_only {
            return refuse(
                opened.place,
                "ORDER BY and LIMIT in the subquery of IN are not supported",
                "leave them out, or write = (SELECT … ORDER BY … LIMIT 1)",
            );
        }
        let (expr, _) = only_item(opened.clauses.select, opened.place)?;
        let typing = self.inside(self.scope, NOT_IN_ANY);
        let element = typing.operand(expr, opened.place)?;
        self.expressions.set(typing.expressions.get());
        let sides = Sides {
            left: (of, around.operand(of, opened.place)?),
            right: (expr, element),
            place: opened.place,
        };
        Ok((Outcome::Any(compare(Comparison::Equal, sides)?.convert(Type::Boolean)?), Type::Boolean))
    }
}

/// The subqueries that are computed for each row.
fn row_subqueries(outcome: &Outcome, planner: &Planner<'_>) -> Vec<usize> {
    match outcome {
        Outcome::Exists => Vec::new(),
        Outcome::Any(equality) => planner.subqueries_of([equality]),
        Outcome::Value { value, order, .. } => {
            planner.subqueries_of(order.iter().map(|key| &key.of).chain([value]))
        }
        Outcome::Aggregates { aggregates, .. } => {
            planner.subqueries_of(aggregates.iter().flat_map(Aggregate::expressions))
        }
    }
}

fn negate(operand: Operand, negated: bool) -> Checked<Operand> {
    Ok(match negated {
        true => boolean(Expression::Not(Box::new(operand.convert(Type::Boolean)?))),
        false => operand,
    })
}

/// The one column of a scalar subquery, and its alias.
fn only_item(select: &Select, place: Place) -> Checked<(&Expr, Option<String>)> {
    match select.projection.as_slice() {
        [SelectItem::UnnamedExpr(expr)] => Ok((expr, None)),
        [SelectItem::ExprWithAlias { expr, alias }] => Ok((expr, Some(names::label(alias, place)?))),
        [_] => refuse(place, "* in this subquery is not supported", "name its one column"),
        _ => refuse(
            place,
            "subquery must return only one column",
            "write a subquery for each column, or LEFT JOIN the table",
        ),
    }
}
