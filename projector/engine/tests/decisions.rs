//! Decisions on dead letters that are not the rule: messages without a number, events without an entity, bytes that are
//! no text, streams that number for their service. Each in every order of arrival, and read again after restarts.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use prejoin_contract::ContractFile;
use prejoin_engine::{
    Choice, DEAD_LETTERS_VIEW, DECISIONS_VIEW, Decision, Definition, Engine, Incoming, RowOutcome, Settings,
    StepReport, build_slice, digest_of,
};
use prejoin_model::to_text;
use prejoin_sql::ViewFile;
use prejoin_state::{MemoryState, State};
use serde_json::{Value, json};

const CONTRACTS: [&str; 2] = [
    r#"
service = "users"
[tables.users]
key = ["user_id"]
columns = { user_id = "text", age = "bigint" }
[[on]]
event = "users.aged.v1"
table = "users"
set = { user_id = "$.user_id", age = "$.age" }
"#,
    r#"
service = "things"
sequence = "stream"
[tables.things]
key = ["thing_id"]
columns = { thing_id = "text", weight = "bigint" }
[[on]]
event = "things.weighed.v1"
table = "things"
set = { thing_id = "$.thing_id", weight = "$.weight" }
"#,
];

const VIEWS: &str = "
CREATE MATERIALIZED VIEW people AS SELECT user_id, age FROM users;
CREATE MATERIALIZED VIEW loads AS SELECT thing_id, weight FROM things;
";

fn definition(ages: &str) -> Arc<Definition> {
    let contract = |text: &str| {
        let text = text.replace("age = \"bigint\"", &format!("age = {ages:?}"));
        ContractFile { path: "contract.toml".to_owned(), text }
    };
    let views = ViewFile { path: "views.sql".to_owned(), text: VIEWS.to_owned() };
    Arc::new(Definition::load(&CONTRACTS.map(contract), &[views]).unwrap())
}

type Rows = Vec<Vec<String>>;

/// The streams of a log, in their order.
#[derive(Default)]
struct Log {
    streams: BTreeMap<&'static str, Vec<Bytes>>,
}

impl Log {
    fn put(&mut self, service: &'static str, payload: impl Into<Bytes>) -> Bytes {
        let payload = payload.into();
        self.streams.entry(service).or_default().push(payload.clone());
        payload
    }

    fn aged(&mut self, sequence: u64, subject: Option<&str>, age: Value) -> Bytes {
        self.put("users", aged(sequence, subject, age))
    }

    /// Decides on the letter of that name, whose message this is.
    fn decide(&mut self, letter: &str, message: &[u8], choice: Choice) {
        let sequence = self.streams.get("prejoin").map_or(0, Vec::len) + 1;
        let kind = choice.event_type();
        let decision = Decision { letter: letter.parse().unwrap(), digest: digest_of(message), choice };
        let data: Value = serde_json::from_str(decision.to_data().unwrap().get()).unwrap();
        let event = json!({ "specversion": "1.0", "id": "d", "source": "/o", "type": kind, "subject": letter,
            "sequence": sequence.to_string(), "data": data });
        self.put("prejoin", event.to_string());
    }

    fn incoming(&self, service: &'static str, place: usize) -> Incoming {
        Incoming {
            service: service.into(),
            stream_sequence: place as u64 + 1,
            message_id: None,
            payload_hash: 0,
            payload: self.streams[service][place].clone(),
        }
    }

