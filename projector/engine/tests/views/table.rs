//! Rows as text: a line of column names, a line for each row in key order, values between `|`.

use prejoin_engine::{DEAD_LETTERS_VIEW, Definition};
use prejoin_model::{Value, to_text};

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
        return aligned(header, content(&step.views[name], &shown));
    }
    let table = definition.tables.iter().position(|table| table.name == name);
    let table = table.unwrap_or_else(|| panic!("there is no view and no table {name}"));
    let columns = &definition.tables[table].columns;
    let header = columns.iter().map(|column| column.name.clone()).collect();
    let all: Vec<usize> = (0..columns.len()).collect();
    aligned(header, step.tables[table].iter().map(|row| values(row, &all)).collect())
}

/// A row that cannot be computed is shown as its error, after the last good row if there is one.
fn content(content: &Content, columns: &[usize]) -> Vec<Vec<String>> {
    let mut keys: Vec<_> = content.rows.keys().chain(content.failed.keys()).collect();
    keys.sort();
    keys.dedup();
    let line = |key| {
        let mut line = content.rows.get(key).map_or_else(Vec::new, |row| values(row, columns));
        line.extend(content.failed.get(key).map(|error| format!("! {error}")));
        line
    };
    keys.into_iter().map(line).collect()
}

fn values(row: &[Value], columns: &[usize]) -> Vec<String> {
    columns.iter().map(|&column| to_text(&row[column]).map_or_else(|| "NULL".to_owned(), quoted)).collect()
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

fn aligned(header: Vec<String>, rows: Vec<Vec<String>>) -> String {
    let mut lines = vec![header];
    lines.extend(rows);
    let width = |column: usize| {
        lines.iter().filter_map(|line| line.get(column)).map(|value| value.chars().count()).max()
    };
    let widths: Vec<usize> = (0..).map_while(width).collect();
    let line = |values: &Vec<String>| {
        let padded: Vec<String> =
            values.iter().zip(&widths).map(|(value, &width)| format!("{value:width$}")).collect();
        padded.join(" | ").trim_end().to_owned()
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}
