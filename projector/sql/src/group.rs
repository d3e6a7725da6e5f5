//! A group table: what GROUP BY or DISTINCT makes of a query's rows, kept as a table of the state that views read.

use std::ops::Range;

use md5::{Digest, Md5};
use prejoin_model::{Row, TableSchema, Type, Value};

use crate::aggregate::{Aggregate, AggregateFunction, Input};
use crate::plan::{EvaluateError, RowView};

/// One row per group of a query's rows; one row in all if it groups by nothing.
#[derive(Debug, Clone)]
pub struct GroupTable {
    /// Its columns are the values that rows are grouped by (the key, in which NULL is a value like any other), then
    /// values that these decide, then one result per aggregate, then `error`: if it is not NULL, why the group, or a row
    /// of the source, cannot be computed. Views over it fail with that text.
    pub schema: TableSchema,
    /// The rows that are gathered: its projection is the values to group by, those that they decide, then the inputs of
    /// the aggregates.
    pub source: RowView,
    /// How many values rows are grouped by: the first columns of `schema` and of the source's rows.
    pub key_columns: usize,
    /// How many columns after them the key decides.
    pub decided_columns: usize,
    pub aggregates: Vec<GroupAggregate>,
    /// Text that changes exactly when the table's rows mean something else.
    pub canonical: String,
}

impl GroupTable {
    /// A short name of what the rows mean.
    pub(crate) fn digest(&self) -> String {
        let digest = Md5::digest(&self.canonical);
        digest.iter().fold("groups ".to_owned(), |name, byte| name + &format!("{byte:02x}"))
    }

    /// The place of the column `error` in `schema`.
    pub fn error_column(&self) -> usize {
        self.schema.columns.len() - 1
    }
}

/// One aggregate of a group table.
#[derive(Debug, Clone)]
pub struct GroupAggregate {
    pub accumulation: Accumulation,
    /// Whether inputs that are equal count once: as the first of them in the key order of the source's rows, for 1.0 and
    /// 1.00 are equal and give sums that print differently.
    pub distinct: bool,
    /// The type of the result.
    pub kind: Type,
    /// Where the source's row says whether it counts: FILTER. It counts if this is true.
    pub(crate) filter: Option<usize>,
    /// Where the source's row has the arguments, followed by the values of ORDER BY.
    pub(crate) inputs: Range<usize>,
    pub(crate) input_kinds: Vec<Type>,
    /// Function, DISTINCT and directions of ORDER BY; its expressions are those of the source's projection.
    pub(crate) aggregate: Aggregate,
}

/// What must be kept of a group's inputs so that one can be added and taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accumulation {
    /// How many inputs there are: a bigint, 0 for none.
    Count,
    /// The sum of integers: a bigint.
    SumIntegers,
    /// The sum of integers, bigints or numerics: a numeric with the largest scale among them.
    SumNumerics,
    /// That sum divided by the count.
    Average,
    /// Whether all inputs are true.
    BoolAnd,
    /// Whether one input is true.
    BoolOr,
    /// The least input; among equal ones that of the last row in key order.
    Minimum,
    /// The greatest input; among equal ones that of the last row in key order.
    Maximum,
    /// Every input, in the key order of the source's rows: `collected` makes the result of them, and heeds DISTINCT.
    Collect,
}

impl GroupAggregate {
    /// What a row of the source gives: the arguments, then the values of ORDER BY; nothing if FILTER or a NULL leaves it
    /// out.
    pub fn input<'r>(&self, row: &'r Row) -> Option<&'r [Value]> {
        if let Some(filter) = self.filter
            && row[filter] != Value::Boolean(true)
        {
            return None;
        }
        let inputs = &row[self.inputs.clone()];
        let keeps_null = self.aggregate.function.keeps_null();
        (keeps_null || !inputs.first().is_some_and(Value::is_null)).then_some(inputs)
    }

    /// The types of what `input` gives.
    pub fn input_kinds(&self) -> &[Type] {
        &self.input_kinds
    }

    /// The result over all inputs, given in the key order of the source's rows.
    pub fn collected(&self, inputs: Vec<Row>) -> Result<Value, EvaluateError> {
        let arguments = self.aggregate.arguments.len();
        let input = |mut row: Row| {
            let sort = row.split_off(arguments);
            Input::new(sort, row)
        };
        self.aggregate.result(inputs.into_iter().map(input).collect())
    }
}

impl Accumulation {
    pub(crate) fn of(function: AggregateFunction) -> Accumulation {
        match function {
            AggregateFunction::Count => Accumulation::Count,
            AggregateFunction::SumIntegers => Accumulation::SumIntegers,
            AggregateFunction::SumNumerics => Accumulation::SumNumerics,
            AggregateFunction::Average => Accumulation::Average,
            AggregateFunction::BoolAnd => Accumulation::BoolAnd,
            AggregateFunction::BoolOr => Accumulation::BoolOr,
            AggregateFunction::Minimum => Accumulation::Minimum,
            AggregateFunction::Maximum => Accumulation::Maximum,
            AggregateFunction::StringAgg | AggregateFunction::ArrayAgg | AggregateFunction::JsonbAgg => {
                Accumulation::Collect
            }
        }
    }

    /// Whether it matters how often an input is there.
    pub(crate) fn counts(self) -> bool {
        match self {
            Accumulation::Count
            | Accumulation::SumIntegers
            | Accumulation::SumNumerics
            | Accumulation::Average => true,
            Accumulation::BoolAnd
            | Accumulation::BoolOr
            | Accumulation::Minimum
            | Accumulation::Maximum
            | Accumulation::Collect => false,
        }
    }
}
