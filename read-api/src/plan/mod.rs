//! What is to be read: a request with its names resolved against the catalog and its values typed.
//!
//! Nothing here knows how a store keeps its values: a plan means the same on every one.

mod condition;
mod evaluate;
mod expression;
mod groups;
mod keyed;
mod required;
mod seek;
mod suggest;

#[cfg(test)]
mod tests;

use crate::Error;
use crate::catalog::View;
use crate::request::{Field, Item, JsonOperand, Logic, ReadRequest, Selected};

pub(crate) use condition::{Condition, TextSearch};
pub(crate) use evaluate::{Judge, Source};
pub(crate) use expression::Expression;
pub(crate) use required::Required;
pub(crate) use seek::{Seek, encode as encode_cursor};
pub(crate) use suggest::similar_view;

/// A read of one generation.
#[derive(Debug, Clone)]
pub(crate) struct ReadPlan {
    pub(crate) table: String,
    /// The keys of each answered object, in order.
    pub(crate) output: Vec<Output>,
    /// All must hold for a row.
    pub(crate) conditions: Vec<Condition>,
    /// What rows are grouped by, each once; empty for one group of all rows. Nothing: rows are answered as they are.
    pub(crate) groups: Option<Vec<Expression>>,
    /// All must hold for a group.
    pub(crate) having: Vec<Condition>,
    /// Each expression at most once. Ties are broken by the row's key, or by what groups are grouped by.
    pub(crate) order: Vec<Order>,
    /// In rows.
    pub(crate) limit: Option<u64>,
    pub(crate) offset_rows: u64,
    /// Present if the client pages by cursors.
    pub(crate) seek: Option<Seek>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Output {
    pub(crate) key: String,
    pub(crate) expression: Expression,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Order {
    pub(crate) expression: Expression,
    pub(crate) descending: bool,
    pub(crate) nulls_first: bool,
}

/// More conditions than any client writes by hand, and few enough for any store.
const FILTERS_MAX: usize = 1_000;
/// Likewise of columns; PostgreSQL allows 1,664.
const OUTPUT_MAX: usize = 1_000;

/// Fails where PostgreSQL would: an unknown column, a value that is not of its type, an operator its type lacks. What is
/// `required` holds of every row that is read or counted.
pub(crate) fn plan(view: &View, request: &ReadRequest, required: &[Required]) -> Result<ReadPlan, Error> {
    request.refuse_embedding(&view.name)?;
    let filters = request.filters.iter().map(condition::size).sum::<usize>()
        + request.having.iter().map(condition::size).sum::<usize>();
    if filters > FILTERS_MAX {
        let message = format!("{filters} filters are more than the {FILTERS_MAX} allowed");
        return Err(Error::does_not_fit("54000", message));
    }
    let output = output(view, &request.select)?;
    let mut conditions = conditions(view, &request.filters, required)?;
    conditions.extend(keyed::named(view, &conditions));
    let having = groups::having(view, &request.having)?;
    let order = order(view, request, &output)?;
    let mut plan = ReadPlan {
        table: view.table.clone(),
        groups: groups::plan(view, request, &output, &having, &order)?,
        output,
        conditions,
        having,
        order,
        limit: request.limit,
        offset_rows: request.offset_rows,
        seek: None,
    };
    plan.seek = seek::plan(view, request, required, &plan)?;
    Ok(plan)
}

/// The conditions of a request on rows, below those that are required.
pub(crate) fn conditions(
    view: &View,
    filters: &[Logic<Field>],
    required: &[Required],
) -> Result<Vec<Condition>, Error> {
    let field = |field: &Field| expression::field(view, field);
    let required = required.iter().map(|required| condition::required(view, required));
    required.chain(filters.iter().map(|filter| condition::logic(filter, &field, 0))).collect()
}

fn output(view: &View, select: &[Selected]) -> Result<Vec<Output>, Error> {
    let mut output = Vec::new();
    for selected in select {
        match selected {
            Selected::All => output.extend(view.columns.iter().map(|column| Output {
                key: column.name.clone(),
                expression: Expression::Column(column.clone()),
            })),
            Selected::Item { item, alias } => output.push(Output {
                key: alias.clone().unwrap_or_else(|| default_key(item)),
                expression: expression::item(view, item)?,
            }),
            // Refused before.
            Selected::Embedded { .. } => {}
        }
    }
    if output.len() > OUTPUT_MAX {
        let message = format!("target lists can have at most {OUTPUT_MAX} entries");
        return Err(Error::does_not_fit("54011", message));
    }
    Ok(output)
}

/// The aggregate's name, the last key of a path, or the column's name.
fn default_key(item: &Item) -> String {
    if let Some(aggregate) = item.aggregate {
        return aggregate.name().to_owned();
    }
    let Some(field) = &item.field else { return String::new() };
    let key = field.path.iter().rev().find_map(|step| match &step.operand {
        JsonOperand::Key(key) => Some(key),
        JsonOperand::Index(_) => None,
    });
    key.unwrap_or(&field.column).clone()
}

fn order(view: &View, request: &ReadRequest, output: &[Output]) -> Result<Vec<Order>, Error> {
    let mut order: Vec<Order> = Vec::new();
    for term in &request.order {
        let expression = match expression::item(view, &term.item) {
            Err(error @ Error::UnknownColumn { .. }) => named_output(&term.item, output).ok_or(error)?,
            found => found?,
        };
        // What was sorted by already sorts no further.
        if order.iter().all(|earlier| earlier.expression != expression) {
            let nulls_first = term.nulls_first.unwrap_or(term.descending);
            order.push(Order { expression, descending: term.descending, nulls_first });
        }
    }
    Ok(order)
}

/// What is selected under a name that no column has: an aggregate or a bucket, as a rule.
fn named_output(item: &Item, output: &[Output]) -> Option<Expression> {
    let Item { field: Some(field), cast: None, bucket: None, aggregate: None, aggregate_cast: None } = item
    else {
        return None;
    };
    let named = output.iter().find(|output| field.path.is_empty() && output.key == field.column);
    named.map(|output| output.expression.clone())
}

fn find(view: &View, name: &str) -> Result<usize, Error> {
    view.column(name).ok_or_else(|| {
        let similar = suggest::similar_columns(view, name);
        Error::UnknownColumn { view: view.name.clone(), column: name.to_owned(), similar }
    })
}

impl ReadPlan {
    /// Whether its rows are all of the view's, but for the range.
    pub(crate) fn is_whole_view(&self) -> bool {
        self.conditions.is_empty() && self.groups.is_none()
    }
}
