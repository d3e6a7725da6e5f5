//! Dead letters decided: with the embedded log and over NATS, and the same again after a replay.

use std::path::Path;

use prejoin_test_servers::NatsServer;
use serde_json::{Value, json};

use crate::letters::{listed, status};
use crate::raw_log::{RawLog, event, order_placed, order_shipped, user_registered};
use crate::support::{Ended, Home, Launch, rows};

/// What an order that does not fit should have been.
fn data(order: &str) -> Value {
    let placed: Value = serde_json::from_str(&order_placed(1, order)).expect("an event is JSON");
    placed["data"].clone()
}

fn unfit_order(sequence: u64, order: &str) -> String {
    let mut data = data(order);
    data["total_cents"] = "much".into();
    event("orders.placed.v1", sequence, order, &data)
}

fn ids(home: &Home) -> Vec<String> {
    listed(home)
        .iter()
        .map(|letter| letter["id"].as_str().expect("every letter has a name").to_owned())
        .collect()
}

fn orders(home: &Home) -> Vec<Value> {
    let serve = home.serve();
    rows(&serve.url("api"), "orders_with_customers?select=order_id,status,total_cents&order=order_id")
        .expect("the view is served")
}

fn decide(home: &Home, arguments: &[&str]) -> Launch {
    let arguments: Vec<&str> = ["dead-letters"].iter().chain(arguments).copied().collect();
    home.command(&arguments)
}

/// Letter and outcome of every decision.
fn outcomes(home: &Home) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let decisions = decide(home, &["decisions", "--json"]).run().succeeded().json_lines();
    decisions.iter().map(|decision| (text(&decision["letter"]), text(&decision["outcome"]))).collect()
}

fn put_history(home: &Home) {
    let log = RawLog::open(home);
    log.put("users", user_registered(1, "u1", "Ann"));
    log.put("orders", order_placed(1, "o1"));
    log.put("orders", unfit_order(2, "o2"));
    log.put("orders", order_shipped(3, "o2"));
    log.put("orders", "no event at all");
    log.put("orders", unfit_order(4, "o3"));
    log.put("orders", order_shipped(5, "o3"));
}

#[test]
fn decisions_are_taken_and_a_replay_repeats_them() {
    let home = Home::new();
    put_history(&home);
    let _ = home.project();
    assert_eq!(ids(&home), ["orders-2", "orders-3", "orders-4", "orders-5", "orders@4"]);

    let file = home.write("data.json", data("o2").to_string());
    let file = file.to_str().unwrap();
    let amended = decide(&home, &["amend", "orders-2", "--with-data", file, "--wait"]).run().succeeded();
    let _ = amended.says(&["1  amend orders-2  amended"]);
    assert_eq!(ids(&home), ["orders-4", "orders-5", "orders@4"], "what waited behind it has followed");

    // Nothing is published that does not fit, or that names no dead letter.
    let refused = |arguments: &[&str], texts: &[&str]| {
        let _: Ended = decide(&home, arguments).run().failed().says(texts);
    };
    refused(&["amend", "orders-4", "--with-data", file], &["orders-4", "o2"]);
    let whole = home.write("event.json", order_placed(5, "o3"));
    refused(&["amend", "orders-4", "--with-event", whole.to_str().unwrap()], &["its sequence is 5"]);
    refused(&["amend", "orders@4", "--with-data", file], &["--with-event"]);
    refused(&["amend", "orders@4", "--with-event", whole.to_str().unwrap()], &["discard it"]);
    refused(&["discard", "orders-1", "--reason", "noise"], &["orders-1 is not among the dead letters"]);
    refused(&["discard", "orders-4", "--reason", " "], &["--reason"]);
    assert_eq!(outcomes(&home).len(), 1);

    let discarded =
        decide(&home, &["discard", "orders@4", "orders-4", "--reason", "noise"]).run().succeeded();
    let _ = discarded.says(&["2  discard orders@4", "3  discard orders-4", "when it is started next"]);
    let _ = decide(&home, &["retry", "--all", "--service", "orders", "--wait", "--json"]).run().succeeded();
    let _ = decide(&home, &["retry", "--all"]).run().succeeded().says(&["no dead letters"]);
    let expected_outcomes = [
        ("orders-2", "amended"),
        ("orders@4", "discarded"),
        ("orders-4", "discarded"),
        // Chosen before the decisions above were taken.
        ("orders-4", "no_letter"),
        ("orders@4", "no_letter"),
    ];
    let expected_outcomes =
        expected_outcomes.map(|(letter, outcome)| (letter.to_owned(), outcome.to_owned()));
    let expected_orders = [
        json!({ "order_id": "o1", "status": "placed", "total_cents": 500 }),
        json!({ "order_id": "o2", "status": "shipped", "total_cents": 500 }),
        json!({ "order_id": "o3", "status": "shipped", "total_cents": null }),
    ];
    for lost in [None, Some("state"), Some("views.sqlite"), Some(""), Some("replay")] {
        match lost {
            None => {}
            Some("replay") => {
                let _ = home.command(&["rebuild", "--all", "--from-events"]).run().succeeded();
                let verify = ["verify", "orders_with_customers", "--from-events"];
                let _ = home.command(&verify).run().succeeded();
            }
            Some(lost) => {
                lose(&home.data(), lost);
                let _ = home.project();
            }
        }
        assert_eq!(ids(&home), [""; 0], "{lost:?}");
        assert_eq!(outcomes(&home), expected_outcomes, "{lost:?}");
        assert_eq!(orders(&home), expected_orders, "{lost:?}");
        let status = status(&home);
        assert_eq!(status["services"]["prejoin"]["applied"], 5, "{status}");
        assert_eq!(status["sinks"]["orders_with_customers"]["position"]["prejoin"], 5, "{status}");
        assert_eq!(status["services"]["orders"]["dead_letters"], 0, "{status}");
    }
}

