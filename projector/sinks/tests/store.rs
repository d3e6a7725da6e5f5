//! The view store: generations, positions and rows in one transaction, one writer, every type as SQLite keeps it.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::path::Path;
use std::sync::Arc;

use prejoin_contract::ContractFile;
use prejoin_engine::{
    Committed, Definition, Engine, Follower, Incoming, Settings, SinkAttachment, advance, attach_sink,
    build_slice,
};
use prejoin_sinks::{LiveWrite, SqliteStore, StoreError};
use prejoin_sql::ViewFile;
use prejoin_state::MemoryState;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection};

const CONTRACT: &str = r#"
service = "things"
[tables.things]
key = ["id"]
columns = { id = "bigint", flag = "boolean", amount = "numeric", ratio = "double precision", label = "text", token = "uuid", day = "date", at = "timestamptz", extra = "jsonb", divisor = "bigint" }
[[on]]
event = "things.set.v1"
table = "things"
set = { id = "$.id", flag = "$.flag", amount = "$.amount", ratio = "$.ratio", label = "$.label", token = "$.token", day = "$.day", at = "$.at", extra = "$.extra", divisor = "$.divisor" }
[[on]]
event = "things.gone.v1"
table = "things"
delete = { id = "$.id" }
"#;

const VIEW: &str = "
-- All of it.
CREATE MATERIALIZED VIEW all_things AS
SELECT id, flag, amount, ratio, label, token, day, at, extra, 100 / divisor AS share, ARRAY[amount, NULL] AS amounts FROM things;
CREATE INDEX ON all_things (amount DESC, label);
";

struct Bench {
    engine: Engine,
    next: u64,
}

impl Bench {
    fn new() -> Self {
        let contract = ContractFile { path: "things.toml".to_owned(), text: CONTRACT.to_owned() };
        let view = ViewFile { path: "view.sql".to_owned(), text: VIEW.to_owned() };
        let definition = Arc::new(Definition::load(&[contract], &[view]).unwrap());
        let engine = Engine::open(definition, Arc::new(MemoryState::default()), Settings::default()).unwrap();
        Bench { engine, next: 1 }
    }

    fn emit(&mut self, kind: &str, data: Value) {
        let event = json!({
            "specversion": "1.0", "id": self.next.to_string(), "source": "/t", "type": format!("things.{kind}.v1"),
            "subject": data["id"].to_string(), "sequence": self.next, "data": data,
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

    fn committed(&self) -> Committed {
        self.engine.committed()
    }
}

/// The place of `all_things` among the views.
fn place(committed: &Committed) -> usize {
    committed.definition().views.iter().position(|view| view.plan.name == "all_things").unwrap()
}

/// A generation that readers see, and where it stands.
struct Built {
    generation: i64,
    follower: Follower,
}

async fn build(store: &mut SqliteStore, committed: &Committed) -> Built {
    let view = &committed.definition().views[place(committed)];
    let generation = store.begin_build(view, committed.position()).await.unwrap();
    let mut cursor = None;
    loop {
        let slice = build_slice(committed, place(committed), cursor.as_ref(), 3).unwrap();
        store.write_build("all_things", generation, slice.rows, slice.next.as_ref()).await.unwrap();
        cursor = slice.next;
        if cursor.is_none() {
            break;
        }
    }
    show(store, committed, generation, &Follower::built_at(committed)).await
}

/// Takes a complete generation to the commit and shows it to readers.
async fn show(store: &mut SqliteStore, committed: &Committed, generation: i64, base: &Follower) -> Built {
    let advance = advance(committed, place(committed), base, 100).unwrap().unwrap();
    let follower = advance.follower.clone();
    let view = &committed.definition().views[place(committed)];
    store.make_current(view, generation, advance).await.unwrap();
    Built { generation, follower }
}

async fn follow(store: &mut SqliteStore, committed: &Committed, built: &mut Built) -> Result<(), StoreError> {
    let advance = advance(committed, place(committed), &built.follower, 100).unwrap().unwrap();
    let follower = advance.follower.clone();
    let write = LiveWrite { view: "all_things".to_owned(), generation: built.generation, advance };
    store.write_live(vec![write]).await?;
    built.follower = follower;
    Ok(())
}

/// The rows of a query as texts, NULL as `-`.
async fn query(path: &Path, sql: &str) -> Vec<String> {
    let mut reader =
        SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path)).await.unwrap();
    let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(&mut reader).await.unwrap();
    let text = |row: &sqlx::sqlite::SqliteRow| {
        let cell = |index| match row.try_get_unchecked::<Option<String>, _>(index) {
            Ok(text) => text.unwrap_or_else(|| "-".to_owned()),
            Err(error) => panic!("{error}"),
        };
        (0..row.len()).map(cell).collect::<Vec<_>>().join("|")
    };
    rows.iter().map(text).collect()
}

#[tokio::test]
async fn every_type_prints_and_sorts_as_in_postgresql() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("views.sqlite");
    let mut bench = Bench::new();
    bench.emit(
        "set",
        json!({ "id": 1, "flag": true, "amount": "10.50", "ratio": 1e20, "label": "ä", "divisor": 7,
                "token": "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "day": "1996-07-04", "at": "1996-07-04T09:00:00+02:00",
                "extra": { "bb": 1, "a": [true, null] } }),
    );
    bench.emit("set", json!({ "id": 2, "amount": "9.9", "at": "0044-03-15 12:00:00Z BC", "divisor": 1 }));
    bench.emit("set", json!({ "id": 3, "amount": "-1000", "divisor": 1 }));
    bench.emit("set", json!({ "id": 4, "amount": "12345678901234567890.12", "divisor": 1 }));
    let mut store = SqliteStore::open(&path).await.unwrap();
    build(&mut store, &bench.committed()).await;

