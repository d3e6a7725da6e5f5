//! The clauses of a query that a row view cannot have, refused by name.

use sqlparser::ast::{Distinct, GroupByExpr, Query, Select, SelectFlavor, SetExpr, Spanned};

use crate::refusal::{Place, Refusal};

/// The SELECT of a row view, and a refusal for each clause beside FROM, WHERE and the projection.
pub(crate) fn select_of(query: &Query, place: Place) -> Result<&Select, Vec<Refusal>> {
    let mut refusals = Vec::new();
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

fn refuse_around_select(query: &Query, place: Place, refusals: &mut Vec<Refusal>) {
    let Query {
        with,
        body,
        order_by,
        limit_clause,
        fetch,
        locks,
        for_clause,
        settings,
        format_clause,
        pipe_operators,
    } = query;
    let mut refuse = |place, reason: &str, remedy: &str| refusals.push(Refusal::new(place, reason, remedy));
    if let Some(with) = with {
        refuse(
            place.or(with.with_token.0.span),
            "WITH is not supported",
            "write the tables in FROM with joins on their keys",
        );
    }
    let place = place.or(body.span());
    if let Some(order_by) = order_by {
        refuse(
            place.or(order_by.span()),
            "ORDER BY has no meaning in a view: its rows are kept, not listed",
            "leave it out, order when the view is read, and declare CREATE INDEX ON the view for that order",
        );
    }
    if let Some(limit) = limit_clause {
        refuse(
            place.or(limit.span()),
            "LIMIT and OFFSET have no meaning in a view: every row is kept",
            "leave them out and limit when the view is read",
        );
    }
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
    if let Some(distinct @ (Distinct::Distinct | Distinct::On(_))) = &select.distinct {
        let what = if matches!(distinct, Distinct::On(_)) { "DISTINCT ON" } else { "DISTINCT" };
        refuse(
            place,
            &format!("{what} is not supported: a row view has one row for each row of its FROM table"),
            "leave it out; if rows repeat, make the table whose rows you want the FROM table",
        );
    }
    match &select.group_by {
        GroupByExpr::Expressions(expressions, modifiers)
            if expressions.is_empty() && modifiers.is_empty() => {}
        group_by => refuse(
            place.or(group_by.span()),
            "GROUP BY is not supported yet: a view has one row for each row of its FROM table",
            "leave it out and group when the view is read",
        ),
    }
    if let Some(having) = &select.having {
        refuse(
            place.or(having.span()),
            "HAVING is not supported yet: it belongs to GROUP BY",
            "write a condition on rows in WHERE",
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