/// Removes the state, the view store, or with an empty name both.
fn lose(data: &Path, what: &str) {
    if what != "views.sqlite" {
        std::fs::remove_dir_all(data.join("state")).expect("the state can be removed");
    }
    if what != "state" {
        for file in ["views.sqlite", "views.sqlite-wal", "views.sqlite-shm"] {
            drop(std::fs::remove_file(data.join(file)));
        }
    }
}

#[test]
fn a_log_without_decisions_is_as_it_was() {
    let home = Home::new();
    put_history(&home);
    let _ = home.project();
    let status = status(&home);
    assert!(status["services"].get("prejoin").is_none(), "{status}");
    let _ = decide(&home, &["decisions"]).run().succeeded().says(&["no decisions"]);
    let discarded = decide(&home, &["discard", "orders-2", "--reason", "noise", "--wait"]).run().succeeded();
    let _ = discarded.says(&["1  discard orders-2  discarded", "because noise"]);
}

#[test]
fn one_process_holds_the_embedded_log_and_decides_for_others() {
    let home = Home::new();
    put_history(&home);
    let up = home.up::<&str>(&[]);
    crate::support::wait_until("the letters are there", &[&up], || match ids(&home).len() {
        5 => Ok(()),
        count => Err(count.to_string()),
    });
    let corrected = home.write("data.json", data("o2").to_string());
    let amend = ["amend", "orders-2", "--with-data", corrected.to_str().unwrap(), "--wait"];
    let _ = decide(&home, &amend).run().succeeded().says(&["1  amend orders-2  amended"]);
    // Several at the same moment are numbered one after the other.
    let deciding: Vec<_> = ["orders-4", "orders@4"]
        .map(|id| decide(&home, &["discard", id, "--reason", "noise", "--wait"]).start())
        .into();
    for decided in deciding {
        let _ = decided.wait().succeeded().says(&["  discarded", "because noise"]);
    }
    assert_eq!(ids(&home), [""; 0]);
    assert_eq!(outcomes(&home).len(), 3);
    let found = rows(&up.url("api"), "orders_with_customers?select=order_id,status&order=order_id");
    let expected = [("o1", "placed"), ("o2", "shipped"), ("o3", "shipped")]
        .map(|(order, status)| json!({ "order_id": order, "status": status }));
    assert_eq!(found.unwrap(), expected);
    let _ = up.terminate().succeeded();
    // Decided before somebody else was told to take part in it, they are in the log.
    let _ = home.command(&["rebuild", "--all", "--from-events"]).run().succeeded();
    assert_eq!(outcomes(&home).len(), 3);
}

#[test]
fn over_nats_the_operators_user_decides_beside_the_projector() {
    let users = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/nats/users.conf");
    let server = NatsServer::start(&std::fs::read_to_string(users).unwrap());
    let url = |user: &str| server.url().replace("nats://", &format!("nats://{user}:change-{user}@"));
    let home = Home::new();
    let _ = home.command(&["events", "create-streams"]).flag("--nats-url", url("operator")).run().succeeded();
    let entities = ["o1", "o2", "o3", "o4", "o5"];
    let unfit: Vec<String> =
        (1..).zip(entities).map(|(sequence, order)| unfit_order(sequence, order)).collect();
    let file = home.write("history.ndjson", unfit.join("\n"));
    let import = home.command(&["events", "import", file.to_str().unwrap()]);
    let _ = import.flag("--nats-url", url("orders")).run().succeeded();
    let project = home.command(&["project"]).flag("--nats-url", url("projector")).start();
    crate::support::wait_until("the letters are there", &[&project], || match ids(&home).len() {
        5 => Ok(()),
        count => Err(count.to_string()),
    });

    let corrected = home.write("data.json", data("o1").to_string());
    let amend = decide(&home, &["amend", "orders-1", "--with-data", corrected.to_str().unwrap(), "--wait"]);
    let amended = amend.flag("--nats-url", url("prejoin")).run().succeeded();
    let _ = amended.says(&["1  amend orders-1  amended"]);

    // Several who decide at the same moment are numbered one after the other.
    let deciding: Vec<_> = (2..=5)
        .map(|sequence| {
            let id = format!("orders-{sequence}");
            let discard = decide(&home, &["discard", &id, "--reason", "noise", "--wait"]);
            discard.flag("--nats-url", url("prejoin")).start()
        })
        .collect();
    for decided in deciding {
        let _ = decided.wait().succeeded().says(&["discarded"]);
    }
    assert_eq!(ids(&home), [""; 0]);
    assert_eq!(outcomes(&home).len(), 5);
    assert_eq!(orders(&home), [json!({ "order_id": "o1", "status": "placed", "total_cents": 500 })]);
    let _ = project.terminate().succeeded();
}
