//! How rare words are, for those who may not know: everywhere the same.
//!
//! A score tells how many rows have a word. To a caller who sees a part of the rows, it must say nothing of the others.

use tantivy::Term;
use tantivy::query::Bm25StatisticsProvider;
use tantivy::schema::Field;

pub(super) struct NeutralStatistics;

const ROWS: u64 = 1 << 20;
const WORDS_PER_ROW: u64 = 8;

impl Bm25StatisticsProvider for NeutralStatistics {
    fn total_num_tokens(&self, _: Field) -> tantivy::Result<u64> {
        Ok(ROWS * WORDS_PER_ROW)
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        Ok(ROWS)
    }

    fn doc_freq(&self, _: &Term) -> tantivy::Result<u64> {
        Ok(1)
    }
}
