//! Group tables when the state is opened: built and dropped in slices, whatever is killed in between and whichever views
//! are wanted then, they are what they would be if nothing else had ever been there.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use prejoin_contract::ContractFile;
use prejoin_engine::{Definition, Engine, EngineError, Incoming, Settings};
use prejoin_sql::ViewFile;
use prejoin_state::{Batch, MemoryState, Snapshot, Space, State, StateError};

const CONTRACT: &str = r#"
service = "orders"
[tables.orders]
key = ["order_id"]
columns = { order_id = "text", customer_id = "text", amount = "bigint" }
[[on]]
event = "orders.placed.v1"
table = "orders"
set = { order_id = "$.id", customer_id = "$.customer", amount = "$.amount" }
"#;

/// Totals that are joined by a value that they decide nothing of, so that an index over them is needed.
const TOTALS: &str = "
CREATE MATERIALIZED VIEW totals AS
SELECT customer_id, amount, count(*) AS orders, min(order_id) AS first, string_agg(order_id, ',' ORDER BY order_id DESC) AS ids
FROM orders GROUP BY customer_id, amount;

CREATE MATERIALIZED VIEW same_amount AS
SELECT o.order_id, (SELECT sum(t.orders) FROM totals t WHERE t.amount = o.amount) AS orders FROM orders o;
";

/// Groups of the same groups, and of others.
const SIZES: &str = "
CREATE MATERIALIZED VIEW totals AS
SELECT customer_id, amount, count(*) AS orders, min(order_id) AS first, string_agg(order_id, ',' ORDER BY order_id DESC) AS ids
FROM orders GROUP BY customer_id, amount;

CREATE MATERIALIZED VIEW sizes AS SELECT orders, count(DISTINCT amount) AS amounts FROM totals GROUP BY orders;

CREATE MATERIALIZED VIEW all_orders AS SELECT count(*) AS orders, max(amount) AS greatest FROM orders;
";

const NONE: &str = "CREATE MATERIALIZED VIEW plain AS SELECT order_id FROM orders;";

fn definition(views: &str) -> Arc<Definition> {
    let contract = ContractFile { path: "orders.toml".to_owned(), text: CONTRACT.to_owned() };
    let views = ViewFile { path: "views.sql".to_owned(), text: views.to_owned() };
    Arc::new(Definition::load(&[contract], &[views]).unwrap_or_else(|problems| panic!("{problems:#?}")))
}

fn settings() -> Settings {
    Settings { opening_slice_rows: 2, ..Settings::default() }
}

/// Every third event changes an order that is there.
fn events(sequences: std::ops::Range<u64>) -> Vec<Incoming> {
    let event = |sequence: u64| {
        let (order, customer) = (sequence - (sequence % 3) / 2, sequence % 4);
        let (customer, amount) = match customer {
            0 => ("null".to_owned(), sequence % 2),
            _ => (format!("\"u{customer}\""), sequence % 5),
        };
        let payload = format!(
            r#"{{"specversion":"1.0","id":"{sequence}","source":"/orders","type":"orders.placed.v1","subject":"o{order}",
                 "sequence":{sequence},"data":{{"id":"o{order}","customer":{customer},"amount":{amount}}}}}"#
        );
        Incoming {
            service: "orders".into(),
            stream_sequence: sequence,
            message_id: None,
            payload_hash: 0,
            payload: Bytes::from(payload),
        }
    };
    sequences.map(event).collect()
}

/// A state that is killed before one of its commits.
struct Mortal {
    inner: Arc<MemoryState>,
    commits_left: AtomicUsize,
}

impl State for Mortal {
    fn snapshot(&self) -> Box<dyn Snapshot> {
        self.inner.snapshot()
    }

    fn commit(&self, batch: Batch) -> Result<(), StateError> {
        let left =
            self.commits_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        match left {
            Ok(_) => self.inner.commit(batch),
            Err(_) => Err(StateError { path: "a test".to_owned(), detail: "killed".to_owned() }),
        }
    }

    fn sync(&self) -> Result<(), StateError> {
        self.inner.sync()
    }
}

fn folded(definition: &Arc<Definition>, events: Vec<Incoming>) -> Arc<MemoryState> {
    let state = Arc::new(MemoryState::default());
    step(definition, &state, events);
    state
}

fn step(definition: &Arc<Definition>, state: &Arc<MemoryState>, events: Vec<Incoming>) {
    let mut engine = Engine::open(definition.clone(), state.clone(), settings()).unwrap();
    assert!(events.is_empty() || engine.step(events, None).unwrap().committed);
}

/// All tables and accumulators, and how many index entries there are.
fn content(state: &MemoryState) -> (BTreeMap<Bytes, Bytes>, BTreeMap<Bytes, Bytes>, usize) {
    let snapshot = state.snapshot();
    let all = |space| snapshot.scan(space, &[], &[]).map(Result::unwrap).collect::<BTreeMap<_, _>>();
    (all(Space::Tables), all(Space::Accumulators), all(Space::Indexes).len())
}

#[test]
fn killed_before_any_commit_of_opening() {
    let definitions = [TOTALS, SIZES, NONE].map(definition);
    let expected = |definition: &Arc<Definition>, end| content(&folded(definition, events(1..end)));
    for first in &definitions {
        for second in &definitions {
            for third in &definitions {
                let mut kills = 0;
                for commits in 0.. {
                    let state = folded(first, events(1..12));
                    let mortal = Mortal { inner: state.clone(), commits_left: AtomicUsize::new(commits) };
                    let opened = Engine::open(second.clone(), Arc::new(mortal), settings());
                    match &opened {
                        Ok(_) => assert_eq!(content(&state), expected(second, 12)),
                        Err(error) => {
                            assert!(matches!(error, EngineError::State(_)), "{error}");
                            kills += 1;
                        }
                    }
                    let is_last = opened.is_ok();
                    drop(opened);
                    step(third, &state, Vec::new());
                    assert_eq!(content(&state), expected(third, 12), "after {commits} commits");
                    step(third, &state, events(12..24));
                    assert_eq!(content(&state), expected(third, 24), "after {commits} commits");
                    if is_last {
                        break;
                    }
                }
                assert!(kills > 0, "opening commits something");
            }
        }
    }
}

#[test]
fn what_means_the_same_is_kept() {
    let state = folded(&definition(TOTALS), events(1..20));
    let before = state.snapshot();
    // Other names, spaces and views around do not change what a group table means.
    let again = TOTALS.replace("same_amount", "renamed").replace("  ", " ") + NONE;
    let mortal = Mortal { inner: state.clone(), commits_left: AtomicUsize::new(2) };
    // The list of indexes, and the list of views.
    Engine::open(definition(&again), Arc::new(mortal), settings()).unwrap();
    let all = |snapshot: &dyn Snapshot| {
        snapshot.scan(Space::Accumulators, &[], &[]).map(Result::unwrap).collect::<Vec<_>>()
    };
    assert!(!all(before.as_ref()).is_empty());
    assert_eq!(all(before.as_ref()), all(state.snapshot().as_ref()));
}
