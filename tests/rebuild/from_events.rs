//! Rebuilds from the events of the log.

use serde_json::json;

use crate::reader::Reader;
use crate::shop::Counter;
use crate::support::{rows, wait_until};
use crate::system::System;

#[test]
fn everything_is_replayed_beside_what_readers_see() {
    let system = System::new(3_000, 51);
    let up = system.up();
    let counter = Counter::of(&up);
    counter.register("u1", "Ann");
    let reader = Reader::of(&up);
    for state in ["state-2", "state-3"] {
        let replies = system.json(&["rebuild", "--all", "--from-events", "--json"]);
        assert!(replies.iter().any(|reply| reply["event"] == "swapped"), "{replies:?}");
        assert_eq!(replies.last(), Some(&json!({ "event": "done" })));
        counter.place(state, "u1");
        counter.wait_for_order(&[&up], state, "placed", json!("Ann"));
        wait_until("only the new state is left", &[&up], || match states(&system) {
            left if left == [state] => Ok(()),
            other => Err(format!("{other:?}")),
        });
    }
    reader.ends_content();
    system.is_served(&up);
    let _ = up.terminate().succeeded();
    let up = system.home.up::<&str>(&[]);
    counter_goes_on(&system, &up);
    assert_eq!(states(&system), ["state-3"], "the catalog names the state to go on with");
}

#[test]
fn a_changed_contract_is_replayed_while_the_old_one_serves() {
    let system = System::new(1_000, 52);
    let up = system.up();
    system.home.edit("config/contracts/users.toml", |text| {
        text.replace("phone = \"text\" }", "phone = \"text\", first_name = \"text\" }")
            .replace("name = \"$.name\", contact", "name = \"$.name\", first_name = \"$.name\", contact")
    });
    system.home.write(
        "config/views/first_names.sql",
        "CREATE MATERIALIZED VIEW first_names AS SELECT u.user_id, u.first_name FROM users u;",
    );
    let reader = Reader::of(&up);
    let _ = system.run(&["rebuild", "--all", "--from-events"]).succeeded();
    let found = rows(&up.url("api"), "first_names?first_name=not.is.null&limit=1");
    assert!(found.as_ref().is_ok_and(|rows| rows.len() == 1), "{found:?}");
    reader.ends_content();
    counter_goes_on(&system, &up);
}

#[test]
fn a_replay_killed_five_times_ends_the_same() {
    let system = System::new(4_000, 53);
    system.home.edit("config/prejoin.toml", |text| {
        format!("{text}\n[projector]\nstep_events_max = 50\nbuild_slice_rows = 20\n")
    });
    let mut up = system.up();
    let digest = digest(&system);
    let command = system.home.command(&["rebuild", "--all", "--from-events", "--json"]).start();
    command.wait_for("the replay", |stdout| stdout.contains("\"work\":\"replay\"").then_some(()));
    let mut kills = 0;
    for _ in 0..5 {
        if states(&system).len() == 2 {
            kills += 1;
        }
        let _ = up.kill_9();
        up = system.home.up::<&str>(&[]);
        // Some of the way is gone each time.
        std::thread::sleep(std::time::Duration::from_millis(60));
    }
    assert!(kills > 0, "it was killed in the midst");
    wait_until("the replayed state has taken over", &[&up], || match states(&system) {
        left if left == ["state-2"] => Ok(()),
        other => Err(format!("{other:?}")),
    });
    system.is_served(&up);
    assert_eq!(self::digest(&system), digest);
}

/// The states that the data directory has.
fn states(system: &System) -> Vec<String> {
    let entries = std::fs::read_dir(system.home.data()).expect("the data directory can be listed");
    let names =
        entries.map(|entry| entry.expect("it can be listed").file_name().to_string_lossy().into_owned());
    let mut states: Vec<String> = names
        .filter(|name| name == "state" || name.starts_with("state-"))
        .filter(|name| !name.contains('.'))
        .collect();
    states.sort();
    states
}

/// What every view holds, as `verify` counts and compares it; nothing may differ from a replay of the log.
fn digest(system: &System) -> Vec<(String, u64)> {
    let replies = system.json(&["verify", "--all", "--from-events", "--json"]);
    let compared = replies.iter().filter(|reply| reply["event"] == "compared");
    compared
        .map(|reply| {
            let count = |name: &str| reply[name].as_u64().expect("it is a number");
            assert_eq!((count("added"), count("removed"), count("changed")), (0, 0, 0), "{reply}");
            (reply["view"].as_str().expect("a view has a name").to_owned(), count("rows"))
        })
        .collect()
}

fn counter_goes_on(system: &System, up: &crate::support::Process) {
    let counter = Counter::of(up);
    let order = format!("after-{}", up.pid());
    counter.register(&order, "Bea");
    counter.place(&order, &order);
    counter.wait_for_order(&[up], &order, "placed", json!("Bea"));
    system.is_served(up);
}
