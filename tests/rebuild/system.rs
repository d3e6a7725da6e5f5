//! A running system with a history, and what its commands say about its views.

use serde_json::Value;

use crate::oracle::Shop;
use crate::support::{Ended, Home, Process};

/// A history in a home, and the processes that come and go in it.
pub(crate) struct System {
    pub home: Home,
    history: Vec<String>,
}

impl System {
    /// A home with a history of so many events, imported by the first start.
    pub(crate) fn new(events: u64, seed: u64) -> System {
        let history: Vec<String> = prejoin_fixtures::generate(events, seed).map(|event| event.json).collect();
        let home = Home::new();
        home.write("history.ndjson", history.join("\n"));
        System { home, history }
    }

    /// Everything in one process, once the history is served.
    pub(crate) fn up(&self) -> Process {
        let file = self.home.path().join("history.ndjson");
        let up = self.home.up(&["--import", file.to_str().expect("the path is text")]);
        Shop::after(&self.history).wait_until_served(&up.url("api"), &[&up]);
        up
    }

    /// What the views hold is what the events mean.
    pub(crate) fn is_served(&self, up: &Process) {
        Shop::after(&self.events()).wait_until_served(&up.url("api"), &[up]);
    }

    /// Every event in the log.
    fn events(&self) -> Vec<String> {
        let tail = self.run(&["events", "tail", "--from-start", "--no-follow"]).succeeded();
        tail.stdout.lines().map(str::to_owned).collect()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.home.command(arguments).run()
    }

    /// The JSON lines that a command prints, which must succeed.
    pub(crate) fn json(&self, arguments: &[&str]) -> Vec<Value> {
        lines(&self.run(arguments).succeeded().stdout)
    }

    /// The number of the generation that readers see of a view.
    pub(crate) fn generation(&self, view: &str) -> i64 {
        let listed = self.json(&["views", "--json"]);
        let mut of_view = listed.iter().filter(|found| found["view"] == view);
        let current = of_view.find(|found| found["state"] == "current" || found["state"] == "undeclared");
        let current =
            current.unwrap_or_else(|| panic!("{view} has no generation that readers see: {listed:?}"));
        current["generation"].as_i64().expect("a generation is a number")
    }
}

pub(crate) fn lines(stdout: &str) -> Vec<Value> {
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    stdout.lines().map(parse).collect()
}
