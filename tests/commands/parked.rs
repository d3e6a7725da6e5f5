//! `service NAME parked`: what the log cannot take is listed, retried and discarded while the service works.

use std::path::Path;
use std::time::Duration;

use prejoin_outbox::{NewEvent, Outbox};
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

use crate::support::{Home, block_on, wait_until};

/// Events as the service would record them, with so many bytes of text each. No command makes one that is too large.
fn record(database: &Path, events: &[(&str, usize)]) {
    block_on(async {
        let options = SqliteConnectOptions::new().filename(database).busy_timeout(Duration::from_secs(20));
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await;
        let pool = pool.expect("the service has made it");
        let outbox = Outbox::sqlite("users", pool.clone());
        let mut tx = pool.begin_with("BEGIN IMMEDIATE").await.expect("nobody holds it for long");
        for (entity, bytes) in events {
            let data = json!({ "user_id": entity, "name": "x".repeat(*bytes) });
            let event = NewEvent::new("users.registered.v1", entity, &data);
            let recorded = outbox.record(&mut *tx, event.expect("it is JSON")).await;
            let _ = recorded.expect("it is recorded");
        }
        tx.commit().await.expect("it is committed");
        pool.close().await;
    });
}

#[test]
fn parked_events_are_listed_retried_and_discarded_beside_the_service() {
    let home = Home::new();
    let parked = |arguments: &[&str]| {
        home.command(&[&["service", "users", "parked"], arguments].concat()).env("USER", "an-operator").run()
    };
    let _ = parked(&["list"]).failed().says(&["users has no database yet"]);
    let service = home.command(&["service", "users", "--listen", "127.0.0.1:0"]).start();
    service.url("users");
    let _ = parked(&["list"]).succeeded().says(&["no parked events"]);
    let _ = parked(&["list", "--discarded"]).succeeded().says(&["no discarded events"]);

    const LARGE: usize = 2 << 20;
    record(&home.data().join("users.sqlite"), &[("a", 5), ("a", LARGE), ("a", 6), ("b", LARGE), ("c", 7)]);
    let listed = || parked(&["list", "--json"]).succeeded().json_lines();
    let both = wait_until("two are parked", &[&service], || match listed() {
        rows if rows.len() == 2 => Ok(rows),
        rows => Err(format!("{rows:?}")),
    });
    let told = |row: &Value| (row["entity"].clone(), row["type"].clone(), row["waiting"].clone());
    assert_eq!(told(&both[0]), (json!("a"), json!("users.registered.v1"), json!(1)));
    assert_eq!(told(&both[1]), (json!("b"), json!("users.registered.v1"), json!(0)));
    assert!(both[0]["reason"].as_str().unwrap().contains("1047552"), "{both:?}");
    let id = |row: &Value| row["id"].as_i64().unwrap().to_string();
    let (first, second) = (id(&both[0]), id(&both[1]));
    let _ = parked(&["list", "--limit", "1"]).succeeded().says(&[&first, "1 waiting", "and 1 more"]);

    // In vain: it is as large as before.
    let _ = parked(&["retry", &second]).succeeded().says(&["is to be published again"]);
    let _ = wait_until("it is parked again", &[&service], || match listed() {
        rows if rows.len() == 2 => Ok(rows),
        rows => Err(format!("{rows:?}")),
    });
    let _ = parked(&["discard", &first]).with_code(2).says(&["--reason"]);
    let _ = parked(&["discard", &first, "--reason", " "]).failed().says(&["why and who"]);
    let discarded = parked(&["discard", &first, "--reason", "the picture is elsewhere", "--json"]);
    assert_eq!(discarded.succeeded().json_lines()[0]["discarded_by"], "an-operator");
    let _ =
        parked(&["discard", &first, "--reason", "again"]).failed().says(&["no parked event", "parked list"]);
    let by_name = parked(&["discard", &second, "--reason", "a test", "--by", "Ada"]).succeeded();
    let _ = by_name.says(&["will never be published"]);
    let _ = parked(&["retry", "999"]).failed().says(&["no parked event 999"]);

    let kept = parked(&["list", "--discarded", "--json"]).succeeded().json_lines();
    let told = |row: &Value| (row["discarded_by"].clone(), row["discarded_because"].clone());
    assert_eq!(told(&kept[0]), (json!("Ada"), json!("a test")));
    assert_eq!(told(&kept[1]), (json!("an-operator"), json!("the picture is elsewhere")));
    assert!(
        kept.iter().all(|row| row["discarded_at"].as_str().is_some_and(|at| at.ends_with('Z'))),
        "{kept:?}"
    );
    let _ = parked(&["list", "--discarded"]).succeeded().says(&["by Ada: a test"]);

    // Neither has a number, and no number is missing.
    let tail = || {
        let tail = home.command(&["events", "tail", "--no-follow", "--from-start", "users"]).run();
        tail.succeeded().json_lines()
    };
    let events = wait_until("what waited is published", &[&service], || match tail() {
        events if events.len() == 3 => Ok(events),
        events => Err(format!("{events:?}")),
    });
    let told = |event: &Value| (event["sequence"].clone(), event["subject"].clone());
    let told: Vec<_> = events.iter().map(told).collect();
    assert_eq!(told, [(json!("1"), json!("a")), (json!("2"), json!("c")), (json!("3"), json!("a"))]);
    let _ = service.terminate().succeeded();
}
