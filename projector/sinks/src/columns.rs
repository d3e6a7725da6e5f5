//! How a column of each type is stored: a form that prints as PostgreSQL does, and, where it does not sort as PostgreSQL
//! does, one that does.

use prejoin_model::{Type, Value, encode_key_value, to_text};
use prejoin_sql::{OutputColumn, RowView};
use serde::{Deserialize, Serialize};

/// Whose types a column is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Integers and texts, and hidden sort columns.
    Sqlite,
    /// Native types, which sort by themselves. Values travel as their texts.
    Postgres,
}

/// A column of a generation's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredColumn {
    pub name: String,
    pub kind: Type,
    /// The hidden column that compares and orders it, where the visible one does not.
    pub sort_column: Option<String>,
    /// Its place in the key that `_key` encodes, where all of that is shown.
    key_place: Option<usize>,
    form: Form,
}

/// A column as the catalog describes it to readers.
#[derive(Serialize, Deserialize)]
struct DescribedColumn {
    name: String,
    r#type: String,
    sort_column: Option<String>,
    /// Generations of earlier versions do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_place: Option<usize>,
}

/// A value as it is bound to a statement or read from an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StoredValue {
    Null,
    Integer(i64),
    Text(String),
    Blob(Vec<u8>),
}

impl StoredColumn {
    fn new(column: &OutputColumn, key_place: Option<usize>, form: Form) -> Self {
        let sorts_apart = form == Form::Sqlite && sorts_apart(column.kind);
        StoredColumn {
            name: column.name.clone(),
            kind: column.kind,
            sort_column: sorts_apart.then(|| format!("_sort_{}", column.name)),
            key_place,
            form,
        }
    }

    /// The columns of a view's rows.
    pub(crate) fn of_view(plan: &RowView, form: Form) -> Vec<StoredColumn> {
        let key_place = |column: usize| plan.key_columns.as_ref()?.iter().position(|shown| *shown == column);
        let columns = plan.columns.iter().enumerate();
        columns.map(|(number, column)| StoredColumn::new(column, key_place(number), form)).collect()
    }

    /// Whether it holds the values of such a column.
    pub(crate) fn is_of(&self, column: &OutputColumn) -> bool {
        (&self.name, self.kind) == (&column.name, column.kind)
    }

    /// The column that indexes and comparisons use.
    pub(crate) fn ordering_name(&self) -> &str {
        self.sort_column.as_deref().unwrap_or(&self.name)
    }

    /// Names of the visible column and, where there is one, the hidden one.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name.as_str()).chain(self.sort_column.as_deref())
    }

    /// Appends a value in the order of `names`.
    pub(crate) fn store(&self, value: &Value, out: &mut Vec<StoredValue>) {
        out.push(self.visible(value));
        out.extend(self.hidden(value));
    }

    /// What readers see.
    pub(crate) fn visible(&self, value: &Value) -> StoredValue {
        visible_value(value, self.form)
    }

    /// What the hidden column holds, where there is one.
    pub(crate) fn hidden(&self, value: &Value) -> Option<StoredValue> {
        self.sort_column.as_ref().map(|_| sort_value(value))
    }
}

/// The columns as the catalog describes them to readers.
pub(crate) fn describe(columns: &[StoredColumn]) -> Result<String, sqlx::Error> {
    let described: Vec<_> = columns
        .iter()
        .map(|column| DescribedColumn {
            name: column.name.clone(),
            r#type: column.kind.name().to_owned(),
            sort_column: column.sort_column.clone(),
            key_place: column.key_place,
        })
        .collect();
    serde_json::to_string(&described).map_err(|error| sqlx::Error::Encode(error.into()))
}

/// Reads what `describe` wrote.
pub(crate) fn read_description(text: &str, form: Form) -> Result<Vec<StoredColumn>, sqlx::Error> {
    let described: Vec<DescribedColumn> =
        serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(error.into()))?;
    let column = |DescribedColumn { name, r#type, sort_column, key_place }| match Type::from_name(&r#type) {
        Some(kind) => Ok(StoredColumn { name, kind, sort_column, key_place, form }),
        None => Err(sqlx::Error::Decode(format!("the column {name} has the unknown type {}", r#type).into())),
    };
    described.into_iter().map(column).collect()
}

fn sorts_apart(kind: Type) -> bool {
    matches!(
        kind,
        Type::Numeric | Type::Double | Type::Date | Type::Timestamptz | Type::Jsonb | Type::Array(_)
    )
}

fn visible_value(value: &Value, form: Form) -> StoredValue {
    match value {
        Value::Null => StoredValue::Null,
        Value::Boolean(value) if form == Form::Sqlite => StoredValue::Integer(i64::from(*value)),
        Value::Integer(value) if form == Form::Sqlite => StoredValue::Integer(i64::from(*value)),
        Value::Bigint(value) if form == Form::Sqlite => StoredValue::Integer(*value),
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
