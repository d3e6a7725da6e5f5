//! A log in which every message lies twice, and some that are no events: written by the test itself, without message
//! ids, so that the log stores all of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::sleep;

use prejoin_event_log::{EmbeddedLog, EventLog, JetStreamLog, JetStreamOptions, NewMessage};
use prejoin_fixtures::GeneratedEvent;
use prejoin_test_servers::NatsServer;
use serde_json::json;

use crate::chance::Chance;
use crate::losses::Losses;
use crate::stage::Stage;
use crate::streams::Streams;
use crate::support::{Process, block_on};

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
struct Author {
    chance: Chance,
    history: Box<dyn Iterator<Item = GeneratedEvent> + Send>,
    sequences: BTreeMap<&'static str, u64>,
    /// Type, entity and the column of the entity's key, of events that can be told wrongly.
    seen: Vec<(&'static str, String)>,
    written: Streams,
}

impl Author {
    fn new(mut chance: Chance) -> Author {
        let history = Box::new(prejoin_fixtures::generate(HISTORY_EVENTS, chance.next()));
        let sequences = SERVICES.map(|service| (service, 0)).into();
        Author { chance, history, sequences, seen: Vec::new(), written: Streams::default() }
    }

    /// Appends a group of new messages, each of them twice.
    fn append(&mut self, log: &dyn EventLog) {
        let count = self.chance.between(1, GROUP_MESSAGES_MAX);
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

async fn ensure_streams(log: &dyn EventLog) {
    for service in SERVICES {
        log.ensure_stream(service).await.expect("a stream can be made");
    }
}

/// On the embedded log, which one process holds: the log grows between the kills. State and views are lost as well.
pub(crate) fn kill_project_embedded(test: &'static str) {
    let mut stage = Stage::new(test, None);
    let mut author = Author::new(stage.chance.part("author"));
    let mut losses = Losses::new(stage.chance.part("losses"));
    let path = stage.home.data().join("event-log");
    std::fs::create_dir_all(stage.home.data()).expect("a directory can be made");
    append_embedded(&mut author, &path, 20);
    while !stage.is_done() {
        stage.choose_settings();
        for _ in 0..stage.round_kills() {
            let groups = stage.chance.below(12).div_ceil(stage.stretch());
            append_embedded(&mut author, &path, groups);
            let project = project(&mut stage);
            stage.kill(project);
            if stage.chance.percent(60) {
                stage.compare_at_rest(&author.written);
            }
            losses.strike(&mut stage);
        }
        let project = project(&mut stage);
        stage.compare_at_end(&author.written, &project, &[]);
        stage.end(project);
    }
    finish(stage, &author.written);
}

/// On JetStream, while somebody writes.
pub(crate) fn kill_project_jetstream(test: &'static str) {
    let nats = NatsServer::start("");
    let mut stage = Stage::new(test, Some(nats.url()));
    let log: Arc<dyn EventLog> = Arc::new(
        block_on(JetStreamLog::connect(&nats.url(), JetStreamOptions::default())).expect("the server runs"),
    );
    block_on(ensure_streams(log.as_ref()));
    let author = Arc::new(Mutex::new(Author::new(stage.chance.part("author"))));
    let stop = Arc::new(AtomicBool::new(false));
    let writing = {
        let (author, stop, mut chance) = (author.clone(), stop.clone(), stage.chance.part("pauses"));
        let pause_ms_max = 100 * stage.stretch();
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                author.lock().expect("nobody panics with the lock").append(log.as_ref());
                sleep(chance.milliseconds(pause_ms_max));
            }
        })
    };
    while !stage.is_done() {
        stage.choose_settings();
        for _ in 0..stage.round_kills() {
            let project = project(&mut stage);
            stage.kill(project);
            if stage.chance.percent(60) {
                let written = author.lock().expect("nobody panics with the lock").written.clone();
                stage.compare_at_rest(&written);
            }
        }
        let project = project(&mut stage);
        let author = author.lock().expect("nobody panics with the lock");
        stage.compare_at_end(&author.written, &project, &[]);
        stage.end(project);
    }
    stop.store(true, Ordering::Relaxed);
    writing.join().expect("the writer panicked");
    let written = author.lock().expect("nobody panics with the lock").written.clone();
    finish(stage, &written);
}

fn append_embedded(author: &mut Author, path: &Path, groups: u64) {
    let log = EmbeddedLog::open(path).expect("nobody else holds the log");
    block_on(ensure_streams(&log));
    for _ in 0..groups {
        author.append(&log);
    }
}

fn project(stage: &mut Stage) -> Process {
    let project = stage.command(&["project"]).start();
    stage.let_live(&project, |_| {});
    project
}

fn finish(stage: Stage, written: &Streams) {
    let oracle = written.fold();
    println!(
        "{} messages, {} of them repeated, {} dead letters",
        written.len(),
        oracle.repeated,
        oracle.dead_letters.len()
    );
    assert!(oracle.repeated > 0, "nothing was delivered twice");
    stage.finish();
}
