//! The plan of a view: what it reads, how a changed row leads back to the grain, and which indexes that needs.

use prejoin_model::{SharedRow, TableId, Type, Value};
use thiserror::Error;

use crate::expression::{Expression, Offset};
use crate::fulltext::FulltextColumn;
use crate::subquery::{Selection, Subquery};

/// A row view, checked and ready to be evaluated.
#[derive(Debug, Clone)]
pub struct RowView {
    pub name: String,
    /// The comment that stands directly above the statement, without its markers.
    pub comment: Option<String>,
    pub columns: Vec<OutputColumn>,
    /// Of `columns`, those that show the grain's key as it is, in key order; nothing where not all of it is shown.
    pub key_columns: Option<Vec<usize>>,
    /// The FROM table (the grain) first, then the joined ones in the order they are looked up. Those of a subquery follow
    /// the ones that it is tied to.
    pub relations: Vec<Relation>,
    /// For each relation but the first, the way back from a changed row to the grain: `paths[r - 1]` for relation `r`.
    pub paths: Vec<Path>,
    /// Indexes over tables that paths, scans of subqueries and joins on unique columns need, beside primary keys.
    pub table_indexes: Vec<TableIndex>,
    /// Indexes over the view's own rows, as declared with CREATE INDEX.
    pub store_indexes: Vec<StoreIndex>,
    /// The columns of all declared fulltext indexes, in the order of their declaration.
    pub fulltext_columns: Vec<FulltextColumn>,
    /// Text that changes exactly when the view's meaning or its declared indexes change, fulltext ones aside.
    pub canonical: String,
    /// For each relation, what its row must meet besides its key: the rest of the ON condition.
    pub(crate) residuals: Vec<Option<Expression>>,
    /// FROM and WHERE of the view itself.
    pub(crate) selection: Selection,
    /// One expression per output column.
    pub(crate) projection: Vec<Expression>,
    /// The subqueries that the projection reads.
    pub(crate) projected_subqueries: Vec<usize>,
    /// Every subquery, those inside others after the ones they are in.
    pub(crate) subqueries: Vec<Subquery>,
    /// How many answers expressions read: one per subquery and one per aggregate.
    pub(crate) answer_count: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputColumn {
    pub name: String,
    pub kind: Type,
}

/// One table in a FROM clause: the view's own, or a subquery's.
#[derive(Debug, Clone)]
pub struct Relation {
    pub table: TableId,
    pub alias: String,
    /// The columns that the view reads of it, join conditions and WHERE included; sorted. A change to other columns
    /// makes nothing stale.
    pub columns_read: Vec<usize>,
    /// For a joined relation: nothing for the grain and for the FROM table of a subquery.
    pub join: Option<Join>,
    /// For the FROM table of a subquery.
    pub scan: Option<Scan>,
    /// For a query in FROM that is joined, its first table: how the rest of that query follows from its row. The query is
    /// joined if this selects the row.
    pub(crate) nested: Option<Selection>,
    /// For a group table: the column that says why the row cannot be relied on. If it is not NULL, what reads the row
    /// fails with its text.
    pub(crate) error_column: Option<usize>,
}

impl Relation {
    /// A table that is not joined or scanned yet.
    pub(crate) fn new(table: TableId, alias: String, error_column: Option<usize>) -> Relation {
        Relation {
            table,
            alias,
            columns_read: Vec::new(),
            join: None,
            scan: None,
            nested: None,
            error_column,
        }
    }

    pub(crate) fn renumber(&mut self, by: Offset) {
        let joined = self.join.iter_mut().flat_map(|join| &mut join.values);
        let scanned = self.scan.iter_mut().flat_map(|scan| &mut scan.values);
        for source in joined.chain(scanned) {
            if let KeySource::Column { relation, .. } = source {
                *relation = by.relation(*relation);
            }
        }
        if let Some(nested) = &mut self.nested {
            nested.renumber(by);
        }
    }

    /// The equalities by which its rows are found: a column of its own, and where its value comes from.
    pub fn equalities(&self) -> impl Iterator<Item = (usize, &KeySource)> {
        let joined = self.join.iter().flat_map(|join| join.columns.iter().zip(&join.values));
        let scanned = self.scan.iter().flat_map(|scan| scan.columns.iter().zip(&scan.values));
        joined.chain(scanned).map(|(&column, source)| (column, source))
    }
}

/// How the rows of a subquery's FROM table are found: all that have these values.
#[derive(Debug, Clone)]
pub struct Scan {
    /// The first columns of the table's key, in key order; or those of a table index.
    pub columns: Vec<usize>,
    /// Where each column gets its value; at least one from a relation outside of the subquery.
    pub values: Vec<KeySource>,
    pub index: IndexUse,
    /// The columns are the table's whole key: there is one row at most.
    pub is_whole_key: bool,
}

/// How a joined relation's row is found: the one that has these values.
#[derive(Debug, Clone)]
pub struct Join {
    pub kind: JoinKind,
    /// The table's key, in key order; or unique columns, which a table index finds.
    pub columns: Vec<usize>,
    /// Where each column gets its value.
    pub values: Vec<KeySource>,
    pub index: IndexUse,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinKind {
    Left,
    Inner,
}

#[derive(Debug, Clone, PartialEq)]
pub enum KeySource {
    /// A column of an earlier relation.
    Column {
        relation: usize,
        column: usize,
    },
    Constant(Value),
}

/// From a changed row of a joined relation back to the grain, one equality at a time. Following it may name grain keys
/// that are not stale, never miss one that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// The first hop starts at the changed row; the last one arrives at the grain.
    pub hops: Vec<Hop>,
}

/// `to.columns[i] = from.columns[i]` for every i: the rows of `to_table` that point at the row at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    pub from_columns: Vec<usize>,
    pub to_table: TableId,
    pub to_columns: Vec<usize>,
    pub index: IndexUse,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexUse {
    /// `to_columns` are a prefix of the table's key.
    PrimaryKey,
    /// The table index with exactly `to_columns`.
    TableIndex,
}

/// An index over a table: from values of `columns` to the keys of rows that have them. Rows with a NULL among them are
/// left out: no equality finds them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableIndex {
    pub table: TableId,
    pub columns: Vec<usize>,
}

/// `CREATE INDEX ON view [USING method] (column [DESC], …)`: output columns by index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreIndex {
    pub method: IndexMethod,
    pub columns: Vec<(usize, bool)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexMethod {
    BTree,
    /// What a jsonb document or an array contains.
    Gin,
}

/// A row could not be computed; PostgreSQL would have raised this error.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("{0}")]
pub struct EvaluateError(pub String);

/// Finds rows of tables. Of each row only the columns count that one of the view's relations of this table reads.
pub trait LookupRow {
    type Error;

    /// The row with this whole key.
    fn lookup(&mut self, table: TableId, key: &[Value]) -> Result<Option<SharedRow>, Self::Error>;

    /// All rows with these values, none of them NULL, in key order. The columns are the first ones of the table's key, or
    /// those of a table index that the plan declares, as `Scan::columns` says. Rows with other values may be among them:
    /// the subquery's WHERE tests them.
    fn scan(
        &mut self,
        table: TableId,
        columns: &[usize],
        values: &[Value],
    ) -> Result<Vec<SharedRow>, Self::Error>;
}
