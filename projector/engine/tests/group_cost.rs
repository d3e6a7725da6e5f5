//! What one change costs a group: reads of the state are counted, and must not grow with the group.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use prejoin_contract::ContractFile;
use prejoin_engine::{Definition, Engine, Incoming, Settings};
use prejoin_sql::ViewFile;
use prejoin_state::{Batch, Entries, MemoryState, Snapshot, Space, State, StateError};

const CONTRACT: &str = r#"
service = "orders"
[tables.orders]
key = ["order_id"]
columns = { order_id = "text", status = "text", amount = "bigint", paid = "boolean", note = "text" }
[[on]]
event = "orders.placed.v1"
table = "orders"
set = { order_id = "$event.subject", status = "$.status", amount = "$.amount", paid = "$.paid" }
[[on]]
event = "orders.noted.v1"
table = "orders"
set = { order_id = "$event.subject", note = "$.note" }
"#;

const VIEW: &str = "CREATE MATERIALIZED VIEW v AS
SELECT status, count(*) AS n, sum(amount) AS total, avg(amount) AS mean, min(amount) AS least, max(amount) AS most,
       count(DISTINCT amount) AS different, bool_and(paid) AS all_paid, bool_or(paid) AS one_paid
FROM orders GROUP BY status;";

/// Counts entries read, by key or by a scan.
#[derive(Default)]
struct Counting {
    state: MemoryState,
    reads: Arc<AtomicUsize>,
}

struct CountingSnapshot {
    snapshot: Box<dyn Snapshot>,
    reads: Arc<AtomicUsize>,
}

impl State for Counting {
    fn snapshot(&self) -> Box<dyn Snapshot> {
        Box::new(CountingSnapshot { snapshot: self.state.snapshot(), reads: self.reads.clone() })
    }

    fn commit(&self, batch: Batch) -> Result<(), StateError> {
        self.state.commit(batch)
    }

    fn sync(&self) -> Result<(), StateError> {
        self.state.sync()
    }
}

impl Snapshot for CountingSnapshot {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StateError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.snapshot.get(space, key)
    }

    fn scan<'a>(&'a self, space: Space, prefix: &[u8], from: &[u8]) -> Entries<'a> {
        let entries = self.snapshot.scan(space, prefix, from);
        Box::new(entries.inspect(|_| {
            self.reads.fetch_add(1, Ordering::Relaxed);
        }))
    }
}

fn message(sequence: u64, kind: &str, order: u64, data: &str) -> Incoming {
    let payload = format!(
        r#"{{"specversion":"1.0","id":"{sequence}","source":"/orders","type":"orders.{kind}.v1","subject":"o{order}","sequence":"{sequence}","data":{data}}}"#
    );
    Incoming {
        service: "orders".into(),
        stream_sequence: sequence,
        message_id: None,
        payload_hash: 0,
        payload: Bytes::from(payload),
    }
}

fn placed(sequence: u64, order: u64, status: &str, amount: u64) -> Incoming {
    let data = format!(r#"{{"status":"{status}","amount":{amount},"paid":true}}"#);
    message(sequence, "placed", order, &data)
}

/// The reads of four single changes in a group of this size: of its least, its greatest and another value, and of a row
/// that goes to another group; then those of a change that no view reads.
fn reads_of_changes(orders: u64) -> [usize; 5] {
    let contract = ContractFile { path: "orders.toml".to_owned(), text: CONTRACT.to_owned() };
    let view = ViewFile { path: "views.sql".to_owned(), text: VIEW.to_owned() };
    let definition = Arc::new(Definition::load(&[contract], &[view]).unwrap());
    let state = Arc::new(Counting::default());
    let mut engine = Engine::open(definition, state.clone(), Settings::default()).unwrap();
    let all = (1..=orders).map(|order| placed(order, order, "open", order)).collect();
    engine.step(all, None).unwrap();
    let changes = [
        placed(orders + 1, 1, "open", orders + 1),
        placed(orders + 2, orders, "open", 5),
        placed(orders + 3, orders / 2, "open", 7),
        placed(orders + 4, 3, "done", 3),
        message(orders + 5, "noted", 4, r#"{"note":"call"}"#),
    ];
    changes.map(|change| {
        state.reads.store(0, Ordering::Relaxed);
        assert_eq!(engine.step(vec![change], None).unwrap().applied, 1);
        state.reads.load(Ordering::Relaxed)
    })
}

#[test]
fn one_change_reads_no_more_of_a_large_group_than_of_a_small_one() {
    let (small, large) = (reads_of_changes(20), reads_of_changes(5_000));
    assert_eq!(small, large);
    assert!(large.iter().all(|&reads| reads > 0 && reads < 60), "{large:?}");
    assert!(large[4] < large[0], "what no view reads costs its groups nothing: {large:?}");
}
