//! Live transactions: rows and positions move together; rows that fail do so alone.

use serde_json::json;

use crate::bench::{ALL, Bench, LABELS, assert_equal, build_and_show, follow};
use crate::stores::{Place, on_every_store};

on_every_store!(
    rows_and_positions_of_views_move_together_and_are_counted,
    a_row_that_fails_keeps_its_last_good_values_until_it_is_good_again,
    a_write_to_what_was_not_taken_up_changes_nothing,
);

async fn rows_and_positions_of_views_move_together_and_are_counted(at: Place) {
    let mut bench = Bench::new();
    let mut store = at.open().await;
    let mut all = build_and_show(&mut store, &bench.committed(), ALL).await;
    let mut labels = build_and_show(&mut store, &bench.committed(), LABELS).await;
    for id in 0..1_700 {
        bench.set(&format!("{id:04}"), json!({ "label": "a" }));
    }
    follow(&mut store, &bench.committed(), &mut [&mut all, &mut labels]).await.unwrap();
    assert_eq!(store.counts(ALL, all.generation), Some((1_700, 0)));
    assert_eq!(store.counts(LABELS, labels.generation), Some((1_700, 0)));
    for id in 0..1_300 {
        bench.remove(&format!("{id:04}"));
    }
    bench.set("1699", json!({ "label": "b" }));
    follow(&mut store, &bench.committed(), &mut [&mut all, &mut labels]).await.unwrap();
    let catalog =
        at.query("SELECT view, rows, position, followed FROM _prejoin_generations ORDER BY view").await;
    let stands = "400|{\"things\":3001}|{\"things\":3001}";
    assert_eq!(catalog, [format!("all_things|{stands}"), format!("labels|{stands}")]);
    for view in [ALL, LABELS] {
        let rows = at.query(&format!("SELECT count(*), min(id), max(label) FROM {view}")).await;
        assert_eq!(rows, ["400|1300|b"]);
    }
    assert_eq!(assert_equal(&store, &bench.committed(), &all).await, 400);
    assert_eq!(assert_equal(&store, &bench.committed(), &labels).await, 400);
}

async fn a_row_that_fails_keeps_its_last_good_values_until_it_is_good_again(at: Place) {
    let mut bench = Bench::new();
    bench.set("x", json!({ "label": "good", "divisor": 4 }));
    let mut store = at.open().await;
    let mut built = build_and_show(&mut store, &bench.committed(), ALL).await;
    for _ in 0..2 {
        bench.set("x", json!({ "label": "bad", "divisor": 0 }));
        follow(&mut store, &bench.committed(), &mut [&mut built]).await.unwrap();
    }
    assert_eq!(at.query("SELECT label, share FROM all_things").await, ["good|25"]);
    let errors = "SELECT view, error FROM _prejoin_row_errors";
    assert_eq!(at.query(errors).await, ["all_things|division by zero"]);
    assert_eq!(store.counts(ALL, built.generation), Some((1, 1)));
    bench.set("x", json!({ "label": "better", "divisor": 5 }));
    follow(&mut store, &bench.committed(), &mut [&mut built]).await.unwrap();
    assert_eq!(at.query("SELECT label, share FROM all_things").await, ["better|20"]);
    assert_eq!(store.counts(ALL, built.generation), Some((1, 0)));
    assert!(at.query(errors).await.is_empty());
}

async fn a_write_to_what_was_not_taken_up_changes_nothing(at: Place) {
    let mut bench = Bench::new();
    let mut store = at.open().await;
    let mut all = build_and_show(&mut store, &bench.committed(), ALL).await;
    let mut labels = build_and_show(&mut store, &bench.committed(), LABELS).await;
    bench.set("x", json!({ "label": "a" }));
    labels.generation = 7;
    let refused = follow(&mut store, &bench.committed(), &mut [&mut all, &mut labels]).await;
    assert!(refused.unwrap_err().to_string().contains("generation 7 of labels was neither begun"));
    assert!(at.query("SELECT id FROM all_things").await.is_empty());
    assert_eq!(store.counts(ALL, all.generation), Some((0, 0)));
    follow(&mut store, &bench.committed(), &mut [&mut all]).await.unwrap();
    assert_eq!(at.query("SELECT id FROM all_things").await, ["x"]);
}
