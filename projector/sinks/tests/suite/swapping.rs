//! Generations that take the place of others, and what becomes of those.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use prejoin_sinks::GenerationState::{Current, Ready, Retired};
use prejoin_sinks::StoreError;
use serde_json::json;

use crate::bench::{ALL, Bench, LABELS, build, build_and_show, generations};
use crate::stores::{Place, on_every_store};

on_every_store!(
    readers_keep_their_generation_while_another_takes_its_place,
    several_views_change_places_at_once_or_not_at_all,
    retired_generations_are_kept_for_a_time,
    what_is_not_ready_is_not_shown,
    the_state_that_generations_follow_is_named_by_the_swap,
    a_view_may_get_other_columns,
    readers_notice_nothing_of_swaps,
);

async fn readers_keep_their_generation_while_another_takes_its_place(at: Place) {
    let mut bench = Bench::new();
    bench.set("x", json!({}));
    let mut store = at.open().await;
    build_and_show(&mut store, &bench.committed(), ALL).await;

    let mut reader = at.reader().await;
    assert_eq!(reader.count("SELECT count(*) FROM _g1_all_things").await, 1);
    bench.set("y", json!({}));
    build_and_show(&mut store, &bench.committed(), ALL).await;
    assert_eq!(reader.count("SELECT count(*) FROM _g1_all_things").await, 1);
    assert_eq!(at.query("SELECT count(*) FROM all_things").await, ["2"]);
    store.drop_retired(i64::MAX).await.unwrap();
    assert_eq!(reader.count("SELECT count(*) FROM _g1_all_things").await, 1);
    reader.end().await;
    store.drop_retired(i64::MAX).await.unwrap();
    assert_eq!(at.tables().await, ["_g2_all_things"]);
    assert_eq!(at.query("SELECT generation, state FROM _prejoin_generations").await, ["2|current"]);
}

async fn several_views_change_places_at_once_or_not_at_all(at: Place) {
    let mut bench = Bench::new();
    let mut store = at.open().await;
    for view in [ALL, LABELS] {
        build_and_show(&mut store, &bench.committed(), view).await;
    }
    bench.set("x", json!({}));
    let all = build(&mut store, &bench.committed(), ALL).await;
    let labels = build(&mut store, &bench.committed(), LABELS).await;
    let both = "SELECT (SELECT count(*) FROM all_things), (SELECT count(*) FROM labels)";
    let missing = (LABELS.to_owned(), 9);
    let refused = store.make_current(&[all.named(), missing], 7).await;
    assert!(matches!(refused, Err(StoreError::NotReady { generation: 9, .. })), "{refused:?}");
    assert_eq!(at.query(both).await, ["0|0"]);
    store.make_current(&[labels.named(), all.named()], 7).await.unwrap();
    assert_eq!(at.query(both).await, ["1|1"]);
    let retired = Retired { since_ms: 7 };
    assert_eq!(
        generations(&mut store).await,
        [
            (ALL.to_owned(), 1, retired, 0),
            (ALL.to_owned(), 2, Current, 1),
            (LABELS.to_owned(), 1, retired, 0),
            (LABELS.to_owned(), 2, Current, 1),
        ]
    );
    assert_eq!(
        at.query("SELECT retired_at_ms, search_index FROM _prejoin_generations ORDER BY 1").await.len(),
        4
    );
}

async fn retired_generations_are_kept_for_a_time(at: Place) {
    let bench = Bench::new();
    let mut store = at.open().await;
    // Retired at 2,000 and 3,000 ms.
    for _ in 0..3 {
        build_and_show(&mut store, &bench.committed(), LABELS).await;
    }
    let named = |generations: &[i64]| -> Vec<_> {
        generations.iter().map(|generation| (LABELS.to_owned(), *generation)).collect()
    };
    assert_eq!(store.drop_retired(2_000).await.unwrap(), named(&[]));
    assert_eq!(at.tables().await.len(), 3);
    assert_eq!(store.drop_retired(2_001).await.unwrap(), named(&[1]));
    assert_eq!(at.tables().await, ["_g2_labels", "_g3_labels"]);
    assert_eq!(store.drop_retired(i64::MAX).await.unwrap(), named(&[2]));
    assert_eq!(store.drop_retired(i64::MAX).await.unwrap(), named(&[]));
}

