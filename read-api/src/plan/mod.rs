//! What is to be read: a request with its names resolved against the catalog and its values typed.
//!
//! Nothing here knows how a store keeps its values: a plan means the same on every one.

mod condition;
mod suggest;

#[cfg(test)]
mod tests;

use prejoin_model::{Type, Value};

use crate::Error;
use crate::catalog::{Column, View};
use crate::request::{Comparison, Field, Item, ReadRequest, Selected};

pub(crate) use suggest::similar_view;

/// A read of one generation.
#[derive(Debug, Clone)]
pub(crate) struct ReadPlan {
    pub(crate) table: String,
    /// The distinct columns that the output needs.
    pub(crate) fetched: Vec<Column>,
    /// The keys of each answered object, in order.
    pub(crate) output: Vec<Output>,
    /// All must hold.
    pub(crate) conditions: Vec<Condition>,
    /// Each column at most once. Ties are broken by the row's key.
    pub(crate) order: Vec<Order>,
    /// In rows.
    pub(crate) limit: Option<u64>,
    pub(crate) offset_rows: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) key: String,
    /// Index into `fetched`.
    pub(crate) fetched: usize,
    pub(crate) kind: Type,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    Not(Box<Condition>),
    Compare {
        column: Column,
        comparison: Comparison,
        value: Value,
    },
    In {
        column: Column,
        values: Vec<Value>,
    },
    IsNull(Column),
    IsNotNull(Column),
    /// True for a boolean of just this value; false for NULL.
    IsBoolean {
        column: Column,
        value: bool,
    },
    /// SQL's LIKE with `%`, `_` and `\`; case is ignored for ASCII letters only, as under collation C.
    Like {
        column: Column,
        pattern: String,
        ignore_case: bool,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) column: Column,
    pub(crate) descending: bool,
    pub(crate) nulls_first: bool,
}

/// More conditions than any client writes by hand, and few enough for any store.
const FILTERS_MAX: usize = 1_000;

/// Fails where PostgreSQL would: an unknown column, a value that is not of its type, an operator its type lacks.
pub(crate) fn plan(view: &View, request: &ReadRequest) -> Result<ReadPlan, Error> {
    request.refuse_embedding(&view.name)?;
    if !request.having.is_empty() || !request.group_by.is_empty() || request.cursor.is_some() {
        return Err(not_yet("Groups and cursors are"));
    }
    if request.filters.len() > FILTERS_MAX {
        let message = format!("{} filters are more than the {FILTERS_MAX} allowed", request.filters.len());
        return Err(Error::does_not_fit("54000", message));
    }
    let (fetched, output) = output(view, &request.select)?;
    let conditions =
        request.filters.iter().map(|filter| condition::plan(view, filter)).collect::<Result<_, _>>()?;
    Ok(ReadPlan {
        table: view.table.clone(),
        fetched,
        output,
        conditions,
        order: order(view, request)?,
        limit: request.limit,
        offset_rows: request.offset_rows,
    })
}

fn output(view: &View, select: &[Selected]) -> Result<(Vec<Column>, Vec<Output>), Error> {
    let mut fetched: Vec<Column> = Vec::new();
    let mut fetched_at: Vec<Option<usize>> = vec![None; view.columns.len()];
    let mut output = Vec::new();
    let mut add = |index: usize, key: &str| {
        let column = &view.columns[index];
        let fetched = *fetched_at[index].get_or_insert_with(|| {
            fetched.push(column.clone());
            fetched.len() - 1
        });
        output.push(Output { key: key.to_owned(), fetched, kind: column.kind });
    };
    for selected in select {
        match selected {
            Selected::All => (0..view.columns.len()).for_each(|index| add(index, &view.columns[index].name)),
            Selected::Item { item, alias } => {
                let name = plain(item)?;
                add(find(view, name)?, alias.as_deref().unwrap_or(name));
            }
            Selected::Embedded { .. } => {}
        }
    }
    Ok((fetched, output))
}

fn order(view: &View, request: &ReadRequest) -> Result<Vec<Order>, Error> {
    let mut order: Vec<Order> = Vec::new();
    for term in &request.order {
        let column = &view.columns[find(view, plain(&term.item)?)?];
        // A column that was sorted by already sorts no further.
        if order.iter().all(|earlier| earlier.column != *column) {
            let nulls_first = term.nulls_first.unwrap_or(term.descending);
            order.push(Order { column: column.clone(), descending: term.descending, nulls_first });
        }
    }
    Ok(order)
}

/// A column by itself.
fn plain(item: &Item) -> Result<&str, Error> {
    match item {
        Item { field: Some(field), cast: None, bucket: None, aggregate: None, aggregate_cast: None } => {
            plain_field(field)
        }
        _ => Err(not_yet("Casts, buckets and aggregates are")),
    }
}

fn plain_field(field: &Field) -> Result<&str, Error> {
    if field.path.is_empty() { Ok(&field.column) } else { Err(not_yet("Paths into json are")) }
}

fn not_yet(what: &str) -> Error {
    Error::NotImplemented { reason: format!("{what} not supported yet.") }
}

fn find(view: &View, name: &str) -> Result<usize, Error> {
    view.column(name).ok_or_else(|| {
        let similar = suggest::similar_columns(view, name);
        Error::UnknownColumn { view: view.name.clone(), column: name.to_owned(), similar }
    })
}
