//! One reader of one stream: an ephemeral pull consumer without acknowledgements, and pull requests ahead of need.
//!
//! Nothing of it outlives the connection. Every delivery carries its number within the consumer, so that a lost one is
//! noticed; idle heartbeats tell a quiet stream from a dead consumer.

use std::time::{Duration, UNIX_EPOCH};

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, ReplayPolicy, pull};
use async_nats::jetstream::stream::ConsumerErrorKind;
use async_nats::{StatusCode, Subscriber};
use async_trait::async_trait;
use futures::{FutureExt, StreamExt};
use prejoin_envelope::stream_name;
use tokio::sync::watch;
use tokio::time::Instant;

use super::link::{Epoch, Failure, Health, Link};
use super::{JetStreamLog, message_id};
use crate::port::{BatchLimit, LogError, LogReader, Message};

/// One pull request asks for so many messages.
const PULL_MESSAGES: u64 = 4096;
/// And for at most so many bytes; raised when a single message is larger.
const PULL_BYTES: u64 = 4 * 1024 * 1024;
const PULL_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// Messages asked for and not yet received: enough to keep the server sending while a batch is worked on, and less
/// than a subscription buffers.
const ASKED_MAX: u64 = 4 * PULL_MESSAGES;
const PULL_EXPIRES: Duration = Duration::from_secs(30);
const HEARTBEAT: Duration = Duration::from_secs(1);
/// Without any sign for so long the consumer is taken for dead.
const SILENCE_MAX: Duration = Duration::from_secs(4);
/// The server removes the consumer after so long without a pull request.
const INACTIVE_THRESHOLD: Duration = Duration::from_secs(60);

pub(super) struct JetStreamReader {
    link: Link,
    service: String,
    messages: Subscriber,
    inbox: String,
    pull_subject: String,
    pull_bytes: u64,
    /// The connection that the reader attached on.
    epoch: Epoch,
    health: watch::Receiver<Health>,
    /// Messages asked for and not yet received.
    asked: u64,
    /// Everything up to this stream sequence was handed out or is not wanted.
    after: u64,
    /// The number, within the consumer, of the last delivery, and its stream sequence.
    delivered: u64,
    last_seen: u64,
    /// Received, but did not fit into the last batch.
    held: Option<Message>,
    /// Since when nothing at all has come.
    silent_since: Option<Instant>,
}

/// What came in.
enum Incoming {
    Message(Message),
    /// A heartbeat, or the end of a pull request.
    Sign,
}

impl JetStreamReader {
    pub(super) async fn attach(link: Link, service: &str, after: u64) -> Result<Self, LogError> {
        link.connected(link.request_timeout).await?;
        let (epoch, health) = (link.epoch(), link.health());
        let inbox = link.client.new_inbox();
        let subscribed = link.client.subscribe(inbox.clone()).await;
        let messages = subscribed.map_err(|error| LogError::Unavailable(error.to_string()))?;
        let consumer = create_consumer(&link, service, after).await?;
        let bounds = JetStreamLog::stream_bounds(&link, service).await?;
        let interrupted = |detail| Err(LogError::Interrupted { service: service.to_owned(), detail });
        if after > bounds.last {
            return interrupted(format!("its stream ends at {}, before the position {after}", bounds.last));
        }
        if after > 0 && after + 1 < bounds.first {
            return interrupted(format!(
                "its stream keeps {} and later, the position is {after}",
                bounds.first
            ));
        }
        let pull_subject = link.api(&format!("CONSUMER.MSG.NEXT.{}.{consumer}", stream_name(service)));
        Ok(JetStreamReader {
            link,
            service: service.to_owned(),
            messages,
            inbox,
            pull_subject,
            pull_bytes: PULL_BYTES,
            epoch,
            health,
            asked: 0,
            after,
            delivered: 0,
            last_seen: 0,
            held: None,
            silent_since: None,
        })
    }

    /// Keeps pull requests ahead of need. Cancelling it leaves the account right.
    async fn ask_for_more(&mut self) -> Result<(), LogError> {
        while self.asked + PULL_MESSAGES <= ASKED_MAX {
            let request = format!(
                r#"{{"batch":{PULL_MESSAGES},"max_bytes":{},"expires":{},"idle_heartbeat":{}}}"#,
                self.pull_bytes,
                PULL_EXPIRES.as_nanos(),
                HEARTBEAT.as_nanos()
            );
            let sent = self
                .link
                .client
                .publish_with_reply(self.pull_subject.clone(), self.inbox.clone(), request.into())
                .await;
            sent.map_err(|error| self.interrupted(error.to_string()))?;
            self.asked += PULL_MESSAGES;
        }
        Ok(())
    }