    let row = query(&path, "SELECT * FROM all_things WHERE id = 1").await;
    assert_eq!(
        row,
        [
            "1|1|10.50|1e+20|ä|a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11|1996-07-04|1996-07-04 07:00:00+00|{\"a\": [true, null], \"bb\": 1}|14|{10.50,NULL}"
        ]
    );
    let table = "_g1_all_things";
    assert_eq!(
        query(&path, &format!("SELECT id FROM {table} ORDER BY _sort_amount")).await,
        ["3", "2", "1", "4"]
    );
    assert_eq!(
        query(&path, &format!("SELECT id FROM {table} ORDER BY _sort_amounts")).await,
        ["3", "2", "1", "4"]
    );
    assert_eq!(
        query(&path, &format!("SELECT id FROM {table} WHERE at IS NOT NULL ORDER BY _sort_at")).await,
        ["2", "1"]
    );
    assert_eq!(
        query(&path, "SELECT comment, rows, position FROM _prejoin_generations").await,
        ["All of it.|4|{\"things\":4}"]
    );
    let plan =
        query(&path, &format!("EXPLAIN QUERY PLAN SELECT id FROM {table} ORDER BY _sort_amount DESC, label"))
            .await;
    assert!(plan[0].contains("_g1_all_things_i0"), "{plan:?}");
}

#[tokio::test]
async fn rows_and_position_move_together_and_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("views.sqlite");
    let mut bench = Bench::new();
    let mut store = SqliteStore::open(&path).await.unwrap();
    let mut built = build(&mut store, &bench.committed()).await;
    for id in 0..700 {
        bench.emit("set", json!({ "id": id, "label": "a", "divisor": 1 }));
    }
    follow(&mut store, &bench.committed(), &mut built).await.unwrap();
    assert_eq!(store.counts("all_things", built.generation), Some((700, 0)));
    for id in 0..300 {
        bench.emit("gone", json!({ "id": id }));
    }
    bench.emit("set", json!({ "id": 699, "label": "b", "divisor": 1 }));
    follow(&mut store, &bench.committed(), &mut built).await.unwrap();
    let catalog = query(&path, "SELECT rows, position, followed FROM _prejoin_generations").await;
    assert_eq!(catalog, ["400|{\"things\":1001}|{\"things\":1001}"]);
    let rows = query(&path, "SELECT count(*), min(id), max(label) FROM all_things").await;
    assert_eq!(rows, ["400|300|b"]);
}

