//! `prejoin up --import`: the joined rows are served, and importing again adds nothing.

use crate::history;
use crate::oracle::{Shop, difference};
use crate::support::{Home, get, rows, wait_until};

fn imported_twice(lines: &[String]) {
    let home = Home::new();
    let file = home.write("history.ndjson", lines.join("\n"));
    let file = file.to_str().expect("the path is text");
    let shop = Shop::after(lines);

    let up = home.up(&["--import", file]);
    assert!(
        up.stdout().contains(&format!("{} events imported, 0 were in the log already", lines.len())),
        "{}",
        up.describe()
    );
    shop.wait_until_served(&up.url("api"), &[&up]);
    let position = wait_until("the log is applied", &[&up], || {
        let status = get(&format!("{}/status", up.url("api"))).json();
        let services = status["services"].as_object().cloned().unwrap_or_default();
        let done: u64 = services.values().filter_map(|service| service["applied"].as_u64()).sum();
        if done == lines.len() as u64 { Ok(services) } else { Err(status.to_string()) }
    });
    assert_eq!(position.len(), 4, "{position:?}");
    let _ = up.terminate().succeeded();

    let up = home.up(&["--import", file]);
    assert!(
        up.stdout().contains(&format!("0 events imported, {} were in the log already", lines.len())),
        "{}",
        up.describe()
    );
    shop.wait_until_served(&up.url("api"), &[&up]);
    wait_until("the projector reports again", &[&up], || {
        let status = get(&format!("{}/status", up.url("api"))).json();
        let fresh = status["pid"] == up.pid() && status["services"]["orders"]["log_last"].is_u64();
        if !fresh {
            return Err(status.to_string());
        }
        for (service, before) in &position {
            assert_eq!(status["services"][service]["log_last"], before["applied"], "{service}: {status}");
        }
        Ok(())
    });
    let _ = up.terminate().succeeded();
}

#[test]
fn a_generated_history_is_served_joined_and_imported_once() {
    imported_twice(&history::generated(3_000, 7));
}

#[test]
fn a_history_without_sequences_is_served_joined_and_imported_once() {
    imported_twice(&history::unnumbered());
}

/// The line of the README, on the columns it names.
#[test]
fn orders_with_the_names_of_their_customers() {
    let home = Home::new();
    let lines = history::unnumbered();
    let file = home.write("history.ndjson", lines.join("\n"));
    let _ = home.command(&["events", "import"]).arg(file).run().succeeded();
    let _ = home.project();
    let serve = home.serve();
    let expected: Vec<_> = Shop::after(&lines)
        .orders_with_customers()
        .iter()
        .map(|row| {
            serde_json::json!({ "order_id": row["order_id"], "customer_name": row["customer_name"], "total_cents": row["total_cents"] })
        })
        .collect();
    assert_eq!(expected.len(), 60);
    let query = "orders_with_customers?select=order_id,customer_name,total_cents&order=order_id";
    let found = rows(&serve.url("api"), query).unwrap();
    difference(&expected, &found).unwrap();
}
