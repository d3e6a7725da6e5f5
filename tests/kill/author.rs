//! A writer of a log in which every message lies twice, and some that are no events: without message ids, so that the log
//! stores all of it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{JoinHandle, sleep};

use prejoin_event_log::{EventLog, JetStreamLog, JetStreamOptions, NewMessage};
use prejoin_fixtures::GeneratedEvent;
use serde_json::json;

use crate::chance::Chance;
use crate::streams::Streams;
use crate::support::block_on;

const SERVICES: [&str; 4] = ["users", "catalog", "orders", "shipping"];
const HISTORY_EVENTS: u64 = 1_000_000;
const GROUP_MESSAGES_MAX: u64 = 60;

/// Messages that no one can number. An array with an event inside is none.
const UNNUMBERED: [&str; 5] = [
    "not JSON",
    "{\"specversion\":\"1.0\"",
    "[{\"specversion\":\"1.0\",\"id\":\"a\",\"sequence\":\"1\"}]",
    "{\"specversion\":\"1.0\",\"id\":\"x\",\"source\":\"/x\",\"type\":\"orders.paid.v1\",\"subject\":\"10001\",\"data\":{}}",
    "",
];

#[derive(Clone)]
struct Message {
    service: &'static str,
    subject: String,
    payload: String,
}

/// Makes messages and knows what the log holds.
pub(crate) struct Author {
    chance: Chance,
    history: Box<dyn Iterator<Item = GeneratedEvent> + Send>,
    sequences: BTreeMap<&'static str, u64>,
    /// Type, entity and the column of the entity's key, of events that can be told wrongly.
    seen: Vec<(&'static str, String)>,
    pub(crate) written: Streams,
    /// Messages of a group, each of them twice.
    group_messages_max: u64,
}

impl Author {
    pub(crate) fn new(mut chance: Chance) -> Author {
        let history = Box::new(prejoin_fixtures::generate(HISTORY_EVENTS, chance.next()));
        let sequences = SERVICES.map(|service| (service, 0)).into();
        Author {
            chance,
            history,
            sequences,
            seen: Vec::new(),
            written: Streams::default(),
            group_messages_max: GROUP_MESSAGES_MAX,
        }
    }

    /// Appends a group of new messages, each of them twice.
    pub(crate) fn append(&mut self, log: &dyn EventLog) {
        let count = self.chance.between(1, self.group_messages_max);
        let only_unnumbered = self.chance.percent(10);
        let group: Vec<Message> = (0..count)
            .map(|_| match self.chance.below(200) {
                _ if only_unnumbered => self.unnumbered(),
                0..2 => self.unnumbered(),
                2..5 => self.unknown(),
                5 => self.unfit(),
                _ => self.event(),
            })
            .collect();
        let doubled = self.doubled(&group);
        block_on(send(log, &doubled));
        for message in doubled {
            self.written.add(message.service, message.payload);
        }
    }

    /// A A B B, or A B A B for stretches of some length.
    fn doubled(&mut self, group: &[Message]) -> Vec<Message> {
        let stretch = match self.chance.below(3) {
            0 => 1,
            1 => 1 + self.chance.index(group.len()),
            _ => group.len(),
        };
        group.chunks(stretch).flat_map(|part| [part, part].concat()).collect()
    }

    fn event(&mut self) -> Message {
        let event = self.history.next().expect("the history is long enough");
        if matches!(event.kind, "orders.placed.v1" | "users.registered.v1") {
            self.seen.push((event.kind, event.subject.clone()));
        }
        let (old, new) = (event.sequence, self.number(event.service));
        let payload =
            event.json.replacen(&format!("\"sequence\":\"{old}\""), &format!("\"sequence\":\"{new}\""), 1);
        let subject = prejoin_envelope::subject(event.kind, &event.subject);
        Message { service: event.service, subject, payload }
    }

    fn unnumbered(&mut self) -> Message {
        let service = *self.chance.pick(&SERVICES);
        let payload = (*self.chance.pick(&UNNUMBERED)).to_owned();
        Message { service, subject: format!("{service}.unnumbered.x"), payload }
    }

    /// Of a type that no contract knows.
    fn unknown(&mut self) -> Message {
        let service = *self.chance.pick(&SERVICES);
        self.told(service, &format!("{service}.praised.v1"), "somebody", json!({ "stars": 5 }))
    }