#[tokio::test]
async fn a_row_that_fails_keeps_its_last_good_values_until_it_is_good_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("views.sqlite");
    let mut bench = Bench::new();
    bench.emit("set", json!({ "id": 1, "label": "good", "divisor": 4 }));
    let mut store = SqliteStore::open(&path).await.unwrap();
    let mut built = build(&mut store, &bench.committed()).await;
    for _ in 0..2 {
        bench.emit("set", json!({ "id": 1, "label": "bad", "divisor": 0 }));
        follow(&mut store, &bench.committed(), &mut built).await.unwrap();
    }
    assert_eq!(query(&path, "SELECT label, share FROM all_things").await, ["good|25"]);
    assert_eq!(
        query(&path, "SELECT view, error FROM _prejoin_row_errors").await,
        ["all_things|division by zero"]
    );
    assert_eq!(store.counts("all_things", built.generation), Some((1, 1)));
    bench.emit("set", json!({ "id": 1, "label": "better", "divisor": 5 }));
    follow(&mut store, &bench.committed(), &mut built).await.unwrap();
    assert_eq!(query(&path, "SELECT label, share FROM all_things").await, ["better|20"]);
    assert_eq!(store.counts("all_things", built.generation), Some((1, 0)));
    assert!(query(&path, "SELECT * FROM _prejoin_row_errors").await.is_empty());
}

#[tokio::test]
async fn a_writer_that_was_taken_over_can_write_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("views.sqlite");
    let mut bench = Bench::new();
    let mut old = SqliteStore::open(&path).await.unwrap();
    let mut built = build(&mut old, &bench.committed()).await;
    let mut new = SqliteStore::open(&path).await.unwrap();
    bench.emit("set", json!({ "id": 1, "divisor": 1 }));
    let refused = follow(&mut old, &bench.committed(), &mut built).await;
    assert!(matches!(refused, Err(StoreError::Superseded { .. })), "{refused:?}");
    assert!(matches!(old.write_status(0, "{}").await, Err(StoreError::Superseded { .. })));
    assert!(query(&path, "SELECT * FROM all_things").await.is_empty());

    let committed = bench.committed();
    let found = new.generations().await.unwrap().remove(0);
    let attached =
        attach_sink(&committed, place(&committed), &found.fingerprint, &found.followed, found.pending)
            .unwrap();
    let SinkAttachment::Follow(follower) = attached else { panic!("{attached:?}") };
    new.resume(&committed.definition().views[place(&committed)], found.generation).await.unwrap();
    let mut built = Built { generation: found.generation, follower };
    follow(&mut new, &committed, &mut built).await.unwrap();
    assert_eq!(query(&path, "SELECT id FROM all_things").await, ["1"]);
}

#[tokio::test]
async fn readers_keep_their_generation_while_another_takes_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("views.sqlite");
    let mut bench = Bench::new();
    bench.emit("set", json!({ "id": 1, "divisor": 1 }));
    let mut store = SqliteStore::open(&path).await.unwrap();
    build(&mut store, &bench.committed()).await;

    let mut reader =
        SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&path)).await.unwrap();
    let mut reading = reader.begin().await.unwrap();
    let read = |sql: &'static str| sqlx::query_scalar::<_, i64>(sql);
    assert_eq!(read("SELECT count(*) FROM _g1_all_things").fetch_one(&mut *reading).await.unwrap(), 1);
    bench.emit("set", json!({ "id": 2, "divisor": 1 }));
    build(&mut store, &bench.committed()).await;
    assert_eq!(read("SELECT count(*) FROM _g1_all_things").fetch_one(&mut *reading).await.unwrap(), 1);
    drop(reading);
    assert_eq!(query(&path, "SELECT count(*) FROM all_things").await, ["2"]);
    assert_eq!(query(&path, "SELECT generation, state FROM _prejoin_generations").await, ["2|current"]);
}

#[tokio::test]
async fn an_interrupted_build_goes_on_beside_what_readers_see() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("views.sqlite");
    let mut bench = Bench::new();
    for id in 0..10 {
        bench.emit("set", json!({ "id": id, "label": "old", "divisor": 1 }));
    }
    let mut store = SqliteStore::open(&path).await.unwrap();
    build(&mut store, &bench.committed()).await;
    let base = bench.committed();
    let view = &base.definition().views[place(&base)];
    let generation = store.begin_build(view, base.position()).await.unwrap();
    let slice = build_slice(&base, place(&base), None, 4).unwrap();
    store.write_build("all_things", generation, slice.rows, slice.next.as_ref()).await.unwrap();
    drop(store);

    // Rows before and after the cursor change, one goes, one comes, while the build is interrupted.
    for id in [1, 8, 10] {
        bench.emit("set", json!({ "id": id, "label": "new", "divisor": 1 }));
    }
    bench.emit("gone", json!({ "id": 0 }));
    let committed = bench.committed();
    let mut store = SqliteStore::open(&path).await.unwrap();
    let found = store.generations().await.unwrap();
    let found = found.into_iter().find(|found| !found.is_current).unwrap();
    assert_eq!((found.generation, found.rows, &found.followed), (generation, 4, base.position()));
    let attached =
        attach_sink(&committed, place(&committed), &found.fingerprint, &found.followed, found.pending)
            .unwrap();
    let SinkAttachment::Follow(follower) = attached else { panic!("{attached:?}") };
    store.resume(view, generation).await.unwrap();
    let slice = build_slice(&committed, place(&committed), found.cursor.as_ref(), 100).unwrap();
    store.write_build("all_things", generation, slice.rows, slice.next.as_ref()).await.unwrap();
    assert_eq!(query(&path, "SELECT count(*), max(label) FROM all_things").await, ["10|old"]);

    show(&mut store, &committed, generation, &follower).await;
    let rows = query(&path, "SELECT id, label FROM all_things ORDER BY id").await;
    assert_eq!(
        rows,
        ["1|new", "2|old", "3|old", "4|old", "5|old", "6|old", "7|old", "8|new", "9|old", "10|new"]
    );
    assert_eq!(store.counts("all_things", generation), Some((10, 0)));
    assert_eq!(
        query(&path, "SELECT generation, state, rows FROM _prejoin_generations").await,
        ["2|current|10"]
    );
}

