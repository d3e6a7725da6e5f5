//! The index of one generation, opened as its one writer.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use prejoin_engine::{Follower, RowOutcome};
use prejoin_envelope::Position;
use tantivy::indexer::{IndexWriterOptions, LogMergePolicy, NoMergePolicy};
use tantivy::{Index, IndexReader, IndexWriter, ReloadPolicy, TantivyError};

use crate::search::analyzer::{analyzer, tokenizer_name};
use crate::search::definition::IndexDefinition;
use crate::search::description::Description;
use crate::search::directory::{IndexPlace, remove};
use crate::search::document::{Fields, schema};
use crate::search::error::SearchError;
use crate::search::stand::{IndexRows, IndexStand};

/// What tantivy's writer needs at least, and takes at most.
const HEAP_BYTES: std::ops::RangeInclusive<usize> = 16 << 20..=2 << 30;
/// Segments of which more was deleted than this part are written anew.
const DELETED_PART_MAX: f32 = 0.3;
/// Larger segments stay as they are, so that closing an index does not wait for long.
const MERGED_DOCUMENTS_MAX: usize = 500_000;

const WRITER: &str = "only dropping it takes the writer away";

/// Documents and position change in one commit. After an error it is to be dropped: opened again, it stands at its last
/// commit.
pub struct SearchIndex {
    place: IndexPlace,
    path: PathBuf,
    fingerprint: String,
    fields: Fields,
    /// Nothing while it is dropped.
    writer: Option<IndexWriter>,
    stand: IndexStand,
}

impl SearchIndex {
    /// Makes an index without rows in a directory that is not there yet, to be built from `base` on. Until its first
    /// commit the directory is nothing that could be opened.
    pub fn create(
        data_directory: &Path,
        place: IndexPlace,
        definition: &IndexDefinition,
        base: &Position,
        heap_bytes: usize,
    ) -> Result<Self, SearchError> {
        let path = place.path(data_directory);
        remove(&path)?;
        std::fs::create_dir_all(&path).map_err(|source| SearchError::files(&path, source))?;
        let (schema, fields) = schema(definition);
        let index = Index::create_in_dir(&path, schema).map_err(|error| SearchError::index(&path, error))?;
        Description::of(definition, place.generation).write(&path)?;
        register_analyzers(&index, definition);
        let writer = writer(&index, heap_bytes).map_err(|error| SearchError::index(&path, error))?;
        let writer = Some(writer);
        let stand = IndexStand::built_from(base);
        let fingerprint = definition.fingerprint.clone();
        Ok(SearchIndex { place, path, fingerprint, fields, writer, stand })
    }

    /// Opens an index that is to hold this. Reads all of it, to find what was damaged.
    pub fn open(
        data_directory: &Path,
        place: IndexPlace,
        definition: &IndexDefinition,
        heap_bytes: usize,
    ) -> Result<Self, SearchError> {
        let path = place.path(data_directory);
        let unusable = |reason: String| SearchError::unusable(&path, reason);
        let described = Description::read(&path)?;
        if described.fingerprint != definition.fingerprint {
            return Err(unusable("what it is to hold means something else now".to_owned()));
        }
        if described != Description::of(definition, place.generation) {
            return Err(unusable("it describes another index".to_owned()));
        }
        let failed = |error: TantivyError| SearchError::index(&path, error);
        let index = Index::open_in_dir(&path).map_err(failed)?;
        let (schema, fields) = schema(definition);
        if index.schema() != schema {
            return Err(unusable("its fields are other ones".to_owned()));
        }
        let payload = index.load_metas().map_err(failed)?.payload;
        let payload = payload.ok_or_else(|| unusable("it was never completed".to_owned()))?;
        let stand = IndexStand::from_payload(&payload, &definition.fingerprint, place.generation);
        let stand = stand.map_err(unusable)?;
        check_files(&index).map_err(failed)?.map_err(unusable)?;
        register_analyzers(&index, definition);
        let writer = writer(&index, heap_bytes).map_err(failed)?;
        // What a commit that was killed left behind has the names that the next one will want.
        writer.garbage_collect_files().wait().map_err(failed)?;
        let fingerprint = definition.fingerprint.clone();
        Ok(SearchIndex { place, path, fingerprint, fields, writer: Some(writer), stand })
    }

    pub fn place(&self) -> &IndexPlace {
        &self.place
    }

    /// Where it stands at its last commit.
    pub fn stand(&self) -> &IndexStand {
        &self.stand
    }

