//! Generations that are built: interrupted, abandoned, removed.

use prejoin_engine::build_slice;
use prejoin_sinks::GenerationState::{Building, Current, Ready, Retired};
use serde_json::json;

use crate::bench::{
    ALL, Bench, LABELS, assert_equal, build, build_and_show, follow, generations, place, take_up, view,
    write_slices,
};
use crate::stores::{Place, on_every_store};

on_every_store!(
    a_generation_follows_the_journal_before_readers_see_it,
    an_interrupted_build_goes_on_beside_what_readers_see,
    a_last_slice_that_is_repeated_does_no_harm,
    rows_that_fail_in_a_build_are_listed,
    an_abandoned_build_leaves_no_trace,
    a_removed_view_leaves_no_trace,
    sizes_are_told,
);

async fn a_generation_follows_the_journal_before_readers_see_it(at: Place) {
    let mut bench = Bench::new();
    for id in 0..10 {
        bench.set(&id.to_string(), json!({ "label": "old", "amount": id }));
    }
    let mut store = at.open().await;
    let mut before = build_and_show(&mut store, &bench.committed(), ALL).await;
    let mut next = build(&mut store, &bench.committed(), ALL).await;
    assert_eq!(store.counts(ALL, next.generation), Some((10, 0)));
    bench.set("3", json!({ "label": "new" }));
    bench.remove("4");
    follow(&mut store, &bench.committed(), &mut [&mut before, &mut next]).await.unwrap();
    assert_eq!(
        generations(&mut store).await,
        [(ALL.to_owned(), 1, Current, 9), (ALL.to_owned(), 2, Ready, 9)]
    );
    for built in [&before, &next] {
        assert_eq!(assert_equal(&store, &bench.committed(), built).await, 9);
    }
    // As a projector does that is started again.
    drop(store);
    let mut store = at.open().await;
    store.abandon(ALL, 1).await.unwrap();
    assert_eq!(generations(&mut store).await.len(), 2, "what readers see is not abandoned");
    store.make_current(&[next.named()], 5).await.unwrap();
    store.drop_retired(6).await.unwrap();
    let mut next = take_up(&mut store, &bench.committed(), ALL).await;
    bench.remove("5");
    follow(&mut store, &bench.committed(), &mut [&mut next]).await.unwrap();
    assert_eq!(at.query("SELECT count(*), max(label) FROM all_things").await, ["8|old"]);
    assert_eq!(at.query("SELECT rows, position FROM _prejoin_generations").await, ["8|{\"things\":13}"]);
}

async fn an_interrupted_build_goes_on_beside_what_readers_see(at: Place) {
    let mut bench = Bench::new();
    for id in 0..10 {
        bench.set(&id.to_string(), json!({ "label": "old" }));
    }
    let mut store = at.open().await;
    build_and_show(&mut store, &bench.committed(), ALL).await;
    let base = bench.committed();
    let generation = store.begin_build(view(&base, ALL), base.position()).await.unwrap();
    let slice = build_slice(&base, place(&base, ALL), None, 4).unwrap();
    store.write_build(ALL, generation, slice.rows, slice.next.as_ref()).await.unwrap();
    drop(store);

    // Rows before and after the cursor change, one goes, one comes, while the build is interrupted.
    for id in ["1", "8", "9a"] {
        bench.set(id, json!({ "label": "new" }));
    }
    bench.remove("0");
    let committed = bench.committed();
    let mut store = at.open().await;
    store.abandon(ALL, 7).await.unwrap();
    let found = store.generations().await.unwrap();
    let found = found.into_iter().find(|found| found.state == Building).unwrap();
    assert_eq!((found.generation, found.rows, &found.followed), (generation, 4, base.position()));
    store.resume(view(&committed, ALL), generation).await.unwrap();
    write_slices(&mut store, &committed, ALL, generation, found.cursor).await;
    store.complete_build(view(&committed, ALL), generation).await.unwrap();
    assert_eq!(at.query("SELECT count(*), max(label) FROM all_things").await, ["10|old"]);
    let mut built = {
        store.make_current(&[(ALL.to_owned(), generation)], 5).await.unwrap();
        store.drop_retired(6).await.unwrap();
        take_up(&mut store, &committed, ALL).await
    };
    follow(&mut store, &committed, &mut [&mut built]).await.unwrap();
    let rows = at.query("SELECT id, label FROM all_things ORDER BY id").await;
    assert_eq!(
        rows,
        ["1|new", "2|old", "3|old", "4|old", "5|old", "6|old", "7|old", "8|new", "9|old", "9a|new"]
    );
    assert_eq!(store.counts(ALL, generation), Some((10, 0)));
    assert_equal(&store, &committed, &built).await;
}

