//! The clauses of a query that a view or a subquery cannot have, refused by name.

use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, LimitClause, OrderBy, OrderByExpr, OrderByKind, OrderBySort, Query, Select,
    SelectFlavor, SetExpr, Spanned, Value,
};

use crate::refusal::{Checked, Place, Refusal, refuse};

/// The SELECT of a view or of a query in FROM, and a refusal for each clause that it cannot have.
pub(crate) fn select_of(query: &Query, place: Place) -> Result<&Select, Vec<Refusal>> {
    let mut refusals = Vec::new();
    refuse_order_and_limit(query, place, &mut refusals);
    refuse_around_select(query, place, &mut refusals);
    let select = match query.body.as_ref() {
        SetExpr::Select(select) => select,
        other => {
            refusals.push(refused_body(other, place));
            return Err(refusals);
        }
    };
    refuse_within_select(select, place.or(select.select_token.0.span), &mut refusals);
    if refusals.is_empty() { Ok(select) } else { Err(refusals) }
}

/// What a subquery may have beside FROM, WHERE and the projection.
pub(crate) struct SubqueryClauses<'q> {
    pub(crate) select: &'q Select,
    pub(crate) order: &'q [OrderByExpr],
    /// LIMIT 1.
    pub(crate) first_only: bool,
}

/// The SELECT of a subquery with its ORDER BY and LIMIT 1; the first of its other clauses is refused.
pub(crate) fn subquery_of(query: &Query, place: Place) -> Checked<SubqueryClauses<'_>> {
    let mut refusals = Vec::new();
    refuse_around_select(query, place, &mut refusals);
    let SetExpr::Select(select) = query.body.as_ref() else {
        return Err(refused_body(&query.body, place));
    };
    let place = place.or(select.select_token.0.span);
    if let Some(with) = &query.with {
        return refuse(
            place.or(with.with_token.0.span),
            "WITH in a subquery of an expression is not supported",
            "write WITH before the view's own SELECT, and name its query in the subquery's FROM",
        );
    }
    if query.fetch.is_some() {
        return refuse(place, "FETCH in a subquery is not supported", "write LIMIT 1");
    }
    refuse_grouping_of_subquery(select, place)?;
    refuse_within_select(select, place, &mut refusals);
    if let Some(refusal) = refusals.into_iter().next() {
        return Err(refusal);
    }
    let order = match &query.order_by {
        None => &[][..],
        Some(OrderBy { kind: OrderByKind::Expressions(keys), interpolate: None }) => keys,
        Some(other) => {
            return refuse(place.or(other.span()), "this ORDER BY is not PostgreSQL's", "name columns in it");
        }
    };
    Ok(SubqueryClauses { select, order, first_only: is_limit_one(query, place)? })
}

fn refuse_grouping_of_subquery(select: &Select, place: Place) -> Checked<()> {
    let grouped = match &select.group_by {
        GroupByExpr::Expressions(expressions, modifiers) => !expressions.is_empty() || !modifiers.is_empty(),
        GroupByExpr::All(_) => true,
    };
    if grouped || select.having.is_some() {
        return refuse(
            place.or(select.group_by.span()),
            "GROUP BY and HAVING in a subquery of an expression are not supported",
            "group in FROM, and compare around it: (SELECT … FROM (SELECT … GROUP BY …) AS g WHERE g.… = …)",
        );
    }
    match &select.distinct {
        Some(Distinct::Distinct | Distinct::On(_)) => refuse(
            place,
            "SELECT DISTINCT in a subquery is not supported",
            "write DISTINCT inside an aggregate: jsonb_agg(DISTINCT …), or ORDER BY … LIMIT 1",
        ),
        _ => Ok(()),
    }
}

fn is_limit_one(query: &Query, place: Place) -> Checked<bool> {
    let is_one = |limit: &Expr| match limit {
        Expr::Value(value) => matches!(&value.value, Value::Number(digits, false) if digits == "1"),
        _ => false,
    };
    match &query.limit_clause {
        None => Ok(false),
        Some(LimitClause::LimitOffset { limit: Some(limit), offset: None, limit_by })
            if limit_by.is_empty() && is_one(limit) =>
        {
            Ok(true)
        }
        Some(other) => refuse(
            place.or(other.span()),
            "a subquery takes no other LIMIT than 1, and no OFFSET",
            "write LIMIT 1, or aggregate the rows: jsonb_agg(… ORDER BY …)",
        ),
    }
}

/// Whether a key of ORDER BY is descending, and whether NULLs come first.
pub(crate) fn direction(key: &OrderByExpr, place: Place) -> Checked<(bool, bool)> {
    let place = place.or(key.expr.span());
    let descending = match &key.options.sort {
        None | Some(OrderBySort::Asc) => false,
        Some(OrderBySort::Desc) => true,
        Some(OrderBySort::Using(_)) => {
            return refuse(place, "ORDER BY USING is not supported", "write ASC or DESC");
        }
    };
    if key.with_fill.is_some() {
        return refuse(place, "WITH FILL is not PostgreSQL's", "leave it out");
    }
    Ok((descending, key.options.nulls_first.unwrap_or(descending)))
}

