//! What happens to the store while it is read: it comes late, changes generations, is deleted and made anew.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use prejoin_model::Type;
use prejoin_read_api::{ReadApi, StoreSettings};

use crate::api::Server;
use crate::store::TestStore;

const COLUMNS: [(&str, Type); 2] = [("generation", Type::Bigint), ("filler", Type::Text)];

async fn publish(store: &mut TestStore, generation: usize, rows: usize) {
    let (text, filler) = (generation.to_string(), "x".repeat(100));
    let row = [Some(text.as_str()), Some(filler.as_str())];
    let rows: Vec<&[Option<&str>]> = vec![&row; rows];
    store.publish("v", &COLUMNS, &format!("{{\"orders\":{generation}}}"), &rows).await;
}

#[tokio::test]
async fn a_store_may_come_late_and_be_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("views.sqlite");
    let server = Server::start(&path).await;
    for _ in 0..2 {
        let answer = server.get("/rest/v1/v").await;
        assert_eq!(
            (answer.status, answer.json()["code"].as_str()),
            (503, Some("PGRST002")),
            "{}",
            answer.body
        );
        // A file without tables is a store that is being created.
        std::fs::write(&path, "").unwrap();
    }
    std::fs::remove_file(&path).unwrap();
    for generation in [1, 2, 3] {
        let mut store = TestStore::create(&path).await;
        publish(&mut store, generation, 1).await;
        assert_eq!(server.column("/rest/v1/v?select=generation").await, generation.to_string());
        drop(store);
        remove(directory.path());
        assert_eq!(server.get("/rest/v1/v").await.status, 503);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_store_made_anew_is_another_even_where_its_numbers_are_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("views.sqlite");
    let mut store = TestStore::create(&path).await;
    publish(&mut store, 1, 1).await;
    let server = Server::start(&path).await;
    let before = server.get("/rest/v1/v").await;
    let tag = before.header("etag");
    drop(store);
    remove(directory.path());
    let mut store = TestStore::create(&path).await;
    store.publish("v", &[("another", Type::Text)], "{\"orders\":1}", &[&[Some("row")]]).await;
    let answer = server.request("GET", "/rest/v1/v", &[("If-None-Match", tag)]).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "[{\"another\":\"row\"}]"));
    assert_eq!(answer.header("prejoin-position"), before.header("prejoin-position"));
    server.stop().await;
}

/// Every file of the store that is there. A moment later the server looks for it again.
fn remove(directory: &Path) {
    for file in ["views.sqlite", "views.sqlite-wal", "views.sqlite-shm"] {
        match std::fs::remove_file(directory.join(file)) {
            Ok(()) => {}
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
        }
    }
    std::thread::sleep(std::time::Duration::from_millis(2));
}

#[tokio::test]
async fn a_store_of_another_format_is_not_guessed_at() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = TestStore::create(&directory.path().join("views.sqlite")).await;
    store.execute("UPDATE _prejoin_store SET format = 4").await;
    let server = Server::start(&store.path).await;
    let answer = server.get("/rest/v1/v").await;
    assert_eq!(answer.status, 500);
    assert!(answer.body.contains("format 4 where 3 is known"), "{}", answer.body);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_of_one_generation() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = TestStore::create(&directory.path().join("views.sqlite")).await;
    publish(&mut store, 1, 100).await;
    let server = Arc::new(Server::start(&store.path).await);
    let swapping = Arc::new(AtomicBool::new(true));
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (server, swapping) = (Arc::clone(&server), Arc::clone(&swapping));
            tokio::spawn(async move {
                let mut seen = std::collections::BTreeSet::new();
                while swapping.load(Ordering::Relaxed) {
                    let answer = server.get("/rest/v1/v?select=generation").await;
                    assert_eq!(answer.status, 200, "{}", answer.body);
                    let generation =
                        answer.header("prejoin-position").strip_prefix("orders=").unwrap().to_owned();
                    let row = format!("{{\"generation\":{generation}}}");
                    assert_eq!(answer.body.matches(&row).count(), 100, "{}", answer.body);
                    assert_eq!(answer.header("content-range"), "0-99/*");
                    seen.insert(generation.parse::<usize>().unwrap());
                }
                seen
            })
        })
        .collect();
    for generation in 2..=30 {
        publish(&mut store, generation, 100).await;
        // The table of the generation that was left is dropped under its readers.
        store.execute(format!("DROP TABLE _g{0}_{0}", generation - 1)).await;
        store
            .execute(format!("DELETE FROM _prejoin_generations WHERE generation = {}", generation - 1))
            .await;
        // Readers see the new generation before the next comes.
        assert_eq!(
            server.get("/rest/v1/v?limit=1").await.header("prejoin-position"),
            format!("orders={generation}")
        );
    }
    swapping.store(false, Ordering::Relaxed);
    let mut seen = std::collections::BTreeSet::new();
    for reader in readers {
        seen.extend(reader.await.unwrap());
    }
    assert!(seen.len() > 1, "readers saw a swap: {seen:?}");
    Arc::into_inner(server).expect("readers have ended").stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_answer_is_streamed_whole_and_of_one_generation() {
    const ROWS: usize = 30_000;
    let directory = tempfile::tempdir().unwrap();
    let mut store = TestStore::create(&directory.path().join("views.sqlite")).await;
    publish(&mut store, 1, ROWS).await;
    let server = Server::start(&store.path).await;
    let mut response = reqwest::get(server.url("/rest/v1/v")).await.unwrap();
    assert_eq!(response.headers()["content-range"], format!("0-{}/*", ROWS - 1));
    assert!(response.content_length().is_none(), "it is too large to be built before it is sent");
    let mut body = response.chunk().await.unwrap().expect("there is a first chunk").to_vec();
    // While the client holds back the answer, the view changes.
    publish(&mut store, 2, 1).await;
    store.execute("DROP TABLE _g1_1; DELETE FROM _prejoin_generations WHERE generation = 1").await;
    assert_eq!(server.column("/rest/v1/v?select=generation").await, "2");
    while let Some(chunk) = response.chunk().await.unwrap() {
        body.extend_from_slice(&chunk);
    }
    let rows: Vec<serde_json::Value> = serde_json::from_slice(&body).unwrap();
    assert_eq!(rows.len(), ROWS);
    assert!(rows.iter().all(|row| row["generation"] == 1));
    server.stop().await;
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_ended_and_the_next_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = TestStore::create(&directory.path().join("views.sqlite")).await;
    publish(&mut store, 1, 30_000).await;
    let statement_timeout = std::time::Duration::from_millis(1);
    let settings = StoreSettings { statement_timeout, connections_max: 1, ..StoreSettings::default() };
    let server = Server::serve(ReadApi::open_with(store.path.clone(), settings)).await;
    for _ in 0..3 {
        let answer = server.get("/rest/v1/v?select=filler.max(),generation.sum()").await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (500, Some("57014")), "{}", answer.body);
        assert_eq!(server.column("/rest/v1/v?select=generation&limit=1").await, "1");
    }
    server.stop().await;
}
