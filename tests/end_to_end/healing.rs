//! Restarts, changed definitions and lost files: nothing is lost, and it heals by itself.

use std::fs;

use serde_json::{Value, json};

use crate::history;
use crate::oracle::Shop;
use crate::shop::Counter;
use crate::support::{Home, Process, rows, wait_until};

/// A running system with a history and some living traffic, and every event that it has seen.
fn lived(home: &Home) -> (Process, Vec<String>) {
    let lines = history::generated(1_500, 21);
    let file = home.write("history.ndjson", lines.join("\n"));
    let up = home.up(&["--import", file.to_str().expect("the path is text")]);
    let counter = Counter::of(&up);
    counter.register("u1", "Ann");
    counter.place("o1", "u1");
    let _ = counter.make("o1", "pay").with_status(200);
    counter.wait_for_order(&[&up], "o1", "paid", json!("Ann"));
    let tail = home.command(&["events", "tail", "--from-start", "--no-follow"]).run().succeeded();
    let events: Vec<_> = tail.stdout.lines().map(str::to_owned).collect();
    assert_eq!(events.len(), lines.len() + 3);
    Shop::after(&events).wait_until_served(&up.url("api"), &[&up]);
    (up, events)
}

/// The rows are all there, and traffic goes on.
fn goes_on(up: &Process, events: &[String]) {
    Shop::after(events).wait_until_served(&up.url("api"), &[up]);
    let counter = Counter::of(up);
    let order = format!("again-{}", up.pid());
    counter.rename("u1", &order);
    counter.place(&order, "u1");
    counter.wait_for_order(&[up], &order, "placed", json!(order));
    counter.wait_for_order(&[up], "o1", "paid", json!(order));
}

#[test]
fn a_restart_goes_on_without_loss() {
    let home = Home::new();
    let (up, events) = lived(&home);
    let _ = up.terminate().succeeded();
    let up = home.up::<&str>(&[]);
    goes_on(&up, &events);
    // Killed, and with nothing said to anybody.
    let _ = up.kill_9();
    let up = home.up::<&str>(&[]);
    let counter = Counter::of(&up);
    let count = rows(&counter.api, "orders_with_customers?select=order_id").map(|rows| rows.len());
    let orders = Shop::after(&events).orders_with_customers().len() + 1;
    assert_eq!(count, Ok(orders), "a restarted system serves at once what it had");
    counter.place("o3", "u1");
    wait_until("o3 is served", &[&up], || {
        let found = rows(&counter.api, "orders_with_customers?order_id=eq.o3")?;
        if found.len() == 1 { Ok(()) } else { Err(format!("{found:?}")) }
    });
}

#[test]
fn a_changed_view_is_built_anew_from_the_same_state() {
    let home = Home::new();
    let (up, events) = lived(&home);
    let _ = up.terminate().succeeded();
    home.edit("config/views/orders_with_customers.sql", |text| {
        text.replace(
            "o.status,",
            "o.status,\n o.total_cents / 100 AS total_whole, o.status || '!' AS loud_status,",
        )
    });
    home.write(
        "config/views/names.sql",
        "CREATE MATERIALIZED VIEW names AS SELECT u.user_id, u.name FROM users u WHERE u.name IS NOT NULL;",
    );
    let up = home.up::<&str>(&[]);
    let api = up.url("api");
    let loud: Vec<Value> = Shop::after(&events)
        .orders_with_customers()
        .iter()
        .map(|row| {
            let whole = row["total_cents"].as_i64().expect("an order has a total") / 100;
            let status = row["status"].as_str().expect("an order has a status");
            json!({ "order_id": row["order_id"], "total_whole": whole, "loud_status": format!("{status}!") })
        })
        .collect();
    wait_until("the new columns are served", &[&up], || {
        let query = "orders_with_customers?select=order_id,total_whole,loud_status&order=order_id";
        crate::oracle::difference(&loud, &rows(&api, query)?)
    });
    wait_until("the new view is served", &[&up], || {
        let found = rows(&api, "names?user_id=eq.u1")?;
        if found == [json!({ "user_id": "u1", "name": "Ann" })] { Ok(()) } else { Err(format!("{found:?}")) }
    });
    assert!(!up.stderr().contains("replayed"), "a view alone needs no replay: {}", up.describe());
    let counter = Counter::of(&up);
    counter.rename("u1", "Anna");
    counter.wait_for_order(&[&up], "o1", "paid", json!("Anna"));
    let _ = up.terminate().succeeded();
}

