//! Dead letters, as `prejoin dead-letters list` and `/status` show them.

use serde_json::Value;

use crate::support::Home;

/// All of them, as JSON.
pub(crate) fn listed(home: &Home) -> Vec<Value> {
    home.command(&["dead-letters", "list", "--json"]).run().succeeded().json_lines()
}

/// The one under a number: `sequence` or `stream_sequence`.
pub(crate) fn numbered<'l>(letters: &'l [Value], service: &str, by: &str, number: u64) -> Option<&'l Value> {
    letters.iter().find(|letter| letter["service"] == service && letter[by] == number)
}

pub(crate) fn status(home: &Home) -> Value {
    let status = home.command(&["status", "--json"]).run().succeeded();
    serde_json::from_str(&status.stdout).expect("a status is JSON")
}
