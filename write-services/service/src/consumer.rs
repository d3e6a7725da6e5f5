//! Acting on another service's events: each in this service's own transaction, once, in order, from where the inbox
//! stands. What an event leads to is recorded in the outbox by the same transaction.

use std::time::Duration;

use prejoin_envelope::EventHead;
use prejoin_event_log::{Attached, BatchLimit, LogReader, Message, Verdict, Verifier, attach_and_read};
use prejoin_outbox::{NewEvent, OutboxError};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use sqlx::SqliteConnection;
use thiserror::Error;
use tokio::sync::watch;

use crate::context::Context;
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
    /// Does what an event calls for, on the connection that it is given.
    pub act: for<'a> fn(
        &'a Context,
        &'a mut SqliteConnection,
        &'a Received,
    ) -> Doing<'a, Result<(), ConsumeError>>,
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
    Store(#[from] sqlx::Error),
    #[error(transparent)]
    Outbox(#[from] OutboxError),
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
    pub async fn record(
        &self,
        connection: &mut SqliteConnection,
        event: NewEvent,
    ) -> Result<(), ConsumeError> {
        self.outbox.record(connection, event).await?;
        Ok(())
    }

    /// Acts on the events of a source until told to stop. Dropping the future at any point loses and doubles nothing.
    pub(crate) async fn consume(self, consumer: &'static Consumer, mut stop: watch::Receiver<bool>) {
        let mut told = String::new();
        while !*stop.borrow() {
            let (reason, wait) = match self.consume_until_interrupted(consumer, &mut stop).await {
                Ok(()) => return,
                Err(interruption) => interruption,
            };
            if reason != told {
                tracing::info!(service = self.service(), source = consumer.source, "waiting: {reason}");
                told = reason;
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = stop.changed() => {}
            }
        }
    }

    async fn consume_until_interrupted(
        &self,
        consumer: &Consumer,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), (String, Duration)> {
        let soon = |error: &dyn std::error::Error| (error.to_string(), RETRY_WAIT);
        let mut connection = self.database.reader().acquire().await.map_err(|error| soon(&error))?;
        let processed = inbox::load(&mut connection, consumer.source).await.map_err(|error| soon(&error))?;
        drop(connection);
        let attached = attach_and_read(self.log.as_ref(), consumer.source, &processed).await;
        let (mut reader, mut verifier) = match attached.map_err(|error| soon(&error))? {
            Attached::Reading { reader, verifier } => (reader, verifier),
            Attached::Waiting(reason) => return Err((reason, RETRY_WAIT)),
            Attached::Refused(reason) => {
                tracing::error!(service = self.service(), source = consumer.source, "stopped: {reason}");
                return Err((reason, REFUSED_WAIT));
            }
        };
        loop {
            let messages = tokio::select! {
                messages = next(reader.as_mut()) => messages.map_err(|error| soon(&error))?,
                _ = stop.wait_for(|&stop| stop) => return Ok(()),
            };
            if messages.is_empty() {
                continue;
            }
            let refused =
                self.take(consumer, &messages, &mut verifier).await.map_err(|error| soon(&error))?;
            self.outbox.wake();
            if let Some(reason) = refused {
                tracing::error!(service = self.service(), source = consumer.source, "stopped: {reason}");
                return Err((reason, REFUSED_WAIT));
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
        connection: &mut SqliteConnection,
        message: &Message,
    ) -> Result<(), ConsumeError> {
        let reason = match Received::read(message, consumer.kinds) {
            Ok(None) => return Ok(()),
            Ok(Some(event)) => {
                // What an event that does not fit did before that was noticed is undone.
                sqlx::query("SAVEPOINT event").execute(&mut *connection).await?;
                let acted = (consumer.act)(self, &mut *connection, &event).await;
                if acted.is_err() {
                    sqlx::query("ROLLBACK TO event").execute(&mut *connection).await?;
                }
                sqlx::query("RELEASE event").execute(&mut *connection).await?;
                match acted {
                    Ok(()) => return Ok(()),
                    Err(ConsumeError::Unfit(reason)) => reason,
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
        Ok(inbox::refuse(connection, consumer.source, message, &reason).await?)
    }
}

async fn next(reader: &mut dyn LogReader) -> Result<Vec<Message>, prejoin_event_log::LogError> {
    reader.next_batch(BATCH, READ_WAIT).await
}
