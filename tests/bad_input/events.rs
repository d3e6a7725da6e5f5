//! Events that do not fit: what becomes of each, of the events around it, and of later events of its entity.

use serde_json::{Value, json};

use crate::letters;
use crate::raw_log::{RawLog, order_placed, order_shipped, user_registered};
use crate::support::{Home, get, rows};

const CASES: &str = include_str!("events.txt");

/// What becomes of a message: `events.txt` says what each means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Parked,
    ParkedAlone,
    Unnumbered,
    UnknownType,
    Duplicate,
    Applied,
}
use Outcome::{Applied, Duplicate, Parked, ParkedAlone, UnknownType, Unnumbered};

struct Case {
    name: &'static str,
    outcome: Outcome,
    /// Parts of the reason.
    reason: Vec<&'static str>,
    message: &'static str,
}

fn cases() -> Vec<Case> {
    let mut lines = CASES.lines();
    let mut cases = Vec::new();
    while let Some(line) = lines.next() {
        let Some(name) = line.strip_prefix("== ") else {
            assert!(line.is_empty() || line.starts_with("# ") || line == "#", "not understood: {line:?}");
            continue;
        };
        let outcome = lines.next().expect("an outcome follows the name");
        let (outcome, reason) = outcome.split_once(": ").unwrap_or((outcome, ""));
        cases.push(Case {
            name,
            outcome: outcome_named(outcome),
            reason: reason.split(" | ").filter(|part| !part.is_empty()).collect(),
            message: lines.next().expect("the message follows the outcome"),
        });
    }
    cases
}

fn outcome_named(name: &str) -> Outcome {
    match name {
        "parked" => Parked,
        "parked alone" => ParkedAlone,
        "unnumbered" => Unnumbered,
        "unknown type" => UnknownType,
        "duplicate" => Duplicate,
        "applied" => Applied,
        _ => panic!("there is no outcome {name:?}"),
    }
}

impl Case {
    fn bytes(&self, sequence: u64, order: &str) -> Vec<u8> {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        let text = self.message.replace("SEQ", &sequence.to_string()).replace("ORDER", order);
        let text = text.replace("DEEP", &deep).replace("NEWLINE", "\r\n");
        match text.split_once("BYTES") {
            Some((before, after)) => [before.as_bytes(), b"\xff\xfe", after.as_bytes()].concat(),
            None => text.into_bytes(),
        }
    }

    fn takes_a_number(&self) -> bool {
        matches!(self.outcome, Parked | ParkedAlone | UnknownType | Applied)
    }
}

/// A case as it went into the log: an order placed, the message, and the order shipped.
struct Put {
    case: Case,
    order: String,
    bytes: Vec<u8>,
    /// The name of its number, and the number.
    numbered_by: (&'static str, u64),
    shipped: u64,
}

/// Returns the cases, and the last sequence of orders.
fn put_all(home: &Home) -> (Vec<Put>, u64) {
    let log = RawLog::open(home);
    log.put("users", user_registered(1, "u1", "Ann"));
    let mut sequence = 0;
    let mut next = || {
        sequence += 1;
        sequence
    };
    let mut all = Vec::new();
    for (index, case) in cases().into_iter().enumerate() {
        let order = format!("order-{index:02}");
        log.put("orders", order_placed(next(), &order));
        let number = if case.takes_a_number() { next() } else { 0 };
        let bytes = case.bytes(number, &order);
        let place = log.put("orders", bytes.clone());
        let numbered_by = if number > 0 { ("sequence", number) } else { ("stream_sequence", place) };
        let shipped = next();
        log.put("orders", order_shipped(shipped, &order));
        all.push(Put { case, order, bytes, numbered_by, shipped });
    }
    log.put("users", user_registered(2, "u2", "Bob"));
    (all, sequence)
}

impl Put {
    /// What the list says of the case, if it is not what it must say.
    fn mistake(&self, letters: &[Value]) -> Option<String> {
        let (by, number) = self.numbered_by;
        let letter = letters::numbered(letters, "orders", by, number);
        let waiting = letters::numbered(letters, "orders", "sequence", self.shipped);
        let is_listed = match self.case.outcome {
            Parked | ParkedAlone | Unnumbered => letter.is_some_and(|letter| self.is_kept_in(letter)),
            UnknownType | Duplicate | Applied => letter.is_none(),
        };
        let waits = match (self.case.outcome, waiting) {
            (Parked, Some(waiting)) => {
                let reason = waiting["reason"].as_str().unwrap_or_default();
                reason.contains(&format!("waits behind event {number} of the same entity"))
                    && waiting["behind"] == number
                    && waiting["entity"] == self.order
            }
            (Parked, None) => false,
            (_, waiting) => waiting.is_none(),
        };
        let Case { name, outcome, reason, .. } = &self.case;
        (!is_listed || !waits).then(|| {
            format!("{name}: {outcome:?} {reason:?} expected\n  found {letter:?}\n  waiting {waiting:?}")
        })
    }

