//! The end of a stream: where it lies, and the last event in it that carries a usable sequence.

use prejoin_envelope::EventHead;

use crate::port::{EventLog, LogError, Message};

/// Where a stream ends, and what its last numbered event is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogTail {
    /// The stream sequence of the last message, whatever it is; 0 if nothing was ever published.
    pub stream_last: u64,
    /// The last retained message that carries a usable `sequence`, and that.
    pub event: Option<(Message, u64)>,
}

impl LogTail {
    /// The dense sequence of the last numbered event; 0 if there is none.
    pub fn sequence(&self) -> u64 {
        self.event.as_ref().map_or(0, |(_, sequence)| *sequence)
    }
}

/// Reads the end of a service's stream, going back over messages without a usable sequence.
pub async fn tail(log: &dyn EventLog, service: &str) -> Result<LogTail, LogError> {
    let bounds = log.bounds(service).await?;
    let mut stream_sequence = bounds.last;
    while stream_sequence >= bounds.first && stream_sequence > 0 {
        if let Some(message) = log.get(service, stream_sequence).await?
            && let Some(sequence) = EventHead::sequence_of(&message.payload)
        {
            return Ok(LogTail { stream_last: bounds.last, event: Some((message, sequence)) });
        }
        stream_sequence -= 1;
    }
    Ok(LogTail { stream_last: bounds.last, event: None })
}

/// The last retained message with a usable sequence: what a publisher compares its own last rows with.
pub async fn last_event(log: &dyn EventLog, service: &str) -> Result<Option<(Message, u64)>, LogError> {
    Ok(tail(log, service).await?.event)
}
