//! From a row to what the index keeps of it: its key, and the texts of its fulltext columns.

use prejoin_model::{Json, Row, Value, to_text};
use sha2::{Digest, Sha256};
use tantivy::schema::{Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::schema::{INDEXED, STORED};
use tantivy::{TantivyDocument, Term};

use crate::search::analyzer::tokenizer_name;
use crate::search::definition::{IndexDefinition, IndexedColumn};

/// The stored key of a row, as the table has it in `_key`.
pub(crate) const KEY_FIELD: &str = "_key";
/// What finds a row's document when it is to be replaced.
const ID_FIELD: &str = "_id";
/// Terms have at most 65,530 bytes: a longer key is found by its hash.
const ID_BYTES_MAX: usize = 512;

/// The fields of an index.
pub(crate) struct Fields {
    pub key: Field,
    pub id: Field,
    /// In the order of the definition's columns.
    texts: Vec<Field>,
    places: Vec<usize>,
}

pub(crate) fn schema(definition: &IndexDefinition) -> (Schema, Fields) {
    let mut builder = Schema::builder();
    let key = builder.add_bytes_field(KEY_FIELD, STORED);
    let id = builder.add_bytes_field(ID_FIELD, INDEXED);
    let texts = definition.columns.iter().enumerate().map(|(number, column)| {
        let indexing = TextFieldIndexing::default()
            .set_tokenizer(&tokenizer_name(column.language))
            .set_index_option(IndexRecordOption::WithFreqsAndPositions);
        let options = TextOptions::default().set_indexing_options(indexing);
        builder.add_text_field(&IndexedColumn::field_name(number), options)
    });
    let texts = texts.collect();
    let places = definition.columns.iter().map(|column| column.place).collect();
    (builder.build(), Fields { key, id, texts, places })
}

impl Fields {
    /// What finds the document of the row with this key.
    pub(crate) fn term(&self, key: &[u8]) -> Term {
        Term::from_field_bytes(self.id, &id(key))
    }

    pub(crate) fn document(&self, key: &[u8], row: &Row) -> TantivyDocument {
        let mut document = TantivyDocument::new();
        document.add_bytes(self.key, key);
        document.add_bytes(self.id, &id(key));
        for (&field, &place) in self.texts.iter().zip(&self.places) {
            if let Some(value) = row.get(place) {
                add_texts(value, &mut |text| document.add_text(field, text));
            }
        }
        document
    }
}

fn id(key: &[u8]) -> Vec<u8> {
    if key.len() <= ID_BYTES_MAX { key.to_vec() } else { Sha256::digest(key).to_vec() }
}

/// The texts of a value: of jsonb its strings, as PostgreSQL's `to_tsvector` has them; of an array those of its elements.
fn add_texts(value: &Value, add: &mut impl FnMut(&str)) {
    match value {
        Value::Null => {}
        Value::Text(text) => add(text),
        Value::Jsonb(json) => add_strings(json, add),
        Value::Array(array) => array.values().iter().for_each(|value| add_texts(value, add)),
        other => {
            if let Some(text) = to_text(other) {
                add(&text);
            }
        }
    }
}

/// Documents are nested no deeper than what reads them allows.
fn add_strings(json: &Json, add: &mut impl FnMut(&str)) {
    match json {
        Json::String(text) => add(text),
        Json::Array(elements) => elements.iter().for_each(|element| add_strings(element, add)),
        Json::Object(pairs) => pairs.iter().for_each(|(_, value)| add_strings(value, add)),
        Json::Null | Json::Boolean(_) | Json::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use prejoin_model::{Type, from_text};

    use super::*;

    fn texts(kind: Type, text: &str) -> Vec<String> {
        let value = from_text(kind, text).expect("the text is of the type");
        let mut texts = Vec::new();
        add_texts(&value, &mut |text| texts.push(text.to_owned()));
        texts
    }

    #[test]
    fn values_have_texts() {
        assert_eq!(texts(Type::Text, "Ada Lovelace"), ["Ada Lovelace"]);
        assert_eq!(texts(Type::Numeric, "10.50"), ["10.50"]);
        assert_eq!(
            texts(Type::Jsonb, r#"[{"name": "Tofu", "n": 3, "tags": ["a b", null, true]}, "x"]"#),
            ["Tofu", "a b", "x"]
        );
    }

    #[test]
    fn long_keys_that_begin_alike_are_told_apart() {
        let (one, other) = ([7; 70_000], [&[7; 69_999][..], &[8]].concat());
        assert_ne!(id(&one), id(&other));
        assert_eq!(id(&one), id(&one));
        assert_eq!(id(b"short"), b"short");
    }
}