async fn what_is_not_ready_is_not_shown(at: Place) {
    let bench = Bench::new();
    let committed = bench.committed();
    let mut store = at.open().await;
    let first = build_and_show(&mut store, &committed, LABELS).await;
    let generation =
        store.begin_build(crate::bench::view(&committed, LABELS), committed.position()).await.unwrap();
    for named in [first.named(), (LABELS.to_owned(), generation), (LABELS.to_owned(), 9), (ALL.to_owned(), 1)]
    {
        let refused = store.make_current(&[named], 0).await;
        assert!(matches!(refused, Err(StoreError::NotReady { .. })), "{refused:?}");
    }
    let ready = build(&mut store, &committed, LABELS).await;
    assert_eq!(generations(&mut store).await[2], (LABELS.to_owned(), ready.generation, Ready, 0));
    assert!(store.make_current(&[ready.named()], 0).await.is_ok());
}

async fn the_state_that_generations_follow_is_named_by_the_swap(at: Place) {
    let bench = Bench::new();
    let mut store = at.open().await;
    assert_eq!(store.state_directory().await.unwrap(), "state");
    let built = build(&mut store, &bench.committed(), LABELS).await;
    let refused = store.make_current_from(&[(ALL.to_owned(), 1)], "state-2", 1).await;
    assert!(refused.is_err());
    assert_eq!(store.state_directory().await.unwrap(), "state");
    store.make_current_from(&[built.named()], "state-2", 1).await.unwrap();
    assert_eq!(store.state_directory().await.unwrap(), "state-2");
    build_and_show(&mut store, &bench.committed(), LABELS).await;
    drop(store);
    assert_eq!(at.open().await.state_directory().await.unwrap(), "state-2");
}

async fn a_view_may_get_other_columns(at: Place) {
    let mut store = at.open().await;
    let definitions = ["id, label", "id, label, flag", "label, id", "id, amount AS label", "id"];
    for columns in definitions {
        let text = format!("CREATE MATERIALIZED VIEW labels AS SELECT {columns} FROM things;");
        let mut bench = Bench::with_views(&text);
        bench.set("x", json!({ "label": "a", "flag": true, "amount": 1.5 }));
        build_and_show(&mut store, &bench.committed(), LABELS).await;
        let shown = at.query("SELECT * FROM labels").await;
        assert_eq!(shown[0].split('|').count(), columns.split(", ").count(), "{columns}: {shown:?}");
    }
}

async fn readers_notice_nothing_of_swaps(at: Place) {
    let mut bench = Bench::new();
    for id in 0..50 {
        bench.set(&id.to_string(), json!({ "amount": id }));
    }
    let mut store = at.open().await;
    build_and_show(&mut store, &bench.committed(), ALL).await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut readers = Vec::new();
    for _ in 0..3 {
        let (mut reader, stop) = (at.connect().await, stop.clone());
        readers.push(tokio::spawn(async move {
            let mut reads = 0;
            while !stop.load(Ordering::Relaxed) {
                assert_eq!(reader.count("SELECT count(amount) FROM all_things").await, 50);
                reads += 1;
            }
            reads
        }));
    }
    for _ in 0..20 {
        let built = build(&mut store, &bench.committed(), ALL).await;
        loop {
            match store.make_current(&[built.named()], 1).await {
                Ok(()) => break,
                Err(StoreError::Held { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
        store.drop_retired(i64::MAX).await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    for reader in readers {
        assert!(reader.await.unwrap() > 0);
    }
    store.drop_retired(i64::MAX).await.unwrap();
    assert_eq!(at.tables().await, ["_g21_all_things"]);
}
