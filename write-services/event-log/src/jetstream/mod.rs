//! The event log in NATS JetStream: one stream per service.

mod link;
mod options;
mod reader;

use std::future::IntoFuture;
use std::time::Duration;

use async_nats::jetstream::context::CreateStreamErrorKind;
use async_nats::jetstream::context::{GetStreamErrorKind, PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, LastRawMessageErrorKind, RetentionPolicy, StorageType,
};
use async_nats::jetstream::{self, ErrorCode};
use async_trait::async_trait;
use prejoin_envelope::stream_name;

use self::link::{Failure, Link};
pub use self::options::{Credentials, JetStreamOptions};
use self::reader::JetStreamReader;
use crate::limits::{check_message, check_service};
use crate::port::{Ack, Bounds, EventLog, ExpectedEnd, LogError, LogReader, Message, NewMessage, PendingAck};

/// Within it, a repeated message id is recognised.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

/// Streams in NATS JetStream.
pub struct JetStreamLog {
    link: Link,
}

impl JetStreamLog {
    /// Prepares a client for the servers at `url` (several separated by commas) and returns at once. It connects in
    /// the background, and again whenever the connection is lost; meanwhile calls end in `Unavailable`.
    ///
    /// # Errors
    /// `Denied` when the address or the credentials cannot be used at all.
    pub async fn connect(url: &str, options: JetStreamOptions) -> Result<Self, LogError> {
        Ok(JetStreamLog { link: Link::connect(url, options).await? })
    }

    async fn publish(
        &self,
        service: &str,
        message: NewMessage,
        expected: Option<ExpectedEnd>,
    ) -> Result<PendingAck, LogError> {
        check_message(service, &message)?;
        self.link.connected(self.link.ack_timeout).await?;
        let watch = self.link.watch(self.link.ack_timeout);
        let outgoing = outgoing(service, &message, expected.as_ref());
        let refusal = Refusal::new(&self.link, service, &message, expected.as_ref());
        let pending = self.link.context.send_publish(message.subject.clone(), outgoing).await;
        let pending = pending.map_err(|error| refusal.read(&error))?;
        Ok(Box::pin(async move {
            match watch.over(&refusal.subject, pending.into_future()).await? {
                Ok(ack) => Ok(Ack { stream_sequence: ack.sequence, duplicate: ack.duplicate }),
                Err(error) => Err(refusal.read(&error)),
            }
        }))
    }

    async fn stream_bounds(link: &Link, service: &str) -> Result<Bounds, LogError> {
        let stream = stream_name(service);
        let subject = link.api(&format!("STREAM.INFO.{stream}"));
        let question = async {
            link.context.get_stream(&stream).await.map_err(|error| match error.kind() {
                GetStreamErrorKind::JetStream(refusal) => Failure::Refused(refusal),
                _ => Failure::Other(error.to_string()),
            })
        };
        let stream = link.ask(&subject, question).await?;
        let stream = stream.map_err(|refusal| link.refused(service, "asking for the stream", &refusal))?;
        let state = &stream.cached_info().state;
        let first = if state.messages == 0 { state.last_sequence + 1 } else { state.first_sequence };
        Ok(Bounds { first, last: state.last_sequence })
    }

    async fn create_stream(&self, service: &str) -> Result<(), LogError> {
        let stream = stream_name(service);
        let subject = self.link.api(&format!("STREAM.CREATE.{stream}"));
        let question = async {
            let created = self.link.context.create_stream(config(service)).await;
            created.map_err(|error| match error.kind() {
                CreateStreamErrorKind::JetStream(refusal) => Failure::Refused(refusal),
                _ => Failure::Other(error.to_string()),
            })
        };
        match self.link.ask(&subject, question).await? {
            Ok(_) => Ok(()),
            // Another one was faster.
            Err(refusal) if refusal.error_code() == ErrorCode::STREAM_NAME_EXIST => Ok(()),
            Err(refusal) => {
                Err(self.link.refused(service, &format!("creating the stream {stream}"), &refusal))
            }
        }
    }
}

/// A stream that keeps every message and lets nobody remove one.
fn config(service: &str) -> Config {
    Config {
        name: stream_name(service),
        subjects: vec![format!("{service}.>")],
        storage: StorageType::File,
        retention: RetentionPolicy::Limits,
        // Should somebody set limits later: rather refuse what is new than lose what is old.
        discard: DiscardPolicy::New,
        deny_delete: true,
        deny_purge: true,
        duplicate_window: DUPLICATE_WINDOW,
        ..Config::default()
    }
}

#[async_trait]
impl EventLog for JetStreamLog {
    async fn ensure_stream(&self, service: &str) -> Result<(), LogError> {
        check_service(service)?;
        match JetStreamLog::stream_bounds(&self.link, service).await {
            Err(LogError::NoStream { .. }) => self.create_stream(service).await,
            found => found.map(|_| ()),
        }
    }

    async fn send(
        &self,
        service: &str,
        message: NewMessage,
        expected_last: Option<u64>,
    ) -> Result<PendingAck, LogError> {
        let expected = expected_last.map(|stream_sequence| ExpectedEnd { stream_sequence, message_id: None });
        self.publish(service, message, expected).await
    }

