//! A build that gets its indexes on a second connection: the first one goes on, and both are one writer.

use prejoin_sinks::StoreError;
use serde_json::json;
use sqlx::Executor as _;

use crate::bench::{ALL, Bench, LABELS, assert_equal, build_and_show, follow, take_up, view, write_slices};
use crate::stores::{Kind, Place};

fn bench() -> Bench {
    let mut bench = Bench::new();
    for id in ["a", "b", "c", "d"] {
        bench.set(id, json!({ "label": id, "amount": "1.5" }));
    }
    bench
}

#[tokio::test(flavor = "multi_thread")]
async fn live_writes_go_on_while_indexes_are_made() {
    let at = Place::new(Kind::Postgres);
    let mut bench = bench();
    let mut store = at.open().await;
    let mut labels = build_and_show(&mut store, &bench.committed(), LABELS).await;
    let base = bench.committed();
    let generation = store.begin_build(view(&base, ALL), base.position()).await.unwrap();
    write_slices(&mut store, &base, ALL, generation, None).await;

    // Nobody can make an index meanwhile.
    let mut holder = at.session().await;
    holder.execute("BEGIN; LOCK TABLE _g1_all_things IN SHARE UPDATE EXCLUSIVE MODE").await.unwrap();
    let beside = store.beside(ALL, generation).unwrap();
    let committed = base.clone();
    let completing = tokio::spawn(async move {
        let mut beside = beside.await?;
        beside.complete_build(view(&committed, ALL)).await?;
        Ok::<_, StoreError>(beside)
    });
    let waiting = "SELECT count(*) FROM pg_locks WHERE relation = '_g1_all_things'::regclass AND NOT granted";
    while at.query(waiting).await != ["1"] {
        tokio::task::yield_now().await;
    }
    bench.set("a", json!({ "label": "changed", "amount": "2" }));
    follow(&mut store, &bench.committed(), &mut [&mut labels]).await.unwrap();
    assert_eq!(at.query("SELECT label FROM labels WHERE id = 'a'").await, ["changed"]);
    assert!(!completing.is_finished());

    holder.execute("ROLLBACK").await.unwrap();
    store.take_up(completing.await.unwrap().unwrap()).await;
    let mut all = take_up(&mut store, &bench.committed(), ALL).await;
    follow(&mut store, &bench.committed(), &mut [&mut all]).await.unwrap();
    store.make_current(&[all.named()], 1).await.unwrap();
    assert_eq!(assert_equal(&store, &bench.committed(), &all).await, 4);
    let indexes = "SELECT count(*) FROM pg_indexes WHERE schemaname = current_schema() AND tablename = '_g1_all_things'";
    assert_eq!(at.query(indexes).await, ["4"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_superseded_writer_makes_no_index_either() {
    let at = Place::new(Kind::Postgres);
    let bench = bench();
    let mut store = at.open().await;
    let committed = bench.committed();
    let generation = store.begin_build(view(&committed, ALL), committed.position()).await.unwrap();
    write_slices(&mut store, &committed, ALL, generation, None).await;
    let beside = store.beside(ALL, generation).unwrap();

    let mut next = at.open().await;
    let mut beside = beside.await.unwrap();
    let refused = beside.complete_build(view(&committed, ALL)).await;
    assert!(matches!(refused, Err(StoreError::Superseded { .. })), "{refused:?}");
    drop(beside);

    let built = take_up(&mut next, &committed, ALL).await;
    next.complete_build(view(&committed, ALL), generation).await.unwrap();
    next.make_current(&[built.named()], 1).await.unwrap();
    assert_eq!(assert_equal(&next, &committed, &built).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_has_room_for_one_writer() {
    let at = Place::new(Kind::Sqlite);
    let bench = bench();
    let mut store = at.open().await;
    let committed = bench.committed();
    let generation = store.begin_build(view(&committed, ALL), committed.position()).await.unwrap();
    assert!(store.beside(ALL, generation).is_none());
}
