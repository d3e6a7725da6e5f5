//! Rows as text: a line of column names, a line for each row in key order, values between `|`.

use bytes::Bytes;
use prejoin_engine::{DEAD_LETTERS_VIEW, Definition};
use prejoin_model::{Type, Value, decode_key, to_text};
use prejoin_sql::RowView;

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
        return aligned(header, content(&step.views[name], &shown, &key_kinds(definition, &view.plan)));
    }
    let table = definition.tables.iter().position(|table| table.name == name);
    let table = table.unwrap_or_else(|| panic!("there is no view and no table {name}"));
    let columns = &definition.tables[table].columns;
    let header = columns.iter().map(|column| column.name.clone()).collect();
    let all: Vec<usize> = (0..columns.len()).collect();
    aligned(header, step.tables[table].iter().map(|row| (values(row, &all), None)).collect())
}

/// The keys of a view that were stale in a step, one a line.
pub(crate) fn stale_keys(definition: &Definition, step: &Step, name: &str) -> String {
    let view = definition.views.iter().find(|view| view.plan.name == name);
    let kinds = key_kinds(definition, &view.unwrap_or_else(|| panic!("there is no view {name}")).plan);
    let keys: Vec<String> = step.stale[name].iter().map(|key| key_text(&kinds, key)).collect();
    if keys.is_empty() { "none".to_owned() } else { keys.join("\n") }
}

fn key_kinds(definition: &Definition, plan: &RowView) -> Vec<Type> {
    let grain = &definition.tables[plan.relations[0].table.0];
    grain.key.iter().map(|&column| grain.columns[column].kind).collect()
}

/// `(o1, 2)`.
fn key_text(kinds: &[Type], key: &Bytes) -> String {
    // Of a row that stands for one that cannot be gathered.
    if key.starts_with(&[0xFE]) {
        return "(not gathered)".to_owned();
    }
    let texts: Vec<String> = decode_key(kinds, key).unwrap().iter().map(value).collect();
    format!("({})", texts.join(", "))
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
        None => (vec![key_text(key_kinds, key)], content.failed.get(key).cloned()),
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
