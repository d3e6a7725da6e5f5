//! A stored row beside the one that was computed: the one place that says whether they are equal.

use std::sync::Arc;

use prejoin_model::Row;

use crate::columns::{StoredColumn, StoredValue};

/// A row as a generation's table holds it, hidden columns included.
#[derive(Debug, Clone)]
pub struct StoredRow {
    columns: Arc<[StoredColumn]>,
    /// In the order of the columns' names.
    values: Vec<StoredValue>,
}

/// A column in which a stored row is not what was computed. Texts as PostgreSQL prints them, hidden columns in
/// hexadecimal digits; nothing for NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnDifference {
    pub column: String,
    pub stored: Option<String>,
    pub computed: Option<String>,
}

impl StoredRow {
    pub(crate) fn new(columns: Arc<[StoredColumn]>, values: Vec<StoredValue>) -> Self {
        StoredRow { columns, values }
    }

    /// Where the row is not what writing the computed one would make it.
    ///
    /// # Panics
    /// If the computed row has another number of columns: it is of another view, or of another definition of it.
    pub fn differences(&self, computed: &Row) -> Vec<ColumnDifference> {
        assert_eq!(computed.len(), self.columns.len(), "rows of one definition of a view are compared");
        let mut wanted = Vec::with_capacity(self.values.len());
        for (column, value) in self.columns.iter().zip(computed) {
            column.store(value, &mut wanted);
        }
        let names = self.columns.iter().flat_map(StoredColumn::names);
        let pairs = names.zip(self.values.iter().zip(&wanted));
        let different = pairs.filter(|(_, (stored, computed))| stored != computed);
        different
            .map(|(name, (stored, computed))| ColumnDifference {
                column: name.to_owned(),
                stored: shown(stored),
                computed: shown(computed),
            })
            .collect()
    }
}

fn shown(value: &StoredValue) -> Option<String> {
    match value {
        StoredValue::Null => None,
        StoredValue::Integer(value) => Some(value.to_string()),
        StoredValue::Text(text) => Some(text.clone()),
        StoredValue::Blob(bytes) => Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
    }
}
