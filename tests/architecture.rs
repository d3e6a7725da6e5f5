//! ARCHITECTURE.md names paths that exist.

use std::fs;
use std::path::Path;

/// Texts in backticks outside of code blocks.
fn in_backticks(text: &str) -> Vec<(usize, &str)> {
    let (mut found, mut in_block) = (Vec::new(), false);
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if !in_block {
            found.extend(line.split('`').skip(1).step_by(2).map(|span| (index + 1, span)));
        }
    }
    found
}

/// Paths of this repository, as opposed to URLs, patterns, flags and code.
fn looks_like_a_path(text: &str) -> bool {
    let plain = text.chars().all(|character| character.is_ascii_alphanumeric() || "/._-".contains(character));
    let file = [".rs", ".toml", ".sql", ".md"].iter().any(|ending| text.ends_with(ending));
    plain && !text.starts_with(['/', '.']) && !text.starts_with("DATA/") && (file || text.contains('/'))
}

#[test]
fn every_path_that_it_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    let paths: Vec<_> = in_backticks(&text).into_iter().filter(|(_, text)| looks_like_a_path(text)).collect();
    let missing: Vec<String> = paths
        .iter()
        .filter(|(_, path)| !root.join(path).exists())
        .map(|(line, path)| format!("ARCHITECTURE.md:{line}: there is no {path}"))
        .collect();
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    assert!(paths.len() > 20, "only {} paths were recognised", paths.len());
}

#[test]
fn paths_are_told_from_other_code() {
    for path in ["src/", "projector/engine/src/engine.rs", "Cargo.toml", "write-services/event-log/"] {
        assert!(looks_like_a_path(path), "{path}");
    }
    for other in
        ["/rest/v1/orders", "views/*.sql", "--config DIR", "make test", "http://a/b", "prejoin", "DATA/lock"]
    {
        assert!(!looks_like_a_path(other), "{other}");
    }
    assert_eq!(in_backticks("a `b` c\n```\n`d`\n```\n`e` `f`"), [(1, "b"), (5, "e"), (5, "f")]);
}
