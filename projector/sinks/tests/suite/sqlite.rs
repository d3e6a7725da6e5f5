//! What only a SQLite store does: columns that sort apart, the file and its name, its first format.

use prejoin_sinks::GenerationState::{Building, Current};
use prejoin_sinks::StoreError;
use serde_json::json;

use crate::bench::{
    ALL, Bench, LABELS, assert_equal, build_and_show, computed, follow, generations, take_up,
};
use crate::stores::{Kind, Place};

#[tokio::test]
async fn every_type_prints_and_sorts_as_in_postgresql() {
    let at = Place::new(Kind::Sqlite);
    let mut bench = Bench::new();
    bench.set(
        "1",
        json!({ "flag": true, "amount": "10.50", "ratio": 1e20, "label": "ä", "divisor": 7,
                "token": "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "day": "1996-07-04", "at": "1996-07-04T09:00:00+02:00",
                "extra": { "bb": 1, "a": [true, null] } }),
    );
    bench.set("2", json!({ "amount": "9.9", "at": "0044-03-15 12:00:00Z BC" }));
    bench.set("3", json!({ "amount": "-1000" }));
    bench.set("4", json!({ "amount": "12345678901234567890.12" }));
    let mut store = at.open().await;
    build_and_show(&mut store, &bench.committed(), ALL).await;

    let row = at
        .query("SELECT id, flag, amount, ratio, label, token, day, at, extra, share, amounts FROM all_things WHERE id = '1'")
        .await;
    assert_eq!(
        row,
        [
            "1|1|10.50|1e+20|ä|a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11|1996-07-04|1996-07-04 07:00:00+00|{\"a\": [true, null], \"bb\": 1}|14|{10.50,NULL}"
        ]
    );
    let sorted = |column: &str| {
        format!(
            "SELECT id FROM _g1_all_things WHERE at IS NOT NULL OR '{column}' <> '_sort_at' ORDER BY {column}"
        )
    };
    assert_eq!(at.query(&sorted("_sort_amount")).await, ["3", "2", "1", "4"]);
    assert_eq!(at.query(&sorted("_sort_amounts")).await, ["3", "2", "1", "4"]);
    assert_eq!(at.query(&sorted("_sort_at")).await, ["2", "1"]);
    assert_eq!(
        at.query("SELECT comment, rows, position, followed FROM _prejoin_generations").await,
        ["All of it.|4|{\"things\":4}|{\"things\":4}"]
    );
    let plan = "EXPLAIN QUERY PLAN SELECT id FROM _g1_all_things ORDER BY _sort_amount DESC, label";
    let plan = at.query(plan).await;
    assert!(plan[0].contains("_g1_all_things_i0"), "{plan:?}");
}

#[tokio::test]
async fn hidden_columns_are_compared_too() {
    let at = Place::new(Kind::Sqlite);
    let mut bench = Bench::new();
    bench.set("x", json!({ "amount": "1.50" }));
    let mut store = at.open().await;
    let built = build_and_show(&mut store, &bench.committed(), ALL).await;
    at.execute("UPDATE _g1_all_things SET _sort_amount = x'00ff'").await;
    let (_, prejoin_engine::RowOutcome::Row(row)) = computed(&bench.committed(), ALL).remove(0) else {
        panic!()
    };
    let mut snapshot = store.snapshot().await.unwrap();
    let rows = snapshot.rows(ALL, built.generation, None, 10).await.unwrap();
    let differences = rows[0].1.differences(&row);
    assert_eq!(differences.len(), 1);
    assert_eq!(
        (differences[0].column.as_str(), differences[0].stored.as_deref()),
        ("_sort_amount", Some("00ff"))
    );
}

