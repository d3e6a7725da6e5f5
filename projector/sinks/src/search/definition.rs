//! What a search index is to hold, and the name of that meaning.

use prejoin_engine::View;
use prejoin_model::Type;
use sha2::{Digest, Sha256};

/// Raised when a directory of an earlier version cannot be gone on with: it is built anew.
pub(crate) const INDEX_FORMAT: u32 = 1;

/// The fulltext columns of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexDefinition {
    pub view: String,
    pub columns: Vec<IndexedColumn>,
    /// Changes exactly when the view, its contracts, the columns, their languages, or the index's format do: 32 hexadecimal
    /// digits. The table's fingerprint does not change with what is indexed.
    pub fingerprint: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedColumn {
    pub name: String,
    pub kind: Type,
    /// One of `prejoin_sql::FULLTEXT_LANGUAGES`.
    pub language: &'static str,
    /// Its place in the view's rows.
    pub(crate) place: usize,
}

impl IndexedColumn {
    /// The name of the index's field: a column's own name may hold characters that mean something in a query.
    pub(crate) fn field_name(number: usize) -> String {
        format!("f{number}")
    }
}

impl IndexDefinition {
    /// Nothing if the view declares no fulltext index.
    pub fn of(view: &View) -> Option<IndexDefinition> {
        let declared = &view.plan.fulltext_columns;
        let columns: Vec<IndexedColumn> = declared
            .iter()
            .map(|indexed| {
                let column = &view.plan.columns[indexed.column];
                let (name, kind) = (column.name.clone(), column.kind);
                IndexedColumn { name, kind, language: indexed.language, place: indexed.column }
            })
            .collect();
        let fingerprint = fingerprint(&view.fingerprint, &columns);
        (!columns.is_empty()).then(|| IndexDefinition { view: view.plan.name.clone(), columns, fingerprint })
    }
}

fn fingerprint(view: &str, columns: &[IndexedColumn]) -> String {
    let mut hash = Sha256::new();
    hash.update(INDEX_FORMAT.to_le_bytes());
    let texts = columns.iter().flat_map(|column| [column.name.as_str(), column.language]);
    for text in std::iter::once(view).chain(texts) {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}
