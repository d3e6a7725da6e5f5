//! Rows of a build in the form in which their database takes many: made by whoever computes them, so that the one writer only
//! hands them over.

use std::sync::Arc;

use bytes::Bytes;
use prejoin_engine::RowOutcome;

use crate::StoreError;
use crate::columns::{StoredColumn, StoredValue};
use crate::database::{Dialect, KeyedRow};
use crate::live::not_open;
use crate::store::ViewStore;

/// Rows as a database takes many of them at once, in key order.
pub(crate) enum Loadable {
    /// Each row's key, and its values behind it.
    Sqlite(Vec<StoredValue>),
    /// Parts of COPY's text.
    Postgres(Vec<String>),
}

impl Loadable {
    /// Rows that come behind these.
    pub(crate) fn append(&mut self, rows: Loadable) {
        match (self, rows) {
            (Loadable::Sqlite(all), Loadable::Sqlite(rows)) => all.extend(rows),
            (Loadable::Postgres(all), Loadable::Postgres(rows)) => all.extend(rows),
            _ => unreachable!("rows of one generation are packed for one kind of database"),
        }
    }
}

/// Knows what a generation's rows look like in the store, and needs no connection.
#[derive(Clone)]
pub struct Packer {
    dialect: &'static Dialect,
    columns: Arc<[StoredColumn]>,
}

/// Some successive rows of a build, ready to be written.
pub struct PackedRows {
    pub(crate) first_key: Option<Bytes>,
    pub(crate) good: i64,
    pub(crate) loadable: Loadable,
    /// With the reasons.
    pub(crate) failed: Vec<(Bytes, String)>,
}

impl ViewStore {
    /// For rows of a generation that is being built.
    pub fn packer(&self, view: &str, generation: i64) -> Result<Packer, StoreError> {
        match self.open.get(&(view.to_owned(), generation)) {
            Some(open) => {
                Ok(Packer { dialect: self.link.dialect(), columns: open.entry.columns.as_slice().into() })
            }
            None => Err(self.failed(not_open(view, generation))),
        }
    }
}

impl Packer {
    pub fn pack(&self, rows: &[(Bytes, RowOutcome)]) -> PackedRows {
        let (mut good, mut failed): (Vec<KeyedRow<'_>>, _) = (Vec::with_capacity(rows.len()), Vec::new());
        for (key, outcome) in rows {
            match outcome {
                RowOutcome::Row(row) => good.push((key, row)),
                RowOutcome::Failed(error) => failed.push((key.clone(), error.to_string())),
                // There is nothing yet under the key.
                RowOutcome::Absent => {}
            }
        }
        let loadable = (self.dialect.pack)(&self.columns, &good);
        let first_key = rows.first().map(|(key, _)| key.clone());
        PackedRows { first_key, good: crate::database::signed(good.len() as u64), loadable, failed }
    }
}
