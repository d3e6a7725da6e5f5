//! What a client is told, and how: names that tell nothing, refusals, heart-beats, ends.

use std::sync::Arc;
use std::time::Duration;

use prejoin_read_api::ApiSettings;
use serde_json::json;

use crate::follower::{Events, Mirror};
use crate::stage::{Server, VIEW, Writer, header};
use crate::stores::{Place, on_every_store};

on_every_store!(
    a_row_that_leaves_the_filter_is_a_delete_that_shows_nothing,
    an_interrupted_transaction_is_resumed_in_its_middle,
    one_row_is_followed_by_its_key,
    what_is_no_condition_on_rows_is_refused,
    silence_is_broken_by_comments,
    a_stream_ends_with_the_server,
    who_takes_nothing_is_dropped_and_told_why,
    who_never_takes_anything_again_gives_back_its_place,
);

async fn stage(at: Place, settings: ApiSettings) -> (Writer, Server) {
    let place = Arc::new(at);
    let writer = Writer::new(Arc::clone(&place)).await;
    (writer, Server::start(&place, settings).await)
}

async fn a_row_that_leaves_the_filter_is_a_delete_that_shows_nothing(at: Place) {
    let (mut writer, server) = stage(at, ApiSettings::default()).await;
    writer.set("secret-id", json!({ "owner": "a", "size": 1, "text": "x" }));
    writer.commit().await;
    let path = format!("/live/v1/{VIEW}?owner=eq.a&select=size,double:extra->>k");
    let mut events = Events::open(&server, &path, "").await;
    let begin = events.next().await.unwrap();
    assert_eq!((begin.name.as_str(), &begin.data["reason"]), ("begin", &json!("first")));
    assert_eq!(events.last_id, "", "half a snapshot is nothing to go on from");
    let row = events.next().await.unwrap();
    assert_eq!((row.name.as_str(), &row.data["row"]), ("row", &json!({ "size": 1, "double": null })));
    let name = row.data["_key"].as_str().unwrap().to_owned();
    let end = events.next().await.unwrap();
    assert_eq!((end.name.as_str(), end.data), ("end", json!({ "position": "notes=1", "rows": 1 })));
    assert!(!events.last_id.is_empty());

    // A change that is not seen, one that is, and one that takes the row away.
    writer.set("secret-id", json!({ "owner": "a", "size": 1, "text": "y" }));
    writer.set("other", json!({ "owner": "b", "size": 1, "text": "x" }));
    writer.commit().await;
    writer.set("secret-id", json!({ "owner": "a", "size": 2, "text": "y", "extra": { "k": 5 } }));
    writer.commit().await;
    writer.set("secret-id", json!({ "owner": "b", "size": 3, "text": "y" }));
    writer.commit().await;
    let mut told = Vec::new();
    while told.len() < 2 {
        let event = events.next().await.unwrap();
        if event.name != "position" {
            told.push(event);
        }
    }
    assert_eq!(told[0].name, "update");
    assert_eq!(
        told[0].data,
        json!({ "_key": name, "row": { "size": 2, "double": "5" }, "position": "notes=4" })
    );
    assert_eq!(told[1].name, "delete");
    assert_eq!(told[1].data, json!({ "_key": name, "position": "notes=5" }));
    assert!(!name.contains("secret"));

    // Another request has no use for the place.
    let mut other = Events::open(&server, &format!("/live/v1/{VIEW}?owner=eq.b"), &events.last_id).await;
    assert_eq!(other.next().await.unwrap().data["reason"], "too late");
    let mut garbled = Events::open(&server, &path, "garbled").await;
    assert_eq!(garbled.next().await.unwrap().data["reason"], "too late");
}

async fn an_interrupted_transaction_is_resumed_in_its_middle(at: Place) {
    let (mut writer, server) = stage(at, ApiSettings::default()).await;
    let path = format!("/live/v1/{VIEW}?select=id");
    let mut mirror = Mirror::default();
    let mut events = Events::open(&server, &path, "").await;
    while mirror.apply(&events.next().await.unwrap()).is_none() {}
    for id in 0..1_300 {
        writer.set(&format!("{id:04}"), json!({ "owner": "a" }));
    }
    writer.commit().await;
    for interrupted in 1..4 {
        for _ in 0..300 {
            mirror.apply(&events.next().await.unwrap());
        }
        assert_eq!(mirror.rows.len(), 300 * interrupted);
        events = Events::open(&server, &path, &events.last_id.clone()).await;
    }
    let position = loop {
        if let Some(position) = mirror.apply(&events.next().await.unwrap()) {
            break position;
        }
    };
    assert_eq!((mirror.rows.len(), position), (1_300, writer.position()));
    assert_eq!(mirror.begun, ["first"]);
}

