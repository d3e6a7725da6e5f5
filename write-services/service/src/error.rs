//! Why a service does not start, or stops.

use std::path::PathBuf;

use prejoin_outbox::OutboxError;
use thiserror::Error;

use crate::database::DatabaseError;

#[derive(Debug, Error)]
pub enum ServiceError {
    #[error("the directory {directory} for the database of {service} cannot be created: {source}")]
    Directory { service: String, directory: PathBuf, source: std::io::Error },
    #[error("{service} cannot use the database {place}: {reason}")]
    Address { service: String, place: String, reason: String },
    #[error("the database of {service}, {place}, could not {doing}: {source}")]
    Database { service: String, place: String, doing: &'static str, source: DatabaseError },
    #[error(
        "the database {place} belongs to {owner}, not to {service}: give every service a database of its own"
    )]
    Owner { service: String, place: String, owner: String },
    #[error(
        "the database {place} of {service} has version {found}, this program knows versions up to {known}: start a newer program"
    )]
    Version { service: String, place: String, found: i64, known: i64 },
    #[error("the file {path} for the database of {service} cannot be written: {source}")]
    File { service: String, path: PathBuf, source: std::io::Error },
    #[error("{name} is not installed, which a copy of the database of {service} needs: install {package}")]
    NoProgram { service: String, name: String, package: &'static str },
    #[error("{name}, copying the database of {service}, failed: {said}")]
    Program { service: String, name: String, said: String },
    #[error("{file} is not a copy of a database of {service}: {reason}")]
    Copy { service: String, file: PathBuf, reason: String },
    #[error("{service} is at work on {place}: stop it, then restore")]
    AtWork { service: String, place: String },
    #[error("the HTTP server of {service} failed: {source}")]
    Server { service: String, source: std::io::Error },
    #[error(transparent)]
    Outbox(#[from] OutboxError),
}
