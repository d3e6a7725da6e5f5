//! The read grammar as data files (`cases/*.http`): each request is answered from SQLite and from PostgreSQL over the
//! same rows, and must be answered alike, as the file says, or as PostgreSQL itself answers the SQL beside it.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod case;
mod clients;
mod generated;
mod rows;
mod served;

use std::fmt::Write;
use std::path::Path;

use case::{Body, Case};
use rows::Stores;
use served::{Answer, Served};

/// So that files that are no longer found do not pass for success.
const CASES_MIN: usize = 400;

#[tokio::test(flavor = "multi_thread")]
async fn every_request_is_answered_as_postgrest_does_on_every_store() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/grammar/cases");
    let cases = case::read(&folder);
    assert!(cases.len() >= CASES_MIN, "{} cases of at least {CASES_MIN}", cases.len());
    let stores = Stores::write().await;
    let judged = stores.judge(&cases);
    let served = Served::start(&stores).await;
    let mut report = String::new();
    let mut failed = 0;
    for (case, judged) in cases.iter().zip(&judged) {
        let (on_sqlite, on_postgres) = served.ask(case).await;
        let mut problems = Vec::new();
        if let Err(problem) = judged {
            problems.push(format!("PostgreSQL does not take the case's SQL: {problem}"));
        }
        for (store, answer) in [("SQLite", &on_sqlite), ("PostgreSQL", &on_postgres)] {
            problems.extend(
                differences(case, judged.as_ref().ok().and_then(Option::as_deref), answer)
                    .into_iter()
                    .map(|problem| format!("on {store}: {problem}")),
            );
        }
        if on_sqlite.body != on_postgres.body {
            problems.push("the bodies from the two stores differ".to_owned());
        }
        if !problems.is_empty() {
            failed += 1;
            writeln!(report, "{}\n    {}", case.title(), problems.join("\n    ")).unwrap();
        }
    }
    assert!(failed == 0, "{failed} of {} cases fail:\n{report}", cases.len());
}

fn differences(case: &Case, judged: Option<&str>, answer: &Answer) -> Vec<String> {
    let mut problems = Vec::new();
    if answer.status != case.status {
        problems.push(format!("status {} instead of {}", answer.status, case.status));
    }
    for (name, expected) in &case.answer_headers {
        let found = answer.header(name);
        if found.as_deref() != expected.as_deref() {
            problems.push(format!("header {name} is {found:?} instead of {expected:?}"));
        }
    }
    let expected = match &case.body {
        Body::Unsaid => None,
        Body::Sql(_) => judged.map(str::to_owned),
        Body::Text(text) => Some(text.clone()),
    };
    if let Some(expected) = expected {
        let (expected, found) = (squeezed(&expected), squeezed(&answer.body));
        if expected != found {
            problems.push(format!("body\n        {found}\n      instead of\n        {expected}"));
        }
    } else if answer.status != case.status {
        problems.push(answer.body.clone());
    }
    problems
}

/// Without blanks outside of strings: `json_agg` lays its rows out in lines.
fn squeezed(json: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    let kept = json.trim().chars().filter(|character| {
        let inside = quoted;
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        inside || !matches!(character, ' ' | '\n')
    });
    kept.collect()
}
