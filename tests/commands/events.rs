//! `events generate`, `events tail` and `events import`.

use serde_json::Value;

use crate::support::Home;

fn generated(home: &Home, events: u64, seed: u64) -> String {
    let (events, seed) = (events.to_string(), seed.to_string());
    let arguments = ["events", "generate", "--events", &events, "--seed", &seed];
    home.command(&arguments).run().succeeded().stdout
}

#[test]
fn a_generated_history_is_the_same_for_the_same_seed() {
    let home = Home::bare();
    let history = generated(&home, 2_000, 4);
    assert_eq!(history, generated(&home, 2_000, 4));
    assert_ne!(history, generated(&home, 2_000, 5));
    assert_eq!(history.lines().count(), 2_000);
    assert!(history.starts_with(&generated(&home, 500, 4)), "a shorter one is the beginning of a longer one");
    assert_eq!(generated(&home, 0, 4), "");
    let default = home.command(&["events", "generate"]).run().succeeded();
    assert_eq!(default.stdout, generated(&home, 10_000, 1));
}

#[test]
fn a_tail_shows_what_is_there_and_what_arrives() {
    let home = Home::new();
    let history = generated(&home, 400, 6);
    let file = home.write("history.ndjson", &history);
    let _ = home
        .command(&["events", "import"])
        .arg(&file)
        .run()
        .succeeded()
        .says(&["400 events imported, 0 were"]);
    let tail = |arguments: &[&str]| {
        let tail = home.command(&["events", "tail", "--no-follow"]);
        arguments.iter().fold(tail, |tail, argument| tail.arg(argument)).run().succeeded().stdout
    };
    assert_eq!(tail(&[]), "", "nothing arrives");
    let mut all: Vec<_> = tail(&["--from-start"]).lines().map(str::to_owned).collect();
    let mut imported: Vec<_> = history.lines().map(str::to_owned).collect();
    let users: Vec<_> = imported.iter().filter(|line| line.contains("\"type\":\"users.")).cloned().collect();
    let shown: Vec<_> = tail(&["--from-start", "users"]).lines().map(str::to_owned).collect();
    assert_eq!(shown, users, "one service's events come in their order");
    all.sort();
    imported.sort();
    assert_eq!(all, imported, "every event as it was, byte for byte");

    // Beside a running system, those that arrive.
    let up = home.up::<&str>(&[]);
    let following = home.command(&["events", "tail", "users"]).start();
    let register = |number: u32| {
        let body = serde_json::json!({ "user_id": format!("new{number}"), "name": "Newcomer" });
        let _ =
            crate::support::send("POST", &format!("{}/users", up.url("users")), Some(&body)).with_status(201);
    };
    // The tail begins at the log's end of the moment when it opened it: so it is given more than one to see.
    let mut number = 0;
    let line = crate::support::wait_until("the tail shows a new user", &[&up, &following], || {
        number += 1;
        register(number);
        following.stdout().lines().next().map(str::to_owned).ok_or_else(|| following.describe())
    });
    let event: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(event["type"], "users.registered.v1", "{event}");
    let _ = following.terminate().succeeded();
}

#[test]
fn an_interrupted_import_is_simply_run_again() {
    let home = Home::new();
    let history = generated(&home, 20_000, 8);
    let file = home.write("history.ndjson", &history);
    let import = || home.command(&["events", "import"]).arg(&file);
    let first = import().start();
    let log = home.data().join("event-log");
    crate::support::wait_until("something is imported", &[], || match std::fs::metadata(&log) {
        Ok(metadata) if metadata.len() > 100_000 => Ok(()),
        found => Err(format!("{found:?}")),
    });
    let _ = first.kill_9();
    let again = import().run().succeeded();
    let numbers: Vec<u64> = again.stdout.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    assert_eq!(numbers.iter().sum::<u64>(), 20_000, "{}", again.describe());
    let tail = home.command(&["events", "tail", "--from-start", "--no-follow"]).run().succeeded();
    assert_eq!(tail.stdout.lines().count(), 20_000);
}
