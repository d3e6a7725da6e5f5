//! `application/vnd.pgrst.plan`: how the store would find the rows, in the store's own words.

use serde_json::{Value, json};

use crate::Error;
use crate::plan::ReadPlan;
use crate::query;
use crate::request::{PlanFormat, PlanOptions};
use crate::store::{Dialect, Row, Snapshot};

pub(super) async fn explain(
    snapshot: &mut Snapshot,
    plan: &ReadPlan,
    format: PlanFormat,
    options: PlanOptions,
) -> Result<Vec<u8>, Error> {
    let dialect = snapshot.session.dialect();
    let words = words(format, options);
    let rows = snapshot.session.all(query::explained(plan, dialect, &words)?).await?;
    match dialect {
        Dialect::Sqlite => of_sqlite(&rows, format),
        Dialect::Postgres => {
            let lines = rows.iter().map(|row| row.required(0)).collect::<Result<Vec<_>, _>>()?;
            Ok(lines.join("\n").into_bytes())
        }
    }
}

/// PostgreSQL's options.
fn words(format: PlanFormat, options: PlanOptions) -> String {
    let chosen = [
        (options.analyze, "ANALYZE"),
        (options.verbose, "VERBOSE"),
        (options.settings, "SETTINGS"),
        (options.buffers, "BUFFERS"),
        // It counts what is written only while a statement runs.
        (options.wal && options.analyze, "WAL"),
    ];
    let format = match format {
        PlanFormat::Text => "FORMAT TEXT",
        PlanFormat::Json => "FORMAT JSON",
    };
    let chosen = chosen.into_iter().filter(|(chosen, _)| *chosen).map(|(_, word)| word);
    chosen.chain([format]).collect::<Vec<_>>().join(", ")
}

/// A step of SQLite's plan within another.
struct Step {
    id: i64,
    parent: i64,
    detail: String,
}

fn of_sqlite(rows: &[Row], format: PlanFormat) -> Result<Vec<u8>, Error> {
    let steps = rows.iter().map(|row| {
        Ok(Step {
            id: row.required_integer(0)?,
            parent: row.required_integer(1)?,
            detail: row.required(3)?.to_owned(),
        })
    });
    let steps = steps.collect::<Result<Vec<_>, Error>>()?;
    let mut text = String::new();
    let nested = within(&steps, 0, 0, &mut text);
    Ok(match format {
        PlanFormat::Text => text.into_bytes(),
        PlanFormat::Json => {
            json!([{ "Plan": { "Node Type": "SQLite", "Plans": nested } }]).to_string().into_bytes()
        }
    })
}

fn within(steps: &[Step], parent: i64, depth: usize, text: &mut String) -> Vec<Value> {
    let mut nested = Vec::new();
    // A step is its own parent in no plan.
    for step in steps.iter().filter(|step| step.parent == parent && step.id != parent) {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&"  ".repeat(depth));
        text.push_str(&step.detail);
        let inner = within(steps, step.id, depth + 1, text);
        nested.push(match inner.is_empty() {
            true => json!({ "Node Type": step.detail }),
            false => json!({ "Node Type": step.detail, "Plans": inner }),
        });
    }
    nested
}
