//! What can go wrong with a search index. None of it stops a projector: the index is built anew beside what serves.

use std::path::Path;

use thiserror::Error;

#[derive(Debug, Error)]
pub enum SearchError {
    #[error("the search index {path}: {source}")]
    Files { path: String, source: std::io::Error },
    #[error("the search index {path}: {source}")]
    Index { path: String, source: Box<tantivy::TantivyError> },
    /// It is there, and it is not what it should be.
    #[error("the search index {path} cannot be used: {reason}")]
    Unusable { path: String, reason: String },
    /// Another writer has it. Trying again helps when that one is done.
    #[error("the search index {path} is being written by another process")]
    Busy { path: String },
}

impl SearchError {
    pub(crate) fn files(path: &Path, source: std::io::Error) -> Self {
        SearchError::Files { path: path.display().to_string(), source }
    }

    pub(crate) fn index(path: &Path, source: tantivy::TantivyError) -> Self {
        let path = path.display().to_string();
        match source {
            tantivy::TantivyError::LockFailure(..) => SearchError::Busy { path },
            source => SearchError::Index { path, source: Box::new(source) },
        }
    }

    pub(crate) fn unusable(path: &Path, reason: impl Into<String>) -> Self {
        SearchError::Unusable { path: path.display().to_string(), reason: reason.into() }
    }
}
