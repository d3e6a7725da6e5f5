//! Reading one's own writes, and not reading again what one has.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use prejoin_read_api::ApiSettings;
use serde_json::{Value, json};

use crate::stage::{Server, VIEW, Writer, header};
use crate::stores::{Place, on_every_store};

on_every_store!(
    a_reader_waits_for_its_own_write,
    what_is_not_reached_is_told_with_the_present_position,
    an_answer_that_the_client_has_is_not_read_again,
);

async fn stage(at: Place) -> (Writer, Server) {
    let place = Arc::new(at);
    let mut writer = Writer::new(Arc::clone(&place)).await;
    writer.set("a", json!({ "owner": "a" }));
    writer.commit().await;
    let cache_control = BTreeMap::from([(VIEW.to_owned(), "private, max-age=5".to_owned())]);
    let settings = ApiSettings { cache_control, wait_max: Duration::from_secs(60), ..ApiSettings::default() };
    (writer, Server::start(&place, settings).await)
}

async fn a_reader_waits_for_its_own_write(at: Place) {
    let (mut writer, server) = stage(at).await;
    let server = Arc::new(server);
    // More readers than there are connections to the store.
    let readers: Vec<_> = (0..40)
        .map(|number| {
            let server = Arc::clone(&server);
            let method = if number % 4 == 0 { "HEAD" } else { "GET" };
            tokio::spawn(async move {
                let wait = [("prejoin-wait-for", "notes=3"), ("prefer", "wait=50")];
                let answer =
                    server.request(method, &format!("/rest/v1/{VIEW}?select=id&order=id"), &wait).await;
                assert_eq!(answer.status(), 200);
                let position = header(&answer, "prejoin-position").to_owned();
                (method, position, answer.text().await.unwrap())
            })
        })
        .collect();
    // Others are answered meanwhile.
    for _ in 0..3 {
        let answer =
            server.get(&format!("/rest/v1/{VIEW}?select=id"), &[("prejoin-wait-for", "notes=1")]).await;
        assert_eq!(answer.text().await.unwrap(), "[{\"id\":\"a\"}]");
    }
    for id in ["b", "c"] {
        writer.set(id, json!({ "owner": "a" }));
        writer.commit().await;
    }
    for reader in readers {
        let (method, position, body) = reader.await.unwrap();
        assert_eq!(position, "notes=3");
        if method == "GET" {
            assert_eq!(
                serde_json::from_str::<Value>(&body).unwrap(),
                json!([{ "id": "a" }, { "id": "b" }, { "id": "c" }])
            );
        }
    }
}

async fn what_is_not_reached_is_told_with_the_present_position(at: Place) {
    let (_writer, server) = stage(at).await;
    let path = format!("/rest/v1/{VIEW}");
    for (wait_for, missing) in [("notes=2", "notes=2"), ("notes=1,ordesr=7", "ordesr=7")] {
        for headers in
            [vec![("prejoin-wait-for", wait_for)], vec![("prejoin-wait-for", wait_for), ("prefer", "wait=1")]]
        {
            let answer = server.get(&path, &headers).await;
            assert_eq!((answer.status().as_u16(), header(&answer, "prejoin-position")), (504, "notes=1"));
            let body: Value = answer.json().await.unwrap();
            assert_eq!(body["code"], "PREJOINWAIT");
            assert_eq!(body["message"], format!("The view does not have {missing} yet"));
        }
    }
    let answer = server.get(&path, &[("prejoin-wait-for", "notes")]).await;
    assert_eq!((answer.status().as_u16(), header(&answer, "prejoin-position")), (400, "notes=1"));
    assert_eq!(answer.json::<Value>().await.unwrap()["code"], "PGRST100");
    // Errors tell the position, too.
    let wrong = server.get(&format!("{path}?nothing=eq.1"), &[]).await;
    assert_eq!((wrong.status().as_u16(), header(&wrong, "prejoin-position")), (400, "notes=1"));
}

async fn an_answer_that_the_client_has_is_not_read_again(at: Place) {
    let (mut writer, server) = stage(at).await;
    let path = format!("/rest/v1/{VIEW}?select=id&owner=eq.a");
    let first = server.get(&path, &[]).await;
    assert_eq!((first.status().as_u16(), header(&first, "cache-control")), (200, "private, max-age=5"));
    let vary: Vec<_> = first.headers().get_all("vary").iter().collect();
    assert_eq!(vary, ["Authorization, Accept, Prefer, Range"]);
    let tag = header(&first, "etag").to_owned();
    assert!(tag.starts_with("W/\""), "{tag}");
    let have = [("if-none-match", tag.as_str())];
    let again = server.get(&path, &have).await;
    assert_eq!((again.status().as_u16(), header(&again, "etag")), (304, tag.as_str()));
    assert_eq!(header(&again, "prejoin-position"), "notes=1");
    assert_eq!(again.text().await.unwrap(), "");
    // The same request in another order of its parameters; other requests.
    let same = server.get(&format!("/rest/v1/{VIEW}?owner=eq.a&select=id"), &have).await;
    assert_eq!(same.status(), 304);
    assert_eq!(server.get(&format!("/rest/v1/{VIEW}?select=id&owner=eq.b"), &have).await.status(), 200);
    assert_eq!(server.get(&path, &[have[0], ("accept", "text/csv")]).await.status(), 200);
    assert_eq!(server.get(&path, &[have[0], ("prefer", "count=exact")]).await.status(), 200);
    // Another position, another generation.
    writer.set("b", json!({ "owner": "b" }));
    writer.commit().await;
    let next = server.get(&path, &have).await;
    assert_eq!(next.status(), 200);
    let tag = header(&next, "etag").to_owned();
    writer.rebuild().await;
    assert_eq!(server.get(&path, &[("if-none-match", tag.as_str())]).await.status(), 200);
    let wrong = server.get(&format!("/rest/v1/{VIEW}?nothing=eq.1"), &[("if-none-match", "*")]).await;
    assert_eq!(wrong.status(), 400);
}
