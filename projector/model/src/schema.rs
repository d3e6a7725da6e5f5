//! What a table looks like.

use crate::Type;

/// A table's place in the list of all tables of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableId(pub usize);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub kind: Type,
}

/// A table: the latest state of one kind of entity, owned by one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSchema {
    pub service: String,
    pub name: String,
    pub columns: Vec<Column>,
    /// Indexes into `columns`, in key order. A contract's table has at least one, and its key values are never NULL.
    pub key: Vec<usize>,
    /// Sets of other columns whose values, where none is NULL, belong to one row at most: the service says so.
    pub unique: Vec<Vec<usize>>,
}

impl TableSchema {
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}
