//! A system with a history whose views have search indexes.

use std::path::PathBuf;

use serde_json::Value;

use crate::index;
use crate::shop::Counter;
use crate::support::{Home, Process, rows, wait_until};

pub(crate) const ORDERS: &str = "orders_with_customers";
const DETAILS: &str = "order_details";

pub(crate) struct System {
    pub home: Home,
}

impl System {
    pub(crate) fn new(events: u64, seed: u64) -> System {
        let history: Vec<String> = prejoin_fixtures::generate(events, seed).map(|event| event.json).collect();
        let home = Home::new();
        home.write("history.ndjson", history.join("\n"));
        home.write(
            "config/prejoin.toml",
            "[projector]\nretired_grace_ms = 300\nsearch_commit_interval_ms = 50\n",
        );
        for (view, columns) in [(ORDERS, "customer_name, customer_city"), (DETAILS, "customer_name, lines")] {
            let file = home.config().join(format!("views/{view}.sql"));
            let shipped = std::fs::read_to_string(&file).expect("the view is shipped");
            let others: Vec<&str> = shipped.lines().filter(|line| !line.contains("fulltext")).collect();
            let index = format!("CREATE INDEX ON {view} USING fulltext ({columns});");
            home.write(file, format!("{}\n{index}\n", others.join("\n")));
        }
        System { home }
    }

    /// Everything in one process, once the history is there and can be searched.
    pub(crate) fn up(&self) -> Process {
        let file = self.home.path().join("history.ndjson");
        let up = self.home.up(&["--import", file.to_str().expect("the path is text")]);
        Counter::of(&up).register("u-last", "Émile Last");
        Counter::of(&up).place("o-last", "u-last");
        Counter::of(&up).wait_for_order(&[&up], "o-last", "placed", "Émile Last".into());
        self.can_be_searched(&up);
        up
    }

    /// Every index says what the rows say.
    pub(crate) fn can_be_searched(&self, up: &Process) {
        self.says(up, ORDERS, &[("customer_name", "simple"), ("customer_city", "simple")]);
        self.says(up, DETAILS, &[("customer_name", "simple"), ("lines", "simple")]);
    }

    /// The index of a view says of these columns what the rows say.
    pub(crate) fn says(&self, up: &Process, view: &str, columns: &[(&str, &str)]) {
        let api = up.url("api");
        wait_until(&format!("the index of {view} says what the rows say"), &[up], || {
            let directory = self.directory(view).ok_or("the catalog names no index")?;
            let (documents, words) = index::read(&self.home.data().join(&directory))?;
            let (rows, wanted) = index::expected(&rows(&api, view)?, columns);
            let differing = wanted.iter().find(|(word, count)| words.get(word) != Some(count));
            if (documents, &words) == (rows, &wanted) && documents > 0 {
                return Ok(());
            }
            Err(format!(
                "{directory}: {documents} documents, {rows} rows; of the words {differing:?} differs"
            ))
        });
    }

    /// The directory that the catalog names for what readers see of a view.
    pub(crate) fn directory(&self, view: &str) -> Option<String> {
        let current = self.current(view);
        current["search_index"]["directory"].as_str().map(str::to_owned)
    }

    pub(crate) fn generation(&self, view: &str) -> i64 {
        self.current(view)["generation"].as_i64().expect("a generation is a number")
    }

    /// The line of `prejoin views` about what readers see of a view.
    pub(crate) fn current(&self, view: &str) -> Value {
        let listed = self.home.command(&["views", "--json"]).run().succeeded().json_lines();
        let current = listed.iter().find(|found| found["view"] == view && found["state"] == "current");
        current.unwrap_or_else(|| panic!("readers see nothing of {view}: {listed:?}")).clone()
    }

    /// All directories of indexes, in the order of their names.
    pub(crate) fn directories(&self) -> Vec<PathBuf> {
        let found = prejoin_projector::search_index::found_directories(&self.home.data());
        found.expect("directories can be listed").into_iter().map(|found| found.path).collect()
    }

    /// Only the directories that the catalog names are left.
    pub(crate) fn is_tidy(&self, up: &Process) {
        wait_until("directories that nobody needs are gone", &[up], || {
            let named: Vec<PathBuf> = [DETAILS, ORDERS]
                .iter()
                .filter_map(|view| Some(self.home.data().join(self.directory(view)?)))
                .collect();
            let found = self.directories();
            if found == named { Ok(()) } else { Err(format!("{found:?} where {named:?} are named")) }
        });
    }

    pub(crate) fn edit_view(&self, view: &str, change: impl FnOnce(String) -> String) {
        self.home.edit(format!("config/views/{view}.sql"), change);
    }
}
