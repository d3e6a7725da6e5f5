//! What can go wrong with a view store.

use thiserror::Error;

#[derive(Debug, Error)]
pub enum StoreError {
    #[error("the view store {path}: {source}")]
    Database { path: String, source: sqlx::Error },
    #[error(
        "the view store {path} has format {found}; this version writes format {expected}. Move the file away: it is built anew from the state"
    )]
    Format { path: String, found: i64, expected: i64 },
    #[error("another projector has taken over the view store {path}; this one must not write any more")]
    Superseded { path: String },
    #[error(
        "the view store {path} holds a catalog that cannot be read: {detail}. Move the file away: it is built anew from the state"
    )]
    Damaged { path: String, detail: String },
    #[error("the view store {path} was moved, removed or replaced while it was written to")]
    Replaced { path: String },
}
