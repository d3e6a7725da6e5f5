//! Where things lie in the state: the layout of every key.

use bytes::Bytes;
use prejoin_model::{TableId, TableSchema, Value, encode_key_value};
use sha2::{Digest, Sha256};

/// Bytes before the row key in a key of `Space::Tables`.
pub(crate) const TABLE_PREFIX_BYTES: usize = 2;

/// `table id, big-endian`: precedes every row of a table.
pub(crate) fn table_prefix(table: TableId) -> [u8; TABLE_PREFIX_BYTES] {
    u16::try_from(table.0).expect("a configuration has fewer than 65,536 tables").to_be_bytes()
}

/// The key of a row in `Space::Tables`: table prefix, row key.
pub(crate) fn table_key(table: TableId, row_key: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(TABLE_PREFIX_BYTES + row_key.len());
    key.extend(table_prefix(table));
    key.extend(row_key);
    key
}

/// The table key of the row with these key values.
pub(crate) fn table_key_of_values(table: TableId, values: &[Value]) -> Vec<u8> {
    let mut key = Vec::with_capacity(TABLE_PREFIX_BYTES + 16 * values.len());
    key.extend(table_prefix(table));
    for value in values {
        encode_key_value(value, &mut key);
    }
    key
}

/// The row key in a table key.
pub(crate) fn row_key(table_key: &Bytes) -> Bytes {
    table_key.slice(TABLE_PREFIX_BYTES..)
}

/// The table key of a whole row.
pub(crate) fn table_key_of_row(table: TableId, schema: &TableSchema, row: &[Value]) -> Vec<u8> {
    let mut key = table_prefix(table).to_vec();
    for &column in &schema.key {
        encode_key_value(&row[column], &mut key);
    }
    key
}

/// Longer values are hashed in index entries: a text column may hold a mebibyte, a key of the state 64 KiB.
const INDEXED_BYTES_MAX: usize = 1_024;

/// `index id, encoded values`: precedes the row keys of every row with these values.
pub(crate) fn index_prefix(index_id: u32, values: &[u8]) -> Vec<u8> {
    let mut prefix = index_id.to_be_bytes().to_vec();
    match values.split_at_checked(INDEXED_BYTES_MAX) {
        Some((kept, rest)) if !rest.is_empty() => {
            prefix.extend(kept);
            prefix.extend(Sha256::digest(values));
        }
        _ => prefix.extend(values),
    }
    prefix
}

/// The encoded values of an equality; nothing if one is NULL, for NULL equals nothing.
pub(crate) fn equality_bytes<'a>(values: impl Iterator<Item = &'a Value>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for value in values {
        if value.is_null() {
            return None;
        }
        encode_key_value(value, &mut bytes);
    }
    Some(bytes)
}

pub(crate) fn journal_key(commit: u64) -> [u8; 8] {
    commit.to_be_bytes()
}

/// Keys of `Space::Meta`.
pub(crate) mod meta {
    pub(crate) const FORMAT: &[u8] = b"format";
    pub(crate) const CONTRACTS: &[u8] = b"contracts";
    pub(crate) const JOURNAL: &[u8] = b"journal";
    pub(crate) const INDEXES: &[u8] = b"indexes";
    pub(crate) const TRACKED_VIEWS: &[u8] = b"views";
    pub(crate) const PROGRESS: &[u8] = b"progress/";

    pub(crate) fn progress(service: &str) -> Vec<u8> {
        [PROGRESS, service.as_bytes()].concat()
    }
}
