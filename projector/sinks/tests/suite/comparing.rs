//! Stored rows beside computed ones: every type's edges are equal, and whatever was changed is found.

use prejoin_engine::RowOutcome;
use prejoin_sinks::ColumnDifference;
use serde_json::{Value, json};

use crate::bench::{ALL, Bench, assert_equal, build_and_show, computed, follow};
use crate::stores::{Place, on_every_store};

on_every_store!(
    edge_values_are_stored_as_they_are_whether_built_or_followed,
    whatever_was_changed_in_the_store_is_found,
    a_snapshot_stays_as_it_is,
);

/// Things with the edges of every type.
fn edges() -> Vec<Value> {
    let mut things: Vec<Value> = vec![json!({})];
    let mut each = |column: &str, values: Vec<Value>| {
        things.extend(values.into_iter().map(|value| json!({ column: value })));
    };
    each("flag", vec![json!(true), json!(false)]);
    let long = format!("-{}.{}", "9".repeat(300), "1".repeat(200));
    each(
        "amount",
        ["0", "-0.00", "1.50", "1.5", "1e-30", "NaN", "Infinity", "-Infinity", &long].map(Value::from).into(),
    );
    each(
        "ratio",
        ["0", "-0", "0.1", "1e15", "1e-5", "1e308", "5e-324", "-1e23", "NaN", "Infinity", "-Infinity"]
            .map(Value::from)
            .into(),
    );
    let texts = [
        "",
        " ",
        "ä",
        "\\N",
        "\\",
        "\\.",
        "a\tb\nc\rd\u{b}\u{8}\u{c}",
        "'\"{},NULL",
        "null",
        "NULL",
        "\u{1f600}",
    ];
    each("label", texts.map(Value::from).into());
    each("label", vec![json!("long ".repeat(400))]);
    each(
        "token",
        vec![json!("00000000-0000-0000-0000-000000000000"), json!("ffffffff-ffff-ffff-ffff-ffffffffffff")],
    );
    let days =
        ["0001-01-01", "4714-11-24 BC", "5874897-12-31", "infinity", "-infinity", "1970-01-01", "2000-02-29"];
    each("day", days.map(Value::from).into());
    let times = [
        "1996-07-04 09:00:00.000001+00",
        "4714-11-24 00:00:00+00 BC",
        "294247-01-10 04:00:54.775806+00",
        "infinity",
        "-infinity",
        "1970-01-01 00:00:00+00",
    ];
    each("at", times.map(Value::from).into());
    each(
        "extra",
        vec![
            json!({}),
            json!([]),
            json!([null, true, 1.50, "a\\\"\n\t", [], {}]),
            json!({ "bb": 1, "a": { "ä": [1, 2, { "": null }] }, "\\": "\u{1}" }),
            json!("text"),
            json!(0.1),
            json!(false),
        ],
    );
    each("divisor", vec![json!(2_147_483_647), json!(-2_147_483_648_i64)]);
    things
}

async fn edge_values_are_stored_as_they_are_whether_built_or_followed(at: Place) {
    let mut store = at.open().await;
    let mut followed_bench = Bench::new();
    let mut followed = build_and_show(&mut store, &followed_bench.committed(), ALL).await;
    let edges = edges();
    for (number, thing) in edges.iter().enumerate() {
        followed_bench.set(&format!("{number:03}"), thing.clone());
        if number % 7 == 0 {
            follow(&mut store, &followed_bench.committed(), &mut [&mut followed]).await.unwrap();
        }
    }
    let committed = followed_bench.committed();
    follow(&mut store, &committed, &mut [&mut followed]).await.unwrap();
    assert_eq!(store.counts(ALL, followed.generation), Some((edges.len() as i64, 0)));
    assert_eq!(assert_equal(&store, &committed, &followed).await, edges.len());

    let built = build_and_show(&mut store, &committed, ALL).await;
    assert_eq!(store.counts(ALL, built.generation), Some((edges.len() as i64, 0)));
    assert_eq!(assert_equal(&store, &committed, &built).await, edges.len());
    let columns =
        "id, flag, amount, ratio, label, token, day, at, extra, share, small, labels, flags, times, tokens";
    let one_way = |from: i64, to: i64| {
        format!("SELECT {columns} FROM _g{from}_all_things EXCEPT SELECT {columns} FROM _g{to}_all_things")
    };
    assert!(at.query(&one_way(1, 2)).await.is_empty());
    assert!(at.query(&one_way(2, 1)).await.is_empty());
}

async fn whatever_was_changed_in_the_store_is_found(at: Place) {
    let mut bench = Bench::new();
    bench.set("x", json!({ "label": "right", "amount": "1.50", "flag": true, "extra": { "a": 1 } }));
    let committed = bench.committed();
    let mut store = at.open().await;
    let built = build_and_show(&mut store, &committed, ALL).await;
    let (_, RowOutcome::Row(row)) = computed(&committed, ALL).remove(0) else { panic!() };
    let difference = |column: &str, stored: Option<&str>, computed: Option<&str>| ColumnDifference {
        column: column.to_owned(),
        stored: stored.map(str::to_owned),
        computed: computed.map(str::to_owned),
    };
    let changes = [
        ("label = 'wrong'", difference("label", Some("wrong"), Some("right"))),
        (
            "label = 'right', at = NULL, day = NULL, token = NULL, amount = '1.5'",
            difference("amount", Some("1.5"), Some("1.50")),
        ),
        ("amount = NULL", difference("amount", None, Some("1.50"))),
        (
            "amount = '1.50', extra = '{\"a\": 1.0}'",
            difference("extra", Some("{\"a\": 1.0}"), Some("{\"a\": 1}")),
        ),
        ("extra = '{\"a\": 1}', day = '1996-07-04'", difference("day", Some("1996-07-04"), None)),
    ];
    for (change, expected) in changes {
        at.execute(&format!("UPDATE _g1_all_things SET {change}")).await;
        let mut snapshot = store.snapshot().await.unwrap();
        let rows = snapshot.rows(ALL, built.generation, None, 10).await.unwrap();
        assert_eq!(rows[0].1.differences(&row), [expected], "{change}");
    }
    at.execute("UPDATE _g1_all_things SET day = NULL").await;
    assert_eq!(assert_equal(&store, &committed, &built).await, 1);
}

async fn a_snapshot_stays_as_it_is(at: Place) {
    let mut bench = Bench::new();
    bench.set("x", json!({ "label": "before" }));
    let before = bench.committed();
    let mut store = at.open().await;
    let mut built = build_and_show(&mut store, &before, ALL).await;
    let mut snapshot = store.snapshot().await.unwrap();
    bench.set("x", json!({ "label": "after" }));
    bench.set("y", json!({}));
    follow(&mut store, &bench.committed(), &mut [&mut built]).await.unwrap();
    build_and_show(&mut store, &bench.committed(), ALL).await;

    let found = snapshot.generations().await.unwrap();
    assert_eq!((found.len(), &found[0].followed, found[0].rows), (1, before.position(), 1));
    let rows = snapshot.rows(ALL, 1, None, 10).await.unwrap();
    assert_eq!(rows.len(), 1);
    let (_, RowOutcome::Row(row)) = computed(&before, ALL).remove(0) else { panic!() };
    assert_eq!(rows[0].1.differences(&row), []);
    assert!(snapshot.rows(ALL, 2, None, 10).await.is_err());
    assert!(store.snapshot().await.unwrap().rows(ALL, 2, None, 10).await.is_ok());
}
