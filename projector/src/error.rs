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
}