    /// Whether its directory is still there: files that are open do not tell.
    pub fn is_there(&self) -> bool {
        self.path.join("meta.json").exists()
    }

    /// Adds rows of a build whose keys it does not have yet.
    pub fn add_rows(&mut self, rows: &[(Bytes, RowOutcome)]) -> Result<(), SearchError> {
        for (key, outcome) in rows {
            if let RowOutcome::Row(row) = outcome {
                self.add(key, row)?;
            }
        }
        Ok(())
    }

    /// Puts rows in the place of those with their keys: each key once in a commit. A row that failed stays what it was.
    pub fn replace_rows(&mut self, rows: &[(Bytes, RowOutcome)]) -> Result<(), SearchError> {
        for (key, outcome) in rows {
            if let RowOutcome::Row(_) | RowOutcome::Absent = outcome {
                self.writer().delete_term(self.fields.term(key));
            }
            if let RowOutcome::Row(row) = outcome {
                self.add(key, row)?;
            }
        }
        Ok(())
    }

    /// Commits rows of a build and where its next slice begins; after the last one the build is complete.
    pub fn commit_build(&mut self, next: Option<Bytes>) -> Result<(), SearchError> {
        let rows = match next {
            Some(cursor) => IndexRows::Building { cursor: Some(cursor) },
            None => IndexRows::Complete,
        };
        self.commit(IndexStand { rows, ..self.stand.clone() })
    }

    /// Commits rows and the place in the journal that they were followed to. What they were computed from must be synced.
    pub fn commit_following(&mut self, follower: &Follower) -> Result<(), SearchError> {
        self.commit(IndexStand::following(follower))
    }

    fn writer(&self) -> &IndexWriter {
        self.writer.as_ref().expect(WRITER)
    }

    fn add(&self, key: &[u8], row: &prejoin_model::Row) -> Result<(), SearchError> {
        let added = self.writer().add_document(self.fields.document(key, row));
        added.map(drop).map_err(|error| SearchError::index(&self.path, error))
    }

    fn commit(&mut self, stand: IndexStand) -> Result<(), SearchError> {
        let payload = stand.to_payload(&self.fingerprint, self.place.generation);
        let writer = self.writer.as_mut().expect(WRITER);
        let committed = writer.prepare_commit().and_then(|mut prepared| {
            prepared.set_payload(&payload);
            prepared.commit()
        });
        committed.map_err(|error| SearchError::index(&self.path, error))?;
        self.stand = stand;
        Ok(())
    }
}

impl Drop for SearchIndex {
    /// Lets a merge that is under way end: it would write to a directory that is another's by then.
    fn drop(&mut self) {
        if let Some(writer) = self.writer.take() {
            writer.set_merge_policy(Box::new(NoMergePolicy));
            if let Err(error) = writer.wait_merging_threads() {
                tracing::debug!(path = %self.path.display(), %error, "a search index was closed");
            }
        }
    }
}

fn register_analyzers(index: &Index, definition: &IndexDefinition) {
    for column in &definition.columns {
        let analyzer = analyzer(column.language).expect("a plan names languages that there are");
        index.tokenizers().register(&tokenizer_name(column.language), analyzer);
    }
}

fn writer(index: &Index, heap_bytes: usize) -> Result<IndexWriter, TantivyError> {
    let options = IndexWriterOptions::builder()
        .memory_budget_per_thread(heap_bytes.clamp(*HEAP_BYTES.start(), *HEAP_BYTES.end()))
        .num_worker_threads(1)
        .num_merge_threads(1)
        .build();
    let writer = index.writer_with_options(options)?;
    let mut merging = LogMergePolicy::default();
    merging.set_del_docs_ratio_before_merge(DELETED_PART_MAX);
    merging.set_max_docs_before_merge(MERGED_DOCUMENTS_MAX);
    writer.set_merge_policy(Box::new(merging));
    // Tantivy counts operations on from the last commit, and would give its number to the next one again. A removal with
    // that number is taken for one that the commit holds, by a merge that a killed writer left over: it is lost.
    writer.run([])?;
    Ok(writer)
}

/// The reason if a file is not what was written.
fn check_files(index: &Index) -> Result<Result<(), String>, TantivyError> {
    let damaged = index.validate_checksum()?;
    if let Some(file) = damaged.iter().min() {
        let reason = format!("{} of its files are damaged, {} among them", damaged.len(), file.display());
        return Ok(Err(reason));
    }
    let _: IndexReader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
    Ok(Ok(()))
}
