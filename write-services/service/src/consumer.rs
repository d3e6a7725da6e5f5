//! Acting on another service's events: each in this service's own transaction, once, in order, from where the inbox
//! stands. What an event leads to is recorded in the outbox by the same transaction.

use std::time::Duration;

use prejoin_envelope::EventHead;
use prejoin_event_log::{Attached, BatchLimit, LogReader, Message, Verdict, Verifier, attach_and_read};
use prejoin_outbox::{NewEvent, OutboxError};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use thiserror::Error;
use tokio::sync::watch;

use crate::context::Context;
use crate::database::{DatabaseError, Transaction};
use crate::domain::Doing;
use crate::inbox;

/// Events of one transaction. The write lock is held meanwhile, so there are not too many.
const BATCH: BatchLimit = BatchLimit { messages: 256, bytes: 1 << 20 };
const READ_WAIT: Duration = Duration::from_secs(5);
/// Between attempts while the log or the database is away.
const RETRY_WAIT: Duration = Duration::from_millis(250);
/// Between attempts when somebody must repair something first.
const REFUSED_WAIT: Duration = Duration::from_secs(10);

/// Acts on the events of one other service.
pub struct Consumer {
    /// The service whose events these are.
    pub source: &'static str,
    /// The event types that it acts on; others are passed over.
    pub kinds: &'static [&'static str],
    /// Does what an event calls for, in the transaction that it is given.
    pub act:
        for<'a> fn(&'a Context, &'a mut Transaction, &'a Received) -> Doing<'a, Result<(), ConsumeError>>,
}

/// Why a consumer stops for a while.
enum Interruption {
    /// The other service has never said anything.
    Nothing(String),
    /// Tried again soon.
    Passing(String),
    /// Somebody must repair something first.
    Refused(String),
}

impl Interruption {
    fn passing(error: impl std::error::Error) -> Self {
        Interruption::Passing(error.to_string())
    }
}

/// An event of another service.
#[derive(Debug)]
pub struct Received {
    pub kind: String,
    data: Box<RawValue>,
}

/// Why an event was not acted on.
#[derive(Debug, Error)]
pub enum ConsumeError {
    /// The event is not what its type promises. It is kept with the reason, and the next one is acted on.
    #[error("{0}")]
    Unfit(String),
    /// Tried again.
    #[error("the database: {0}")]
    Store(#[from] DatabaseError),
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    #[error("another process of this service acts on these events, too")]
    Overtaken,
}

#[derive(Deserialize)]
struct WithData {
    data: Box<RawValue>,
}

impl Received {
    fn read(message: &Message, kinds: &[&str]) -> Result<Option<Received>, ConsumeError> {
        let head =
            EventHead::parse(&message.payload).map_err(|error| ConsumeError::Unfit(error.to_string()))?;
        if !kinds.contains(&head.kind.as_str()) {
            return Ok(None);
        }
        if head.sequence.is_none() {
            // The inbox could not tell it from itself when it is read again.
            return Err(ConsumeError::Unfit("it has no sequence".to_owned()));
        }
        let WithData { data } = serde_json::from_slice(&message.payload)
            .map_err(|error| ConsumeError::Unfit(format!("it has no data: {error}")))?;
        Ok(Some(Received { kind: head.kind, data }))
    }

    /// What the event says, in the fields that the caller needs.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, ConsumeError> {
        serde_json::from_str(self.data.get())
            .map_err(|error| ConsumeError::Unfit(format!("the data of {} do not fit: {error}", self.kind)))
    }
}

impl Context {
    /// Records an event inside a consumer's transaction.
    pub async fn record(&self, tx: &mut Transaction, event: NewEvent) -> Result<(), ConsumeError> {
        self.outbox.record(tx, event).await?;
        Ok(())
    }

