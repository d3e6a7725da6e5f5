//! How a column of each type is stored in SQLite: a form that prints as PostgreSQL does, and one that sorts as it does.

use prejoin_model::{Type, Value, encode_key_value, to_text};
use prejoin_sql::OutputColumn;
use serde::Serialize;

/// A column as the catalog describes it to readers.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StoredColumn {
    pub name: String,
    #[serde(rename = "type")]
    kind_name: &'static str,
    /// The hidden column that compares and orders it, where the visible one does not.
    pub sort_column: Option<String>,
    #[serde(skip)]
    kind: Type,
}

/// A value as it is bound to a statement.
pub(crate) enum StoredValue {
    Null,
    Integer(i64),
    Text(String),
    Blob(Vec<u8>),
}

impl StoredColumn {
    pub(crate) fn new(column: &OutputColumn) -> Self {
        let sort_column = sorts_apart(column.kind).then(|| format!("_sort_{}", column.name));
        StoredColumn {
            name: column.name.clone(),
            kind_name: column.kind.name(),
            sort_column,
            kind: column.kind,
        }
    }

    /// The column that indexes and comparisons use.
    pub(crate) fn ordering_name(&self) -> &str {
        self.sort_column.as_deref().unwrap_or(&self.name)
    }

    /// Column definitions, quoted.
    pub(crate) fn definitions(&self) -> Vec<String> {
        let visible = match self.kind {
            Type::Boolean | Type::Integer | Type::Bigint => "INTEGER",
            _ => "TEXT",
        };
        let hidden = match self.kind {
            Type::Date | Type::Timestamptz => "INTEGER",
            _ => "BLOB",
        };
        let mut definitions = vec![format!("{} {visible}", quoted(&self.name))];
        definitions.extend(self.sort_column.iter().map(|name| format!("{} {hidden}", quoted(name))));
        definitions
    }

    /// Column names in the order of `definitions` and `store`.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name.as_str()).chain(self.sort_column.as_deref())
    }

    /// Appends the visible value and, where there is one, the sort value.
    pub(crate) fn store(&self, value: &Value, out: &mut Vec<StoredValue>) {
        out.push(visible_value(value));
        if self.sort_column.is_some() {
            out.push(sort_value(value));
        }
    }
}

fn sorts_apart(kind: Type) -> bool {
    matches!(
        kind,
        Type::Numeric | Type::Double | Type::Date | Type::Timestamptz | Type::Jsonb | Type::Array(_)
    )
}

fn visible_value(value: &Value) -> StoredValue {
    match value {
        Value::Null => StoredValue::Null,
        Value::Boolean(value) => StoredValue::Integer(i64::from(*value)),
        Value::Integer(value) => StoredValue::Integer(i64::from(*value)),
        Value::Bigint(value) => StoredValue::Integer(*value),
        other => to_text(other).map_or(StoredValue::Null, StoredValue::Text),
    }
}

fn sort_value(value: &Value) -> StoredValue {
    match value {
        Value::Null => StoredValue::Null,
        Value::Date(date) => StoredValue::Integer(i64::from(date.0)),
        Value::Timestamptz(time) => StoredValue::Integer(time.0),
        other => {
            let mut bytes = Vec::new();
            encode_key_value(other, &mut bytes);
            StoredValue::Blob(bytes)
        }
    }
}

/// A name as SQL writes it.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
