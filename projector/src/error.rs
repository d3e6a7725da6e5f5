//! Why the projector stopped.

use prejoin_engine::EngineError;
use prejoin_event_log::LogError;
use prejoin_sinks::StoreError;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum ProjectorError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("{path}: {source}")]
    Files { path: String, source: std::io::Error },
    #[error("the event log refuses to go on with {service}: {reason}")]
    Refused { service: String, reason: String },
    #[error(
        "another projector writes to the view store {store}. Stop it, or start this one with --standby: it takes over when the other one falls silent"
    )]
    AnotherWrites { store: String },
    /// The log ends before the position that a view's readers have seen.
    #[error(
        "{view} stands at {wanted}, but the event log ends at {reached}: the log was cut or is another one. Restore it; or, if it is right, move views.sqlite away and it is built anew"
    )]
    Unreached { view: String, wanted: String, reached: String },
}
