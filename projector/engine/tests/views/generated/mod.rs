//! Generated contracts, views and histories, run and judged like the files. A case that fails is written beside them.
//!
//! `PREJOIN_SEED` runs one alone, `PREJOIN_GENERATED` sets how many run.

mod contracts;
mod expressions;
mod queries;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use prejoin_engine::Definition;

use crate::file::ViewTest;
use crate::random::Random;
use crate::{Accepted, Outcome, judge, on_every_core, sink, ways};

const CASES_DEFAULT: u64 = 500;
/// Cases that PostgreSQL judges in one session.
const CASES_JUDGED_TOGETHER: u64 = 500;
/// Of generated views, the part that must be accepted: others show nothing.
const ACCEPTED_PERCENT_MIN: usize = 60;

/// The type of a column or an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Bigint,
    Numeric,
    Boolean,
    Date,
    /// An array of texts, which no table has.
    Texts,
}

impl Kind {
    const ALL: [Kind; 6] = [Kind::Text, Kind::Bigint, Kind::Numeric, Kind::Boolean, Kind::Date, Kind::Texts];

    fn sql(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Bigint => "bigint",
            Kind::Numeric => "numeric",
            Kind::Boolean => "boolean",
            Kind::Date => "date",
            Kind::Texts => "text[]",
        }
    }
}

/// What an expression can read.
#[derive(Debug, Clone)]
struct Column {
    sql: String,
    kind: Kind,
}

impl Column {
    /// Whether it may be a column of a table, and not the result of an expression.
    fn is_plain(&self) -> bool {
        let name = self.sql.rsplit('.').next().unwrap_or_default();
        !name.starts_with('c')
    }
}

/// A case as the text of a `.view` file.
fn case(seed: u64) -> String {
    let mut random = Random::new(seed);
    let tables = contracts::tables(&mut random);
    let contracts = contracts::contracts(&tables);
    let views = queries::Queries::new(&tables, &mut random).views();
    let mut text = format!("Generated from the seed {seed}.\n");
    contracts.iter().for_each(|contract| text.push_str(&format!("\n=== contract\n{contract}")));
    text.push_str(&format!("\n=== views\n{views}"));
    for _ in 0..2 + random.below(4) {
        let events: Vec<String> =
            (0..1 + random.below(8)).map(|_| contracts::event(&tables, &mut random)).collect();
        text.push_str(&format!("\n=== step\n{}\n", events.join("\n")));
    }
    text.push_str("\n=== rows v0\n");
    text
}

fn path(seed: u64) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/views/generated/seed_{seed}.view"))
}

/// Nothing if the views are refused: a generator that knew every rule would test that it does.
fn run(seed: u64) -> Option<Outcome> {
    let test = ViewTest::parse(&path(seed), &case(seed));
    let definition = Definition::load(&test.contracts(), &test.views()).ok()?;
    let definition = Arc::new(definition);
    let mut outcome = Outcome { test, accepted: None, differences: Vec::new(), seen: sink::Seen::default() };
    let checked = catch_unwind(AssertUnwindSafe(|| {
        ways::run_in_memory(&definition, &outcome.test.steps(), &mut outcome.differences)
    }));
    match checked {
        Ok((steps, seen)) => {
            outcome.seen = seen;
            outcome.accepted = Some(Accepted { definition, steps });
        }
        Err(_) => outcome.differences.push("panicked".to_owned()),
    }
    Some(outcome)
}

#[test]
fn generated_views_hold() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("PREJOIN_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("PREJOIN_GENERATED").unwrap_or(CASES_DEFAULT),
    };
    let mut accepted = 0;
    let mut failed = Vec::new();
    for start in seeds.clone().step_by(usize::try_from(CASES_JUDGED_TOGETHER).unwrap()) {
        let together: Vec<u64> = (start..seeds.end.min(start + CASES_JUDGED_TOGETHER)).collect();
        let mut outcomes: Vec<Outcome> =
            on_every_core(&together, |seed| run(*seed)).into_iter().flatten().collect();
        accepted += outcomes.len();
        judge::judge(&mut outcomes);
        failed.extend(outcomes.into_iter().filter(|outcome| !outcome.differences.is_empty()));
    }
    for outcome in &failed {
        let text: Vec<String> =
            outcome.differences.iter().map(|text| text.chars().take(3_000).collect()).collect();
        eprintln!("{}: {}\n", outcome.test.name, text.join("\n"));
        let seed = outcome.test.name.rsplit('_').next().and_then(|seed| seed.parse().ok()).unwrap();
        fs::write(path(seed), case(seed)).unwrap();
    }
    let names: Vec<&str> = failed.iter().map(|outcome| outcome.test.name.as_str()).collect();
    assert!(names.is_empty(), "{} differ, and are written beside the other files: {names:?}", names.len());
    let cases = usize::try_from(seeds.end - seeds.start).unwrap();
    println!("{accepted} of {cases} generated cases were accepted");
    assert!(cases == 1 || accepted * 100 >= cases * ACCEPTED_PERCENT_MIN, "only {accepted} of {cases}");
}
