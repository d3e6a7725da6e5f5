//! What the client asks: a query string and headers, parsed by PostgREST's grammar and a little beyond it.
//!
//! Names are text here: whether such a column exists, and what a filter's value means, is for the plan to say.

mod accept;
mod filter;
mod item;
mod logic;
mod name;
mod order;
mod parameters;
mod parser;
mod preferences;
mod problem;
mod range;
mod select;

#[cfg(test)]
mod tests;

use crate::Error;

pub(crate) use prejoin_model::TimeUnit as BucketUnit;

pub(crate) use accept::{MediaType, PlanFormat, PlanOptions, accepted};
pub(crate) use parameters::{canonical, decode};
pub(crate) use preferences::{Count, Preferences};

/// A parsed read of one view.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ReadRequest {
    pub(crate) select: Vec<Selected>,
    /// All must hold for a row.
    pub(crate) filters: Vec<Logic<Field>>,
    /// What rows are grouped by beside the selected columns. Not PostgREST's.
    pub(crate) group_by: Vec<Item>,
    /// All must hold for a group. Not PostgREST's.
    pub(crate) having: Vec<Logic<Item>>,
    pub(crate) order: Vec<OrderTerm>,
    /// In rows; nothing for all.
    pub(crate) limit: Option<u64>,
    pub(crate) offset_rows: u64,
    /// Where to go on, as an earlier answer said; empty for the beginning. Not PostgREST's.
    pub(crate) cursor: Option<String>,
    /// A resource that something outside of `select` belongs to.
    foreign: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selected {
    /// `*`: every column, in the view's order.
    All,
    Item {
        item: Item,
        alias: Option<String>,
    },
    /// Rows of another resource: views have none.
    Embedded {
        relation: String,
    },
}

