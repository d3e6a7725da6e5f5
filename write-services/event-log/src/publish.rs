//! Publish a service's numbered events in order: a window of outstanding acknowledgements, each message tied to the
//! stream sequence before it.

use std::collections::VecDeque;
use std::sync::Arc;

use thiserror::Error;

use crate::identity::{ids_agree, payload_hash};
use crate::port::{EventLog, ExpectedEnd, LogError, Message, NewMessage, PAYLOAD_BYTES_MAX, PendingAck};
use crate::tail::{LogTail, tail};

/// An event to be published, with its dense sequence, which its payload carries too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbered {
    pub sequence: u64,
    pub message: NewMessage,
}

/// A batch was not published as a whole. What was is in the log for good; publishing the same batch again is safe.
#[derive(Debug, Error)]
#[error("{cause}")]
pub struct PublishError {
    /// The stream sequences of the messages at the beginning of the batch that are known to be in the log.
    pub published: Vec<u64>,
    #[source]
    pub cause: PublishProblem,
}

/// Why a batch was not published as a whole.
#[derive(Debug, Error)]
pub enum PublishProblem {
    /// The message at this index of the batch does not fit; those before it are published, none after it is.
    #[error(
        "the event {service} {sequence} on {subject} has {bytes} bytes; the event log takes {limit} at most. Make the event smaller or put the large part elsewhere and refer to it"
    )]
    TooLarge { index: usize, service: String, sequence: u64, subject: String, bytes: usize, limit: usize },
    /// The log holds another message under a sequence of ours. Somebody else publishes for this service, or its
    /// database is an older copy: a person must decide which of both is right.
    #[error(
        "the event log holds another event as {service} {sequence}: there {in_log}, here {ours}. Another publisher writes this stream, or the service's database is an older copy of it; nothing more is published until one of both gives way"
    )]
    Conflict { service: String, sequence: u64, in_log: String, ours: String },
    /// The log ends before the event that precedes the batch: publish the missing ones first.
    #[error(
        "the event log ends at {service} {log_last}, the next one to publish is {next}: publish {missing_from} to {missing_to} again first"
    )]
    Gap { service: String, log_last: u64, next: u64, missing_from: u64, missing_to: u64 },
    /// The batch itself is not numbered 1 by 1.
    #[error("{service} {next} follows {previous} in a batch; sequences begin at 1 and rise by one")]
    NotDense { service: String, previous: u64, next: u64 },
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Publishes one service's events, in order and each once.
///
/// Every message names the one before it (its stream sequence, and its id while that one is on its way), so that the log
/// refuses it if anything came between. After a
/// refusal, a time-out or a disconnect, all outstanding outcomes are awaited, the log's last event is read, and
/// publishing goes on from the one after it: no time-out reorders or doubles events, no second publisher interleaves.
/// One `publish` holds at most a window of messages besides the batch itself. Cancelling `publish` is safe; the next
/// call looks up where the log ends.
pub struct OrderedPublisher {
    log: Arc<dyn EventLog>,
    service: String,
    window: Window,
    /// The stream sequence that the next message follows; unknown at first and after any failure.
    stream_last: Option<u64>,
    /// The last message known to be ours in the log.
    own: Option<Mark>,
}

/// How much may be on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub messages: usize,
    pub bytes: usize,
}

impl Default for Window {
    fn default() -> Self {
        Window { messages: 1024, bytes: 8 * 1024 * 1024 }
    }
}

struct Mark {
    sequence: u64,
    message_id: Option<String>,
    payload_hash: u64,
}

/// So often in a row may a window fail without a message getting through before the failure is handed to the caller.
const FRUITLESS_ATTEMPTS_MAX: u32 = 4;

impl OrderedPublisher {
    pub fn new(log: Arc<dyn EventLog>, service: impl Into<String>) -> Self {
        OrderedPublisher {
            log,
            service: service.into(),
            window: Window::default(),
            stream_last: None,
            own: None,
        }
    }

    /// Replaces the window; at least one message is always allowed.
    pub fn with_window(mut self, window: Window) -> Self {
        self.window = Window { messages: window.messages.max(1), bytes: window.bytes.max(1) };
        self
    }