    /// An event with an object where a scalar belongs; later events of its entity wait behind it.
    fn unfit(&mut self) -> Message {
        if self.seen.is_empty() {
            return self.unknown();
        }
        let (kind, entity) = self.chance.pick(&self.seen).clone();
        match kind {
            "orders.placed.v1" => {
                let data = json!({ "order_id": entity, "paid_at": { "day": "today" } });
                self.told("orders", "orders.paid.v1", &entity, data)
            }
            _ => {
                let data = json!({ "user_id": entity, "name": { "first": "Ann" } });
                self.told("users", "users.renamed.v1", &entity, data)
            }
        }
    }

    fn told(&mut self, service: &'static str, kind: &str, entity: &str, data: serde_json::Value) -> Message {
        let sequence = self.number(service);
        let payload = json!({
            "specversion": "1.0", "id": format!("{service}-{sequence}"), "source": format!("/{service}"), "type": kind,
            "subject": entity, "time": "2026-01-01T00:00:00Z", "sequence": sequence.to_string(), "data": data,
        });
        let subject = prejoin_envelope::subject(kind, entity);
        Message { service, subject, payload: payload.to_string() }
    }

    fn number(&mut self, service: &'static str) -> u64 {
        let sequence = self.sequences.get_mut(service).expect("all services are numbered");
        *sequence += 1;
        *sequence
    }
}

/// Sends them in their order, and fails unless the log stores each.
async fn send(log: &dyn EventLog, messages: &[Message]) {
    let mut acknowledgements = Vec::new();
    for Message { service, subject, payload } in messages {
        let message =
            NewMessage { subject: subject.clone(), message_id: None, payload: payload.clone().into() };
        acknowledgements.push(log.send(service, message, None).await.expect("the log takes it"));
    }
    for acknowledgement in acknowledgements {
        let acknowledged = acknowledgement.await.expect("the log stores it");
        assert!(!acknowledged.duplicate, "the log stores every message");
    }
}

pub(crate) async fn ensure_streams(log: &dyn EventLog) {
    for service in SERVICES {
        log.ensure_stream(service).await.expect("a stream can be made");
    }
}

/// An author at work on JetStream, beside everything else.
pub(crate) struct Writing {
    author: Arc<Mutex<Author>>,
    /// Groups that may be written now.
    groups: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

/// More than any test writes.
pub(crate) const UNBOUNDED: u64 = u64::MAX / 2;

impl Writing {
    /// Writes so many groups, with up to so many milliseconds between them, and then as many more as are allowed.
    pub(crate) fn start(nats_url: &str, chance: &Chance, pause_ms_max: u64, groups: u64) -> Writing {
        let log = block_on(JetStreamLog::connect(nats_url, JetStreamOptions::default()));
        let log: Arc<dyn EventLog> = Arc::new(log.expect("the server runs"));
        block_on(ensure_streams(log.as_ref()));
        let author = Arc::new(Mutex::new(Author::new(chance.part("author"))));
        let (groups, stop) = (Arc::new(AtomicU64::new(groups)), Arc::new(AtomicBool::new(false)));
        let (shared, left, stopped) = (author.clone(), groups.clone(), stop.clone());
        let mut chance = chance.part("pauses");
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                if left.load(Ordering::Relaxed) > 0 {
                    left.fetch_sub(1, Ordering::Relaxed);
                    shared.lock().expect("nobody panics with the lock").append(log.as_ref());
                }
                sleep(chance.milliseconds(pause_ms_max));
            }
        });
        Writing { author, groups, stop, thread }
    }

    /// So many more groups may be written: a log that grows faster than it is projected would never be projected.
    pub(crate) fn allow(&self, groups: u64) {
        self.groups.fetch_add(groups, Ordering::Relaxed);
    }

    /// How large groups are from now on.
    pub(crate) fn limit_groups(&self, messages_max: u64) {
        self.hold().group_messages_max = messages_max;
    }

    /// Nothing is written while this is held.
    pub(crate) fn hold(&self) -> MutexGuard<'_, Author> {
        self.author.lock().expect("nobody panics with the lock")
    }

    /// For those who want to know what was written.
    pub(crate) fn author(&self) -> Arc<Mutex<Author>> {
        self.author.clone()
    }

    /// Everything that was written.
    pub(crate) fn finish(self) -> Streams {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the writer panicked");
        self.author.lock().expect("nobody panics with the lock").written.clone()
    }
}