    /// Takes what has arrived, up to the limit. Waits for nothing.
    fn take_arrived(&mut self, limit: BatchLimit) -> Result<Vec<Message>, LogError> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while batch.len() < limit.messages.max(1) {
            let next = match self.held.take() {
                Some(message) => Some(message),
                None => self.next_arrived()?,
            };
            let Some(message) = next else { break };
            bytes += message.payload.len();
            if bytes > limit.bytes && !batch.is_empty() {
                self.held = Some(message);
                break;
            }
            batch.push(message);
        }
        Ok(batch)
    }

    fn next_arrived(&mut self) -> Result<Option<Message>, LogError> {
        loop {
            // Not cooperative: it would stop after 128 messages though more are there.
            let Some(next) = tokio::task::unconstrained(self.messages.next()).now_or_never() else {
                return Ok(None);
            };
            let Some(incoming) = next else {
                return Err(self.interrupted("the subscription ended".to_owned()));
            };
            if let Incoming::Message(message) = self.receive(incoming)? {
                return Ok(Some(message));
            }
        }
    }

    fn receive(&mut self, incoming: async_nats::Message) -> Result<Incoming, LogError> {
        self.silent_since = None;
        if let Some(status) = incoming.status {
            return self.receive_status(status, &incoming);
        }
        let Some(delivery) = incoming.reply.as_deref().and_then(Delivery::parse) else {
            return Err(self.interrupted(format!("a message on {} came without its place", incoming.subject)));
        };
        self.asked = self.asked.saturating_sub(1);
        if delivery.number != self.delivered + 1 {
            return Err(self.interrupted(format!(
                "delivery {} follows {}: some were lost on the way",
                delivery.number, self.delivered
            )));
        }
        self.delivered = delivery.number;
        if delivery.stream_sequence <= self.last_seen {
            return Err(self.interrupted(format!(
                "stream sequence {} follows {}",
                delivery.stream_sequence, self.last_seen
            )));
        }
        self.last_seen = delivery.stream_sequence;
        if delivery.stream_sequence <= self.after {
            return Ok(Incoming::Sign);
        }
        self.after = delivery.stream_sequence;
        Ok(Incoming::Message(Message {
            stream_sequence: delivery.stream_sequence,
            subject: incoming.subject.into_string(),
            message_id: incoming.headers.as_ref().and_then(message_id),
            payload: incoming.payload,
            time: UNIX_EPOCH + Duration::from_nanos(delivery.time_ns),
        }))
    }

    fn receive_status(
        &mut self,
        status: StatusCode,
        incoming: &async_nats::Message,
    ) -> Result<Incoming, LogError> {
        let text = incoming.description.as_deref().unwrap_or_default();
        let size_exceeded = text.to_lowercase().contains("exceeds maxbytes");
        match status.as_u16() {
            100 => Ok(Incoming::Sign),
            // A pull request ended: its time is over, or the next message does not fit into its bytes.
            408 => Ok(self.pull_ended(incoming, false)),
            409 if size_exceeded => Ok(self.pull_ended(incoming, true)),
            409 if text.eq_ignore_ascii_case("batch completed") => Ok(self.pull_ended(incoming, false)),
            503 => Err(self.interrupted("its consumer is gone".to_owned())),
            code => Err(self.interrupted(format!("its consumer ended: {code} {text}"))),
        }
    }

    fn pull_ended(&mut self, incoming: &async_nats::Message, size_exceeded: bool) -> Incoming {
        let pending = incoming.headers.as_ref().and_then(|headers| headers.get("Nats-Pending-Messages"));
        let pending =
            pending.and_then(|pending| pending.as_str().parse::<u64>().ok()).unwrap_or(PULL_MESSAGES);
        self.asked = self.asked.saturating_sub(pending);
        if size_exceeded && pending >= PULL_MESSAGES {
            // Not even one message fitted.
            self.pull_bytes = (self.pull_bytes * 2).min(PULL_BYTES_MAX);
        }
        Incoming::Sign
    }

    fn check_connection(&self) -> Result<(), LogError> {
        match self.link.epoch() == self.epoch && self.link.is_connected() {
            true => Ok(()),
            false => Err(self.interrupted("the connection to NATS was lost".to_owned())),
        }
    }

    /// When the silence becomes suspicious.
    fn silent_until(&mut self) -> Instant {
        *self.silent_since.get_or_insert_with(Instant::now) + SILENCE_MAX
    }

    fn interrupted(&self, detail: String) -> LogError {
        LogError::Interrupted { service: self.service.clone(), detail }
    }
}

