//! One writer: who was taken over can write no more.

use prejoin_sinks::{StoreError, ViewStore};
use serde_json::json;

use crate::bench::{ALL, Bench, build, build_and_show, follow, take_up, view};
use crate::stores::{Place, on_every_store};

on_every_store!(a_writer_that_was_taken_over_can_write_no_more, of_many_that_open_at_once_one_writes);

async fn a_writer_that_was_taken_over_can_write_no_more(at: Place) {
    let mut bench = Bench::new();
    let mut old = at.open().await;
    let mut built = build_and_show(&mut old, &bench.committed(), ALL).await;
    let ready = build(&mut old, &bench.committed(), ALL).await;
    let mut new = at.open().await;
    bench.set("x", json!({}));
    let committed = bench.committed();
    let refused = [
        follow(&mut old, &committed, &mut [&mut built]).await,
        old.write_status(0, "{}").await,
        old.begin_build(view(&committed, ALL), committed.position()).await.map(drop),
        old.write_build(ALL, ready.generation, Vec::new(), None).await,
        old.complete_build(view(&committed, ALL), ready.generation).await,
        old.make_current(&[ready.named()], 0).await,
        old.abandon(ALL, ready.generation).await,
        old.remove_view(ALL).await,
        old.drop_retired(0).await.map(drop),
        old.generations().await.map(drop),
    ];
    for refused in refused {
        assert!(matches!(refused, Err(StoreError::Superseded { .. })), "{refused:?}");
    }
    assert!(at.query("SELECT id FROM all_things").await.is_empty());
    assert_eq!(
        at.query("SELECT generation, state FROM _prejoin_generations ORDER BY generation").await,
        ["1|current", "2|ready"]
    );

    new.abandon(ALL, ready.generation).await.unwrap();
    for refused in [
        old.resume(view(&committed, ALL), ready.generation).await,
        old.make_current(&[ready.named()], 0).await,
    ] {
        assert!(matches!(refused, Err(StoreError::Superseded { .. })), "not damage: {refused:?}");
    }
    let mut built = take_up(&mut new, &committed, ALL).await;
    follow(&mut new, &committed, &mut [&mut built]).await.unwrap();
    assert_eq!(at.query("SELECT id FROM all_things").await, ["x"]);
}

async fn of_many_that_open_at_once_one_writes(at: Place) {
    drop(at.open().await);
    let opening: Vec<_> = (0..6)
        .map(|_| {
            let address = at.address();
            tokio::spawn(async move { ViewStore::open(&address).await.unwrap() })
        })
        .collect();
    let mut opened = Vec::new();
    for store in opening {
        opened.push(store.await.unwrap());
    }
    let mut writers = 0;
    for mut store in opened {
        match store.write_status(1, "{}").await {
            Ok(()) => writers += 1,
            Err(StoreError::Superseded { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(writers, 1);
    assert_eq!(at.query("SELECT epoch FROM _prejoin_store").await, ["7"]);
}