/// A column, a value within its json, a bucket of its time, or an aggregate of any of these.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Item {
    /// Nothing for the count of rows.
    pub(crate) field: Option<Field>,
    /// A type's name as the client wrote it; applied before the bucket and the aggregate.
    pub(crate) cast: Option<String>,
    /// Applied before the aggregate.
    pub(crate) bucket: Option<BucketUnit>,
    pub(crate) aggregate: Option<Aggregate>,
    /// A type's name; applied to the aggregate.
    pub(crate) aggregate_cast: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Field {
    pub(crate) column: String,
    /// Empty for the column itself.
    pub(crate) path: Vec<JsonStep>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JsonStep {
    pub(crate) operand: JsonOperand,
    /// `->>` instead of `->`.
    pub(crate) as_text: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum JsonOperand {
    Key(String),
    /// Digits behind a sign, as PostgREST hands them on; perhaps more than an integer holds.
    Index(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Aggregate {
    Sum,
    Average,
    Count,
    Maximum,
    Minimum,
}

/// A condition, or several of them joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Logic<T> {
    Filter(Filter<T>),
    Group { negated: bool, operator: LogicOperator, members: Vec<Logic<T>> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogicOperator {
    And,
    Or,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filter<T> {
    pub(crate) subject: T,
    pub(crate) negated: bool,
    pub(crate) operation: Operation,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operation {
    Compare {
        comparison: Comparison,
        /// With one, the value is an array's text.
        quantifier: Option<Quantifier>,
        value: String,
    },
    /// The pattern as the client wrote it: `*` stands for `%`.
    Like {
        pattern: String,
        ignore_case: bool,
        quantifier: Option<Quantifier>,
    },
    /// A regular expression.
    Match {
        pattern: String,
        ignore_case: bool,
        quantifier: Option<Quantifier>,
    },
    In(Vec<String>),
    Is(IsWord),
    IsDistinct(String),
    Contains(String),
    Contained(String),
    Overlaps(String),
    Range(RangeOperator, String),
    Search {
        grammar: SearchGrammar,
        language: Option<String>,
        query: String,
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

/// Whether one of the values suffices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quantifier {
    Any,
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IsWord {
    Null,
    NotNull,
    True,
    False,
    Unknown,
}

/// Of PostgreSQL's range types, which no view has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RangeOperator {
    StrictlyLeft,
    StrictlyRight,
    NotExtendsRight,
    NotExtendsLeft,
    Adjacent,
}

/// How the words of a search are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SearchGrammar {
    Query,
    Plain,
    Phrase,
    Web,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OrderTerm {
    pub(crate) item: Item,
    pub(crate) descending: bool,
    /// Nothing: PostgreSQL's default, last when ascending and first when descending.
    pub(crate) nulls_first: Option<bool>,
}

/// Parses the raw query string of a URI (without its `?`) and the header `Range`, which counts for GET only.
pub(crate) fn parse(query_string: &str, range: Option<&str>) -> Result<ReadRequest, Error> {
    let parameters = parameters::decode(query_string)?;
    let mut request = ReadRequest { select: vec![Selected::All], ..ReadRequest::default() };
    let mut sorted = Sorted::default();
    for (key, text) in &parameters {
        sorted.take(key, text);
    }
    // In PostgREST's order, for the first refusal is told.
    for (position, text) in sorted.orders.iter().enumerate() {
        let terms = request.own(order::parse(text))?.unwrap_or_default();
        // As in PostgREST: the first order counts.
        if position == 0 {
            request.order = terms;
        }
    }
    for (key, text) in &sorted.logic {
        let logic = request.own(logic::parse(key, text))?;
        request.filters.extend(logic);
    }
    if let Some(text) = sorted.select {
        request.select = select::parse(text)?;
    }
    for (key, text) in &sorted.filters {
        let filter = request.own(filter::parse(key, text))?;
        request.filters.extend(filter.map(Logic::Filter));
    }
    if let Some(text) = sorted.having {
        request.having = logic::having(text)?;
    }
    if let Some(text) = sorted.group_by {
        request.group_by = item::group_by(text)?;
    }
    request.cursor = sorted.cursor.map(str::to_owned);
    request.foreign = request.foreign.take().or(sorted.foreign.map(str::to_owned));
    (request.limit, request.offset_rows) = range::rows(sorted.limit, sorted.offset, range)?;
    Ok(request)
}

/// Rows of which the keys are read, too.
pub(crate) fn keyed_rows(select: Vec<Selected>) -> ReadRequest {
    ReadRequest { select, cursor: Some(String::new()), ..ReadRequest::default() }
}

/// How many rows there are with each value of a column, the most frequent first: `value` and `count`.
pub(crate) fn value_counts(column: &str) -> ReadRequest {
    let value =
        Item { field: Some(Field { column: column.to_owned(), path: Vec::new() }), ..Item::default() };
    let count = Item { aggregate: Some(Aggregate::Count), ..Item::default() };
    let named = |item: &Item, name: &str| Selected::Item { item: item.clone(), alias: Some(name.to_owned()) };
    ReadRequest {
        select: vec![named(&value, "value"), named(&count, "count")],
        order: vec![OrderTerm { item: count, descending: true, nulls_first: None }],
        ..ReadRequest::default()
    }
}

impl ReadRequest {
    /// Whether rows are asked for by their words.
    pub(crate) fn searches(&self) -> bool {
        fn any(logic: &Logic<Field>) -> bool {
            match logic {
                Logic::Filter(filter) => matches!(filter.operation, Operation::Search { .. }),
                Logic::Group { members, .. } => members.iter().any(any),
            }
        }
        self.filters.iter().any(any)
    }
}

/// Parameters by what they are for.
#[derive(Default)]
struct Sorted<'a> {
    select: Option<&'a str>,
    orders: Vec<&'a str>,
    logic: Vec<(&'a str, &'a str)>,
    filters: Vec<(&'a str, &'a str)>,
    having: Option<&'a str>,
    group_by: Option<&'a str>,
    cursor: Option<&'a str>,
    limit: Option<i128>,
    offset: Option<i128>,
    foreign: Option<&'a str>,
}

impl<'a> Sorted<'a> {
    fn take(&mut self, key: &'a str, text: &'a str) {
        let (path, last) = key.rsplit_once('.').map_or((None, key), |(path, last)| (Some(path), last));
        match (path, last) {
            (None, "select") => drop(self.select.get_or_insert(text)),
            (None, "columns" | "on_conflict") => {}
            (Some(path), "order" | "limit" | "offset") => drop(self.foreign.get_or_insert(first_part(path))),
            (_, "and" | "or") => self.logic.push((key, text)),
            (None, "order") => self.orders.push(text),
            // As in PostgREST: the last limit and offset count, and one that is no number is none.
            (None, "limit") => self.limit = range::integer(text),
            (None, "offset") => self.offset = range::integer(text),
            // A view may have columns of these names: a filter's text begins with an operator and has a dot.
            (None, "having") if text.starts_with('(') => drop(self.having.get_or_insert(text)),
            (None, "groupby") if text.starts_with('(') => drop(self.group_by.get_or_insert(text)),
            (None, "cursor") if !text.contains('.') => drop(self.cursor.get_or_insert(text)),
            _ => self.filters.push((key, text)),
        }
    }
}

impl ReadRequest {
    /// Keeps the name of another resource for when the whole request is parsed.
    fn own<T>(&mut self, parsed: Result<T, Error>) -> Result<Option<T>, Error> {
        match parsed {
            Err(Error::NotEmbedded { resource }) => {
                self.foreign.get_or_insert(resource);
                Ok(None)
            }
            parsed => parsed.map(Some),
        }
    }

    /// Fails if anything in it belongs to another resource: a view has no relationships.
    pub(crate) fn refuse_embedding(&self, view: &str) -> Result<(), Error> {
        let embedded = self.select.iter().find_map(|selected| match selected {
            Selected::Embedded { relation } => Some(relation),
            Selected::All | Selected::Item { .. } => None,
        });
        if let Some(relation) = embedded {
            return Err(Error::NoRelationship { view: view.to_owned(), relation: relation.clone() });
        }
        match &self.foreign {
            Some(resource) => Err(Error::NotEmbedded { resource: resource.clone() }),
            None => Ok(()),
        }
    }
}

impl Aggregate {
    /// PostgreSQL's name, which is also the key of the result.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Aggregate::Sum => "sum",
            Aggregate::Average => "avg",
            Aggregate::Count => "count",
            Aggregate::Maximum => "max",
            Aggregate::Minimum => "min",
        }
    }
}

fn first_part(path: &str) -> &str {
    path.split('.').next().unwrap_or(path)
}

fn not_embedded(path: &str) -> Error {
    Error::NotEmbedded { resource: first_part(path).to_owned() }
}