/// What a store of format 1 held: its schema, a generation that readers see, and one being built.
const FORMAT_1: &str = include_str!("format_1.sql");

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_format_1_is_taken_over_in_place() {
    let at = Place::new(Kind::Sqlite);
    let mut bench = Bench::new();
    let mut fingerprints = Vec::new();
    for view in [ALL, LABELS] {
        let committed = bench.committed();
        fingerprints.push(crate::bench::view(&committed, view).fingerprint.clone());
    }
    at.create_file().await;
    at.execute(&FORMAT_1.replace("LABELS_FINGERPRINT", &fingerprints[1])).await;
    bench.set("a", json!({ "label": "one" }));
    bench.set("b", json!({ "label": "two" }));

    let mut store = at.open().await;
    assert_eq!(
        generations(&mut store).await,
        [(LABELS.to_owned(), 3, Current, 2), (LABELS.to_owned(), 4, Building, 1)]
    );
    let found = store.generations().await.unwrap();
    assert_eq!(found[0].fingerprint, fingerprints[1]);
    assert_eq!(found[1].cursor.as_deref(), Some(&[0x01, b'b', 0x00][..]));
    assert_eq!(at.query("SELECT format, epoch, state_directory FROM _prejoin_store").await, ["3|8|state"]);
    assert_eq!(at.query("SELECT status FROM _prejoin_status").await, ["{\"state\":\"stopped\"}"]);
    assert_eq!(at.query("SELECT error FROM _prejoin_row_errors").await, ["division by zero"]);
    store.abandon(LABELS, 4).await.unwrap();

    let committed = bench.committed();
    let mut built = take_up(&mut store, &committed, LABELS).await;
    bench.set("c", json!({ "label": "three" }));
    follow(&mut store, &bench.committed(), &mut [&mut built]).await.unwrap();
    let rows = at.query("SELECT id, label FROM labels ORDER BY id").await;
    assert_eq!(rows, ["a|one", "b|two", "c|three"]);
    let next = build_and_show(&mut store, &bench.committed(), LABELS).await;
    assert_equal(&store, &bench.committed(), &next).await;
    drop(store);
    assert_eq!(generations(&mut at.open().await).await.len(), 2, "it is taken over once");
}

#[tokio::test]
async fn a_store_of_a_later_format_is_left_alone() {
    let at = Place::new(Kind::Sqlite);
    drop(at.open().await);
    at.execute("UPDATE _prejoin_store SET format = 4").await;
    let Err(refused) = prejoin_sinks::ViewStore::open(&at.address()).await else { panic!() };
    assert!(matches!(refused, StoreError::Format { found: 4, expected: 3, .. }), "{refused:?}");
    assert_eq!(at.query("SELECT format, epoch FROM _prejoin_store").await, ["4|1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_has_its_name_when_it_is_complete_and_takes_nothing_from_one_before() {
    let at = Place::new(Kind::Sqlite);
    let path = at.file();
    let beside = |suffix: &str| path.with_file_name(format!("views.{suffix}"));
    // As a process leaves them that is killed while it makes a store.
    for name in ["unfinished", "unfinished-journal", "unfinished-wal"] {
        std::fs::write(beside(name), "half a file").unwrap();
    }
    let store = at.open().await;
    let log_of_the_first = std::fs::read(beside("sqlite-wal")).unwrap();
    store.close().await.unwrap();
    assert!(!beside("unfinished").exists());

    std::fs::remove_file(&path).unwrap();
    std::fs::write(beside("sqlite-wal"), log_of_the_first).unwrap();
    let mut second = at.open().await;
    assert_eq!(second.generations().await.unwrap().len(), 0);
    assert_eq!(at.query("SELECT epoch FROM _prejoin_store").await, ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_replaced_is_noticed() {
    let at = Place::new(Kind::Sqlite);
    let mut store = at.open().await;
    store.write_status(1, "{}").await.unwrap();
    std::fs::remove_file(at.file()).unwrap();
    let refused = store.write_status(2, "{}").await;
    assert!(matches!(refused, Err(StoreError::Replaced { .. })), "{refused:?}");
}
