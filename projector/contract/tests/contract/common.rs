//! What the tests of decoding share: contracts, and outcomes as text.

use std::fmt::Write;
use std::path::Path;

use prejoin_contract::{ContractFile, ContractSet, Outcome, TableChange};
use prejoin_model::{TableId, Value, to_text};

/// The contracts that the project comes with.
pub(crate) fn default_contracts() -> ContractSet {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/contracts");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<ContractFile> = paths
        .map(|path| ContractFile {
            text: std::fs::read_to_string(&path).unwrap(),
            path: path.to_string_lossy().into_owned(),
        })
        .collect();
    load(files)
}

/// One contract file.
pub(crate) fn contract(text: &str) -> ContractSet {
    load(vec![ContractFile { path: "test.toml".into(), text: text.into() }])
}

fn load(files: Vec<ContractFile>) -> ContractSet {
    ContractSet::load(&files).unwrap_or_else(|problems| {
        panic!("{}", problems.iter().map(|problem| format!("{problem}\n")).collect::<String>())
    })
}

/// An event with these attributes beside the required ones, such as `"subject":"7","data":{}`.
pub(crate) fn event(kind: &str, rest: &str) -> String {
    format!(r#"{{"specversion":"1.0","id":"e1","source":"/test","type":"{kind}",{rest}}}"#)
}

/// One line for each change: `set orders (7) status=paid`.
pub(crate) fn outcome_text(set: &ContractSet, outcome: &Outcome) -> String {
    match outcome {
        Outcome::UnknownType => "unknown type".into(),
        Outcome::Unfit(reason) => format!("unfit: {reason}"),
        Outcome::Changes(changes) => {
            changes.iter().map(|change| change_text(set, change)).collect::<Vec<_>>().join("\n")
        }
    }
}

fn change_text(set: &ContractSet, change: &TableChange) -> String {
    match change {
        TableChange::Upsert { table, key, set: columns } => {
            let mut text = format!("set {} ({})", name(set, *table), values(key));
            for (column, value) in columns {
                let column = &set.tables()[table.0].columns[*column].name;
                write!(text, " {column}={}", value_text(value)).unwrap();
            }
            text
        }
        TableChange::Delete { table, key_prefix } => {
            format!("delete {} ({})", name(set, *table), values(key_prefix))
        }
        TableChange::Replace { table, key_prefix, rows } => {
            let rows: Vec<String> = rows.iter().map(|row| format!("[{}]", values(row))).collect();
            format!("replace {} ({}) by {}", name(set, *table), values(key_prefix), rows.join(" "))
        }
    }
}

fn name(set: &ContractSet, table: TableId) -> &str {
    &set.tables()[table.0].name
}

fn values(values: &[Value]) -> String {
    values.iter().map(value_text).collect::<Vec<_>>().join(", ")
}

fn value_text(value: &Value) -> String {
    to_text(value).unwrap_or_else(|| "NULL".into())
}