    /// Publishes messages numbered one by one, and returns the stream sequence of each once all are durable.
    ///
    /// Messages that the log holds already (the batch is repeated after an error or a crash) are compared with the
    /// log, not published again, and their stream sequences returned.
    pub async fn publish(&mut self, batch: &[Numbered]) -> Result<Vec<u64>, PublishError> {
        let mut published = Vec::with_capacity(batch.len());
        match self.publish_into(batch, &mut published).await {
            Ok(()) => Ok(published),
            Err(cause) => Err(PublishError { published, cause }),
        }
    }

    async fn publish_into(
        &mut self,
        batch: &[Numbered],
        published: &mut Vec<u64>,
    ) -> Result<(), PublishProblem> {
        self.check_dense(batch)?;
        let fitting = batch.iter().position(too_large).unwrap_or(batch.len());
        let (batch, rest) = batch.split_at(fitting);
        let mut fruitless_attempts = 0;
        while published.len() < batch.len() {
            let before = published.len();
            let Err(failure) = self.attempt(batch, published).await else { continue };
            match failure {
                PublishProblem::Log(
                    LogError::WrongLastSequence { .. }
                    | LogError::Unavailable(_)
                    | LogError::Interrupted { .. },
                ) if fruitless_attempts < FRUITLESS_ATTEMPTS_MAX => {
                    tracing::debug!(service = self.service, %failure, "finding the end of the log again");
                    fruitless_attempts = if published.len() > before { 0 } else { fruitless_attempts + 1 };
                }
                _ => return Err(failure),
            }
        }
        rest.first().map_or(Ok(()), |message| Err(self.too_large(fitting, message, PAYLOAD_BYTES_MAX)))
    }

    fn check_dense(&self, batch: &[Numbered]) -> Result<(), PublishProblem> {
        let mut previous = match batch.first() {
            Some(first) if first.sequence == 0 => {
                return Err(PublishProblem::NotDense { service: self.service.clone(), previous: 0, next: 0 });
            }
            first => first.map_or(0, |first| first.sequence - 1),
        };
        for next in batch.iter().map(|message| message.sequence) {
            if previous.checked_add(1) != Some(next) {
                return Err(PublishProblem::NotDense { service: self.service.clone(), previous, next });
            }
            previous = next;
        }
        Ok(())
    }

    /// Finds the place if it is unknown, then sends until the batch is done or something fails.
    async fn attempt(&mut self, batch: &[Numbered], published: &mut Vec<u64>) -> Result<(), PublishProblem> {
        // Taken, so that a failure or a cancelled call leaves the place unknown.
        let stream_last = match self.stream_last.take() {
            Some(stream_last) if self.follows_own(batch, published.len()) => stream_last,
            _ => self.find_place(batch, published).await?,
        };
        if published.len() == batch.len() {
            // Nothing was sent: the log may reach beyond the batch, so the next call looks again.
            return Ok(());
        }
        let stream_last = self.send_all(batch, published, stream_last).await?;
        self.stream_last = Some(stream_last);
        Ok(())
    }

    fn follows_own(&self, batch: &[Numbered], index: usize) -> bool {
        let own = self.own.as_ref().map_or(0, |own| own.sequence);
        batch.get(index).is_some_and(|next| own.checked_add(1) == Some(next.sequence))
    }
}

/// Sending a window and taking its acknowledgements.
impl OrderedPublisher {
    /// Sends `batch` from `published.len()` on, each message tied to the one before. Returns the new end of the stream.
    async fn send_all(
        &mut self,
        batch: &[Numbered],
        published: &mut Vec<u64>,
        mut stream_last: u64,
    ) -> Result<u64, PublishProblem> {
        let mut outstanding: VecDeque<PendingAck> = VecDeque::new();
        let mut outstanding_bytes = 0;
        let mut next = published.len();
        let mut failure = None;
        loop {
            while failure.is_none()
                && next < batch.len()
                && self.has_room(&outstanding, outstanding_bytes, &batch[..next])
            {
                let expected = expected_end(stream_last, outstanding.len(), &batch[..next]);
                let message = batch[next].message.clone();
                outstanding_bytes += message.payload.len();
                match self.log.send_after(&self.service, message, expected).await {
                    Ok(pending) => outstanding.push_back(pending),
                    Err(error) => failure = Some(self.problem(error, next, &batch[next])),
                }
                next += 1;
            }
            let Some(pending) = outstanding.pop_front() else { break };
            let outcome = pending.await;
            if failure.is_some() {
                // Its outcome had to be awaited; whether it is in the log is looked up there.
                continue;
            }
            let index = published.len();
            outstanding_bytes -= batch[index].message.payload.len();
            match outcome {
                Ok(ack) if ack.stream_sequence == stream_last + 1 => {
                    stream_last = ack.stream_sequence;
                    published.push(stream_last);
                    self.own = Some(Mark::of(&batch[index]));
                }
                Ok(ack) => failure = Some(self.elsewhere(ack.stream_sequence, stream_last).into()),
                Err(error) => failure = Some(self.problem(error, index, &batch[index])),
            }
        }
        failure.map_or(Ok(stream_last), Err)
    }