    /// Acts on the events of a source until told to stop; says by `heard` whether it has acted on all that the log held
    /// when it came to it last. Dropping the future at any point loses and doubles nothing.
    pub(crate) async fn consume(
        self,
        consumer: &'static Consumer,
        heard: watch::Sender<bool>,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut told = String::new();
        while !*stop.borrow() {
            let interruption = match self.consume_until_interrupted(consumer, &heard, &mut stop).await {
                Ok(()) => return,
                Err(interruption) => interruption,
            };
            heard.send_replace(matches!(interruption, Interruption::Nothing(_)));
            let (service, source) = (self.service(), consumer.source);
            let (reason, wait) = match interruption {
                Interruption::Refused(reason) => {
                    tracing::error!(service, source, "stopped: {reason}");
                    (reason, REFUSED_WAIT)
                }
                Interruption::Nothing(reason) | Interruption::Passing(reason) => {
                    if reason != told {
                        tracing::info!(service, source, "waiting: {reason}");
                    }
                    (reason, RETRY_WAIT)
                }
            };
            told = reason;
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = stop.changed() => {}
            }
        }
    }

    async fn consume_until_interrupted(
        &self,
        consumer: &Consumer,
        heard: &watch::Sender<bool>,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), Interruption> {
        let mut tx = self.database.read().await.map_err(Interruption::passing)?;
        let processed = inbox::load(&mut tx, consumer.source).await.map_err(Interruption::passing)?;
        drop(tx);
        let attached = attach_and_read(self.log.as_ref(), consumer.source, &processed).await;
        let (mut reader, mut verifier) = match attached.map_err(Interruption::passing)? {
            Attached::Reading { reader, verifier } => (reader, verifier),
            Attached::Waiting(reason) if processed.sequence == 0 => {
                return Err(Interruption::Nothing(reason));
            }
            Attached::Waiting(reason) => return Err(Interruption::Passing(reason)),
            Attached::Refused(reason) => return Err(Interruption::Refused(reason)),
        };
        let bounds = self.log.bounds(consumer.source).await.map_err(Interruption::passing)?;
        let is_empty = bounds.first > bounds.last;
        if is_empty || (verifier.is_compared() && processed.stream_sequence >= bounds.last) {
            heard.send_replace(true);
        }
        loop {
            let messages = tokio::select! {
                messages = next(reader.as_mut()) => messages.map_err(Interruption::passing)?,
                _ = stop.wait_for(|&stop| stop) => return Ok(()),
            };
            // Nothing came: the last messages were removed from the stream.
            let Some(last) = messages.last() else {
                heard.send_replace(true);
                continue;
            };
            let read_to = last.stream_sequence;
            let refused = self.take(consumer, &messages, &mut verifier).await;
            self.outbox.wake();
            if let Some(reason) = refused.map_err(Interruption::passing)? {
                return Err(Interruption::Refused(reason));
            }
            if read_to >= bounds.last {
                heard.send_replace(true);
            }
        }
    }

    /// Acts on a batch in one transaction. Returns why the log cannot be read on, if so.
    async fn take(
        &self,
        consumer: &Consumer,
        messages: &[Message],
        verifier: &mut Verifier,
    ) -> Result<Option<String>, ConsumeError> {
        let mut tx = self.database.begin().await?;
        let before = verifier.processed();
        let stands = inbox::hold(&mut tx, consumer.source).await?;
        if (stands.sequence, stands.payload_hash) != (before.sequence, before.payload_hash) {
            return Err(ConsumeError::Overtaken);
        }
        let mut refused = None;
        for message in messages {
            match verifier.check(message) {
                Verdict::Drop => {}
                Verdict::Apply => self.act(consumer, &mut tx, message).await?,
                Verdict::Refuse(reason) => {
                    refused = Some(reason);
                    break;
                }
            }
        }
        inbox::store(&mut tx, consumer.source, &verifier.processed()).await?;
        tx.commit().await?;
        Ok(refused)
    }

    async fn act(
        &self,
        consumer: &Consumer,
        tx: &mut Transaction,
        message: &Message,
    ) -> Result<(), ConsumeError> {
        let reason = match Received::read(message, consumer.kinds) {
            Ok(None) => return Ok(()),
            Ok(Some(event)) => {
                // What an event that does not fit did before that was noticed is undone.
                tx.script("SAVEPOINT one_event").await?;
                let acted = (consumer.act)(self, &mut *tx, &event).await;
                if acted.is_err() {
                    tx.script("ROLLBACK TO SAVEPOINT one_event").await?;
                }
                tx.script("RELEASE SAVEPOINT one_event").await?;
                match acted {
                    Ok(()) => return Ok(()),
                    Err(ConsumeError::Unfit(reason)) => reason,
                    Err(ConsumeError::Store(error)) if error.refuses_values() => {
                        format!("the database does not take what it says: {error}")
                    }
                    Err(ConsumeError::Outbox(error @ OutboxError::Event { .. })) => error.to_string(),
                    Err(error) => return Err(error),
                }
            }
            Err(ConsumeError::Unfit(reason)) => reason,
            Err(error) => return Err(error),
        };
        tracing::error!(
            service = self.service(),
            source = consumer.source,
            stream_sequence = message.stream_sequence,
            "an event is not acted on: {reason}"
        );
        Ok(inbox::refuse(tx, consumer.source, message, &reason).await?)
    }
}

async fn next(reader: &mut dyn LogReader) -> Result<Vec<Message>, prejoin_event_log::LogError> {
    reader.next_batch(BATCH, READ_WAIT).await
}