fn refused_body(body: &SetExpr, place: Place) -> Refusal {
    let place = place.or(body.span());
    match body {
        SetExpr::SetOperation { op, .. } => Refusal::new(
            place,
            format!("{op} is not supported: a row of such a view would not belong to one row of one table"),
            "write one view per SELECT and read both",
        ),
        SetExpr::Values(_) => {
            Refusal::new(place, "VALUES is not a query over tables", "write SELECT … FROM a table")
        }
        SetExpr::Query(_) => Refusal::new(
            place,
            "the query stands in parentheses",
            "leave the parentheses around the SELECT out",
        ),
        _ => Refusal::new(place, "this is not a SELECT", "write SELECT … FROM a table"),
    }
}

fn refuse_order_and_limit(query: &Query, place: Place, refusals: &mut Vec<Refusal>) {
    let mut refuse = |place, reason: &str, remedy: &str| refusals.push(Refusal::new(place, reason, remedy));
    let place = place.or(query.body.span());
    if let Some(order_by) = &query.order_by {
        refuse(
            place.or(order_by.span()),
            "ORDER BY has no meaning in a view: its rows are kept, not listed",
            "leave it out, order when the view is read, and declare CREATE INDEX ON the view for that order",
        );
    }
    if let Some(limit) = &query.limit_clause {
        refuse(
            place.or(limit.span()),
            "LIMIT and OFFSET have no meaning in a view: every row is kept",
            "leave them out and limit when the view is read",
        );
    }
}

/// WITH, ORDER BY and LIMIT are looked at elsewhere.
fn refuse_around_select(query: &Query, place: Place, refusals: &mut Vec<Refusal>) {
    let Query {
        with: _,
        body,
        order_by: _,
        limit_clause: _,
        fetch,
        locks,
        for_clause,
        settings,
        format_clause,
        pipe_operators,
    } = query;
    let mut refuse = |place, reason: &str, remedy: &str| refusals.push(Refusal::new(place, reason, remedy));
    let place = place.or(body.span());
    if fetch.is_some() {
        refuse(
            place,
            "FETCH has no meaning in a view: every row is kept",
            "leave it out and limit when the view is read",
        );
    }
    if !locks.is_empty() {
        refuse(place, "FOR UPDATE and FOR SHARE lock nothing in a view", "leave the clause out");
    }
    let other =
        [for_clause.is_some(), settings.is_some(), format_clause.is_some(), !pipe_operators.is_empty()];
    if other.contains(&true) {
        refuse(place, "a clause after the query is not PostgreSQL's", "leave it out");
    }
}

fn refuse_within_select(select: &Select, place: Place, refusals: &mut Vec<Refusal>) {
    let mut refuse = |place, reason: &str, remedy: &str| refusals.push(Refusal::new(place, reason, remedy));
    if let Some(Distinct::On(_)) = &select.distinct {
        refuse(
            place,
            "DISTINCT ON is not supported: which row stays would depend on an order",
            "make the table with one row per result the FROM table, and write (SELECT … ORDER BY … LIMIT 1) for each column",
        );
    }
    let modified = match &select.group_by {
        GroupByExpr::Expressions(_, modifiers) => !modifiers.is_empty(),
        GroupByExpr::All(_) => true,
    };
    if modified {
        refuse(
            place.or(select.group_by.span()),
            "GROUP BY ALL and GROUP BY … WITH are not PostgreSQL's",
            "name the columns that rows are grouped by",
        );
    }
    if let Some(window) = select.named_window.first() {
        refuse(
            place.or(window.span()),
            "WINDOW is not supported: a row would depend on many others",
            "rank or number the rows when the view is read",
        );
    }
    if let Some(into) = &select.into {
        refuse(place.or(into.span()), "SELECT INTO writes a table", "leave INTO out");
    }
    if select.projection.is_empty() {
        refuse(place, "the SELECT has no columns", "write at least one column");
    }
    if has_foreign_clause(select) {
        refuse(place, "a clause of this SELECT is not PostgreSQL's", "leave it out");
    }
}

fn has_foreign_clause(select: &Select) -> bool {
    let given = [
        select.select_modifiers.is_some(),
        select.top.is_some(),
        select.exclude.is_some(),
        !select.lateral_views.is_empty(),
        select.prewhere.is_some(),
        !select.connect_by.is_empty(),
        !select.cluster_by.is_empty(),
        !select.distribute_by.is_empty(),
        !select.sort_by.is_empty(),
        select.qualify.is_some(),
        select.value_table_mode.is_some(),
        select.flavor != SelectFlavor::Standard,
    ];
    given.contains(&true)
}