    /// With its reason and its bytes.
    fn is_kept_in(&self, letter: &Value) -> bool {
        let reason = letter["reason"].as_str().unwrap_or_default();
        let bytes = match std::str::from_utf8(&self.bytes) {
            Ok(text) => letter["payload"] == text && letter["payload_base64"].is_null(),
            Err(_) => letter["payload"].is_null() && letter["payload_base64"].is_string(),
        };
        bytes && letter["behind"].is_null() && self.case.reason.iter().all(|part| reason.contains(part))
    }
}

#[test]
fn every_bad_event_has_its_outcome_and_the_others_go_on() {
    let home = Home::new();
    let (all, last) = put_all(&home);
    let count = |outcome| all.iter().filter(|put| put.case.outcome == outcome).count();
    assert!(count(Parked) + count(ParkedAlone) + count(Unnumbered) >= 30);
    let parked = 2 * count(Parked) + count(ParkedAlone) + count(Unnumbered);
    let said = format!("{parked} parked as dead letters (see: prejoin dead-letters list)");
    let _ = home.project().says(&[&said, "parked as a dead letter: "]);

    let letters = letters::listed(&home);
    let mistakes: Vec<String> = all.iter().filter_map(|put| put.mistake(&letters)).collect();
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
    assert_eq!(letters.len(), parked);

    // For people: name, type, entity, and the reason on the next line.
    let plain = home.command(&["dead-letters", "list"]).run().succeeded();
    for reason in letters.iter().filter_map(|letter| letter["reason"].as_str()) {
        assert!(
            plain.stdout.contains(&format!("\n    {reason}\n")),
            "{reason:?} is not in\n{}",
            plain.stdout
        );
    }
    let named = |line: &&str| line.starts_with("orders-") || line.starts_with("orders@");
    assert_eq!(plain.stdout.lines().filter(named).count(), parked);

    let status = letters::status(&home);
    let orders = &status["services"]["orders"];
    assert_eq!(orders["applied"], last, "{status}");
    assert_eq!(orders["dead_letters"], parked, "{status}");
    assert_eq!(orders["unknown_types"], count(UnknownType), "{status}");
    assert_eq!(orders["duplicates"], count(Duplicate), "{status}");
    assert_eq!(orders["events_applied"], 2 * all.len() - count(Parked) + count(Applied), "{status}");
    assert_eq!(status["services"]["users"]["applied"], 2, "{status}");

    check_served(&home, &all, parked);
    // Nothing is parked twice.
    let _ = home.project();
    assert_eq!(letters::listed(&home), letters);
    std::fs::remove_dir_all(home.data().join("state")).unwrap();
    let _ = home.project();
    assert_eq!(letters::listed(&home), letters, "a replay repeats it");
}

/// Every order is there, and shipped unless that event waits.
fn check_served(home: &Home, all: &[Put], parked: usize) {
    let serve = home.serve();
    let api = serve.url("api");
    let found = rows(&api, "orders_with_customers?select=order_id,status,customer_name&order=order_id")
        .expect("the view is served");
    assert_eq!(found.len(), all.len());
    for (put, found) in all.iter().zip(&found) {
        let status = if put.case.outcome == Parked { "placed" } else { "shipped" };
        let expected = json!({ "order_id": put.order, "status": status, "customer_name": "Ann" });
        assert_eq!(*found, expected, "{}", put.case.name);
    }
    let status = get(&format!("{api}/status")).json();
    assert_eq!(status["dead_letters"]["count"], parked, "{status}");
    assert_eq!(status["dead_letters"]["services"]["orders"], parked, "{status}");
    assert_eq!(status["dead_letters"]["newest"].as_array().map(Vec::len), Some(20), "{status}");
}

/// What comes later for a parked entity waits in its order; other entities, and the same key in another service, do not.
#[test]
fn what_waits_is_one_entity_of_one_service() {
    let home = Home::new();
    let log = RawLog::open(&home);
    log.put("orders", order_placed(1, "o1").replace("500", "\"much\""));
    log.put("orders", order_shipped(2, "o1"));
    log.put("orders", order_placed(3, "o2"));
    log.put("orders", order_placed(4, "o1"));
    log.put("users", user_registered(1, "o1", "A user by that name"));
    drop(log);
    let _ = home.project();
    let behind: Vec<_> = letters::listed(&home)
        .iter()
        .map(|letter| (letter["sequence"].clone(), letter["behind"].clone()))
        .collect();
    assert_eq!(json!(behind), json!([[1, null], [2, 1], [4, 1]]));
    // After a restart, too.
    let log = RawLog::open(&home);
    log.put("orders", order_shipped(5, "o1"));
    log.put("orders", order_shipped(6, "o2"));
    drop(log);
    let _ = home.project();
    assert_eq!(letters::listed(&home).len(), 4);
    let serve = home.serve();
    let found = rows(&serve.url("api"), "orders_with_customers?select=order_id,status").unwrap();
    assert_eq!(Value::Array(found), json!([{ "order_id": "o2", "status": "shipped" }]));
}