    /// Everything, one message a step: services in the order given, or in turn; restarted and read again all along.
    fn run(&self, definition: &Arc<Definition>, order: &[&'static str]) -> BTreeMap<String, Rows> {
        let state: Arc<dyn State> = Arc::new(MemoryState::default());
        for service in order {
            for place in 0..self.streams[service].len() {
                let mut engine =
                    Engine::open(definition.clone(), state.clone(), Settings::default()).unwrap();
                // A reader that attaches again reads what has no number again.
                let again = place.saturating_sub(2)..=place;
                let messages = again.map(|place| self.incoming(service, place)).collect();
                let StepReport { holes, deferred, .. } = engine.step(messages, None).unwrap();
                assert!(holes.is_empty() && deferred.is_empty(), "{holes:?}");
            }
        }
        let engine = Engine::open(definition.clone(), state, Settings::default()).unwrap();
        let committed = engine.committed();
        let views = committed.definition().views.iter().enumerate();
        let rows = |place| build_slice(&committed, place, None, 10_000).unwrap().rows.into_iter();
        let texts = |outcome| match outcome {
            RowOutcome::Row(row) => {
                row.iter().map(|value| to_text(value).unwrap_or_else(|| "-".to_owned())).collect()
            }
            other => panic!("{other:?}"),
        };
        views
            .map(|(place, view)| {
                (view.plan.name.clone(), rows(place).map(|(_, outcome)| texts(outcome)).collect())
            })
            .collect()
    }

    /// The same in every order of the services.
    fn run_all(&self) -> BTreeMap<String, Rows> {
        self.run_all_under(&definition("bigint"))
    }

    fn run_all_under(&self, definition: &Arc<Definition>) -> BTreeMap<String, Rows> {
        let services: Vec<&'static str> = self.streams.keys().copied().collect();
        let reversed: Vec<_> = services.iter().rev().copied().collect();
        let ends = [self.run(definition, &services), self.run(definition, &reversed)];
        assert_eq!(ends[0], ends[1]);
        ends[0].clone()
    }
}

fn aged(sequence: u64, subject: Option<&str>, age: Value) -> String {
    let mut event = json!({ "specversion": "1.0", "id": sequence.to_string(), "source": "/u", "type": "users.aged.v1",
        "sequence": sequence, "data": { "user_id": "u", "age": age } });
    if let Some(subject) = subject {
        event["subject"] = subject.into();
    }
    event.to_string()
}

fn discard() -> Choice {
    Choice::Discard { reason: "noise".to_owned() }
}

/// Kind, letter's number and outcome of each decision.
fn outcomes(end: &BTreeMap<String, Rows>) -> Vec<String> {
    let row = |row: &Vec<String>| {
        let number = if row[3] == "-" { format!("@{}", row[4]) } else { row[3].clone() };
        format!("{} {} {number} {}", row[0], row[1], row[6])
    };
    let mut outcomes: Vec<String> = end[DECISIONS_VIEW].iter().map(row).collect();
    outcomes.sort();
    outcomes
}

#[test]
fn a_message_without_a_number_is_discarded_once_and_for_all() {
    let mut log = Log::default();
    log.aged(1, Some("u"), 1.into());
    let junk = log.put("users", "junk");
    let bytes = log.put("users", &b"\xff\0"[..]);
    let same = log.put("users", "junk");
    log.aged(2, Some("u"), 2.into());
    log.decide("users@2", &junk, discard());
    log.decide("users@3", &junk, discard());
    log.decide("users@3", &bytes, Choice::Retry);
    log.decide("users@3", &bytes, discard());
    log.decide("users@4", &same, Choice::Amend { event: aged(3, Some("u"), 3.into()) });
    log.decide("users@2", &junk, discard());
    let end = log.run_all();
    let expected = [
        "1 discard @2 discarded",
        "2 discard @3 other_event",
        "3 retry @3 unfit",
        "4 discard @3 discarded",
        "5 amend @4 unfit",
        "6 discard @2 no_letter",
    ];
    assert_eq!(outcomes(&end), expected);
    assert_eq!(end[DEAD_LETTERS_VIEW].len(), 1, "{:?}", end[DEAD_LETTERS_VIEW]);
    assert_eq!(end["people"], [["u", "2"]]);
}

#[test]
fn an_event_without_an_entity_has_no_place_to_be_amended_in() {
    let mut log = Log::default();
    let nobody = log.aged(1, None, 1.into());
    log.aged(2, Some("u"), 2.into());
    log.decide("users-1", &nobody, Choice::Amend { event: aged(1, Some("u"), 1.into()) });
    log.decide("users-1", &nobody, Choice::Retry);
    let end = log.run_all();
    assert_eq!(outcomes(&end), ["1 amend 1 unfit", "2 retry 1 unfit"]);
    assert_eq!(end["people"], [["u", "2"]]);
    log.decide("users-1", &nobody, discard());
    let end = log.run_all();
    assert_eq!(outcomes(&end)[2], "3 discard 1 discarded");
    assert_eq!(end[DEAD_LETTERS_VIEW], Rows::new());
}

#[test]
fn an_event_that_fits_can_be_decided_while_it_waits() {
    let mut log = Log::default();
    let first = log.aged(1, Some("u"), "old".into());
    let second = log.aged(2, Some("u"), 2.into());
    let third = log.aged(3, Some("u"), 3.into());
    log.decide("users-3", &third, Choice::Amend { event: aged(3, Some("u"), 33.into()) });
    log.decide("users-3", &third, Choice::Amend { event: aged(3, Some("u"), 34.into()) });
    log.decide("users-2", &second, Choice::Retry);
    log.decide("users-1", &first, discard());
    // Too late: it was folded when the first one was passed over.
    log.decide("users-2", &second, discard());
    log.decide("users-3", &third, discard());
    let end = log.run_all();
    let expected = [
        "1 amend 3 amended",
        "2 amend 3 amended",
        "3 retry 2 behind",
        "4 discard 1 discarded",
        "5 discard 2 no_letter",
        "6 discard 3 no_letter",
    ];
    assert_eq!(outcomes(&end), expected);
    assert_eq!(end["people"], [["u", "34"]]);
    assert_eq!(end[DEAD_LETTERS_VIEW], Rows::new());
}

#[test]
fn under_a_contract_that_understands_the_event_decisions_on_it_do_nothing() {
    let mut log = Log::default();
    let first = log.aged(1, Some("u"), "old".into());
    let second = log.aged(2, Some("u"), json!({}));
    log.aged(3, Some("u"), "older".into());
    log.decide("users-1", &first, Choice::Retry);
    log.decide("users-1", &first, Choice::Amend { event: aged(1, Some("u"), 1.into()) });
    log.decide("users-2", &second, discard());
    assert_eq!(outcomes(&log.run_all()), ["1 retry 1 unfit", "2 amend 1 amended", "3 discard 2 discarded"]);
    let end = log.run_all_under(&definition("text"));
    assert_eq!(outcomes(&end), ["1 retry 1 no_letter", "2 amend 1 no_letter", "3 discard 2 discarded"]);
    assert_eq!(end["people"], [["u", "older"]]);
}

#[test]
fn a_stream_that_numbers_for_its_service_is_amended_without_a_sequence() {
    let event = |weight: Value| {
        json!({ "specversion": "1.0", "id": "a", "source": "/t", "type": "things.weighed.v1", "subject": "t",
            "data": { "thing_id": "t", "weight": weight } })
        .to_string()
    };
    let mut log = Log::default();
    let heavy = log.put("things", event("heavy".into()));
    log.decide("things-1", &heavy, Choice::Amend { event: event(9.into()) });
    let end = log.run_all();
    assert_eq!(outcomes(&end), ["1 amend 1 amended"]);
    assert_eq!(end["loads"], [["t", "9"]]);
}

#[test]
fn a_decision_that_cannot_be_read_is_a_dead_letter_itself() {
    let mut log = Log::default();
    let first = log.aged(1, Some("u"), "old".into());
    let nonsense = log.put(
        "prejoin",
        r#"{"specversion":"1.0","id":"d","source":"/o","type":"prejoin.discard.v1","subject":"users-1","sequence":"1","data":{}}"#,
    );
    let unknown = r#"{"specversion":"1.0","id":"d","source":"/o","type":"prejoin.doubt.v1","subject":"users-1","sequence":"2"}"#;
    log.put("prejoin", unknown);
    log.decide("users-1", &first, discard());
    log.decide("prejoin-1", &nonsense, Choice::Retry);
    log.decide("prejoin-9", &nonsense, discard());
    let end = log.run_all();
    assert_eq!(outcomes(&end), ["3 discard 1 discarded", "4 retry 1 unfit", "5 discard 9 no_letter"]);
    let letters = &end[DEAD_LETTERS_VIEW];
    assert!(letters.len() == 1 && letters[0][7].starts_with("is no decision: its data"), "{letters:?}");
    log.decide("prejoin-1", &nonsense, discard());
    assert_eq!(log.run_all()[DEAD_LETTERS_VIEW], Rows::new());
}

#[test]
fn a_long_queue_goes_on_at_once_and_decisions_on_it_are_put_off() {
    let mut log = Log::default();
    let mut messages = Vec::new();
    for sequence in 1..=2_000 {
        let age = if sequence <= 1_000 { "old".into() } else { sequence.into() };
        messages.push(log.aged(sequence, Some("u"), age));
    }
    for (place, message) in messages[..1_000].iter().enumerate() {
        log.decide(&format!("users-{}", place + 1), message, discard());
    }
    let settings = Settings { decided_bytes_per_step: 20_000, ..Settings::default() };
    let mut engine = Engine::open(definition("bigint"), Arc::new(MemoryState::default()), settings).unwrap();
    let all = (0..2_000).map(|place| log.incoming("users", place)).collect();
    assert_eq!(engine.step(all, None).unwrap().dead_letters.len(), 2_000);
    let mut left: Vec<_> = (0..1_000).map(|place| log.incoming("prejoin", place)).collect();
    let (mut steps, mut released) = (0, 0);
    while !left.is_empty() {
        let report = engine.step(left, None).unwrap();
        (steps, released) = (steps + 1, released + report.released);
        left = report.deferred;
    }
    assert!(steps > 2, "a step takes what it may");
    assert_eq!(released, 1_000);
    assert_eq!(engine.progress("users").unwrap().dead_letters, 0);
}
