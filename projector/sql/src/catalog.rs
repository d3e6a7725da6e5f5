//! What FROM can name: the tables of contracts, the views of the configuration, and the group tables made on the way.

use std::cell::RefCell;
use std::collections::BTreeMap;

use prejoin_model::{TableId, TableSchema};

use crate::group::GroupTable;
use crate::statements::ViewStatement;

pub(crate) struct Catalog<'a> {
    pub(crate) tables: &'a [TableSchema],
    pub(crate) views: BTreeMap<&'a str, &'a ViewStatement>,
    /// Numbered after the tables.
    groups: RefCell<Vec<GroupTable>>,
}

impl<'a> Catalog<'a> {
    pub(crate) fn new(
        tables: &'a [TableSchema],
        views: impl IntoIterator<Item = &'a ViewStatement>,
    ) -> Catalog<'a> {
        let mut named = BTreeMap::new();
        for view in views {
            named.entry(view.name.as_str()).or_insert(view);
        }
        Catalog { tables, views: named, groups: RefCell::default() }
    }

    pub(crate) fn into_groups(self) -> Vec<GroupTable> {
        self.groups.into_inner()
    }

    pub(crate) fn table(&self, name: &str) -> Option<TableId> {
        self.tables.iter().position(|table| table.name == name).map(TableId)
    }

    pub(crate) fn schema(&self, table: TableId) -> TableSchema {
        match table.0.checked_sub(self.tables.len()) {
            None => self.tables[table.0].clone(),
            Some(group) => self.groups.borrow()[group].schema.clone(),
        }
    }

    /// A name that says what the table's rows mean: the table's own, or a group table's canonical text, shortened.
    pub(crate) fn meaning(&self, table: TableId) -> String {
        match table.0.checked_sub(self.tables.len()) {
            None => self.tables[table.0].name.clone(),
            Some(group) => self.groups.borrow()[group].digest(),
        }
    }

    /// Group tables of one meaning are one table, whichever views read it.
    pub(crate) fn add_group(&self, group: GroupTable) -> (TableId, usize) {
        let mut groups = self.groups.borrow_mut();
        let known = groups.iter().position(|known| known.canonical == group.canonical);
        let place = known.unwrap_or(groups.len());
        let error_column = group.error_column();
        if known.is_none() {
            groups.push(group);
        }
        (TableId(self.tables.len() + place), error_column)
    }
}
