//! Groups of rows: what they are grouped by, and that everything asked of them has one value for each.

use super::{Condition, Expression, Order, Output, condition, expression};
use crate::Error;
use crate::catalog::View;
use crate::request::{Item, Logic, ReadRequest};

/// The conditions on groups.
pub(super) fn having(view: &View, having: &[Logic<Item>]) -> Result<Vec<Condition>, Error> {
    let subject = |item: &Item| expression::item(view, item);
    having.iter().map(|logic| condition::logic(logic, &subject, 0)).collect()
}

/// What rows are grouped by: what the request says, and all that is selected and is no aggregate. Nothing if rows are
/// answered as they are.
pub(super) fn plan(
    view: &View,
    request: &ReadRequest,
    output: &[Output],
    having: &[Condition],
    order: &[Order],
) -> Result<Option<Vec<Expression>>, Error> {
    let is_grouped = !request.group_by.is_empty()
        || !having.is_empty()
        || output.iter().any(|output| output.expression.is_aggregate())
        || order.iter().any(|order| order.expression.is_aggregate());
    if !is_grouped {
        return Ok(None);
    }
    let mut groups: Vec<Expression> = Vec::new();
    let named = request.group_by.iter().map(|item| expression::item(view, item));
    let selected = output.iter().map(|output| &output.expression).filter(|selected| !selected.is_aggregate());
    for group in named.chain(selected.cloned().map(Ok)) {
        let group = group?;
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    let ordered = order.iter().map(|order| &order.expression);
    let mut asked: Vec<&Expression> = ordered.collect();
    having.iter().for_each(|condition| subjects(condition, &mut asked));
    for expression in asked {
        if !expression.is_aggregate() && !groups.contains(expression) {
            return Err(ungrouped(view, expression));
        }
    }
    Ok(Some(groups))
}

fn subjects<'a>(condition: &'a Condition, out: &mut Vec<&'a Expression>) {
    match condition {
        Condition::Constant(_)
        | Condition::Unknown
        | Condition::KeyAfter(_)
        | Condition::KeyIn(_)
        | Condition::Search(_) => {}
        Condition::Not(inner) => subjects(inner, out),
        Condition::All(members) | Condition::Any(members) => {
            members.iter().for_each(|member| subjects(member, out));
        }
        Condition::IsNull(left) | Condition::IsNotNull(left) => out.push(left),
        Condition::Compare { left, .. }
        | Condition::In { left, .. }
        | Condition::IsBoolean { left, .. }
        | Condition::IsDistinct { left, .. }
        | Condition::Like { left, .. }
        | Condition::Match { left, .. }
        | Condition::Contains { left, .. }
        | Condition::Contained { left, .. }
        | Condition::Overlaps { left, .. } => out.push(left),
    }
}

fn ungrouped(view: &View, expression: &Expression) -> Error {
    let column = expression.column().map_or("", |column| column.name.as_str());
    let message = format!(
        "column \"{}.{column}\" must appear in the GROUP BY clause or be used in an aggregate function",
        view.name
    );
    Error::does_not_fit("42803", message)
}