#[async_trait]
impl LogReader for JetStreamReader {
    async fn next_batch(&mut self, limit: BatchLimit, wait: Duration) -> Result<Vec<Message>, LogError> {
        let deadline = Instant::now().checked_add(wait);
        loop {
            self.check_connection()?;
            match tokio::time::timeout(SILENCE_MAX, self.ask_for_more()).await {
                Ok(asked) => asked?,
                Err(_) => return Err(self.interrupted("the connection to NATS takes nothing".to_owned())),
            }
            let batch = self.take_arrived(limit)?;
            // Nothing is awaited between taking messages and returning them: a cancelled call loses none.
            if !batch.is_empty() {
                return Ok(batch);
            }
            let (now, silent_until) = (Instant::now(), self.silent_until());
            if now >= silent_until {
                return Err(self.interrupted("its consumer gives no sign of life".to_owned()));
            }
            if deadline.is_some_and(|deadline| now >= deadline) {
                return Ok(batch);
            }
            self.wait_until(deadline.map_or(silent_until, |deadline| deadline.min(silent_until))).await?;
        }
    }
}

impl JetStreamReader {
    /// Waits until something comes in, something happens to the connection, or it is time.
    async fn wait_until(&mut self, until: Instant) -> Result<(), LogError> {
        tokio::select! {
            biased;
            incoming = self.messages.next() => {
                let Some(incoming) = incoming else {
                    return Err(self.interrupted("the subscription ended".to_owned()));
                };
                if let Incoming::Message(message) = self.receive(incoming)? {
                    self.held = Some(message);
                }
            }
            changed = self.health.changed() => {
                if changed.is_err() {
                    return Err(self.interrupted("the client was closed".to_owned()));
                }
            }
            () = tokio::time::sleep_until(until) => {}
        }
        Ok(())
    }
}

async fn create_consumer(link: &Link, service: &str, after: u64) -> Result<String, LogError> {
    let stream = stream_name(service);
    let name = link.client.new_inbox().rsplit('.').next().unwrap_or_default().to_owned();
    let config = pull::Config {
        name: Some(name.clone()),
        deliver_policy: match after {
            0 => DeliverPolicy::All,
            after => DeliverPolicy::ByStartSequence { start_sequence: after + 1 },
        },
        ack_policy: AckPolicy::None,
        replay_policy: ReplayPolicy::Instant,
        inactive_threshold: INACTIVE_THRESHOLD,
        memory_storage: true,
        num_replicas: 1,
        ..pull::Config::default()
    };
    let subject = link.api(&format!("CONSUMER.CREATE.{stream}.{name}"));
    let question = async {
        let created = link.context.create_consumer_on_stream(config, &stream).await;
        created.map_err(|error| match error.kind() {
            ConsumerErrorKind::JetStream(refusal) => Failure::Refused(refusal),
            _ => Failure::Other(error.to_string()),
        })
    };
    match link.ask(&subject, question).await? {
        Ok(_) => Ok(name),
        Err(refusal) => Err(link.refused(service, &format!("creating a consumer of {stream}"), &refusal)),
    }
}

/// Where a delivered message lies, from its reply subject:
/// `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream sequence>.<number>.<time>.<pending>`, with domain and account
/// before the stream on newer servers.
#[derive(Debug, PartialEq, Eq)]
struct Delivery {
    stream_sequence: u64,
    /// Counts the consumer's deliveries: 1, 2, 3 …
    number: u64,
    time_ns: u64,
}

impl Delivery {
    fn parse(reply: &str) -> Option<Self> {
        let rest = reply.strip_prefix("$JS.ACK.")?;
        let before = match rest.split('.').count() {
            7 => 3,
            9.. => 5,
            _ => return None,
        };
        let mut numbers = rest.split('.').skip(before).map(str::parse);
        let mut next = || numbers.next()?.ok();
        Some(Delivery { stream_sequence: next()?, number: next()?, time_ns: next()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_from_both_forms_of_reply_subjects() {
        let expected = Some(Delivery { stream_sequence: 42, number: 7, time_ns: 1_700_000_000_000_000_000 });
        assert_eq!(Delivery::parse("$JS.ACK.ORDERS.c.1.42.7.1700000000000000000.3"), expected);
        assert_eq!(Delivery::parse("$JS.ACK.hub.acc.ORDERS.c.1.42.7.1700000000000000000.3.x"), expected);
        for wrong in ["", "orders.1", "$JS.ACK.ORDERS.c.1.42", "$JS.ACK.ORDERS.c.1.x.7.1.3"] {
            assert_eq!(Delivery::parse(wrong), None, "{wrong}");
        }
    }
}
