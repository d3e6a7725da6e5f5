//! What can go wrong between a change and the event log.

use prejoin_event_log::LogError;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum OutboxError {
    /// The event cannot be recorded; the transaction is still usable.
    #[error("the event {kind} of {entity:?} cannot be recorded: {reason}")]
    Event { kind: String, entity: String, reason: String },
    #[error("the outbox of {service} could not {doing}: {source}")]
    Store { service: String, doing: &'static str, source: Box<dyn std::error::Error + Send + Sync> },
    #[error(
        "the outbox in this database belongs to {found}, not to {service}: give every service a database of its own"
    )]
    Owner { service: String, found: String },
    #[error(
        "the outbox of {service} has format {found}, this program knows {known}: start the version that wrote it, or a newer one"
    )]
    Format { service: String, found: i64, known: i64 },
    #[error("the outbox of {service} holds a row that cannot be read: {detail}")]
    Damaged { service: String, detail: String },
    #[error("the event log, publishing for {service}: {source}")]
    Log { service: String, source: LogError },
    /// The stream moved while the relay worked: look at it again.
    #[error("another publisher wrote to the stream of {service}: {detail}")]
    Overtaken { service: String, detail: String },
    #[error(
        "the event log holds event {theirs} as number {sequence} of {service}, but this database sent event {ours} under that number. \
         Two databases have written for one service, or one of them was restored from a backup: decide which history is true, \
         and start the service on the database that belongs to it"
    )]
    Conflict { service: String, sequence: u64, ours: String, theirs: String },
    #[error(
        "the event log lost events {first} to {last} of {service}, and this database no longer has them all: {missing} is missing. \
         Restore the log from a backup, or import those events again, then start the service"
    )]
    LostHistory { service: String, first: u64, last: u64, missing: u64 },
    #[error(
        "the event log has no event with number {sequence} of {service}, but later ones: an event was deleted from the stream. \
         Restore the log from a backup, then start the service"
    )]
    Hole { service: String, sequence: u64 },
}

impl OutboxError {
    /// Whether trying again cannot help: somebody has to decide or to repair something.
    pub fn is_final(&self) -> bool {
        match self {
            OutboxError::Owner { .. }
            | OutboxError::Format { .. }
            | OutboxError::Damaged { .. }
            | OutboxError::Conflict { .. }
            | OutboxError::LostHistory { .. }
            | OutboxError::Hole { .. } => true,
            OutboxError::Event { .. }
            | OutboxError::Store { .. }
            | OutboxError::Log { .. }
            | OutboxError::Overtaken { .. } => false,
        }
    }
}
