//! Views as text: every `.view` file run in many ways, and judged by a real PostgreSQL. README.md explains the format.
//!
//! `UPDATE_EXPECT=1` writes what is found into the files; `PREJOIN_VIEWS=joins/left` runs those whose path contains it.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod event;
mod file;
mod generated;
mod judge;
#[path = "../simulation/random.rs"]
mod random;
mod run;
mod shipped;
#[path = "../support/sink.rs"]
mod sink;
mod table;
mod ways;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use prejoin_engine::{DEAD_LETTERS_VIEW, Definition};

use crate::file::{Heading, ViewTest};
use crate::run::Step;

/// Less than this is not the whole suite.
const FILES_MIN: usize = 200;
const REFUSALS_MIN: usize = 50;
const DIFFERENCES_SHOWN: usize = 25;

/// What became of one file.
struct Outcome {
    test: ViewTest,
    /// Nothing for a refusal, or if it failed.
    accepted: Option<Accepted>,
    differences: Vec<String>,
    seen: sink::Seen,
}

/// Views that PostgreSQL is to judge, with what the tables and views held after every step.
struct Accepted {
    definition: Arc<Definition>,
    steps: Vec<Step>,
}

#[test]
fn every_view_file_holds() {
    let only = std::env::var("PREJOIN_VIEWS").ok();
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut outcomes = run_all(&files(only.as_deref()), update);
    judge::judge(&mut outcomes);

    let mut differences = Vec::new();
    let mut seen = sink::Seen::default();
    for outcome in &outcomes {
        let name = &outcome.test.name;
        differences.extend(outcome.differences.iter().map(|difference| format!("{name}: {difference}")));
        seen.add(&outcome.seen);
    }
    let shown: Vec<&str> = differences.iter().take(DIFFERENCES_SHOWN).map(String::as_str).collect();
    assert!(differences.is_empty(), "{} differ:\n\n{}", differences.len(), shown.join("\n\n"));
    if only.is_none() {
        // What is never met is not tested.
        let refusals = outcomes.iter().filter(|outcome| outcome.accepted.is_none()).count();
        assert!(outcomes.len() >= FILES_MIN && refusals >= REFUSALS_MIN, "only {} files", outcomes.len());
        assert!(seen.sliced > 0, "no fan-out was ever worked through in slices");
    }
}

fn files(only: Option<&str>) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/views");
    let mut files = Vec::new();
    for topic in fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir())
    {
        let entries = fs::read_dir(topic).unwrap().map(|entry| entry.unwrap().path());
        files.extend(entries.filter(|path| path.extension().is_some_and(|extension| extension == "view")));
    }
    files.retain(|path| only.is_none_or(|only| path.display().to_string().contains(only)));
    files.sort();
    assert!(!files.is_empty(), "no .view file in {} is asked for", root.display());
    files
}

fn run_all(files: &[PathBuf], update: bool) -> Vec<Outcome> {
    let mut outcomes = on_every_core(files, |path| run_file(path, update));
    outcomes.sort_by(|left, right| left.test.name.cmp(&right.test.name));
    outcomes
}

/// Does the work on every core, in no order.
fn on_every_core<T: Sync, R: Send>(of: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some(one) = of.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push(work(one));
        }
        done
    };
    thread::scope(|scope| {
        let workers = thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    })
}

fn run_file(path: &Path, update: bool) -> Outcome {
    let test = ViewTest::read(path);
    let mut outcome = Outcome { test, accepted: None, differences: Vec::new(), seen: sink::Seen::default() };
    let checked = catch_unwind(AssertUnwindSafe(|| check_file(&mut outcome, update)));
    if let Err(cause) = checked {
        let text = cause.downcast_ref::<String>().cloned();
        let text = text.or_else(|| cause.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        outcome.differences.push(format!("panicked: {}", text.unwrap_or_default()));
    }
    outcome
}

fn check_file(outcome: &mut Outcome, update: bool) {
    let test = &outcome.test;
    let loaded = Definition::load(&test.contracts(), &test.views())
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    let found = match (loaded, test.refusal()) {
        (Err(problems), Some(section)) => vec![(section, problems)],
        (Ok(_), Some(_)) => return outcome.differences.push("is to be refused, and is not".to_owned()),
        (Err(problems), None) => return outcome.differences.push(format!("is refused:\n{problems}")),
        (Ok(definition), None) => run_accepted(outcome, definition),
    };
    for (section, found) in found {
        if outcome.test.sections[section].body == found {
            continue;
        }
        if update {
            found.clone_into(&mut outcome.test.sections[section].body);
        } else {
            let section = &outcome.test.sections[section];
            let (line, expected) = (section.line, &section.body);
            outcome.differences.push(format!("line {line}, expected:\n{expected}\nfound:\n{found}"));
        }
    }
    if update {
        outcome.test.write();
    }
}

/// Runs the steps in every way. Answers what the sections of the file should hold.
fn run_accepted(outcome: &mut Outcome, definition: Definition) -> Vec<(usize, String)> {
    let test = &outcome.test;
    let definition = Arc::new(definition);
    let (steps, seen) = ways::run_every_way(&definition, &test.steps(), &mut outcome.differences);
    let parked = steps.iter().any(|step| !step.views[DEAD_LETTERS_VIEW].rows.is_empty());
    assert!(
        !parked || test.states(DEAD_LETTERS_VIEW),
        "an event does not fit, and no rows of {DEAD_LETTERS_VIEW} say so"
    );
    let found = stated(test, &definition, &steps);
    outcome.seen = seen;
    outcome.accepted = Some(Accepted { definition, steps });
    found
}

/// The text of every section that states rows or keys, by section.
fn stated(test: &ViewTest, definition: &Definition, steps: &[Step]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut step = None;
    for (place, section) in test.sections.iter().enumerate() {
        match &section.heading {
            Heading::Step => step = Some(step.map_or(0, |step: usize| step + 1)),
            Heading::Rows(name) => {
                let step = &steps[step.unwrap()];
                found.push((place, table::shown(definition, step, name)));
            }
            Heading::Stale(name) => {
                let step = &steps[step.unwrap()];
                found.push((place, table::stale_keys(definition, step, name)));
            }
            _ => {}
        }
    }
    found
}
