//! An engine that folds what a test emits, and what a projector does with a store.

use std::sync::Arc;

use bytes::Bytes;
use prejoin_contract::ContractFile;
use prejoin_engine::{
    Committed, Definition, Engine, Follower, Incoming, RowOutcome, Settings, SinkAttachment, View, advance,
    attach_sink, build_slice,
};
use prejoin_sinks::{Generation, GenerationState, LiveWrite, StoreError, ViewStore};
use prejoin_sql::ViewFile;
use prejoin_state::MemoryState;
use serde_json::{Value, json};

const CONTRACT: &str = r#"
service = "things"
[tables.things]
key = ["id"]
columns = { id = "text", flag = "boolean", amount = "numeric", ratio = "double precision", label = "text", token = "uuid", day = "date", at = "timestamptz", extra = "jsonb", divisor = "bigint" }
[[on]]
event = "things.set.v1"
table = "things"
set = { id = "$.id", flag = "$.flag", amount = "$.amount", ratio = "$.ratio", label = "$.label", token = "$.token", day = "$.day", at = "$.at", extra = "$.extra", divisor = "$.divisor" }
[[on]]
event = "things.gone.v1"
table = "things"
delete = { id = "$.id" }
[tables.wide]
key = ["id", "second", "third"]
columns = { id = "text", second = "text", third = "text", label = "text" }
[[on]]
event = "things.wide.v1"
table = "wide"
set = { id = "$.id", second = "$.second", third = "$.third", label = "$.label" }
"#;

/// `share` fails where the divisor is zero.
const VIEWS: &str = "
-- All of it.
CREATE MATERIALIZED VIEW all_things AS
SELECT id, flag, amount, ratio, label, token, day, at, extra, 100 / divisor AS share, divisor::integer AS small,
       ARRAY[amount, NULL] AS amounts, ARRAY[label, NULL, ''] AS labels, ARRAY[flag, true] AS flags,
       ARRAY[at] AS times, ARRAY[ratio] AS ratios, ARRAY[extra, NULL] AS extras, ARRAY[token] AS tokens
FROM things;
CREATE INDEX ON all_things (amount DESC, label);
CREATE INDEX ON all_things (at, extra, amounts);
CREATE INDEX ON all_things USING gin (extra, labels);

CREATE MATERIALIZED VIEW labels AS SELECT id, label FROM things;
CREATE INDEX ON labels (label);
";

pub(crate) const ALL: &str = "all_things";
pub(crate) const LABELS: &str = "labels";

pub(crate) struct Bench {
    engine: Engine,
    next: u64,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Bench::with_views(VIEWS)
    }

    pub(crate) fn with_views(views: &str) -> Self {
        let contract = ContractFile { path: "things.toml".to_owned(), text: CONTRACT.to_owned() };
        let view = ViewFile { path: "view.sql".to_owned(), text: views.to_owned() };
        let definition = Arc::new(Definition::load(&[contract], &[view]).unwrap());
        let engine = Engine::open(definition, Arc::new(MemoryState::default()), Settings::default()).unwrap();
        Bench { engine, next: 1 }
    }

    /// Sets a thing whose other columns are NULL; the divisor is 1 unless it is named.
    pub(crate) fn set(&mut self, id: &str, mut data: Value) {
        data["id"] = id.into();
        if data.get("divisor").is_none() {
            data["divisor"] = 1.into();
        }
        self.emit("set", data);
    }

    pub(crate) fn remove(&mut self, id: &str) {
        self.emit("gone", json!({ "id": id }));
    }

    /// Sets a row whose key is three texts.
    pub(crate) fn set_wide(&mut self, key: [&str; 3], label: &str) {
        let [id, second, third] = key;
        self.emit("wide", json!({ "id": id, "second": second, "third": third, "label": label }));
    }

    fn emit(&mut self, kind: &str, data: Value) {
        let event = json!({
            "specversion": "1.0", "id": self.next.to_string(), "source": "/t", "type": format!("things.{kind}.v1"),
            "subject": data["id"], "sequence": self.next, "data": data,
        });
        let message = Incoming {
            service: "things".into(),
            stream_sequence: self.next,
            message_id: None,
            payload_hash: 0,
            payload: event.to_string().into(),
        };
        self.next += 1;
        let report = self.engine.step(vec![message], None).unwrap();
        assert_eq!(report.dead_letters, []);
    }

    pub(crate) fn committed(&self) -> Committed {
        self.engine.committed()
    }
}

/// The place of a view.
pub(crate) fn place(committed: &Committed, view: &str) -> usize {
    committed.definition().views.iter().position(|known| known.plan.name == view).unwrap()
}

pub(crate) fn view<'a>(committed: &'a Committed, name: &str) -> &'a View {
    &committed.definition().views[place(committed, name)]
}

