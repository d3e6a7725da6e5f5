//! Why a service does not start, or stops.

use std::path::PathBuf;

use prejoin_outbox::OutboxError;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum ServiceError {
    #[error("the directory {directory} for the database of {service} cannot be created: {source}")]
    Directory { service: String, directory: PathBuf, source: std::io::Error },
    #[error("the database of {service}, {path}, could not {doing}: {source}")]
    Database { service: String, path: PathBuf, doing: &'static str, source: sqlx::Error },
    #[error(
        "the database {path} belongs to {owner}, not to {service}: give every service a database of its own"
    )]
    Owner { service: String, path: PathBuf, owner: String },
    #[error(
        "the database {path} of {service} has version {found}, this program knows versions up to {known}: start a newer program"
    )]
    Version { service: String, path: PathBuf, found: i64, known: i64 },
    #[error("the file {path} for the database of {service} cannot be written: {source}")]
    File { service: String, path: PathBuf, source: std::io::Error },
    #[error("the HTTP server of {service} failed: {source}")]
    Server { service: String, source: std::io::Error },
    #[error(transparent)]
    Outbox(#[from] OutboxError),
}