    async fn send_after(
        &self,
        service: &str,
        message: NewMessage,
        expected: ExpectedEnd,
    ) -> Result<PendingAck, LogError> {
        self.publish(service, message, Some(expected)).await
    }

    async fn bounds(&self, service: &str) -> Result<Bounds, LogError> {
        check_service(service)?;
        JetStreamLog::stream_bounds(&self.link, service).await
    }

    async fn get(&self, service: &str, stream_sequence: u64) -> Result<Option<Message>, LogError> {
        check_service(service)?;
        if stream_sequence == 0 {
            return Ok(None);
        }
        let name = stream_name(service);
        let subject = self.link.api(&format!("STREAM.MSG.GET.{name}"));
        let question = async {
            let stream = self.link.context.get_stream_no_info(&name).await;
            let stream = stream.map_err(|error| Failure::Other(error.to_string()))?;
            match stream.get_raw_message(stream_sequence).await {
                Ok(message) => Ok(Some(message)),
                Err(error) => match error.kind() {
                    LastRawMessageErrorKind::NoMessageFound => Ok(None),
                    LastRawMessageErrorKind::JetStream(refusal) => Err(Failure::Refused(refusal)),
                    _ => Err(Failure::Other(error.to_string())),
                },
            }
        };
        match self.link.ask(&subject, question).await? {
            Ok(message) => Ok(message.map(|message| Message {
                stream_sequence: message.sequence,
                subject: message.subject.to_string(),
                message_id: message_id(&message.headers),
                payload: message.payload,
                time: message.time.into(),
            })),
            Err(refusal) if refusal.error_code() == ErrorCode::NO_MESSAGE_FOUND => Ok(None),
            Err(refusal) => Err(self.link.refused(service, "reading a message", &refusal)),
        }
    }

    async fn read(&self, service: &str, after: u64) -> Result<Box<dyn LogReader>, LogError> {
        check_service(service)?;
        Ok(Box::new(JetStreamReader::attach(self.link.clone(), service, after).await?))
    }
}

fn message_id(headers: &async_nats::HeaderMap) -> Option<String> {
    headers.get(async_nats::header::NATS_MESSAGE_ID).map(|id| id.as_str().to_owned())
}

fn outgoing(service: &str, message: &NewMessage, expected: Option<&ExpectedEnd>) -> PublishMessage {
    let mut outgoing =
        PublishMessage::build().payload(message.payload.clone()).expected_stream(stream_name(service));
    if let Some(message_id) = &message.message_id {
        outgoing = outgoing.message_id(message_id);
    }
    if let Some(expected) = expected {
        outgoing = outgoing.expected_last_sequence(expected.stream_sequence);
        if let Some(message_id) = &expected.message_id {
            outgoing = outgoing.expected_last_message_id(message_id);
        }
    }
    outgoing
}

/// What is needed to say what a failed publication means.
struct Refusal {
    link: Link,
    service: String,
    subject: String,
    payload_bytes: usize,
    expected_last: u64,
}

impl Refusal {
    fn new(link: &Link, service: &str, message: &NewMessage, expected: Option<&ExpectedEnd>) -> Self {
        Refusal {
            link: link.clone(),
            service: service.to_owned(),
            subject: message.subject.clone(),
            payload_bytes: message.payload.len(),
            expected_last: expected.map_or(0, |expected| expected.stream_sequence),
        }
    }

    fn read(&self, error: &PublishError) -> LogError {
        match error.kind() {
            PublishErrorKind::WrongLastSequence | PublishErrorKind::WrongLastMessageId => {
                self.wrong_last(error.to_string())
            }
            PublishErrorKind::StreamNotFound => LogError::NoStream { service: self.service.clone() },
            PublishErrorKind::MaxPayloadExceeded => self.too_large(),
            PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe | PublishErrorKind::MaxAckPending => {
                LogError::Unavailable(format!("publishing on {}: {error}", self.subject))
            }
            _ => self.read_source(error),
        }
    }

    fn read_source(&self, error: &PublishError) -> LogError {
        let source =
            std::error::Error::source(error).and_then(|source| source.downcast_ref::<jetstream::Error>());
        match source {
            None => LogError::Unavailable(format!("publishing on {}: {error}", self.subject)),
            Some(refusal) => match refusal.error_code() {
                ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT => self.wrong_last(refusal.to_string()),
                ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM | ErrorCode::STREAM_HEADER_EXCEEDS_MAXIMUM => {
                    self.too_large()
                }
                _ => self.link.refused(&self.service, &format!("publishing on {}", self.subject), refusal),
            },
        }
    }

    fn wrong_last(&self, detail: String) -> LogError {
        LogError::WrongLastSequence { service: self.service.clone(), expected: self.expected_last, detail }
    }

    fn too_large(&self) -> LogError {
        LogError::TooLarge {
            subject: self.subject.clone(),
            bytes: self.payload_bytes,
            limit: self.link.client.max_payload().min(crate::port::PAYLOAD_BYTES_MAX),
        }
    }
}
