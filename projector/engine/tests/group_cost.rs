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
       count(DISTINCT amount) AS different, bool_and(paid) AS all_paid, bool_or(paid) AS one_paid,
       sum(DISTINCT amount % 3) AS rests, avg(DISTINCT amount::integer) AS different_mean,
       sum(DISTINCT (amount % 3)::numeric) FILTER (WHERE paid) AS numeric_rests, avg(DISTINCT amount::numeric) AS numeric_mean
FROM orders GROUP BY status;";

const LISTS: &str = "CREATE MATERIALIZED VIEW v AS
SELECT status, string_agg(order_id, ',' ORDER BY amount) AS ids FROM orders GROUP BY status;";

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

fn definition(view: &str) -> Arc<Definition> {
    let contract = ContractFile { path: "orders.toml".to_owned(), text: CONTRACT.to_owned() };
    let view = ViewFile { path: "views.sql".to_owned(), text: view.to_owned() };
    Arc::new(Definition::load(&[contract], &[view]).unwrap())
}

/// The reads of four single changes in a group of this size: of its least, its greatest and another value, and of a row
/// that goes to another group; then those of a change that no view reads.
fn reads_of_changes(orders: u64) -> [usize; 5] {
    let state = Arc::new(Counting::default());
    let mut engine = Engine::open(definition(VIEW), state.clone(), Settings::default()).unwrap();
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

/// The reads of opening a state of that many orders, all in one group, for a view that lists them, in slices of ten.
fn reads_of_building(orders: u64) -> usize {
    let state = Arc::new(Counting::default());
    let plain = definition("CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders;");
    let mut engine = Engine::open(plain, state.clone(), Settings::default()).unwrap();
    engine.step((1..=orders).map(|order| placed(order, order, "open", order)).collect(), None).unwrap();
    drop(engine);
    state.reads.store(0, Ordering::Relaxed);
    let settings = Settings { opening_slice_rows: 10, ..Settings::default() };
    let engine = Engine::open(definition(LISTS), state.clone(), settings).unwrap();
    let reads = state.reads.load(Ordering::Relaxed);
    let view = engine.definition().views.iter().find(|view| view.plan.name == "v").unwrap();
    let table = view.plan.relations[0].table;
    let rows: Vec<_> = engine.committed().table_rows(table).map(Result::unwrap).collect();
    let [row] = rows.as_slice() else { panic!("one group, not {rows:?}") };
    let ids: Vec<String> = (1..=orders).map(|order| format!("o{order}")).collect();
    assert_eq!(row[1], prejoin_model::Value::text(ids.join(",")));
    reads
}

#[test]
fn building_a_group_reads_its_list_once() {
    let (small, large) = (reads_of_building(500), reads_of_building(2_000));
    assert!(small >= 1_000 && large <= 4 * small, "{small} reads, then {large} for four times the rows");
}

#[test]
fn one_change_reads_no_more_of_a_large_group_than_of_a_small_one() {
    let (small, large) = (reads_of_changes(20), reads_of_changes(5_000));
    assert_eq!(small, large);
    assert!(large.iter().all(|&reads| reads > 0 && reads < 120), "{large:?}");
    assert!(large[4] < large[0], "what no view reads costs its groups nothing: {large:?}");
}
