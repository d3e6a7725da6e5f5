//! What the client asks: a query string, parsed by PostgREST's grammar.
//!
//! Names are text here: whether such a column exists, and what a filter's value means, is for the plan to say.

mod cursor;
mod filter;
mod name;
mod order;
mod parameters;
mod select;

#[cfg(test)]
mod tests;

use crate::Error;

/// A parsed read of one view.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ReadRequest {
    pub(crate) select: Vec<Selected>,
    /// All must hold.
    pub(crate) filters: Vec<Filter>,
    pub(crate) order: Vec<OrderTerm>,
    /// In rows; nothing for all.
    pub(crate) limit: Option<u64>,
    pub(crate) offset_rows: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selected {
    /// `*`: every column, in the view's order.
    All,
    Column {
        name: String,
        alias: Option<String>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) column: String,
    pub(crate) negated: bool,
    pub(crate) operation: Operation,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operation {
    Compare(Comparison, String),
    In(Vec<String>),
    Is(IsWord),
    /// The pattern as the client wrote it: `*` stands for `%`.
    Like {
        pattern: String,
        ignore_case: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IsWord {
    Null,
    NotNull,
    True,
    False,
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OrderTerm {
    pub(crate) column: String,
    pub(crate) descending: bool,
    /// Nothing: PostgreSQL's default, last when ascending and first when descending.
    pub(crate) nulls_first: Option<bool>,
}

/// Parses the raw query string of a URI (without its `?`).
pub(crate) fn parse(query_string: &str) -> Result<ReadRequest, Error> {
    let parameters = parameters::decode(query_string)?;
    let mut request = ReadRequest { select: vec![Selected::All], ..ReadRequest::default() };
    if let Some((_, text)) = parameters.iter().find(|(key, _)| key == "select") {
        request.select = select::parse(text)?;
    }
    let (mut limit, mut offset) = (None, None);
    let mut ordered = false;
    for (key, text) in &parameters {
        let (path, last) =
            key.rsplit_once('.').map_or((None, key.as_str()), |(path, last)| (Some(path), last));
        match (path, last) {
            (None, "select" | "columns" | "on_conflict") => {}
            (Some(path), "order" | "limit" | "offset") => return Err(not_embedded(path)),
            (_, "and" | "or") => return Err(logic_not_implemented()),
            // As in PostgREST: the first order counts, and the last limit and offset; a limit that is no number is none.
            (None, "order") => {
                let terms = order::parse(text)?;
                if !std::mem::replace(&mut ordered, true) {
                    request.order = terms;
                }
            }
            (None, "limit") => limit = text.trim().parse::<i128>().ok(),
            (None, "offset") => offset = text.trim().parse::<i128>().ok(),
            _ => request.filters.push(filter::parse(key, text)?),
        }
    }
    (request.limit, request.offset_rows) = row_range(limit, offset)?;
    Ok(request)
}

/// A negative offset shortens the range from below, as in PostgREST: rows from `offset` to `offset + limit - 1`.
fn row_range(limit: Option<i128>, offset: Option<i128>) -> Result<(Option<u64>, u64), Error> {
    let saturated = |rows: i128| u64::try_from(rows).unwrap_or(u64::MAX);
    let offset = offset.unwrap_or(0);
    let below = offset.min(0);
    let limit = match limit {
        None => None,
        Some(0) => Some(0),
        Some(rows) if rows.saturating_add(below) <= 0 => return Err(Error::NegativeLimit),
        Some(rows) => Some(saturated(rows.saturating_add(below))),
    };
    Ok((limit, saturated(offset.max(0))))
}

fn not_embedded(path: &str) -> Error {
    let resource = path.split('.').next().unwrap_or(path).to_owned();
    Error::NotEmbedded { resource }
}

fn logic_not_implemented() -> Error {
    let reason =
        "The parameters 'and' and 'or' are not supported yet; several filters are combined with AND.";
    Error::NotImplemented { reason: reason.to_owned() }
}
