//! How the groups of one group table lie in the state: keys and row forms.
//!
//! Every key begins with the table's number and a kind: 0 for what is counted of a group, 1 + n for the entries of the
//! aggregate n. The group's key follows, then what is told with `Entries`.

use prejoin_model::{Column, Row, TableId, TableSchema, Type};
use prejoin_sql::{GroupAggregate, GroupTable};

use crate::Definition;
use crate::groups::entries::Kept;
use crate::keys::{StoredTable, TABLE_PREFIX_BYTES, table_key_of_values, table_prefix};

/// What one group table's groups are read and written with.
pub(crate) struct Layout<'a> {
    pub(crate) table: &'a GroupTable,
    pub(crate) id: TableId,
    pub(crate) stored: StoredTable,
    /// Of the columns that make a group and those that they decide.
    pub(crate) head: TableSchema,
    /// Of each aggregate's inputs.
    pub(crate) inputs: Vec<TableSchema>,
    /// What entries each aggregate has.
    pub(crate) kept: Vec<Kept>,
}

impl<'a> Layout<'a> {
    pub(crate) fn new(definition: &'a Definition, place: usize) -> Layout<'a> {
        let table = &definition.groups[place];
        let id = definition.group_table(place);
        let head_kinds = table.schema.columns[..table.key_columns + table.decided_columns].iter();
        let inputs = |aggregate: &GroupAggregate| form(aggregate.input_kinds().iter().copied());
        Layout {
            table,
            id,
            stored: definition.stored(id),
            head: form(head_kinds.map(|column| column.kind)),
            inputs: table.aggregates.iter().map(inputs).collect(),
            kept: table.aggregates.iter().map(Kept::of).collect(),
        }
    }

    /// The row key of the group that a row of the source belongs to.
    pub(crate) fn group_key(&self, row: &Row) -> Vec<u8> {
        table_key_of_values(self.stored, &row[..self.table.key_columns]).split_off(TABLE_PREFIX_BYTES)
    }

    /// Where what is counted of a group lies.
    pub(crate) fn counted_key(&self, group_key: &[u8]) -> Vec<u8> {
        self.key(0, group_key)
    }

    /// What begins every `counted_key`.
    pub(crate) fn counted_prefix(&self) -> Vec<u8> {
        self.key(0, &[])
    }

    /// What begins the keys of the entries of an aggregate in a group.
    pub(crate) fn entries_prefix(&self, aggregate: usize, group_key: &[u8]) -> Vec<u8> {
        self.key(u32::try_from(aggregate + 1).expect("a statement has fewer than 2^32 aggregates"), group_key)
    }

    fn key(&self, kind: u32, group_key: &[u8]) -> Vec<u8> {
        let mut key = table_prefix(self.stored).to_vec();
        key.extend(kind.to_be_bytes());
        key.extend(group_key);
        key
    }
}

/// The form of a row that no table has.
pub(crate) fn form(kinds: impl IntoIterator<Item = Type>) -> TableSchema {
    let column = |kind| Column { name: String::new(), kind };
    TableSchema {
        service: String::new(),
        name: "an accumulator".to_owned(),
        columns: kinds.into_iter().map(column).collect(),
        key: Vec::new(),
        unique: Vec::new(),
    }
}
