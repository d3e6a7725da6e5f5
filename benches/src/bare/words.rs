//! The search index, asked for the best rows by one word.

use std::fs;
use std::path::Path;

use anyhow::Context;
use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, BoostQuery, FuzzyTermQuery, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption, Value};
use tantivy::{Index, IndexReader, TantivyDocument, Term};

/// Rows of a search.
const HITS: usize = 20;
/// What the beginning of a word counts beside the word itself.
const BEGINNING_WEIGHT: f32 = 0.5;

#[derive(Clone)]
pub(super) struct Words {
    reader: IndexReader,
    columns: Vec<Field>,
    key: Field,
}

pub(super) struct Hit {
    pub(super) key: Vec<u8>,
    pub(super) score: f32,
}

impl Words {
    pub(super) fn open(directory: &Path) -> anyhow::Result<Words> {
        let description = fs::read_to_string(directory.join("prejoin-index.json"))?;
        let description: serde_json::Value = serde_json::from_str(&description)?;
        let index = Index::open_in_dir(directory)?;
        let schema = index.schema();
        let field = |name: &serde_json::Value| -> anyhow::Result<Field> {
            Ok(schema.get_field(name.as_str().context("a field has a name")?)?)
        };
        let columns = description["columns"].as_array().context("an index has columns")?;
        let columns = columns.iter().map(|column| field(&column["field"])).collect::<Result<_, _>>()?;
        let key = field(&description["key_field"])?;
        Ok(Words { reader: index.reader_builder().doc_store_cache_num_blocks(256).try_into()?, columns, key })
    }

    /// Reads files: not for async code.
    pub(super) fn best(&self, word: &str) -> anyhow::Result<Vec<Hit>> {
        let searcher = self.reader.searcher();
        let ways = self.columns.iter().map(|field| -> Box<dyn Query> {
            let term = Term::from_field_text(*field, word);
            let exact = TermQuery::new(term.clone(), IndexRecordOption::WithFreqs);
            let beginning = Box::new(FuzzyTermQuery::new_prefix(term, 0, true));
            let beginning = BoostQuery::new(beginning, BEGINNING_WEIGHT);
            Box::new(BooleanQuery::union(vec![Box::new(exact), Box::new(beginning)]))
        });
        let query = BooleanQuery::union(ways.collect());
        let found = searcher.search(&query, &TopDocs::with_limit(HITS).order_by_score())?;
        let hit = |(score, address)| {
            let document: TantivyDocument = searcher.doc(address)?;
            let key = document.get_first(self.key).and_then(|key| key.as_bytes().map(<[u8]>::to_vec));
            Ok(Hit { key: key.context("a document has a key")?, score })
        };
        found.into_iter().map(hit).collect()
    }
}
