//! The indexes beside the view store, opened to search.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;
use std::{fs, io};

use prejoin_envelope::Position;
use sha2::{Digest, Sha256};
use tantivy::collector::{Count, TopDocs};
use tantivy::query::{BooleanQuery, ConstScoreQuery, Query, TermSetQuery};
use tantivy::schema::{Field, Value};
use tantivy::{DocAddress, Index, IndexReader, ReloadPolicy, Searcher, TantivyDocument, TantivyError, Term};

use super::analyzer::analyzer;
use super::compile::{SearchedColumn, compile};
use super::description::{self, Description};
use super::neutral::NeutralStatistics;
use super::text_query::TextQuery;
use super::tolerance::Typos;
use crate::Error;

/// Blocks of keys that a reader keeps unpacked, for each part of an index.
const KEY_BLOCKS_CACHED: usize = 256;
/// Where tantivy says what a commit consists of.
const META_FILE: &str = "meta.json";
const ID_FIELD: &str = "_id";
const ID_BYTES_MAX: usize = 512;

/// Opens what the catalog names, and keeps it open for as long as the catalog names it.
pub(crate) struct SearchIndexes {
    data_directory: PathBuf,
    /// By view: the directory's name, and the index in it.
    open: Mutex<HashMap<String, (String, Arc<OpenIndex>)>>,
}

pub(crate) struct OpenIndex {
    directory: PathBuf,
    index: Index,
    reader: IndexReader,
    key_field: Field,
    id_field: Field,
    columns: Vec<SearchedColumn>,
    /// What its last commit was when it was last looked at.
    seen: Mutex<Option<Seen>>,
}

/// A commit that the reader has loaded.
struct Seen {
    commit: CommitMark,
    position: Position,
}

/// Tells a commit from others before and after it: each puts a new file in the place of the last one.
#[derive(PartialEq, Eq)]
struct CommitMark {
    modified: SystemTime,
    bytes: u64,
    #[cfg(unix)]
    inode: u64,
}

/// An index at one commit.
pub(crate) struct IndexSnapshot {
    index: Arc<OpenIndex>,
    searcher: Searcher,
    /// What the words reflect at least.
    pub(crate) position: Position,
}

/// A row that was found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Hit {
    pub(crate) key: Vec<u8>,
    pub(crate) score: f32,
}

impl SearchIndexes {
    pub(crate) fn new(data_directory: PathBuf) -> SearchIndexes {
        SearchIndexes { data_directory, open: Mutex::default() }
    }

    /// The index in the directory that the catalog names for a view's current generation. Reads files: not for async code.
    pub(crate) fn snapshot(
        &self,
        view: &str,
        generation: i64,
        directory: &str,
    ) -> Result<IndexSnapshot, Error> {
        let known =
            self.lock().get(view).filter(|(name, _)| name == directory).map(|(_, index)| index.clone());
        let index = match known {
            Some(index) => index,
            None => {
                let index =
                    Arc::new(OpenIndex::open(&self.data_directory.join(directory), view, generation)?);
                self.lock().insert(view.to_owned(), (directory.to_owned(), index.clone()));
                index
            }
        };
        let snapshot = OpenIndex::snapshot(&index);
        if snapshot.is_err() {
            // Its files may be gone, or others have their names: the next search opens it anew.
            self.lock().remove(view);
        }
        snapshot
    }

    /// The same if it is open and has no commit since: this only looks at a file's date.
    pub(crate) fn unchanged(&self, view: &str, directory: &str) -> Option<IndexSnapshot> {
        let index =
            self.lock().get(view).filter(|(name, _)| name == directory).map(|(_, index)| index.clone())?;
        let commit = CommitMark::of(&index.directory).ok()?;
        let seen = index.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let position = seen.as_ref().filter(|seen| seen.commit == commit)?.position.clone();
        drop(seen);
        Some(IndexSnapshot { searcher: index.reader.searcher(), index, position })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, (String, Arc<OpenIndex>)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenIndex {
    fn open(directory: &Path, view: &str, generation: i64) -> Result<OpenIndex, Error> {
        let description = Description::read(directory)?;
        if (description.view.as_str(), description.generation) != (view, generation) {
            return Err(Error::index_absent(directory, "it is another view's"));
        }
        let failed = |error: TantivyError| Error::index_absent(directory, error);
        let index = Index::open_in_dir(directory).map_err(failed)?;
        let field = |name: &str| index.schema().get_field(name).map_err(failed);
        let columns = description
            .columns
            .into_iter()
            .map(|column| {
                let analyzer = analyzer(&column.language).ok_or_else(|| {
                    Error::unreadable(format!("a search index in the language {}", column.language))
                })?;
                index.tokenizers().register(&column.tokenizer, analyzer.clone());
                let field = field(&column.field)?;
                Ok(SearchedColumn { name: column.name, language: column.language, field, analyzer })
            })
            .collect::<Result<_, Error>>()?;
        let (key_field, id_field) = (field(&description.key_field)?, field(ID_FIELD)?);
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .doc_store_cache_num_blocks(KEY_BLOCKS_CACHED)
            .try_into()
            .map_err(failed)?;
        let (directory, seen) = (directory.to_owned(), Mutex::default());
        Ok(OpenIndex { directory, index, reader, key_field, id_field, columns, seen })
    }

    fn snapshot(index: &Arc<OpenIndex>) -> Result<IndexSnapshot, Error> {
        let failed = |error: TantivyError| Error::index_absent(&index.directory, error);
        // Looked at first: a commit that comes meanwhile is seen next time.
        let commit =
            CommitMark::of(&index.directory).map_err(|error| Error::index_absent(&index.directory, error))?;
        // Read before the words: they are of this commit, or of a later one.
        let payload = index.index.load_metas().map_err(failed)?.payload;
        let position = description::position(&index.directory, payload.as_deref())?;
        index.reader.reload().map_err(failed)?;
        *index.seen.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Seen { commit, position: position.clone() });
        Ok(IndexSnapshot { index: index.clone(), searcher: index.reader.searcher(), position })
    }
}

impl CommitMark {
    fn of(directory: &Path) -> io::Result<CommitMark> {
        let metadata = fs::metadata(directory.join(META_FILE))?;
        Ok(CommitMark {
            modified: metadata.modified()?,
            bytes: metadata.len(),
            #[cfg(unix)]
            inode: std::os::unix::fs::MetadataExt::ino(&metadata),
        })
    }
}

/// By what words are weighed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weighing {
    /// The rarer, the more.
    ByRarity,
    /// All the same: nothing is told of rows that the caller does not see.
    Alike,
}

