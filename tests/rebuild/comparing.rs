//! Verify, repair and dry runs.

use std::process::Command;

use serde_json::{Value, json};

use crate::shop::Counter;
use crate::support::{Process, rows};
use crate::system::System;

/// Changes rows behind the projector's back.
fn damage(system: &System, statements: &str) {
    let store = system.home.data().join("views.sqlite");
    let script = format!(
        "import sqlite3, sys\nc = sqlite3.connect({:?}, timeout=30)\nc.executescript({statements:?})\nc.commit()",
        store.to_str().expect("the path is text")
    );
    let done = Command::new("python3").args(["-c", &script]).output().expect("python3 is installed");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn compared(replies: &[Value]) -> Vec<(&str, u64, u64, u64)> {
    let count = |reply: &Value, name: &str| reply[name].as_u64().expect("it is a number");
    let compared = replies.iter().filter(|reply| reply["event"] == "compared");
    compared
        .map(|reply| {
            let view = reply["view"].as_str().expect("a view has a name");
            (view, count(reply, "added"), count(reply, "removed"), count(reply, "changed"))
        })
        .collect()
}

fn table(system: &System, view: &str) -> String {
    format!("_g{}_{view}", system.generation(view))
}

#[test]
fn rows_that_are_wrong_are_found_and_repaired_beside_traffic() {
    let system = System::new(2_000, 61);
    let up = system.up();
    let sound = system.json(&["verify", "--all", "--json"]);
    assert!(
        compared(&sound).iter().all(|(_, added, removed, changed)| added + removed + changed == 0),
        "{sound:?}"
    );
    assert!(compared(&sound).len() > 5, "{sound:?}");

    let table = table(&system, "orders_with_customers");
    damage(
        &system,
        &format!(
            "DELETE FROM {table} WHERE _key IN (SELECT _key FROM {table} ORDER BY _key LIMIT 2);
             UPDATE {table} SET customer_name = 'Nobody' WHERE _key = (SELECT max(_key) FROM {table});
             UPDATE {table} SET _sort_placed_at = 0 WHERE _key = (SELECT max(_key) FROM {table} WHERE customer_name <> 'Nobody');
             INSERT INTO {table} (_key, order_id) VALUES (x'0102', 'stray');"
        ),
    );
    let traffic = living(&up);
    for origin in [
        &["verify", "orders_with_customers", "--json"][..],
        &["verify", "orders_with_customers", "--from-events", "--json"],
    ] {
        let found = system.run(origin);
        assert_eq!(found.code, Some(1), "{}", found.stdout);
        let replies = crate::system::lines(&found.stdout);
        assert_eq!(compared(&replies), [("orders_with_customers", 2, 1, 2)], "{replies:?}");
        let told: Vec<_> = replies.iter().filter(|reply| reply["event"] == "difference").collect();
        assert_eq!(told.len(), 5);
        assert!(told.iter().any(|reply| reply["row"]["columns"][0]["stored"] == json!("Nobody")), "{told:?}");
    }
    let repaired = system.json(&["verify", "orders_with_customers", "--repair", "--json"]);
    assert_eq!(compared(&repaired), [("orders_with_customers", 2, 1, 2)]);
    let after = system.json(&["verify", "orders_with_customers", "--json"]);
    assert_eq!(compared(&after), [("orders_with_customers", 0, 0, 0)]);
    traffic.join().expect("the traffic does not panic");
    system.is_served(&up);
}

/// Orders keep coming while views are compared.
fn living(up: &Process) -> std::thread::JoinHandle<()> {
    let counter = Counter::of(up);
    counter.register("u1", "Ann");
    std::thread::spawn(move || {
        for number in 0..100 {
            counter.place(&format!("o{number}"), "u1");
            counter.rename("u1", &format!("Ann {number}"));
        }
    })
}

#[test]
fn a_dry_run_says_what_would_change_and_changes_nothing() {
    let system = System::new(1_000, 62);
    let up = system.up();
    let before = system.generation("open_orders");
    let same = system.json(&["rebuild", "--all", "--dry-run", "--json"]);
    assert!(
        compared(&same).iter().all(|(_, added, removed, changed)| added + removed + changed == 0),
        "{same:?}"
    );
    system
        .home
        .edit("config/views/open_orders.sql", |text| text.replace("await payment", "wait for payment"));
    let waiting = rows(&up.url("api"), "open_orders?select=order_id&next_step=eq.await payment")
        .map(|rows| rows.len() as u64);
    for flags in [
        &["rebuild", "open_orders", "--dry-run", "--json"][..],
        &["rebuild", "open_orders", "--dry-run", "--from-events", "--json"],
    ] {
        let would = system.json(flags);
        assert_eq!(
            compared(&would).iter().map(|found| found.3).sum::<u64>(),
            waiting.clone().unwrap_or(0),
            "{would:?}"
        );
        assert_eq!(compared(&would).len(), 1);
    }
    assert!(waiting.is_ok_and(|waiting| waiting > 0), "the history has orders that wait");
    // A view that groups, and one that is new: their group tables exist nowhere but for the dry run.
    system.home.write(
        "config/views/by_city.sql",
        "CREATE MATERIALIZED VIEW by_city AS SELECT u.city, count(*) AS orders FROM orders o JOIN users u ON u.user_id = o.customer_id GROUP BY u.city;",
    );
    let would = system.json(&["rebuild", "by_city", "--dry-run", "--json"]);
    assert!(compared(&would)[0].1 > 0, "{would:?}");
    assert_eq!(system.generation("open_orders"), before);
    assert!(system.json(&["views", "--json"]).iter().all(|found| found["view"] != "by_city"));
    system.is_served(&up);
}
