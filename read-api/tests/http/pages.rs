//! The pages for people, the overview's stream, and the description for programs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use prejoin_model::{Element, Type};
use prejoin_read_api::{ApiSettings, AuthSettings, Role};
use serde_json::{Value, json};

use crate::api::Server;
use crate::store::TestStore;

async fn store_in(directory: &tempfile::TempDir) -> TestStore {
    let mut store = TestStore::create(&directory.path().join("views.sqlite")).await;
    let kinds = Type::ALL.into_iter().chain([Type::Array(Element::Numeric), Type::Array(Element::Jsonb)]);
    let names: Vec<_> = kinds.map(|kind| (format!("a {}", kind.name()), kind)).collect();
    let columns: Vec<_> = names.iter().map(|(name, kind)| (name.as_str(), *kind)).collect();
    store.publish("every type", &columns, "{\"orders\":5}", &[]).await;
    let taken = [("select", Type::Text), ("limit", Type::Bigint), ("order", Type::Text)];
    store.publish("taken-names.é", &taken, "{}", &[]).await;
    store.publish("orders", &[("order_id", Type::Text), ("placed_at", Type::Timestamptz)], "{}", &[]).await;
    store
}

/// Who is not known sees one view.
fn narrow() -> ApiSettings {
    let mut auth = AuthSettings::new();
    auth.anonymous_role = Some("anon".to_owned());
    let views = BTreeSet::from(["orders".to_owned()]);
    auth.roles.insert("anon".to_owned(), Role { views, ..Role::default() });
    ApiSettings { auth: Some(auth), ..ApiSettings::default() }
}

fn validator() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let validator = root.join(".tools/openapi/bin/openapi-spec-validator");
    assert!(validator.exists(), "{} is missing; install it with: make tools", validator.display());
    validator
}

fn assert_valid(document: &str, directory: &tempfile::TempDir) {
    let file = directory.path().join("openapi.json");
    std::fs::write(&file, document).unwrap();
    let output = Command::new(validator()).args(["--schema", "3.1"]).arg(&file).output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{document}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_is_valid_and_of_the_views_that_are_there() {
    let directory = tempfile::tempdir().unwrap();
    let store = store_in(&directory).await;
    let server = Server::start(&store.path).await;
    let document = server.rows("/openapi.json").await;
    assert_valid(&document, &directory);
    let document: Value = serde_json::from_str(&document).unwrap();
    let paths: Vec<_> = document["paths"].as_object().unwrap().keys().collect();
    let views = ["every%20type", "orders", "taken-names.%C3%A9"];
    let live = views.map(|view| format!("/live/v1/{view}"));
    let rest = views.map(|view| format!("/rest/v1/{view}"));
    let all: Vec<_> = live.iter().chain([&"/rest/v1/".to_owned()]).chain(&rest).cloned().collect();
    assert_eq!(paths, all.iter().collect::<Vec<_>>());
    let orders = &document["components"]["schemas"]["orders"];
    assert_eq!(orders["description"], "The view orders");
    assert_eq!(
        orders["properties"]["placed_at"],
        json!({ "type": ["string", "null"], "format": "date-time", "title": "timestamptz" })
    );
    assert_eq!(document.get("security"), None);
    let listed = server.request("GET", "/rest/v1/", &[("accept", "application/openapi+json")]).await;
    assert_eq!(listed.header("content-type"), "application/openapi+json; charset=utf-8");
    assert_eq!(listed.json(), document);
    server.stop().await;
    let server = Server::start_with(&store.path, narrow()).await;
    let document = server.rows("/openapi.json").await;
    assert_valid(&document, &directory);
    assert!(!document.contains("every%20type") && !document.contains("taken-names"), "{document}");
    assert!(document.contains("bearerFormat"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_the_docs_work_by_copying() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = store_in(&directory).await;
    let row = [Some("7"), Some("2026-01-01 00:00:00+00")];
    let columns = [("order_id", Type::Text), ("placed_at", Type::Timestamptz)];
    store.publish("orders", &columns, "{\"orders\":1}", &[&row]).await;
    let server = Server::start(&store.path).await;
    let page = server.rows("/docs").await;
    let text = page.replace("&amp;", "&").replace("&quot;", "\"").replace("&gt;", ">").replace("&lt;", "<");
    let commands: Vec<_> =
        text.split("<pre>").skip(1).map(|rest| rest.split("</pre>").next().unwrap()).collect();
    let of_orders: Vec<_> = commands.iter().filter(|command| command.contains("/rest/v1/orders?")).collect();
    assert!(!of_orders.is_empty(), "{page}");
    // A stream would not end by itself.
    let (streams, commands): (Vec<&str>, Vec<&str>) =
        commands.into_iter().partition(|command| command.contains(" -N "));
    assert_eq!(streams, [format!("curl -N '{}'", server.url("/live/v1/every%20type"))]);
    for command in &commands {
        let output = Command::new("sh")
            .args(["-c", &format!("{command} --silent --fail-with-body")])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        // A view without rows has no single object.
        let is_empty_single = said.contains("PGRST116");
        assert!(output.status.success() || is_empty_single, "{command}: {said}");
    }
    server.stop().await;
    let server = Server::start_with(&store.path, narrow()).await;
    let page = server.rows("/docs").await;
    assert!(page.contains("$TOKEN") && !page.contains("every type"), "{page}");
    server.stop().await;
}

#[tokio::test]
async fn the_overview_is_sent_again_as_it_changes() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = store_in(&directory).await;
    let server = Server::start(&store.path).await;
    let script = server.get("/overview.js").await;
    assert!(
        script.header("content-type").starts_with("text/javascript")
            && script.body.contains("/overview/events")
    );
    let mut events = reqwest::Client::new()
        .get(server.url("/overview/events"))
        .header("accept-encoding", "gzip")
        .send()
        .await
        .unwrap();
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    assert!(events.headers().get("content-encoding").is_none());
    let first = String::from_utf8(events.chunk().await.unwrap().unwrap().to_vec()).unwrap();
    assert!(first.starts_with("event: board\ndata: ") && first.contains("no projector yet"), "{first}");
    store.write_status(0, &json!({ "state": "running" })).await;
    let later = async {
        loop {
            let event = String::from_utf8(events.chunk().await.unwrap().unwrap().to_vec()).unwrap();
            if event.contains("projector running") {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), later).await.expect("the change is sent");
    // An open page does not keep the server from ending.
    let serving = server.ask_to_stop();
    while events.chunk().await.unwrap().is_some() {}
    serving.await.unwrap().unwrap();
}