async fn a_last_slice_that_is_repeated_does_no_harm(at: Place) {
    let mut bench = Bench::new();
    for id in 0..5 {
        bench.set(&id.to_string(), json!({ "divisor": if id == 4 { 0 } else { 1 } }));
    }
    let committed = bench.committed();
    let mut store = at.open().await;
    let generation = store.begin_build(view(&committed, ALL), committed.position()).await.unwrap();
    write_slices(&mut store, &committed, ALL, generation, None).await;
    assert_eq!(store.counts(ALL, generation), Some((4, 1)));
    for _ in 0..2 {
        drop(store);
        store = at.open().await;
        let found = store.generations().await.unwrap().remove(0);
        assert!(found.cursor.is_some());
        store.resume(view(&committed, ALL), generation).await.unwrap();
        write_slices(&mut store, &committed, ALL, generation, found.cursor).await;
        assert_eq!(store.counts(ALL, generation), Some((4, 1)));
    }
    store.complete_build(view(&committed, ALL), generation).await.unwrap();
    store.make_current(&[(ALL.to_owned(), generation)], 5).await.unwrap();
    assert_eq!(at.query("SELECT id FROM all_things ORDER BY id").await, ["0", "1", "2", "3"]);
}

async fn rows_that_fail_in_a_build_are_listed(at: Place) {
    let mut bench = Bench::new();
    for id in 0..7 {
        bench.set(&id.to_string(), json!({ "divisor": id % 2 }));
    }
    let mut store = at.open().await;
    let mut built = build_and_show(&mut store, &bench.committed(), ALL).await;
    assert_eq!(store.counts(ALL, built.generation), Some((3, 4)));
    let errors = at.query("SELECT generation, error FROM _prejoin_row_errors").await;
    assert_eq!(errors, ["1|division by zero"; 4]);
    bench.remove("0");
    bench.set("2", json!({}));
    follow(&mut store, &bench.committed(), &mut [&mut built]).await.unwrap();
    assert_eq!(store.counts(ALL, built.generation), Some((4, 2)));
}

async fn an_abandoned_build_leaves_no_trace(at: Place) {
    let mut bench = Bench::new();
    bench.set("x", json!({ "divisor": 0 }));
    let committed = bench.committed();
    let mut store = at.open().await;
    build_and_show(&mut store, &committed, ALL).await;
    let generation = store.begin_build(view(&committed, ALL), committed.position()).await.unwrap();
    let slice = build_slice(&committed, place(&committed, ALL), None, 10).unwrap();
    store.write_build(ALL, generation, slice.rows, None).await.unwrap();
    let ready = build(&mut store, &committed, ALL).await;
    assert_eq!(at.query("SELECT count(*) FROM _prejoin_row_errors").await, ["3"]);
    assert_eq!(at.tables().await, ["_g1_all_things", "_g2_all_things", "_g3_all_things"]);
    store.abandon(ALL, generation).await.unwrap();
    store.abandon(ALL, ready.generation).await.unwrap();
    assert_eq!(at.query("SELECT generation, state FROM _prejoin_generations").await, ["1|current"]);
    assert_eq!(at.query("SELECT generation FROM _prejoin_row_errors").await, ["1"]);
    assert_eq!(at.tables().await, ["_g1_all_things"]);
}

async fn a_removed_view_leaves_no_trace(at: Place) {
    let mut bench = Bench::new();
    bench.set("x", json!({ "divisor": 0 }));
    let committed = bench.committed();
    let mut store = at.open().await;
    build_and_show(&mut store, &committed, ALL).await;
    build_and_show(&mut store, &committed, ALL).await;
    build_and_show(&mut store, &committed, LABELS).await;
    store.begin_build(view(&committed, ALL), committed.position()).await.unwrap();
    store.remove_view("another").await.unwrap();
    assert_eq!(
        generations(&mut store).await,
        [
            (ALL.to_owned(), 1, Retired { since_ms: 2_000 }, 0),
            (ALL.to_owned(), 2, Current, 0),
            (ALL.to_owned(), 3, Building, 0),
            (LABELS.to_owned(), 1, Current, 1),
        ]
    );
    store.remove_view(ALL).await.unwrap();
    assert_eq!(generations(&mut store).await, [(LABELS.to_owned(), 1, Current, 1)]);
    assert_eq!(at.tables().await, ["_g1_labels"]);
    assert_eq!(at.views().await, ["labels"]);
    assert!(at.query("SELECT * FROM _prejoin_row_errors").await.is_empty());
}

async fn sizes_are_told(at: Place) {
    let mut bench = Bench::new();
    let mut store = at.open().await;
    build_and_show(&mut store, &bench.committed(), LABELS).await;
    for id in 0..3_000 {
        bench.set(&id.to_string(), json!({ "label": "a label of some length" }));
    }
    build_and_show(&mut store, &bench.committed(), LABELS).await;
    let sizes = store.sizes().await.unwrap();
    let named: Vec<_> = sizes.iter().map(|(view, generation, _)| (view.as_str(), *generation)).collect();
    assert_eq!(named, [(LABELS, 1), (LABELS, 2)]);
    let text_bytes = 3_000 * "a label of some length".len() as i64;
    // Once in the table, once in the index.
    assert!(sizes[0].2 < text_bytes / 2 && sizes[1].2 > 2 * text_bytes, "{sizes:?}");
}