#[test]
fn a_changed_contract_replays_every_event() {
    let home = Home::new();
    let (up, events) = lived(&home);
    let _ = up.terminate().succeeded();
    home.edit("config/contracts/users.toml", |text| {
        text.replace("phone = \"text\" }", "phone = \"text\", first_name = \"text\" }")
            .replace("name = \"$.name\", contact", "name = \"$.name\", first_name = \"$.name\", contact")
    });
    home.write(
        "config/views/first_names.sql",
        "CREATE MATERIALIZED VIEW first_names AS SELECT u.user_id, u.first_name FROM users u;",
    );
    let up = home.up::<&str>(&[]);
    let api = up.url("api");
    wait_until("the new column is filled from old events", &[&up], || {
        let found = rows(&api, "first_names?user_id=eq.u1")?;
        if found == [json!({ "user_id": "u1", "first_name": "Ann" })] {
            Ok(())
        } else {
            Err(format!("{found:?}"))
        }
    });
    up.wait_for_log("why it replays", |log| log.contains("replayed").then_some(()));
    goes_on(&up, &events);
}

#[test]
fn readers_keep_what_they_had_while_other_contracts_replay_every_event() {
    let home = Home::new();
    let (up, events) = lived(&home);
    let _ = up.terminate().succeeded();
    home.edit("config/contracts/users.toml", |text| {
        text.replace("phone = \"text\" }", "phone = \"text\", fax = \"text\" }")
    });
    // A replay that takes a while.
    home.edit("config/prejoin.toml", |text| {
        format!("{text}\n[projector]\nstep_events_max = 2\nbuild_slice_rows = 20\nstatus_interval_ms = 50\n")
    });
    let expected = Shop::after(&events).orders_with_customers();
    let up = home.up::<&str>(&[]);
    let api = up.url("api");
    let (mut reads, mut outdated, mut told) = (0, false, false);
    wait_until("the views are built anew", &[&up], || {
        for _ in 0..5 {
            let found = rows(&api, "orders_with_customers?order=order_id")?;
            let difference = crate::oracle::difference(&expected, &found);
            assert_eq!(difference, Ok(()), "after {reads} reads");
            reads += 1;
        }
        let listed = home.command(&["views"]).run().succeeded().stdout;
        let is_outdated =
            listed.lines().any(|line| line.starts_with("orders_with_customers") && line.contains("outdated"));
        outdated |= is_outdated;
        told |= home.command(&["status"]).run().succeeded().stdout.contains("as it was; ");
        let is_done = outdated && !is_outdated;
        if is_done { Ok(()) } else { Err(listed) }
    });
    assert!(told, "status says that views stay as they were");
    let log = up.stderr();
    for said in
        ["the contracts have changed", "prejoin rebuild --all --from-events", "views stay as they were"]
    {
        assert!(log.contains(said), "{said}: {log}");
    }
    goes_on(&up, &events);
}

#[test]
fn a_lost_state_directory_heals() {
    let home = Home::new();
    let (up, events) = lived(&home);
    let _ = up.terminate().succeeded();
    fs::remove_dir_all(home.data().join("state")).unwrap();
    let up = home.up::<&str>(&[]);
    goes_on(&up, &events);
}

#[test]
fn a_lost_view_store_heals() {
    let home = Home::new();
    let (up, events) = lived(&home);
    let _ = up.terminate().succeeded();
    for file in ["views.sqlite", "views.sqlite-wal", "views.sqlite-shm"] {
        drop(fs::remove_file(home.data().join(file)));
    }
    assert!(!home.data().join("views.sqlite").exists());
    let up = home.up::<&str>(&[]);
    goes_on(&up, &events);
}

#[test]
fn both_lost_heal_from_the_log() {
    let home = Home::new();
    let (up, events) = lived(&home);
    let _ = up.kill_9();
    fs::remove_dir_all(home.data().join("state")).unwrap();
    fs::remove_file(home.data().join("views.sqlite")).unwrap();
    for file in ["views.sqlite-wal", "views.sqlite-shm"] {
        drop(fs::remove_file(home.data().join(file)));
    }
    let up = home.up::<&str>(&[]);
    goes_on(&up, &events);
}
