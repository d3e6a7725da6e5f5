//! Every refusal in `tests/refusals`: cases separated by an empty line, each followed by what must be said about it.
//!
//! `UPDATE_EXPECT=1 cargo test -p prejoin-sql --test views` writes the present messages into the files.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Marks a line of the expected message.
const MARK: &str = "--! ";

struct Case {
    text: String,
    expected: String,
}

fn cases(file: &str) -> Vec<Case> {
    file.split("\n\n")
        .filter(|chunk| !chunk.trim().is_empty())
        .map(|chunk| {
            let (marked, text): (Vec<&str>, Vec<&str>) =
                chunk.trim_matches('\n').lines().partition(|line| line.starts_with(MARK.trim_end()));
            let marked: Vec<&str> =
                marked.iter().map(|line| line.strip_prefix(MARK).unwrap_or_default()).collect();
            Case { text: text.join("\n"), expected: marked.join("\n") }
        })
        .collect()
}

fn written(cases: &[(Case, String)]) -> String {
    let chunks: Vec<String> = cases
        .iter()
        .map(|(case, actual)| {
            let marked: Vec<String> = actual.lines().map(|line| format!("{MARK}{line}")).collect();
            format!("{}\n{}\n", case.text, marked.join("\n"))
        })
        .collect();
    chunks.join("\n")
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/refusals");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn everything_unsupported_is_refused_with_place_reason_and_remedy() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut count = 0;
    let mut differences = Vec::new();
    for file in files() {
        let text = fs::read_to_string(&file).unwrap();
        let checked: Vec<(Case, String)> = cases(&text)
            .into_iter()
            .map(|case| {
                let actual = crate::shop::problems(&case.text).join("\n");
                (case, actual)
            })
            .collect();
        count += checked.len();
        for (case, actual) in &checked {
            assert!(!actual.is_empty(), "{}: not refused:\n{}", file.display(), case.text);
            assert!(!actual.contains('\t') && actual.contains("\n  help: "), "{actual}");
            if !update && *actual != case.expected {
                let file = file.display();
                differences
                    .push(format!("{file}\n{}\nexpected:\n{}\nactual:\n{actual}", case.text, case.expected));
            }
        }
        if update {
            fs::write(&file, written(&checked)).unwrap();
        }
    }
    assert!(count >= 100, "only {count} refusals were checked");
    assert!(differences.is_empty(), "{} differ:\n\n{}", differences.len(), differences.join("\n\n"));
}

/// The page of docs that lists what is refused is made of the cases.
#[test]
fn the_documentation_lists_what_is_refused() {
    let mut page = String::from(PAGE_HEAD);
    for file in files() {
        let topic = file.file_stem().unwrap().to_str().unwrap();
        page.push_str(&format!("\n## {}{}\n\n", topic[..1].to_uppercase(), &topic[1..]));
        // One example of each remedy is enough to read.
        let mut listed = BTreeSet::new();
        for case in cases(&fs::read_to_string(&file).unwrap()) {
            let remedies = case.expected.lines().filter(|line| line.trim_start().starts_with("help: "));
            if remedies.filter(|remedy| listed.insert((*remedy).to_owned())).count() > 0 {
                page.push_str(&entry(&case));
            }
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/refused.md");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, page).unwrap();
    } else {
        let written = fs::read_to_string(&path).unwrap();
        assert!(written == page, "docs/refused.md is not what the cases say: run with UPDATE_EXPECT=1");
    }
}

const PAGE_HEAD: &str = "# What views cannot be, and what to write instead

`prejoin check` refuses what cannot be kept up to date row by row, and what Prejoin does not compute exactly as PostgreSQL
does, with line and column. This page lists examples of all of it; it is made of the tests that hold it. What *can* be written is in
[sql.md](sql.md).
";

/// The statement, and what is said about it; the place is left out.
fn entry(case: &Case) -> String {
    let statement = case.text.replace("CREATE MATERIALIZED VIEW v AS ", "");
    let mut entry = format!("```sql\n{}\n```\n\n", statement.trim());
    for line in case.expected.lines() {
        match line.trim_start().strip_prefix("help: ") {
            Some(remedy) => entry.push_str(&format!("  *Instead:* {remedy}\n")),
            None => {
                let reason = line.splitn(3, ':').last().unwrap_or_default().trim();
                entry.push_str(&format!("- {reason}\n"));
            }
        }
    }
    entry.push('\n');
    entry
}