async fn one_row_is_followed_by_its_key(at: Place) {
    let (mut writer, server) = stage(at, ApiSettings::default()).await;
    for id in ["a", "b", "c"] {
        writer.set(id, json!({ "owner": "x", "size": 1 }));
    }
    writer.commit().await;
    let path = format!("/live/v1/{VIEW}?id=eq.b&select=id,size");
    let (mut events, mut mirror) = (Events::open(&server, &path, "").await, Mirror::default());
    while mirror.apply(&events.next().await.unwrap()).is_none() {}
    let rows: Vec<_> = mirror.rows.values().collect();
    assert_eq!(rows, [&json!({ "id": "b", "size": 1 })]);
    for id in ["a", "b"] {
        writer.set(id, json!({ "owner": "x", "size": 2 }));
    }
    writer.commit().await;
    writer.remove("b");
    writer.commit().await;
    while mirror.changes < 2 {
        mirror.apply(&events.next().await.unwrap());
    }
    assert!(mirror.rows.is_empty() && mirror.closed.is_none(), "{mirror:?}");
}

async fn what_is_no_condition_on_rows_is_refused(at: Place) {
    let (_writer, server) = stage(at, ApiSettings::default()).await;
    for (query, status, code) in [
        ("order=id", 400, "PGRST127"),
        ("limit=1", 400, "PGRST127"),
        ("offset=1", 400, "PGRST127"),
        ("select=count()", 400, "PGRST127"),
        ("select=owner,size.sum()", 400, "PGRST127"),
        ("select=nothing", 400, "42703"),
        ("size=eq.x", 400, "22P02"),
        ("size=what.1", 400, "PGRST100"),
    ] {
        let refused = server.get(&format!("/live/v1/{VIEW}?{query}"), &[]).await;
        assert_eq!(refused.status(), status, "{query}");
        let body: serde_json::Value = refused.json().await.unwrap();
        assert_eq!(body["code"], code, "{query}: {body}");
    }
    let unknown = server.get("/live/v1/notes_sen", &[]).await;
    assert_eq!(unknown.status(), 404);
    let posted = server.request("POST", &format!("/live/v1/{VIEW}"), &[]).await;
    assert_eq!(posted.status(), 405);
    let head = server.request("HEAD", &format!("/live/v1/{VIEW}"), &[]).await;
    assert_eq!((head.status().as_u16(), header(&head, "content-type")), (200, "text/event-stream"));
}

async fn silence_is_broken_by_comments(at: Place) {
    let heart_beat_interval = Duration::from_millis(100);
    let (_writer, server) = stage(at, ApiSettings { heart_beat_interval, ..ApiSettings::default() }).await;
    let mut events = Events::open(&server, &format!("/live/v1/{VIEW}"), "").await;
    let mut comments = 0;
    while comments < 2 {
        comments += usize::from(events.next().await.unwrap().comment);
    }
}

async fn a_stream_ends_with_the_server(at: Place) {
    let (_writer, server) = stage(at, ApiSettings::default()).await;
    let mut events = Events::open(&server, &format!("/live/v1/{VIEW}"), "").await;
    let mut mirror = Mirror::default();
    while mirror.apply(&events.next().await.unwrap()).is_none() {}
    let stopping = tokio::spawn(server.stop());
    while let Some(event) = events.next().await {
        mirror.apply(&event);
    }
    assert_eq!(mirror.closed.as_deref(), Some("draining"));
    stopping.await.unwrap();
}

/// More than two sockets hold.
async fn write_much(writer: &mut Writer) {
    let text = "x".repeat(40_000);
    for round in 0..25 {
        for id in 0..20 {
            writer.set(&format!("{id:02}"), json!({ "owner": "a", "size": round, "text": text }));
        }
        writer.commit().await;
    }
}

async fn who_takes_nothing_is_dropped_and_told_why(at: Place) {
    let stream_patience = Duration::from_millis(700);
    // Meanwhile it is not cut off.
    let settings =
        ApiSettings { stream_patience, request_timeout: Duration::from_secs(600), ..ApiSettings::default() };
    let (mut writer, server) = stage(at, settings).await;
    let path = format!("/live/v1/{VIEW}");
    let mut slow = Events::open(&server, &path, "").await;
    let mut quick = Events::open(&server, &path, "").await;
    let following = tokio::spawn(async move {
        let mut mirror = Mirror::default();
        while mirror.apply(&quick.next().await.unwrap()).as_deref() != Some("notes=500") {}
        mirror
    });
    write_much(&mut writer).await;
    let mirror = following.await.unwrap();
    assert_eq!((mirror.rows.len(), mirror.closed), (20, None), "who reads is not held up");
    tokio::time::sleep(stream_patience + Duration::from_millis(100)).await;
    let mut mirror = Mirror::default();
    while let Some(event) = slow.next().await {
        mirror.apply(&event);
    }
    assert_eq!(mirror.closed.as_deref(), Some("slow"));
    assert!(mirror.changes < 500, "not everything was kept for it");
}

async fn who_never_takes_anything_again_gives_back_its_place(at: Place) {
    let settings =
        ApiSettings { stream_patience: Duration::from_millis(200), streams_max: 1, ..ApiSettings::default() };
    let (mut writer, server) = stage(at, settings).await;
    let path = format!("/live/v1/{VIEW}");
    let stuck = Events::open(&server, &path, "").await;
    assert_eq!(server.get(&path, &[]).await.status(), 503);
    write_much(&mut writer).await;
    while server.get(&path, &[]).await.status() == 503 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(stuck);
}
