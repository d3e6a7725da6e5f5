//! A row and its compact stored form.
//!
//! The bytes: format (1 byte, `ROW_FORMAT`), one bit per column that is set for NULL (from the lowest bit of the first
//! byte), then the other columns' values in order:
//!
//! | type | bytes |
//! |---|---|
//! | boolean | 0 or 1 |
//! | integer, bigint, date, timestamp, timestamptz | zigzag varint |
//! | interval | months, days and microseconds, each as zigzag varint |
//! | numeric | varint 0 NaN, 1 Infinity, 2 -Infinity, or 3 + 2 × scale (+ 1 if long); then the mantissa as zigzag varint, or, long, as varint length and big-endian two's complement |
//! | double precision | 8 bytes, little-endian |
//! | text | varint length, UTF-8 |
//! | uuid | 16 bytes |
//! | array | varint count, then for each element 0 for NULL, or 1 and its value |
//! | jsonb | kind (0 null, 1 false, 2 true, 3 number, 4 string, 5 array, 6 object), then numeric, text, or varint count and elements or pairs of text and value |
//!
//! Varints are little-endian groups of 7 bits, the highest bit set on all but the last.

mod read;
mod write;

use std::sync::Arc;

use thiserror::Error;

use crate::{TableSchema, Value};

/// The format that `encode_row` writes and `decode_row` reads.
pub const ROW_FORMAT: u8 = 1;

/// One value per column, in the schema's order.
pub type Row = Vec<Value>;

/// A row that many hold at once.
pub type SharedRow = Arc<[Value]>;

/// The bytes are not a row of this schema and format.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("stored row of {table} cannot be read: {detail}")]
pub struct RowError {
    pub table: String,
    pub detail: String,
}

/// Compact bytes of a row: null bitmap, then the values. Self-consistent with `decode_row` for the same schema.
///
/// # Panics
/// If the row does not have the schema's columns: one value each, NULL or of the column's type.
pub fn encode_row(schema: &TableSchema, row: &[Value]) -> Vec<u8> {
    assert_eq!(row.len(), schema.columns.len(), "a row of {} has one value per column", schema.name);
    for (column, value) in schema.columns.iter().zip(row) {
        let kind = value.kind().unwrap_or(column.kind);
        assert_eq!(kind, column.kind, "{}.{} holds another type", schema.name, column.name);
    }
    let bitmap_length = row.len().div_ceil(8);
    let mut out = Vec::with_capacity(1 + bitmap_length + 12 * row.len());
    out.push(ROW_FORMAT);
    out.resize(1 + bitmap_length, 0);
    for (index, value) in row.iter().enumerate() {
        if value.is_null() {
            out[1 + index / 8] |= 1 << (index % 8);
        }
        write::value(value, &mut out);
    }
    // Rows are kept by the million.
    out.shrink_to_fit();
    out
}

/// Reads what `encode_row` wrote.
pub fn decode_row(schema: &TableSchema, bytes: &[u8]) -> Result<Row, RowError> {
    read::row(schema, bytes)
}

/// Reads the wanted columns of what `encode_row` wrote into an empty row, which ends with the last of them; the others before
/// it read as NULL. One flag per column. Bytes of other columns are looked at no closer than it takes to find the wanted ones.
pub fn decode_columns(
    schema: &TableSchema,
    bytes: &[u8],
    wanted: &[bool],
    out: &mut Row,
) -> Result<(), RowError> {
    read::columns(schema, bytes, wanted, out)
}

const NUMERIC_NAN: u64 = 0;
const NUMERIC_INFINITY: u64 = 1;
const NUMERIC_NEGATIVE_INFINITY: u64 = 2;
const NUMERIC_FINITE: u64 = 3;

const JSON_NULL: u8 = 0;
const JSON_FALSE: u8 = 1;
const JSON_TRUE: u8 = 2;
const JSON_NUMBER: u8 = 3;
const JSON_STRING: u8 = 4;
const JSON_ARRAY: u8 = 5;
const JSON_OBJECT: u8 = 6;
