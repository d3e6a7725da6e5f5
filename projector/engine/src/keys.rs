//! Where things lie in the state: the layout of every key.

use bytes::Bytes;
use prejoin_model::{TableSchema, Value, encode_key_value};
use sha2::{Digest, Sha256};

/// Bytes before the row key in a key of `Space::Tables`.
pub(crate) const TABLE_PREFIX_BYTES: usize = 2;

/// The number under which a table lies in the state. Those of contracts have their place in the definition, and the
/// tables of dead letters and of decisions come after them; one that is made of others has a number made from its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StoredTable(pub u16);

impl StoredTable {
    /// From here on they are group tables.
    pub(crate) const GROUPS: u16 = 0x8000;

    fn is_of_groups(self) -> bool {
        self.0 >= StoredTable::GROUPS
    }
}

/// `table number, big-endian`: precedes every row of a table.
pub(crate) fn table_prefix(table: StoredTable) -> [u8; TABLE_PREFIX_BYTES] {
    table.0.to_be_bytes()
}

/// The key of a row in `Space::Tables`: table prefix, row key.
pub(crate) fn table_key(table: StoredTable, row_key: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(TABLE_PREFIX_BYTES + row_key.len());
    key.extend(table_prefix(table));
    key.extend(row_key);
    key
}

/// The table key of the row with these key values.
pub(crate) fn table_key_of_values(table: StoredTable, values: &[Value]) -> Vec<u8> {
    let mut key = Vec::with_capacity(TABLE_PREFIX_BYTES + 16 * values.len());
    write_table_key_of_values(table, values, &mut key);
    // Keys are kept by the million.
    key.shrink_to_fit();
    key
}

/// The same, in the place of what was there.
pub(crate) fn write_table_key_of_values(table: StoredTable, values: &[Value], key: &mut Vec<u8>) {
    key.clear();
    key.extend(table_prefix(table));
    for value in values {
        encode_key_value(value, key);
    }
    if table.is_of_groups() {
        shorten(key, TABLE_PREFIX_BYTES, GROUP_KEY_BYTES_MAX);
    }
}

/// What begins the table keys of all rows whose key begins with these encoded values. Rows with other values may be
/// under it too, if the values are long.
pub(crate) fn table_key_prefix(table: StoredTable, values: &[u8]) -> Vec<u8> {
    let kept = match table.is_of_groups() {
        true => values.len().min(GROUP_KEY_BYTES_MAX),
        false => values.len(),
    };
    table_key(table, &values[..kept])
}

/// The row key of a row of a group table that stands for a row of its source which cannot be computed.
pub(crate) fn failed_row_key(source_key: &[u8]) -> Vec<u8> {
    // No encoded value begins with this byte.
    let mut key = vec![0xFE];
    key.extend(source_key);
    shorten(&mut key, 0, GROUP_KEY_BYTES_MAX);
    key
}

/// The row key in a table key.
pub(crate) fn row_key(table_key: &Bytes) -> Bytes {
    table_key.slice(TABLE_PREFIX_BYTES..)
}

/// The table key of a whole row.
pub(crate) fn table_key_of_row(table: StoredTable, schema: &TableSchema, row: &[Value]) -> Vec<u8> {
    let mut key = Vec::with_capacity(TABLE_PREFIX_BYTES + 16 * schema.key.len());
    key.extend(table_prefix(table));
    for &column in &schema.key {
        encode_key_value(&row[column], &mut key);
    }
    key.shrink_to_fit();
    key
}

/// Longer values are hashed in index entries: a text column may hold a mebibyte, a key of the state 64 KiB.
const INDEXED_BYTES_MAX: usize = 1_024;

/// Longer keys of group tables are hashed. Contracts bound the keys of their tables; groups are made of any values.
const GROUP_KEY_BYTES_MAX: usize = 2_560;

/// Puts a hash in the place of what is beyond `bytes_max` bytes after `start`. Keys of one kind that differ stay
/// different, and as long as they differ within the bound, in their order.
pub(crate) fn shorten(key: &mut Vec<u8>, start: usize, bytes_max: usize) {
    if key.len() - start > bytes_max {
        let hash = Sha256::digest(&key[start..]);
        key.truncate(start + bytes_max);
        key.extend(hash);
    }
}

/// `index id, encoded values`: precedes the row keys of every row with these values.
pub(crate) fn index_prefix(index_id: u32, values: &[u8]) -> Vec<u8> {
    let start = size_of_val(&index_id);
    let mut prefix = Vec::with_capacity(start + values.len());
    prefix.extend(index_id.to_be_bytes());
    prefix.extend(values);
    shorten(&mut prefix, start, INDEXED_BYTES_MAX);
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
    pub(crate) const GROUP_TABLES: &[u8] = b"groups";
    pub(crate) const TRACKED_VIEWS: &[u8] = b"views";
    pub(crate) const PROGRESS: &[u8] = b"progress/";

    pub(crate) fn progress(service: &str) -> Vec<u8> {
        [PROGRESS, service.as_bytes()].concat()
    }
}
