//! Stored values as SQLite's.

use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

use crate::columns::StoredValue;
use crate::database::Value;

impl ToSql for StoredValue {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>, rusqlite::Error> {
        Ok(ToSqlOutput::Borrowed(match self {
            StoredValue::Null => ValueRef::Null,
            StoredValue::Integer(value) => ValueRef::Integer(*value),
            StoredValue::Text(value) => ValueRef::Text(value.as_bytes()),
            StoredValue::Blob(value) => ValueRef::Blob(value),
        }))
    }
}

impl FromSql for StoredValue {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(match value {
            ValueRef::Null => StoredValue::Null,
            ValueRef::Integer(value) => StoredValue::Integer(value),
            // No column holds these: whatever it is, it is not what was written.
            ValueRef::Real(value) => StoredValue::Text(value.to_string()),
            ValueRef::Text(value) => StoredValue::Text(String::from_utf8_lossy(value).into_owned()),
            ValueRef::Blob(value) => StoredValue::Blob(value.to_owned()),
        })
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>, rusqlite::Error> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Value::Integer(value) => ValueRef::Integer(value),
            Value::Text(Some(value)) => ValueRef::Text(value.as_bytes()),
            Value::Blob(Some(value)) => ValueRef::Blob(value),
            Value::Text(None) | Value::Blob(None) => ValueRef::Null,
        }))
    }
}
