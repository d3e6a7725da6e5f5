//! Several projectors, one view store: one writes, others wait.

#[path = "../support/mod.rs"]
mod support;

use std::process::Command;

use prejoin_test_servers::{NatsServer, Postgres};
use support::{Home, Launch, Process, wait_until};

const SCHEMA: &str = "views";

/// A log, a view store on PostgreSQL, and projectors around them, each with a data directory of its own.
struct Cluster {
    nats: NatsServer,
    postgres: Postgres,
    importing: Home,
    imported: u64,
}

impl Cluster {
    fn start() -> Cluster {
        Cluster {
            nats: NatsServer::start(""),
            postgres: Postgres::start(),
            importing: Home::new(),
            imported: 0,
        }
    }

    fn command(&self, home: &Home, arguments: &[&str]) -> Launch {
        home.command(arguments).env("PREJOIN_NATS_URL", self.nats.url())
    }

    /// A projector's home, which takes over soon.
    fn projector(&self) -> Home {
        let home = Home::new();
        let url = self.postgres.url("postgres");
        home.write(
            "config/prejoin.toml",
            format!(
                "[views]\nstore = {url:?}\nschema = {SCHEMA:?}\n[projector]\ntakeover_after_ms = 1500\nstep_events_max = 100\n"
            ),
        );
        home
    }

    fn project(&self, home: &Home) -> Process {
        self.command(home, &["project", "--standby"]).start()
    }

    /// More of the history enters the log.
    fn import(&mut self, events: u64) {
        self.imported += events;
        let lines: Vec<_> = prejoin_fixtures::generate(self.imported, 5).map(|event| event.json).collect();
        let file = self.importing.write("history.ndjson", lines.join("\n"));
        let file = file.to_str().expect("the path is text");
        let _ = self.command(&self.importing, &["events", "import", file]).run().succeeded();
    }

    /// Waits until every view has every event.
    fn wait_until_projected(&self, processes: &[&Process]) {
        let events = self.imported;
        wait_until("every view stands at the log's end", processes, || {
            let made = format!("SELECT to_regclass('{SCHEMA}._prejoin_generations') IS NOT NULL");
            if self.postgres.run_script(&made).trim() != "t" {
                return Err("no catalog yet".to_owned());
            }
            let behind = format!(
                "SELECT string_agg(view || ' ' || position, ', ') FROM {SCHEMA}._prejoin_generations
                  WHERE state = 'current' AND (SELECT sum(value::bigint) FROM jsonb_each_text(position::jsonb)) <> {events}"
            );
            let views = format!("SELECT count(*) FROM {SCHEMA}._prejoin_generations WHERE state = 'current'");
            let (behind, views) = (self.postgres.run_script(&behind), self.postgres.run_script(&views));
            let is_there = behind.trim().is_empty() && views.trim() != "0";
            is_there.then_some(()).ok_or_else(|| format!("{views} views; behind: {behind}"))
        });
    }

    /// What the views hold is what a replay of the log gives.
    fn is_right(&self, home: &Home) {
        let _ = self.command(home, &["verify", "--all", "--from-events"]).run().succeeded();
    }
}

fn waits(process: &Process) {
    process.wait_for_log("it waits", |log| log.contains("waiting as its standby").then_some(()));
}

fn takes_over(process: &Process) {
    process.wait_for_log("it takes over", |log| log.contains("taking over").then_some(()));
}

#[test]
fn a_standby_takes_over_from_one_that_is_killed_and_from_one_that_is_paused() {
    let mut cluster = Cluster::start();
    cluster.import(1_000);
    let (first_home, second_home) = (cluster.projector(), cluster.projector());
    let first = cluster.project(&first_home);
    cluster.wait_until_projected(&[&first]);
    let second = cluster.project(&second_home);
    waits(&second);
    let refused = cluster.command(&second_home, &["rebuild", "--all"]).run();
    assert!(refused.stderr.contains("this projector is a standby"), "{}", refused.stderr);
    let third = cluster.command(&cluster.projector(), &["project"]).run();
    assert!(third.stderr.contains("another projector writes to the view store"), "{}", third.stderr);
    cluster.import(500);
    cluster.wait_until_projected(&[&first, &second]);

    let _ = first.kill_9();
    takes_over(&second);
    cluster.import(500);
    cluster.wait_until_projected(&[&second]);
    // Search indexes lie on the machine of whoever writes; tables are everybody's.
    let told = second.stderr();
    let anew = told.lines().find(|line| line.contains("built anew") && !line.contains("search index"));
    assert_eq!(anew, None, "it follows: {}", second.describe());
    cluster.is_right(&second_home);

    let first = cluster.project(&first_home);
    waits(&first);
    signal(&second, "STOP");
    takes_over(&first);
    cluster.import(500);
    cluster.wait_until_projected(&[&first]);
    signal(&second, "CONT");
    second.wait_for_log("it may not write", |log| {
        log.contains("another projector has taken over").then_some(())
    });
    cluster.import(500);
    cluster.wait_until_projected(&[&first, &second]);
    cluster.is_right(&first_home);

    // Ended in order, it leaves the store to the other one at once.
    let _ = first.terminate().succeeded();
    second.wait_for_log("it takes over", |log| log.contains("has ended: taking over").then_some(()));
    cluster.import(500);
    cluster.wait_until_projected(&[&second]);
    let _ = second.terminate().succeeded();
}

#[test]
fn a_standby_on_one_data_directory_waits_for_it() {
    let home = Home::new();
    let first = home.command(&["project"]).start();
    first.wait_for("it runs", |stdout| stdout.contains("projecting into").then_some(()));
    let refused = home.command(&["project"]).run();
    assert!(refused.stderr.contains("is in use by"), "{}", refused.stderr);
    let second = home.command(&["project", "--standby"]).start();
    waits(&second);
    let _ = first.kill_9();
    second.wait_for("it runs", |stdout| stdout.contains("projecting into").then_some(()));
    let _ = second.terminate().succeeded();
}

fn signal(process: &Process, signal: &str) {
    let sent = Command::new("kill").args([format!("-{signal}"), process.pid().to_string()]).status();
    assert!(sent.expect("kill can be run").success());
}
