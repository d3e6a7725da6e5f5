//! What can go wrong with a view store.

use thiserror::Error;

#[derive(Debug, Error)]
pub enum StoreError {
    /// The database is away, or refused. Trying again after opening the store anew may help.
    #[error("the view store {store}: {source}")]
    Database { store: String, source: sqlx::Error },
    #[error(
        "the view store {store} has format {found}; this version writes format {expected}. Start the version that wrote it, or a newer one; or remove it: it is built anew from the state"
    )]
    Format { store: String, found: i64, expected: i64 },
    #[error("another projector has taken over the view store {store}; this one must not write any more")]
    Superseded { store: String },
    #[error(
        "the view store {store} holds a catalog that cannot be read: {detail}. Remove it: it is built anew from the state"
    )]
    Damaged { store: String, detail: String },
    #[error("the view store {store} was moved, removed or replaced while it was written to")]
    Replaced { store: String },
    /// Nothing was done: readers in the middle of a transaction hold what was to be changed. The store is still usable;
    /// trying again helps when they are done.
    #[error("the view store {store} is held by its readers: {source}")]
    Held { store: String, source: sqlx::Error },
    /// Nothing was done: only a generation that is complete may be shown to readers.
    #[error("generation {generation} of {view} in the view store {store} is not ready to be shown")]
    NotReady { store: String, view: String, generation: i64 },
}
