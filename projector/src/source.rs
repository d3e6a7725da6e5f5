//! One service's stream as a task: attach, read, verify, hand over; and again after every interruption.

use std::sync::Arc;
use std::time::Duration;

use prejoin_engine::{DECISIONS_SERVICE, Incoming};
use prejoin_event_log::{
    Attached, BatchLimit, EventLog, LogError, LogReader, Processed, Verdict, Verifier, attach_and_read,
    payload_hash,
};
use tokio::sync::watch;

use crate::queue::{Arrived, LaneSender};

/// A step takes whole batches: they are no larger than a step may be.
const BATCH: BatchLimit = BatchLimit { messages: 8_192, bytes: 4 << 20 };
/// How long a reader waits for the first message of a batch before it looks around.
const READ_WAIT: Duration = Duration::from_secs(5);
/// The first wait of a reader: how soon an idle stream is known to be read.
const FIRST_READ_WAIT: Duration = Duration::from_millis(20);
/// Between attempts to attach while the log is away or shorter than expected.
const RETRY_WAIT: Duration = Duration::from_millis(500);
/// Between attempts to attach to a log that refuses: a person must do something first, and comparing may mean reading
/// all of it.
const REFUSED_WAIT: Duration = Duration::from_secs(30);

/// How a source is, for `/status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SourceState {
    Attaching,
    Reading,
    /// The log is away or shorter than what was processed; it goes on by itself when that changes.
    Waiting(String),
    /// The log contradicts what was processed, or lacks an event: a person must decide.
    Refused(String),
}

pub(crate) struct Source {
    pub log: Arc<dyn EventLog>,
    pub service: Arc<str>,
    pub lane: LaneSender,
    pub state: watch::Sender<SourceState>,
    pub step_events_max: usize,
    pub step_bytes_max: usize,
}

impl Source {
    /// Reads from what was processed on; ends when the loop is gone.
    pub(crate) async fn run(self, mut processed: Processed) {
        loop {
            let next = match attach_and_read(self.log.as_ref(), &self.service, &processed).await {
                Ok(Attached::Reading { mut reader, mut verifier }) => {
                    let ended = self.read(reader.as_mut(), &mut verifier).await;
                    processed = verifier.processed();
                    match ended {
                        Ended::Loop => return,
                        Ended::Log(error) => state_of(&error),
                        Ended::Verifier(reason) => SourceState::Refused(reason),
                    }
                }
                Ok(Attached::Waiting(reason)) => SourceState::Waiting(reason),
                Ok(Attached::Refused(reason)) => SourceState::Refused(reason),
                Err(error) => state_of(&error),
            };
            let wait = match &next {
                SourceState::Refused(_) => REFUSED_WAIT,
                _ => RETRY_WAIT,
            };
            self.tell(next);
            if self.lane.is_closed() {
                return;
            }
            tokio::time::sleep(wait).await;
        }
    }

    async fn read(&self, reader: &mut dyn LogReader, verifier: &mut Verifier) -> Ended {
        let limit = BatchLimit {
            messages: BATCH.messages.min(self.step_events_max),
            bytes: BATCH.bytes.min(self.step_bytes_max),
        };
        let mut wait = FIRST_READ_WAIT;
        loop {
            let messages = match reader.next_batch(limit, wait).await {
                Ok(messages) => messages,
                Err(error) => return Ended::Log(error),
            };
            if self.lane.is_closed() {
                return Ended::Loop;
            }
            let Some(read_to) = messages.last().map(|message| message.stream_sequence) else {
                wait = READ_WAIT;
                self.tell_reading(verifier);
                continue;
            };
            let mut arrived =
                Arrived { service: self.service.clone(), messages: Vec::new(), read_to, duplicates: 0 };
            let mut refused = None;
            for message in messages {
                match verifier.check(&message) {
                    Verdict::Drop => arrived.duplicates += 1,
                    Verdict::Apply => arrived.messages.push(Incoming {
                        service: self.service.clone(),
                        stream_sequence: message.stream_sequence,
                        payload_hash: payload_hash(&message.payload),
                        message_id: message.message_id,
                        payload: message.payload,
                    }),
                    Verdict::Refuse(reason) => {
                        arrived.read_to = message.stream_sequence - 1;
                        refused = Some(reason);
                        break;
                    }
                }
            }
            if self.lane.send(arrived).await.is_err() {
                return Ended::Loop;
            }
            if let Some(reason) = refused {
                return Ended::Verifier(reason);
            }
            self.tell_reading(verifier);
        }
    }

    /// Until the log is known to continue what was processed, its end says nothing.
    fn tell_reading(&self, verifier: &Verifier) {
        if verifier.is_compared() {
            self.tell(SourceState::Reading);
        }
    }

    fn tell(&self, state: SourceState) {
        let changed = self.state.send_if_modified(|known| {
            let changed = *known != state;
            known.clone_from(&state);
            changed
        });
        match &state {
            SourceState::Refused(reason) if changed => {
                tracing::error!(service = %self.service, "stopped: {reason}")
            }
            // Most never decide anything.
            SourceState::Waiting(reason) if changed && &*self.service == DECISIONS_SERVICE => {
                tracing::debug!(service = %self.service, "waiting: {reason}")
            }
            SourceState::Waiting(reason) if changed => {
                tracing::info!(service = %self.service, "waiting: {reason}")
            }
            _ => {}
        }
    }
}

/// Why reading ended.
enum Ended {
    Loop,
    Log(LogError),
    Verifier(String),
}

fn state_of(error: &LogError) -> SourceState {
    match error {
        LogError::Damaged(_) | LogError::Denied(_) => SourceState::Refused(error.to_string()),
        _ => SourceState::Waiting(error.to_string()),
    }
}
