//! A stored row beside the one that was computed: the one place that says whether they are equal.

use std::sync::Arc;

use prejoin_model::{Row, Value};
use prejoin_sql::OutputColumn;

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
        self.different(|place, _| Some(&computed[place]))
    }

    /// The same for a row of another definition of the view, which has these columns: only columns that both have, of
    /// one type, are compared.
    pub fn differences_in_common(&self, columns: &[OutputColumn], computed: &Row) -> Vec<ColumnDifference> {
        self.different(|_, stored| {
            let place = columns.iter().position(|column| stored.is_of(column))?;
            computed.get(place)
        })
    }

    /// The names of stored columns that a definition with these columns does not have, and of those that it adds.
    pub fn column_changes<'a>(&'a self, columns: &'a [OutputColumn]) -> (Vec<&'a str>, Vec<&'a str>) {
        let goes = |stored: &&StoredColumn| !columns.iter().any(|column| stored.is_of(column));
        let comes = |column: &&OutputColumn| !self.columns.iter().any(|stored| stored.is_of(column));
        let going = self.columns.iter().filter(goes).map(|stored| stored.name.as_str());
        let coming = columns.iter().filter(comes).map(|column| column.name.as_str());
        (going.collect(), coming.collect())
    }

    /// Compares each column with the value that `computed` has for it, if any.
    fn different<'a>(
        &self,
        computed: impl Fn(usize, &StoredColumn) -> Option<&'a Value>,
    ) -> Vec<ColumnDifference> {
        let mut differences = Vec::new();
        let mut values = self.values.iter();
        let mut wanted = Vec::new();
        for (place, column) in self.columns.iter().enumerate() {
            let value = computed(place, column);
            wanted.clear();
            if let Some(value) = value {
                column.store(value, &mut wanted);
            }
            for (number, (name, stored)) in column.names().zip(&mut values).enumerate() {
                if let Some(computed) = wanted.get(number).filter(|computed| *computed != stored) {
                    let (stored, computed) = (shown(stored), shown(computed));
                    differences.push(ColumnDifference { column: name.to_owned(), stored, computed });
                }
            }
        }
        differences
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