    /// A message without an id cannot be named as the one before, so nothing is sent until it is acknowledged.
    fn has_room(
        &self,
        outstanding: &VecDeque<PendingAck>,
        outstanding_bytes: usize,
        sent: &[Numbered],
    ) -> bool {
        let named = sent.last().is_none_or(|last| last.message.message_id.is_some());
        outstanding.is_empty()
            || (named && outstanding.len() < self.window.messages && outstanding_bytes < self.window.bytes)
    }

    fn elsewhere(&self, stream_sequence: u64, expected: u64) -> LogError {
        LogError::WrongLastSequence {
            service: self.service.clone(),
            expected,
            detail: format!("the message id is known already, at stream sequence {stream_sequence}"),
        }
    }

    fn problem(&self, error: LogError, index: usize, message: &Numbered) -> PublishProblem {
        match error {
            LogError::TooLarge { limit, .. } => self.too_large(index, message, limit),
            error => PublishProblem::Log(error),
        }
    }

    fn too_large(&self, index: usize, message: &Numbered, limit: usize) -> PublishProblem {
        PublishProblem::TooLarge {
            index,
            service: self.service.clone(),
            sequence: message.sequence,
            subject: message.message.subject.clone(),
            bytes: message.message.payload.len(),
            limit,
        }
    }
}

/// Finding where to go on.
impl OrderedPublisher {
    /// Compares the batch with the end of the log. `published` becomes what the log holds of the batch; returns the
    /// stream sequence that the next message follows.
    async fn find_place(
        &mut self,
        batch: &[Numbered],
        published: &mut Vec<u64>,
    ) -> Result<u64, PublishProblem> {
        // What was acknowledged may be gone (the broker lost its tail) or lie elsewhere (the stream was made anew).
        published.clear();
        let end = tail(self.log.as_ref(), &self.service).await?;
        self.check_own(&end)?;
        let (first, log_last) = (batch[0].sequence, end.sequence());
        if log_last < first - 1 {
            return Err(PublishProblem::Gap {
                service: self.service.clone(),
                log_last,
                next: first,
                missing_from: log_last + 1,
                missing_to: first - 1,
            });
        }
        let held = usize::try_from(log_last - (first - 1)).unwrap_or(usize::MAX).min(batch.len());
        if let (true, Some((last, _))) = (held > 0, &end.event) {
            self.look_up(&batch[..held], published, last.stream_sequence, log_last).await?;
            self.own = Some(Mark::of(&batch[held - 1]));
        }
        Ok(end.stream_last)
    }

    /// The log's last event, if we know what it must be, must be that.
    fn check_own(&self, end: &LogTail) -> Result<(), PublishProblem> {
        let (Some(own), Some((message, _))) = (&self.own, &end.event) else { return Ok(()) };
        let same = ids_agree(own.message_id.as_deref(), message.message_id.as_deref())
            && own.payload_hash == payload_hash(&message.payload);
        if own.sequence != end.sequence() || same {
            return Ok(());
        }
        Err(PublishProblem::Conflict {
            service: self.service.clone(),
            sequence: own.sequence,
            in_log: describe(message),
            ours: format!("the id {} with another payload", own.message_id.as_deref().unwrap_or("(none)")),
        })
    }

