//! An index opened as a reader does, that knows only what the catalog and `prejoin-index.json` say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use prejoin_projector::search_index::analyzer;
use serde_json::Value;
use tantivy::collector::DocSetCollector;
use tantivy::query::{AllQuery, TermQuery};
use tantivy::schema::{IndexRecordOption, Value as _};
use tantivy::{Index, Searcher, TantivyDocument, Term};

/// How many rows have a word, by column and word.
pub(crate) type Words = BTreeMap<(String, String), usize>;

/// Documents and words of an index. The error says what cannot be read, or is wrong in itself.
pub(crate) fn read(directory: &Path) -> Result<(usize, Words), String> {
    let described = std::fs::read_to_string(directory.join("prejoin-index.json"));
    let described = described.map_err(|error| error.to_string())?;
    let described: Value = serde_json::from_str(&described).map_err(|error| error.to_string())?;
    let index = Index::open_in_dir(directory).map_err(|error| error.to_string())?;
    let searcher = index.reader().map_err(|error| error.to_string())?.searcher();
    let key_field = index.schema().get_field(text(&described["key_field"])).expect("there is a key");
    let all = searcher.search(&AllQuery, &DocSetCollector).map_err(|error| error.to_string())?;
    let mut keys = BTreeSet::new();
    for address in &all {
        let document: TantivyDocument = searcher.doc(*address).map_err(|error| error.to_string())?;
        let key = document.get_first(key_field).and_then(|key| key.as_bytes().map(<[u8]>::to_vec));
        if !keys.insert(key.ok_or("a document has no key")?) {
            return Err("a row is in the index twice".to_owned());
        }
    }
    let mut words = Words::new();
    for column in described["columns"].as_array().expect("there are columns") {
        let field = index.schema().get_field(text(&column["field"])).expect("there is the field");
        for word in terms(&searcher, field)? {
            let query = TermQuery::new(Term::from_field_text(field, &word), IndexRecordOption::Basic);
            let found = searcher.search(&query, &DocSetCollector).map_err(|error| error.to_string())?;
            if !found.is_empty() {
                words.insert((text(&column["name"]).to_owned(), word), found.len());
            }
        }
    }
    Ok((all.len(), words))
}

fn terms(searcher: &Searcher, field: tantivy::schema::Field) -> Result<BTreeSet<String>, String> {
    let mut known = BTreeSet::new();
    for segment in searcher.segment_readers() {
        let inverted = segment.inverted_index(field).map_err(|error| error.to_string())?;
        let mut terms = inverted.terms().stream().map_err(|error| error.to_string())?;
        while terms.advance() {
            known.insert(String::from_utf8_lossy(terms.key()).into_owned());
        }
    }
    Ok(known)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// What an index of these columns, each with its language, says of these rows.
pub(crate) fn expected(rows: &[Value], columns: &[(&str, &str)]) -> (usize, Words) {
    let mut words = Words::new();
    for row in rows {
        for (column, language) in columns {
            let mut in_row = BTreeSet::new();
            words_of(&row[*column], language, &mut in_row);
            for word in in_row {
                *words.entry(((*column).to_owned(), word)).or_default() += 1;
            }
        }
    }
    (rows.len(), words)
}

fn words_of(value: &Value, language: &str, words: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            let mut analyzer = analyzer(language).expect("the language is known");
            analyzer.token_stream(text).process(&mut |token| words.extend([token.text.clone()]));
        }
        Value::Array(values) => values.iter().for_each(|value| words_of(value, language, words)),
        Value::Object(map) => map.values().for_each(|value| words_of(value, language, words)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
