//! Dependencies point one way, and a library that one crate is to know is known by no other.
//!
//! Read from `cargo metadata`. Dev-dependencies are exempt: they do not reach the binary.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Our crates; each may depend on those of earlier lines only. Crates of one line do not know each other.
const ORDER: [&[&str]; 17] = [
    &["prejoin-envelope"],
    &["prejoin-event-log"],
    &["prejoin-outbox"],
    &["prejoin-service"],
    &["prejoin-users", "prejoin-orders", "prejoin-catalog", "prejoin-shipping"],
    &["prejoin-model"],
    &["prejoin-contract"],
    &["prejoin-sql"],
    &["prejoin-state"],
    &["prejoin-engine"],
    &["prejoin-sinks"],
    &["prejoin-projector"],
    &["prejoin-read-api"],
    &["prejoin-fixtures"],
    &["prejoin-test-servers"],
    &["prejoin-benches"],
    &["prejoin"],
];

/// What these may depend on of ours, where that is less than all of the earlier lines.
const OURS_AT_MOST: [(&str, &[&str]); 6] = [
    ("prejoin-model", &[]),
    ("prejoin-contract", &["prejoin-envelope", "prejoin-model"]),
    ("prejoin-sql", &["prejoin-model"]),
    ("prejoin-state", &[]),
    (
        "prejoin-engine",
        &["prejoin-envelope", "prejoin-model", "prejoin-contract", "prejoin-sql", "prejoin-state"],
    ),
    ("prejoin-read-api", &["prejoin-envelope", "prejoin-model"]),
];

/// Libraries, and the only crates of ours that may depend on them.
const KNOWN_BY: [(&str, &[&str]); 7] = [
    ("async-nats", &["prejoin-event-log"]),
    ("fjall", &["prejoin-state"]),
    ("regex-automata", &["prejoin-model"]),
    // Benchmarks measure beside what one would write by hand; they do not reach the binary.
    ("rusqlite", &["prejoin-sinks", "prejoin-read-api", "prejoin-benches"]),
    ("sqlparser", &["prejoin-sql"]),
    ("sqlx", &["prejoin-outbox", "prejoin-service", "prejoin-sinks", "prejoin-read-api", "prejoin-benches"]),
    ("tantivy", &["prejoin-sinks", "prejoin-read-api", "prejoin-benches"]),
];

/// The engine and what it is made of do no I/O of their own: no runtime, network, database, clock or randomness.
const PURE: [&str; 5] =
    ["prejoin-model", "prejoin-contract", "prejoin-sql", "prejoin-state", "prejoin-engine"];
const IMPURE: [&str; 11] = [
    "async-nats",
    "async-std",
    "axum",
    "chrono",
    "futures",
    "getrandom",
    "hyper",
    "rand",
    "reqwest",
    "sqlx",
    "tokio",
];

/// Every crate of the workspace with its dependencies, dev-dependencies left out.
fn crates() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let name = |value: &Value| value["name"].as_str().expect("a crate has a name").to_owned();
    let packages = metadata["packages"].as_array().expect("there are packages");
    let dependencies = |package: &Value| {
        let all = package["dependencies"].as_array().expect("there are dependencies").iter();
        all.filter(|dependency| dependency["kind"] != "dev").map(name).collect()
    };
    packages.iter().map(|package| (name(package), dependencies(package))).collect()
}

fn line_of(name: &str) -> Option<usize> {
    ORDER.iter().position(|line| line.contains(&name))
}

#[test]
fn the_order_names_every_crate_of_the_workspace() {
    let crates = crates();
    for name in crates.keys() {
        assert!(line_of(name).is_some(), "{name} has no place in the order: add it to {}", file!());
    }
    for name in ORDER.iter().flat_map(|line| line.iter()) {
        assert!(crates.contains_key(*name), "{name} is in the order and not in the workspace");
    }
}

#[test]
fn dependencies_point_one_way() {
    let mut wrong = Vec::new();
    let mut edges = 0;
    for (name, dependencies) in crates() {
        let allowed = OURS_AT_MOST.iter().find(|(limited, _)| *limited == name).map(|(_, allowed)| *allowed);
        for dependency in dependencies.iter().filter(|dependency| line_of(dependency).is_some()) {
            edges += 1;
            let upwards = line_of(dependency) < line_of(&name);
            if !upwards || allowed.is_some_and(|allowed| !allowed.contains(&dependency.as_str())) {
                wrong.push(format!("{name} -> {dependency}"));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "these dependencies are against the order of the design:\n{}",
        wrong.join("\n")
    );
    assert!(edges > 20, "only {edges} dependencies among our crates were seen");
}

#[test]
fn a_library_is_known_where_it_belongs() {
    let crates = crates();
    for (library, knowers) in KNOWN_BY {
        let found: Vec<_> = crates
            .iter()
            .filter(|(_, dependencies)| dependencies.contains(library))
            .map(|(name, _)| name)
            .collect();
        for name in &found {
            assert!(
                knowers.contains(&name.as_str()),
                "{name} depends on {library}, which only {} may know",
                knowers.join(", ")
            );
        }
        assert!(!found.is_empty() || library == "tantivy", "no crate depends on {library}");
    }
}

#[test]
fn the_engine_does_no_io_of_its_own() {
    let crates = crates();
    for name in PURE {
        for library in IMPURE {
            assert!(
                !crates[name].contains(library),
                "{name} depends on {library}: what is below projector/src is synchronous and without clock, network or randomness"
            );
        }
    }
}
