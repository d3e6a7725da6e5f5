//! The shipped databases and roles: each service works in its own, and nobody gets into another's.

mod mariadb;
mod outbox;
mod postgres;
#[path = "../support/mod.rs"]
mod support;

/// Services with a database and a role of their own.
const SERVICES: [&str; 4] = ["users", "orders", "catalog", "shipping"];

/// A shipped file, as it is.
fn shipped(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/databases").join(name);
    std::fs::read_to_string(path).expect("the file can be read")
}

/// What came of an attempt.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    /// The server said that this is not permitted.
    Refused,
}

/// Every attempt of a role at a database, with what must come of it.
#[derive(Default)]
struct Attempts {
    made: usize,
    wrong: Vec<String>,
}

impl Attempts {
    fn note(&mut self, what: String, permitted: bool, outcome: Outcome) {
        self.made += 1;
        if (outcome == Outcome::Done) != permitted {
            self.wrong.push(format!("{what}: {outcome:?}"));
        }
    }

    fn all_as_expected(&self, made: usize) {
        assert!(self.wrong.is_empty(), "{}", self.wrong.join("\n"));
        assert_eq!(self.made, made);
    }
}
