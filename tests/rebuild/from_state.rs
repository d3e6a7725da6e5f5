//! Rebuilds from the tables of the state.

use serde_json::json;

use crate::reader::Reader;
use crate::shop::Counter;
use crate::support::{get, rows, wait_until};
use crate::system::{System, lines};

#[test]
fn every_view_is_built_anew_while_readers_read_and_orders_come() {
    let system = System::new(3_000, 41);
    let up = system.up();
    let before = system.generation("orders_with_customers");
    let counter = Counter::of(&up);
    counter.register("u1", "Ann");
    let reader = Reader::of(&up);
    for round in 1..=3_i64 {
        let replies = system.json(&["rebuild", "--all", "--json"]);
        assert_eq!(replies.last(), Some(&json!({ "event": "done" })));
        let swapped: Vec<_> = replies.iter().filter(|reply| reply["event"] == "swapped").collect();
        assert_eq!(
            swapped.len(),
            system.json(&["views", "--json"]).iter().filter(|found| found["state"] == "current").count()
        );
        assert_eq!(system.generation("orders_with_customers"), before + round);
        let order = format!("o{round}");
        counter.place(&order, "u1");
        counter.wait_for_order(&[&up], &order, "placed", json!("Ann"));
    }
    reader.ends_content();
    system.is_served(&up);
    let told = up.terminate().succeeded().stderr;
    assert!(!told.contains("ERROR"), "{told}");
}

#[test]
fn without_a_projector_the_command_does_the_work() {
    let system = System::new(1_000, 42);
    let up = system.up();
    let before = system.generation("customer_totals");
    let _ = up.terminate().succeeded();
    let ended = system.run(&["rebuild", "customer_totals", "open_orders"]).succeeded();
    assert!(ended.stdout.contains("customer_totals: readers see generation"), "{}", ended.stdout);
    assert_eq!(system.generation("customer_totals"), before + 1);
    assert_eq!(system.generation("order_details"), before);
    let listed = system.json(&["views", "--json"]);
    assert!(listed.iter().all(|found| found["position"] == listed[0]["position"]), "{listed:?}");
    assert!(listed[0]["position"]["orders"].as_u64() > Some(0), "{listed:?}");
    let up = system.home.up::<&str>(&[]);
    system.is_served(&up);
}

#[test]
fn a_changed_file_is_read_by_a_rebuild_of_the_running_projector() {
    let system = System::new(1_000, 43);
    let up = system.up();
    let details = system.generation("order_details");
    let changed = system.home.path().join("config/views/orders_with_customers.sql");
    system.home.edit(&changed, |text| text.replace("o.status,", "o.status, o.status || '!' AS loud_status,"));
    let would = system.run(&["rebuild", "orders_with_customers", "--dry-run"]).succeeded();
    assert!(would.stdout.contains("loud_status"), "{}", would.stdout);
    assert_eq!(
        get(&format!("{}/rest/v1/orders_with_customers?select=loud_status&limit=1", up.url("api"))).status,
        400
    );

    let reader = Reader::of(&up);
    let told = system.run(&["rebuild", "orders_with_customers"]).succeeded().stdout;
    assert!(told.contains("changed since the projector read them"), "{told}");
    let found = rows(&up.url("api"), "orders_with_customers?select=loud_status&limit=1");
    assert!(
        found
            .as_ref()
            .is_ok_and(|rows| rows[0]["loud_status"].as_str().is_some_and(|text| text.ends_with('!'))),
        "{found:?}"
    );
    assert_eq!(system.generation("order_details"), details, "a view that means the same is left as it is");
    reader.ends_content();

    // Comments and spaces do not count.
    system
        .home
        .edit(&changed, |text| format!("-- Another word.\n{}", text.replace("o.status,", "o.status ,")));
    let before = system.generation("orders_with_customers");
    let replies = lines(&system.run(&["rebuild", "order_details", "--json"]).succeeded().stdout);
    assert!(!replies.iter().any(|reply| reply["event"] == "note"), "{replies:?}");
    assert_eq!(system.generation("orders_with_customers"), before);
}

#[test]
fn other_indexes_come_with_a_new_generation() {
    let system = System::new(500, 46);
    let up = system.up();
    let before = system.generation("open_orders");
    let _ = up.terminate().succeeded();
    let file = system.home.path().join("config/views/open_orders.sql");
    system.home.edit(&file, |text| text.replace("(ship_country)", "(ship_country, placed_at DESC)"));
    let up = system.home.up::<&str>(&[]);
    let built = |generation: i64| {
        wait_until("the new generation is there", &[&up], || match system.generation("open_orders") {
            found if found == generation => Ok(()),
            other => Err(format!("generation {other}")),
        });
        system.is_served(&up);
    };
    built(before + 1);
    // The running projector is told.
    system.home.edit(&file, |text| format!("{text}\nCREATE INDEX ON open_orders (carrier);\n"));
    let _ = system.run(&["rebuild", "customer_totals"]).succeeded();
    built(before + 2);
    let _ = up.terminate().succeeded();
    let up = system.home.up::<&str>(&[]);
    system.is_served(&up);
    assert_eq!(system.generation("open_orders"), before + 2, "nothing has changed since");
}

#[test]
fn refusals_say_what_to_do() {
    let system = System::new(200, 44);
    let up = system.up();
    let unknown = system.run(&["rebuild", "nonsense"]);
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.stderr.contains("there is no view nonsense; there are "), "{}", unknown.stderr);
    let contract = system.home.path().join("config/contracts/users.toml");
    system
        .home
        .edit(&contract, |text| text.replace("phone = \"text\" }", "phone = \"text\", fax = \"text\" }"));
    let changed = system.run(&["rebuild", "--all"]);
    assert!(changed.stderr.contains("--from-events"), "{}", changed.stderr);
    let view = system.home.path().join("config/views/open_orders.sql");
    system.home.edit(&view, |text| text.replace("SELECT", "SELEKT"));
    let wrong = system.run(&["rebuild", "--all"]);
    assert!(wrong.stderr.contains("open_orders.sql"), "{}", wrong.stderr);
    assert!(up.is_running());
}

#[test]
fn a_killed_rebuild_goes_on_where_it_was() {
    let system = System::new(6_000, 45);
    // Slices so small that a rebuild takes many.
    system.home.edit("config/prejoin.toml", |text| format!("{text}\n[projector]\nbuild_slice_rows = 20\n"));
    let up = system.up();
    let before = system.generation("order_details");
    let command = system.home.command(&["rebuild", "--all", "--json"]).start();
    command.wait_for("a build on its way", |stdout| stdout.contains("\"work\":\"build\"").then_some(()));
    let _ = up.kill_9();
    let ended = command.wait();
    assert!(ended.stderr.contains("the projector ended"), "{}", ended.stderr);
    let begun = system.json(&["views", "--json"]);
    let begun: Vec<_> =
        begun.iter().filter(|found| found["state"] == "building" || found["state"] == "ready").collect();
    assert!(!begun.is_empty(), "it was killed in the midst");
    let up = system.home.up::<&str>(&[]);
    wait_until("the builds are done", &[&up], || match system.generation("order_details") {
        generation if generation == before + 1 => Ok(()),
        other => Err(format!("generation {other}")),
    });
    up.wait_for_log("it goes on", |log| log.contains("goes on being built").then_some(()));
    system.is_served(&up);
    wait_until("earlier generations are gone", &[&up], || {
        let others = system.json(&["views", "--json"]);
        match others.iter().find(|found| found["state"] != "current") {
            None => Ok(()),
            Some(other) => Err(other.to_string()),
        }
    });
}