impl IndexSnapshot {
    pub(crate) fn columns(&self) -> &[SearchedColumn] {
        &self.index.columns
    }

    /// Fails for a column whose words are not in the index.
    pub(crate) fn column(&self, name: &str) -> Result<&SearchedColumn, Error> {
        self.columns().iter().find(|column| column.name == name).ok_or_else(|| {
            let reason = format!("Column '{name}' has no fulltext index.");
            Error::NotImplemented { reason }
        })
    }

    /// Nothing if the query names no word.
    pub(crate) fn compile(
        &self,
        query: &TextQuery,
        columns: &[&SearchedColumn],
        typos: Typos,
    ) -> Option<Box<dyn Query>> {
        compile(query, columns, typos)
    }

    /// The same query of these rows only.
    pub(crate) fn restricted(&self, query: Box<dyn Query>, keys: &[Vec<u8>]) -> Box<dyn Query> {
        let term = |key: &Vec<u8>| Term::from_field_bytes(self.index.id_field, &id(key));
        let rows = ConstScoreQuery::new(Box::new(TermSetQuery::new(keys.iter().map(term))), 0.0);
        Box::new(BooleanQuery::intersection(vec![query, Box::new(rows)]))
    }

    pub(crate) fn count(&self, query: &dyn Query) -> Result<usize, Error> {
        self.searcher.search(query, &Count).map_err(|error| self.failed(error))
    }

    /// The best rows, the best first, and how many there are in all.
    pub(crate) fn best(
        &self,
        query: &dyn Query,
        rows_max: usize,
        weighing: Weighing,
    ) -> Result<(Vec<Hit>, usize), Error> {
        let collector = (TopDocs::with_limit(rows_max.max(1)).order_by_score(), Count);
        let found = match weighing {
            Weighing::ByRarity => self.searcher.search(query, &collector),
            Weighing::Alike => {
                self.searcher.search_with_statistics_provider(query, &collector, &NeutralStatistics)
            }
        };
        let (found, count) = found.map_err(|error| self.failed(error))?;
        let found = found.into_iter().take(rows_max);
        let hits = found.map(|(score, address)| Ok(Hit { key: self.key(address)?, score }));
        Ok((hits.collect::<Result<_, Error>>()?, count))
    }

    /// The best rows, the best first: sooner than with their number, for those that cannot be among them are passed over.
    pub(crate) fn first(&self, query: &dyn Query, rows_max: usize) -> Result<Vec<Hit>, Error> {
        let collector = TopDocs::with_limit(rows_max.max(1)).order_by_score();
        let found = self.searcher.search(query, &collector).map_err(|error| self.failed(error))?;
        found
            .into_iter()
            .take(rows_max)
            .map(|(score, address)| Ok(Hit { key: self.key(address)?, score }))
            .collect()
    }

    fn key(&self, address: DocAddress) -> Result<Vec<u8>, Error> {
        let document: TantivyDocument = self.searcher.doc(address).map_err(|error| self.failed(error))?;
        let key = document.get_first(self.index.key_field).and_then(|key| key.as_bytes().map(<[u8]>::to_vec));
        key.ok_or_else(|| Error::unreadable("a document without a key in a search index"))
    }

    fn failed(&self, error: TantivyError) -> Error {
        Error::index_absent(&self.index.directory, error)
    }
}

/// What a row's document is found by: its key, or the hash of one that is too long for a term.
fn id(key: &[u8]) -> Vec<u8> {
    if key.len() <= ID_BYTES_MAX { key.to_vec() } else { Sha256::digest(key).to_vec() }
}
