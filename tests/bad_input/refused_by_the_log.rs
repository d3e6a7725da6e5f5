//! What the log does not take in the first place.

use crate::raw_log::{RawLog, order_placed};
use crate::support::Home;

/// Name, subject, message id, payload, parts of the refusal.
type Case<'c> = (&'c str, &'c str, Option<&'c str>, Vec<u8>, &'c [&'c str]);

#[test]
fn the_log_refuses_what_nats_would() {
    let home = Home::new();
    let log = RawLog::open(&home);
    let small = || order_placed(1, "o1").into_bytes();
    let large = order_placed(1, &"o".repeat(2 << 20)).into_bytes();
    let long = "x".repeat(4000);
    let long_subject = format!("orders.placed.{long}");
    let cases: [Case<'_>; 9] = [
        (
            "2 MiB",
            "orders.placed.1",
            None,
            large,
            &["orders.placed.1", "1047552 at most", "Make the event smaller"],
        ),
        (
            "another service's subject",
            "users.renamed.1",
            None,
            small(),
            &["\"users.renamed.1\"", "a message of orders"],
        ),
        ("no kind", "orders", None, small(), &["orders, a dot"]),
        ("a blank", "orders.placed.1 2", None, small(), &["without spaces or wildcards"]),
        ("a wildcard", "orders.placed.>", None, small(), &["without spaces or wildcards"]),
        ("an empty word", "orders..1", None, small(), &["orders..1"]),
        ("a long subject", &long_subject, None, small(), &["its subject", "3072 at most"]),
        ("a long id", "orders.placed.1", Some(&long), small(), &["its message id", "512 at most"]),
        ("an empty id", "orders.placed.1", Some(""), small(), &["message id", "empty"]),
    ];
    for (name, subject, message_id, payload, said) in cases {
        let error = log.send("orders", subject, message_id, payload).expect_err(name).to_string();
        for part in said {
            assert!(error.contains(part), "{name}: {part:?} is not in {error:?}");
        }
    }
    assert_eq!(log.last("orders"), 0, "nothing was stored");
    log.put("orders", small());
    drop(log);
    let _ = home.project().says(&["1 events taken in; the views stand at orders=1"]);
}

/// What a service would have to put into one event is bounded before it reaches its database.
#[test]
fn a_command_too_large_for_an_event_is_refused() {
    let home = Home::new();
    let up = home.up::<&str>(&[]);
    let body = serde_json::json!({ "user_id": "u1", "name": "n".repeat(2 << 20) });
    let refused = crate::support::send("POST", &format!("{}/users", up.url("users")), Some(&body));
    assert!(matches!(refused.status, 413 | 400), "{} {}", refused.status, refused.text);
    assert!(!refused.text.is_empty());
    let body = serde_json::json!({ "user_id": "u1", "name": "Ann" });
    let _ = crate::support::send("POST", &format!("{}/users", up.url("users")), Some(&body)).with_status(201);
}