#[tokio::test]
async fn an_abandoned_build_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("views.sqlite");
    let mut bench = Bench::new();
    bench.emit("set", json!({ "id": 1, "divisor": 0 }));
    let committed = bench.committed();
    let mut store = SqliteStore::open(&path).await.unwrap();
    build(&mut store, &committed).await;
    let view = &committed.definition().views[place(&committed)];
    let generation = store.begin_build(view, committed.position()).await.unwrap();
    let slice = build_slice(&committed, place(&committed), None, 10).unwrap();
    store.write_build("all_things", generation, slice.rows, None).await.unwrap();
    store.abandon("all_things", generation).await.unwrap();
    assert_eq!(query(&path, "SELECT generation, state FROM _prejoin_generations").await, ["1|current"]);
    assert_eq!(query(&path, "SELECT generation FROM _prejoin_row_errors").await, ["1"]);
    let tables =
        query(&path, "SELECT name FROM sqlite_schema WHERE name LIKE '_g_%' AND type = 'table'").await;
    assert_eq!(tables, ["_g1_all_things"]);
}

#[tokio::test]
async fn a_removed_view_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("views.sqlite");
    let mut bench = Bench::new();
    bench.emit("set", json!({ "id": 1, "divisor": 0 }));
    let committed = bench.committed();
    let mut store = SqliteStore::open(&path).await.unwrap();
    build(&mut store, &committed).await;
    let view = &committed.definition().views[place(&committed)];
    store.begin_build(view, committed.position()).await.unwrap();
    let left = "SELECT name FROM sqlite_schema WHERE name LIKE '%all_things%' AND type IN ('table', 'view')
                UNION ALL SELECT view FROM _prejoin_generations UNION ALL SELECT view FROM _prejoin_row_errors";
    assert_eq!(query(&path, left).await.len(), 6);
    store.remove_view("another").await.unwrap();
    assert_eq!(query(&path, left).await.len(), 6);
    store.remove_view("all_things").await.unwrap();
    assert_eq!(query(&path, left).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_has_its_name_when_it_is_complete_and_takes_nothing_from_one_before() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("views.sqlite");
    let beside = |suffix: &str| directory.path().join(format!("views.{suffix}"));
    // As a process leaves them that is killed while it makes a store.
    for name in ["unfinished", "unfinished-journal", "unfinished-wal"] {
        std::fs::write(beside(name), "half a file").unwrap();
    }
    let store = SqliteStore::open(&path).await.unwrap();
    let log_of_the_first = std::fs::read(beside("sqlite-wal")).unwrap();
    store.close().await.unwrap();
    assert!(!beside("unfinished").exists());

    std::fs::remove_file(&path).unwrap();
    std::fs::write(beside("sqlite-wal"), log_of_the_first).unwrap();
    let mut second = SqliteStore::open(&path).await.unwrap();
    assert_eq!(second.generations().await.unwrap().len(), 0);
    let epoch = "SELECT epoch FROM _prejoin_store";
    let options = SqliteConnectOptions::new().filename(&path).read_only(true);
    let mut reader = SqliteConnection::connect_with(&options).await.unwrap();
    let epoch: i64 = sqlx::query_scalar(epoch).fetch_one(&mut reader).await.unwrap();
    assert_eq!(epoch, 1);
}
