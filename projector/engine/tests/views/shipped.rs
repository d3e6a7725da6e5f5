//! The shipped views over a made-up history, or over the events in the file that `PREJOIN_HISTORY` names, one CloudEvent
//! a line: PostgreSQL must have the same rows.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use prejoin_engine::{DEAD_LETTERS_VIEW, Definition};

use crate::event::Numbers;
use crate::file::ViewTest;
use crate::{Accepted, Outcome, judge, sink, ways};

/// Enough for every event type and every view to have rows, and for orders to come before their customers.
const EVENTS: u64 = 4_000;
const STEPS: usize = 4;

#[test]
fn the_shipped_views_have_postgresqls_rows() {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config");
    let contracts = texts(&config.join("contracts"), "toml");
    let views = texts(&config.join("views"), "sql");
    let contracts: String = contracts.iter().map(|text| format!("=== contract\n{text}\n")).collect();
    let text = format!("{contracts}=== views\n{}\n", views.join("\n"));
    let test = ViewTest::parse(Path::new("shipped/views.view"), &text);

    let definition = Arc::new(Definition::load(&test.contracts(), &test.views()).unwrap());
    let mut numbers = Numbers::default();
    let history: Vec<String> = match std::env::var("PREJOIN_HISTORY") {
        Ok(file) => fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect(),
        Err(_) => prejoin_fixtures::generate(EVENTS, 1).map(|event| event.json).collect(),
    };
    let messages: Vec<_> = history.iter().map(|line| numbers.cloud_event(line)).collect();
    let steps: Vec<_> = messages.chunks(messages.len().div_ceil(STEPS)).map(<[_]>::to_vec).collect();
    let mut seen = sink::Seen::default();
    let steps = ways::plain_steps(&definition, &steps, &mut seen);
    let last = steps.last().unwrap();
    for (name, content) in &last.views {
        let is_empty = content.rows.is_empty() && !name.starts_with('_');
        assert!(
            !is_empty && content.failed.is_empty(),
            "{name} has no rows, or some that cannot be computed"
        );
    }
    assert!(last.views[DEAD_LETTERS_VIEW].rows.is_empty(), "an event does not fit its contract");
    let counts: Vec<String> =
        last.views.iter().map(|(name, content)| format!("{name} {}", content.rows.len())).collect();
    println!("{} events: {}", messages.len(), counts.join(", "));

    let accepted = Some(Accepted { definition, steps });
    let mut outcomes = [Outcome { test, accepted, differences: Vec::new(), seen }];
    judge::judge(&mut outcomes);
    let differences: Vec<String> =
        outcomes[0].differences.iter().map(|text| text.chars().take(2_000).collect()).collect();
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

/// The files of a folder that end so, by name.
fn texts(folder: &Path, extension: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|found| found == extension)).collect();
    paths.sort();
    paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}
