//! `service NAME --republish-from`.

use std::fs;

use serde_json::json;

use crate::support::{Home, send};

#[test]
fn a_log_that_was_lost_is_completed_from_the_service_s_database() {
    let home = Home::new();
    let service = home.command(&["service", "users", "--listen", "127.0.0.1:0"]).start();
    for number in 0..3 {
        let body = json!({ "user_id": format!("user-{number}"), "name": "A name" });
        let _ = send("POST", &format!("{}/users", service.url("users")), Some(&body)).with_status(201);
    }
    let _ = service.terminate().succeeded();
    let tail =
        || home.command(&["events", "tail", "--no-follow", "--from-start", "users"]).run().succeeded().stdout;
    let before = tail();
    assert_eq!(before.lines().count(), 3);
    let republish = |first: &str| home.command(&["service", "users", "--republish-from", first]).run();
    let _ = republish("1").succeeded().says(&["users", "held 3;", "0 were published again"]);

    fs::remove_file(home.data().join("event-log")).unwrap();
    let _ = republish("2").succeeded().says(&["held 0;", "3 were published again"]);
    assert_eq!(tail(), before, "the same events, byte for byte");
    let _ = republish("0").with_code(2).says(&["--republish-from"]);
}