    /// Compares messages with those in the log under their sequences, and notes where they lie.
    async fn look_up(
        &self,
        wanted: &[Numbered],
        published: &mut Vec<u64>,
        stream_last: u64,
        log_last: u64,
    ) -> Result<(), PublishProblem> {
        let mut next = self.locate(wanted[0].sequence, stream_last, log_last).await?;
        while published.len() < wanted.len() && next <= stream_last {
            let end = stream_last.min(next + LOOK_UPS_AT_ONCE - 1);
            let gets = (next..=end).map(|at| self.log.get(&self.service, at));
            for message in futures::future::try_join_all(gets).await?.into_iter().flatten() {
                let Some(ours) = wanted.get(published.len()) else { break };
                match sequence_of(&message) {
                    Some(sequence) if sequence == ours.sequence => {
                        self.check_same(ours, &message)?;
                        published.push(message.stream_sequence);
                    }
                    Some(sequence) if sequence > ours.sequence => {
                        return Err(self.lost(ours.sequence, log_last));
                    }
                    _ => {}
                }
            }
            next = end + 1;
        }
        match wanted.get(published.len()) {
            None => Ok(()),
            Some(ours) => Err(self.lost(ours.sequence, log_last)),
        }
    }

    /// A stream sequence at or before that of `sequence`, close to it: where it lies if every message after it is
    /// numbered, and otherwise found by halving.
    async fn locate(&self, sequence: u64, stream_last: u64, log_last: u64) -> Result<u64, PublishProblem> {
        let guess = stream_last.saturating_sub(log_last - sequence).max(1);
        let at_guess = self.log.get(&self.service, guess).await?;
        if at_guess.as_ref().and_then(sequence_of) == Some(sequence) {
            return Ok(guess);
        }
        let (mut low, mut high) = (self.log.bounds(&self.service).await?.first.max(1), stream_last);
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            match self.first_numbered(middle, high).await? {
                Some(found) if found <= sequence => low = middle,
                _ => high = middle - 1,
            }
        }
        Ok(low)
    }

    /// The sequence of the first numbered message in a range of stream sequences.
    async fn first_numbered(&self, from: u64, to: u64) -> Result<Option<u64>, PublishProblem> {
        for at in from..=to {
            if let Some(sequence) = self.log.get(&self.service, at).await?.as_ref().and_then(sequence_of) {
                return Ok(Some(sequence));
            }
        }
        Ok(None)
    }

    fn lost(&self, sequence: u64, log_last: u64) -> PublishProblem {
        PublishProblem::Log(LogError::Damaged(format!(
            "the event log holds {service} up to {log_last} but not {service} {sequence}, which it must have held before: the stream lost messages in its middle or keeps too few",
            service = self.service,
        )))
    }

    fn check_same(&self, ours: &Numbered, in_log: &Message) -> Result<(), PublishProblem> {
        let message = &ours.message;
        if message.payload == in_log.payload
            && ids_agree(message.message_id.as_deref(), in_log.message_id.as_deref())
        {
            return Ok(());
        }
        Err(PublishProblem::Conflict {
            service: self.service.clone(),
            sequence: ours.sequence,
            in_log: describe(in_log),
            ours: format!(
                "the id {} on {} with {} bytes",
                message.message_id.as_deref().unwrap_or("(none)"),
                message.subject,
                message.payload.len()
            ),
        })
    }
}

/// Behind an acknowledged message its place says enough. Behind one on its way, somebody else's message may take that
/// place: then the id must hold too. (Not always, since a log that was restarted may not know the last id any more.)
fn expected_end(stream_last: u64, outstanding: usize, sent: &[Numbered]) -> ExpectedEnd {
    let last = sent.last().filter(|_| outstanding > 0);
    ExpectedEnd {
        stream_sequence: stream_last + outstanding as u64,
        message_id: last.and_then(|last| last.message.message_id.clone()),
    }
}

/// So many messages are asked for at a time when a batch is compared with the log.
const LOOK_UPS_AT_ONCE: u64 = 64;

impl Mark {
    fn of(numbered: &Numbered) -> Self {
        Mark {
            sequence: numbered.sequence,
            message_id: numbered.message.message_id.clone(),
            payload_hash: payload_hash(&numbered.message.payload),
        }
    }
}

fn sequence_of(message: &Message) -> Option<u64> {
    prejoin_envelope::EventHead::sequence_of(&message.payload)
}

fn too_large(numbered: &Numbered) -> bool {
    numbered.message.payload.len() > PAYLOAD_BYTES_MAX
}

fn describe(message: &Message) -> String {
    format!(
        "the id {} on {} with {} bytes at stream sequence {}",
        message.message_id.as_deref().unwrap_or("(none)"),
        message.subject,
        message.payload.len(),
        message.stream_sequence
    )
}
