//! What must stop a service: an event that is missing, or another one in its place. The others go on.

use serde_json::{Value, json};

use crate::letters;
use crate::raw_log::{RawLog, order_placed, order_shipped, user_registered};
use crate::support::{Home, get, rows, wait_until};

/// Puts messages into the orders' log, then runs into them; returns what is said about them.
fn refused(messages: &[String], reason: &[&str]) -> Home {
    let home = Home::new();
    let log = RawLog::open(&home);
    for message in messages {
        log.put("orders", message.clone());
    }
    log.put("users", user_registered(1, "u1", "Ann"));
    drop(log);

    // Asked to catch up, it says that it cannot.
    let ended = home.command(&["project", "--until-caught-up"]).run().failed();
    let _ = ended.says(&["the event log refuses to go on with orders"]).says(reason);

    // Running, it stops this service and says so; the others go on.
    let project = home.command(&["project"]).start();
    let serve = home.serve();
    let api = serve.url("api");
    wait_until("orders are refused and users applied", &[&project, &serve], || {
        let status = get(&format!("{api}/status")).json();
        let orders = &status["services"]["orders"];
        let said =
            orders["detail"].as_str().is_some_and(|detail| reason.iter().all(|part| detail.contains(part)));
        if orders["state"] == "refused" && said && status["services"]["users"]["applied"] == 1 {
            // What there is, is served.
            rows(&api, "orders_with_customers?limit=1").map(drop)
        } else {
            Err(status.to_string())
        }
    });
    let _ = project.terminate().succeeded();
    home
}

fn statuses(home: &Home) -> Value {
    let serve = home.serve();
    rows(&serve.url("api"), "orders_with_customers?select=order_id,status&order=order_id")
        .map(Value::Array)
        .expect("the view is served")
}

#[test]
fn a_hole_stops_its_service_until_it_is_filled() {
    let messages = [order_placed(1, "o1"), order_placed(2, "o2"), order_shipped(4, "o1")];
    let home =
        refused(&messages, &["orders 4 lies at stream sequence 3", "orders 3 is the next one", "missing"]);
    assert_eq!(
        statuses(&home),
        json!([{ "order_id": "o1", "status": "placed" }, { "order_id": "o2", "status": "placed" }])
    );
    assert_eq!(letters::listed(&home), Vec::<Value>::new(), "what lies behind a hole is no dead letter");
}

#[test]
fn a_first_event_that_is_not_number_1_stops_its_service() {
    let home = refused(
        &[order_placed(2, "o2")],
        &["orders 2 lies at stream sequence 1", "orders 1 is the next one"],
    );
    assert_eq!(statuses(&home), json!([]));
}

#[test]
fn another_event_under_the_last_number_stops_its_service() {
    let messages = [order_placed(1, "o1"), order_placed(1, "o2"), order_placed(2, "o3")];
    let home = refused(&messages, &["holds another event as orders 1"]);
    assert_eq!(statuses(&home), json!([{ "order_id": "o1", "status": "placed" }]));
}

/// A relay that went on in doubt delivers twice; nothing comes of it.
#[test]
fn the_same_events_again_do_nothing() {
    let home = Home::new();
    let log = RawLog::open(&home);
    for round in 0..3 {
        log.put("orders", order_placed(1, "o1"));
        log.put("orders", order_shipped(2, "o1"));
        if round == 2 {
            log.put("orders", order_placed(3, "o3"));
        }
    }
    drop(log);
    let _ = home.project();
    assert_eq!(
        statuses(&home),
        json!([{ "order_id": "o1", "status": "shipped" }, { "order_id": "o3", "status": "placed" }])
    );
    let status = letters::status(&home);
    assert_eq!(status["services"]["orders"]["duplicates"], 4, "{status}");
    assert_eq!(status["services"]["orders"]["applied"], 3, "{status}");
    assert_eq!(letters::listed(&home), Vec::<Value>::new());
}
