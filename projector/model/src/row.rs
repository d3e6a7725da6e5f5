//! A row and its compact stored form.

use thiserror::Error;

use crate::{TableSchema, Value};

/// One value per column, in the schema's order.
pub type Row = Vec<Value>;

/// The bytes are not a row of this schema and format.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("stored row of {table} cannot be read: {detail}")]
pub struct RowError {
    pub table: String,
    pub detail: String,
}

/// Compact bytes of a row: null bitmap, then the values. Self-consistent with `decode_row` for the same schema.
pub fn encode_row(schema: &TableSchema, row: &[Value]) -> Vec<u8> {
    let _ = (schema, row);
    todo!()
}

/// Reads what `encode_row` wrote.
pub fn decode_row(schema: &TableSchema, bytes: &[u8]) -> Result<Row, RowError> {
    let _ = (schema, bytes);
    todo!()
}
