//! PostgreSQL as the judge: it gets the tables as they are after every step, runs the views' own text, and its answer
//! is compared with ours, value for value as text.

use std::collections::BTreeSet;
use std::fmt::Write;

use prejoin_engine::Definition;
use prejoin_model::{Row, TableSchema, to_text};
use prejoin_sql::RowView;
use prejoin_test_servers::Postgres;
use serde_json::{Value as Json, json};

use crate::run::Step;
use crate::{Accepted, Outcome};

/// Each answers one line of JSON; what goes wrong is a string.
const FUNCTIONS: &str = r"
CREATE SCHEMA judge;
CREATE FUNCTION judge.attempt(statements text) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statements;
  RETURN 'true';
EXCEPTION WHEN OTHERS THEN RETURN to_jsonb(SQLERRM);
END $$;
CREATE FUNCTION judge.columns_of(view text) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_agg(jsonb_build_array(attname, format_type(atttypid, NULL)) ORDER BY attnum)
    FROM pg_attribute WHERE attrelid = to_regclass(view) AND attnum > 0;
$$;
CREATE FUNCTION judge.rows_of(view text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  texts text;
  found jsonb;
BEGIN
  SELECT string_agg(format('%I::text', attname), ', ' ORDER BY attnum) INTO texts
    FROM pg_attribute WHERE attrelid = view::regclass AND attnum > 0;
  EXECUTE format('SELECT coalesce(jsonb_agg(jsonb_build_array(%s)), ''[]'') FROM %s', texts, view) INTO found;
  RETURN found;
EXCEPTION WHEN OTHERS THEN RETURN to_jsonb(SQLERRM);
END $$;
";

/// What one line of PostgreSQL's answer is compared with.
enum Question<'o> {
    /// That a view can be made, or a table filled.
    Done(String),
    Columns(&'o RowView),
    Rows {
        view: &'o RowView,
        step: usize,
        held: &'o Step,
    },
}

/// Adds to each outcome where PostgreSQL differs.
pub(crate) fn judge(outcomes: &mut [Outcome]) {
    let mut script = String::from("SET client_min_messages = error;\n");
    script.push_str(FUNCTIONS);
    let mut questions: Vec<(usize, Question<'_>)> = Vec::new();
    for (file, outcome) in outcomes.iter().enumerate() {
        if let Some(accepted) = &outcome.accepted {
            let views = outcome.test.views().iter().map(|views| views.text.clone()).collect::<String>();
            ask(file, accepted, &views, &mut script, &mut questions);
        }
    }
    if questions.is_empty() {
        return;
    }
    let output = Postgres::start().run_script(&script);
    let answers: Vec<Json> =
        output.lines().map(|line| serde_json::from_str(line).unwrap_or(Json::Null)).collect();
    assert_eq!(answers.len(), questions.len(), "psql answers each question with one line:\n{output:.1000}");
    let mut found = Vec::new();
    for ((file, question), answer) in questions.iter().zip(&answers) {
        found.extend(question.difference(answer).map(|difference| (*file, difference)));
    }
    for (file, difference) in found {
        outcomes[file].differences.push(difference);
    }
}

/// Each file has a schema of its own.
fn ask<'o>(
    file: usize,
    accepted: &'o Accepted,
    views: &str,
    script: &mut String,
    questions: &mut Vec<(usize, Question<'o>)>,
) {
    let Accepted { definition, steps } = accepted;
    writeln!(script, "CREATE SCHEMA f{file}; SET search_path = f{file};").unwrap();
    let attempt = |script: &mut String, what: &str, statements: &str| {
        writeln!(script, "SELECT judge.attempt({});", quoted(statements)).unwrap();
        (file, Question::Done(what.to_owned()))
    };
    let tables = judged_tables(definition);
    let created: Vec<String> = tables.iter().map(create_table).collect();
    questions.push(attempt(script, "the tables", &created.join("\n")));
    questions.push(attempt(script, "the views", &as_plain_views(views)));
    for view in judged_views(definition) {
        writeln!(script, "SELECT judge.columns_of({});", quoted(&identifier(&view.name))).unwrap();
        questions.push((file, Question::Columns(view)));
    }
    let mut before: Vec<&[Row]> = vec![&[]; tables.len()];
    for (step, held) in steps.iter().enumerate() {
        for ((table, rows), before) in tables.iter().zip(&held.tables).zip(&mut before) {
            if rows != before {
                questions.push(attempt(script, &table.name, &fill_table(table, rows)));
                *before = rows;
            }
        }
        for view in judged_views(definition) {
            writeln!(script, "SELECT judge.rows_of({});", quoted(&identifier(&view.name))).unwrap();
            questions.push((file, Question::Rows { view, step, held }));
        }
    }
}

/// The contracts' tables: those of groups and dead letters are ours alone.
fn judged_tables(definition: &Definition) -> &[TableSchema] {
    definition.contracts.tables()
}

fn judged_views(definition: &Definition) -> impl Iterator<Item = &RowView> {
    definition.views.iter().filter(|view| !view.is_built_in()).map(|view| &view.plan)
}

impl Question<'_> {
    fn difference(&self, answer: &Json) -> Option<String> {
        match self {
            Question::Done(what) => {
                (*answer != Json::Bool(true)).then(|| format!("PostgreSQL refuses {what}: {answer}"))
            }
            Question::Columns(view) => {
                let column = |column: &prejoin_sql::OutputColumn| {
                    json!([
                        column.name,
                        column.kind.name().replace("timestamptz", "timestamp with time zone")
                    ])
                };
                let ours: Vec<Json> = view.columns.iter().map(column).collect();
                let ours = Json::Array(ours);
                (ours != *answer)
                    .then(|| format!("{} has the columns {ours}\nin PostgreSQL {answer}", view.name))
            }
            Question::Rows { view, step, held } => {
                let difference = difference_of_rows(view, held, answer)?;
                Some(format!("after step {}, {}: {difference}", step + 1, view.name))
            }
        }
    }
}

fn difference_of_rows(view: &RowView, held: &Step, answer: &Json) -> Option<String> {
    let content = &held.views[&view.name];
    let errors: BTreeSet<&str> = content.failed.values().map(String::as_str).collect();
    match answer {
        // One row that cannot be computed is enough for PostgreSQL to answer none.
        Json::String(error) if errors.contains(error.as_str()) => None,
        Json::Array(rows) if errors.is_empty() => {
            let texts = |row: &Row| row.iter().map(to_text).collect::<Vec<_>>();
            let mut ours: Vec<_> = content.rows.values().map(texts).collect();
            let text = |value: &Json| value.as_str().map(str::to_owned);
            let theirs = rows.iter().map(|row| row.as_array().unwrap().iter().map(text).collect());
            let mut theirs: Vec<Vec<Option<String>>> = theirs.collect();
            ours.sort();
            theirs.sort();
            (ours != theirs).then(|| format!("the rows are\n{ours:?}\nin PostgreSQL\n{theirs:?}"))
        }
        other => Some(format!("the errors are {errors:?}, PostgreSQL answers {other}")),
    }
}

fn create_table(table: &TableSchema) -> String {
    let columns = table.columns.iter().map(|column| format!("{} {}", identifier(&column.name), column.kind));
    let key: Vec<String> = table.key.iter().map(|&column| identifier(&table.columns[column].name)).collect();
    format!(
        "CREATE TABLE {} ({}, PRIMARY KEY ({}));",
        identifier(&table.name),
        columns.collect::<Vec<_>>().join(", "),
        key.join(", ")
    )
}

fn fill_table(table: &TableSchema, rows: &[Row]) -> String {
    let name = identifier(&table.name);
    let row = |row: &Row| {
        let value = |value| to_text(value).map_or_else(|| "NULL".to_owned(), |text| quoted(&text));
        format!("({})", row.iter().map(value).collect::<Vec<_>>().join(", "))
    };
    let rows: Vec<String> = rows.iter().map(row).collect();
    match rows.is_empty() {
        true => format!("DELETE FROM {name};"),
        false => format!("DELETE FROM {name}; INSERT INTO {name} VALUES {};", rows.join(", ")),
    }
}

/// The views' text for a database that computes them when they are read: indexes are left out.
fn as_plain_views(text: &str) -> String {
    let statements = text.split_inclusive(";\n").filter(|statement| !statement.contains("CREATE INDEX"));
    statements.collect::<String>().replace("CREATE MATERIALIZED VIEW", "CREATE VIEW")
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
