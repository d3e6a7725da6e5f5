//! `prejoin-index.json`: what a directory's index holds, for whoever opens it to search.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::search::analyzer::tokenizer_name;
use crate::search::definition::{INDEX_FORMAT, IndexDefinition, IndexedColumn};
use crate::search::document::KEY_FIELD;
use crate::search::error::SearchError;

const FILE: &str = "prejoin-index.json";

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Description {
    pub format: u32,
    pub view: String,
    pub generation: i64,
    pub fingerprint: String,
    /// The field that holds a row's key.
    key_field: String,
    pub columns: Vec<DescribedColumn>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DescribedColumn {
    pub name: String,
    r#type: String,
    /// The field of the index that holds its words.
    field: String,
    pub language: String,
    /// The name under which the index knows the analyzer of the language.
    tokenizer: String,
}

impl Description {
    pub(crate) fn of(definition: &IndexDefinition, generation: i64) -> Self {
        let columns = definition.columns.iter().enumerate().map(|(number, column)| DescribedColumn {
            name: column.name.clone(),
            r#type: column.kind.name().to_owned(),
            field: IndexedColumn::field_name(number),
            language: column.language.to_owned(),
            tokenizer: tokenizer_name(column.language),
        });
        Description {
            format: INDEX_FORMAT,
            view: definition.view.clone(),
            generation,
            fingerprint: definition.fingerprint.clone(),
            key_field: KEY_FIELD.to_owned(),
            columns: columns.collect(),
        }
    }

    pub(crate) fn write(&self, directory: &Path) -> Result<(), SearchError> {
        let path = directory.join(FILE);
        let text = serde_json::to_string_pretty(self).expect("texts and numbers always serialize");
        let unfinished = path.with_extension("unfinished");
        let written = fs::write(&unfinished, text).and_then(|()| fs::rename(&unfinished, &path));
        written.map_err(|source| SearchError::files(&path, source))
    }

    pub(crate) fn read(directory: &Path) -> Result<Self, SearchError> {
        let path = directory.join(FILE);
        let text = fs::read_to_string(&path).map_err(|source| SearchError::files(&path, source))?;
        // Of a later format only the number can be relied on.
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let unusable = |error: serde_json::Error| SearchError::unusable(directory, error.to_string());
        let Format { format } = serde_json::from_str(&text).map_err(unusable)?;
        if format != INDEX_FORMAT {
            let reason = format!("it has format {format}, and this version writes format {INDEX_FORMAT}");
            return Err(SearchError::unusable(directory, reason));
        }
        serde_json::from_str(&text).map_err(unusable)
    }
}