/// A generation that is written to, and where it stands.
pub(crate) struct Built {
    pub view: &'static str,
    pub generation: i64,
    pub follower: Follower,
}

impl Built {
    pub(crate) fn named(&self) -> (String, i64) {
        (self.view.to_owned(), self.generation)
    }
}

/// Every row of a view as the engine computes it, in key order.
pub(crate) fn computed(committed: &Committed, view: &str) -> Vec<(Bytes, RowOutcome)> {
    let slice = build_slice(committed, place(committed, view), None, usize::MAX).unwrap();
    assert!(slice.next.is_none());
    slice.rows
}

/// Builds a generation in slices of three rows. It is ready then.
pub(crate) async fn build(store: &mut ViewStore, committed: &Committed, name: &'static str) -> Built {
    let generation = store.begin_build(view(committed, name), committed.position()).await.unwrap();
    write_slices(store, committed, name, generation, None).await;
    store.complete_build(view(committed, name), generation).await.unwrap();
    Built { view: name, generation, follower: Follower::built_at(committed) }
}

pub(crate) async fn write_slices(
    store: &mut ViewStore,
    committed: &Committed,
    view: &str,
    generation: i64,
    mut cursor: Option<Bytes>,
) {
    loop {
        let slice = build_slice(committed, place(committed, view), cursor.as_ref(), 3).unwrap();
        let packed = store.packer(view, generation).unwrap().pack(&slice.rows);
        // As a projector does: row by row only what the store refuses.
        if !store.write_packed(view, generation, vec![packed], slice.next.as_ref()).await.unwrap() {
            store.write_build(view, generation, slice.rows, slice.next.as_ref()).await.unwrap();
        }
        cursor = slice.next;
        if cursor.is_none() {
            break;
        }
    }
}

/// Builds a generation and shows it to readers, at a time of 1,000 ms for each generation.
pub(crate) async fn build_and_show(
    store: &mut ViewStore,
    committed: &Committed,
    view: &'static str,
) -> Built {
    let built = build(store, committed, view).await;
    store.make_current(&[built.named()], 1_000 * built.generation).await.unwrap();
    built
}

/// Takes generations to the commit in one transaction.
pub(crate) async fn follow(
    store: &mut ViewStore,
    committed: &Committed,
    built: &mut [&mut Built],
) -> Result<(), StoreError> {
    let mut writes = Vec::new();
    let mut followers = Vec::new();
    for built in built.iter() {
        let advance =
            advance(committed, place(committed, built.view), &built.follower, 100).unwrap().unwrap();
        followers.push(advance.follower.clone());
        writes.push(LiveWrite { view: built.view.to_owned(), generation: built.generation, advance });
    }
    store.write_live(writes).await?;
    for (built, follower) in built.iter_mut().zip(followers) {
        built.follower = follower;
    }
    Ok(())
}

/// Takes up a generation as a projector does that was started again.
pub(crate) async fn take_up(store: &mut ViewStore, committed: &Committed, view_name: &'static str) -> Built {
    let found = store.generations().await.unwrap();
    let found = found.into_iter().find(|found| found.view == view_name).unwrap();
    let Generation { generation, fingerprint, followed, pending, .. } = found;
    let attached =
        attach_sink(committed, place(committed, view_name), &fingerprint, &followed, pending).unwrap();
    let SinkAttachment::Follow(follower) = attached else { panic!("{attached:?}") };
    store.resume(view(committed, view_name), generation).await.unwrap();
    Built { view: view_name, generation, follower }
}

/// View, generation, state and rows of everything in the store.
pub(crate) async fn generations(store: &mut ViewStore) -> Vec<(String, i64, GenerationState, i64)> {
    let found = store.generations().await.unwrap().into_iter();
    found.map(|found| (found.view, found.generation, found.state, found.rows)).collect()
}

/// Compares every row of a generation with what the engine computes; returns how many there are.
pub(crate) async fn assert_equal(store: &ViewStore, committed: &Committed, built: &Built) -> usize {
    let mut snapshot = store.snapshot().await.unwrap();
    let mut stored = Vec::new();
    loop {
        let after = stored.last().map(|(key, _): &(Bytes, _)| key.to_vec());
        let rows = snapshot.rows(built.view, built.generation, after.as_deref(), 2).await.unwrap();
        if rows.is_empty() {
            break;
        }
        stored.extend(rows);
    }
    let computed = computed(committed, built.view);
    let keys = |count: usize| format!("{count} rows of {}", built.view);
    assert_eq!(keys(stored.len()), keys(computed.len()));
    for ((key, stored), (computed_key, outcome)) in stored.iter().zip(&computed) {
        assert_eq!(key, computed_key);
        let RowOutcome::Row(row) = outcome else { panic!("{outcome:?}") };
        assert_eq!(stored.differences(row), [], "{row:?}");
    }
    computed.len()
}
