//! Rows as text: a line of column names, a line for each row in key order, values between `|`.

use bytes::Bytes;
use prejoin_engine::{DEAD_LETTERS_VIEW, Definition};
use prejoin_model::{Type, Value, decode_key, to_text};

use crate::run::Step;
use crate::sink::Content;

/// Of dead letters, what a reader of a test wants to see.
const DEAD_LETTER_COLUMNS: [&str; 5] = ["service", "sequence", "entity", "behind", "reason"];

/// What a view or a table holds.
pub(crate) fn shown(definition: &Definition, step: &Step, name: &str) -> String {
    if let Some(view) = definition.views.iter().find(|view| view.plan.name == name) {
        let names = view.plan.columns.iter().map(|column| column.name.as_str());
        let shown: Vec<usize> = names
            .clone()
            .enumerate()
            .filter(|(_, column)| name != DEAD_LETTERS_VIEW || DEAD_LETTER_COLUMNS.contains(column))
            .map(|(place, _)| place)
            .collect();
        let header = shown.iter().map(|&column| view.plan.columns[column].name.clone()).collect();
        let grain = &definition.tables[view.plan.relations[0].table.0];
        let key_kinds: Vec<Type> = grain.key.iter().map(|&column| grain.columns[column].kind).collect();
        return aligned(header, content(&step.views[name], &shown, &key_kinds));
    }
    let table = definition.tables.iter().position(|table| table.name == name);
    let table = table.unwrap_or_else(|| panic!("there is no view and no table {name}"));
    let columns = &definition.tables[table].columns;
    let header = columns.iter().map(|column| column.name.clone()).collect();
    let all: Vec<usize> = (0..columns.len()).collect();
    aligned(header, step.tables[table].iter().map(|row| (values(row, &all), None)).collect())
}

/// One row: its values, and the error if it cannot be computed.
type Line = (Vec<String>, Option<String>);

/// A row that cannot be computed has its error beside the last good values; if there are none, beside its key.
fn content(content: &Content, columns: &[usize], key_kinds: &[Type]) -> Vec<Line> {
    let mut keys: Vec<_> = content.rows.keys().chain(content.failed.keys()).collect();
    keys.sort();
    keys.dedup();
    let line = |key: &Bytes| match content.rows.get(key) {
        Some(row) => (values(row, columns), content.failed.get(key).cloned()),
        None => {
            let key_values = decode_key(key_kinds, key).unwrap();
            let texts: Vec<String> = key_values.iter().map(value).collect();
            (vec![format!("({})", texts.join(", "))], content.failed.get(key).cloned())
        }
    };
    keys.into_iter().map(line).collect()
}

fn values(row: &[Value], columns: &[usize]) -> Vec<String> {
    columns.iter().map(|&column| value(&row[column])).collect()
}

fn value(value: &Value) -> String {
    to_text(value).map_or_else(|| "NULL".to_owned(), quoted)
}

/// A text that could be mistaken for something else, as a JSON string.
fn quoted(text: String) -> String {
    let plain = text.trim() == text
        && !text.is_empty()
        && text != "NULL"
        && !text.starts_with(['"', '!'])
        && !text.contains(|c: char| c == '|' || c.is_control());
    if plain { text } else { serde_json::to_string(&text).unwrap() }
}

fn aligned(header: Vec<String>, rows: Vec<Line>) -> String {
    let mut lines = vec![(header, None)];
    lines.extend(rows);
    let width = |column: usize| {
        lines.iter().filter_map(|(line, _)| line.get(column)).map(|value| value.chars().count()).max()
    };
    let widths: Vec<usize> = (0..).map_while(width).collect();
    let line = |(values, error): &Line| {
        let mut padded: Vec<String> =
            values.iter().zip(&widths).map(|(value, &width)| format!("{value:width$}")).collect();
        padded.extend(error.iter().map(|error| format!("! {error}")));
        padded.join(" | ").trim_end().to_owned()
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}
