//! The search index of the one view that the oracle knows and that has one, compared with the log.

use std::path::Path;

use serde_json::Value;

use crate::index::{self, Words};
use crate::oracle::{Ends, Oracle};
use crate::streams::Streams;

pub(crate) const VIEW: &str = "orders_with_customers";
const COLUMNS: [(&str, &str); 3] =
    [("customer_name", "simple"), ("customer_contact", "simple"), ("customer_city", "simple")];

/// Documents and words that the index must have.
pub(crate) fn expected(oracle: &Oracle) -> (usize, Words) {
    let rows: Vec<Value> = oracle.rows(VIEW).into_values().collect();
    index::expected(&rows, &COLUMNS)
}

/// Whether the index says what the rows at the log's end say.
pub(crate) fn is_at_end(directory: &Path, expected: &(usize, Words)) -> Result<(), String> {
    let found = index::read(directory)?;
    if found == *expected {
        return Ok(());
    }
    let differs = expected.1.iter().find(|(word, count)| found.1.get(word) != Some(count));
    let (documents, rows) = (found.0, expected.0);
    Err(format!(
        "{}: {documents} documents, {rows} rows; of the words {differs:?} differs",
        directory.display()
    ))
}

/// Fails unless an index that nobody writes holds exactly the view at the position that it names. False if it cannot be
/// told: it is not there, or fan-outs are on their way.
pub(crate) fn compare_at_rest(directory: &Path, streams: &Streams) -> bool {
    let Some(position) = position_of(directory) else { return false };
    let oracle = streams.fold_to(&position);
    let past = position.iter().find(|(service, end)| oracle.ends.get(*service) < Some(end));
    assert_eq!(past, None, "{} stands past the log's end", directory.display());
    if let Err(difference) = is_at_end(directory, &expected(&oracle)) {
        panic!("after a kill, at {position:?}: {difference}");
    }
    true
}

/// Where a complete index without pending fan-outs stands.
fn position_of(directory: &Path) -> Option<Ends> {
    let meta = std::fs::read_to_string(directory.join("meta.json")).ok()?;
    let meta: Value = serde_json::from_str(&meta).expect("tantivy writes JSON");
    let (_, stand) = meta["payload"].as_str()?.split_once(' ').expect("a checksum comes first");
    let stand: Value = serde_json::from_str(stand).expect("a payload is JSON");
    let is_whole = stand["is_complete"] == true && stand["pending"].as_array().is_some_and(Vec::is_empty);
    let pairs = stand["followed"].as_array().expect("a position is a list");
    let pair = |pair: &Value| {
        let service = pair[0].as_str().expect("a service has a name").to_owned();
        (service, pair[1].as_u64().expect("a sequence is a number"))
    };
    is_whole.then(|| pairs.iter().map(pair).collect())
}
