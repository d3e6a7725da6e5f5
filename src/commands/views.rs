//! `prejoin views`: what the view store holds, from its catalog.

use std::collections::{BTreeMap, BTreeSet};

use clap::{Args, Subcommand};
use prejoin_projector::control::{Reply, Request};
use prejoin_projector::search_index::{InspectedIndex, SearchError, inspect};
use prejoin_projector::{GenerationState, StoreSnapshot};
use serde_json::{Value, json};

use crate::commands::ask::{Show, ask};
use crate::output::line;
use crate::settings::Settings;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct ViewsFlags {
    #[command(subcommand)]
    command: Option<ViewsCommand>,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum ViewsCommand {
    /// Remove a view that is no longer declared, with its rows
    Drop {
        #[arg(value_name = "VIEW")]
        view: String,
    },
}

pub(crate) async fn run(flags: ViewsFlags, settings: Settings) -> anyhow::Result<()> {
    match flags.command {
        Some(ViewsCommand::Drop { view }) => {
            let request = Request::DropView { view: view.clone() };
            ask(&settings, "prejoin views drop", request, &mut Quiet).await?;
            line(format!("{view} is removed"))
        }
        None => list(&settings, flags.json).await,
    }
}

/// An answer that needs no words but the last.
struct Quiet;

impl Show for Quiet {
    fn reply(&mut self, _: &Reply) -> anyhow::Result<()> {
        Ok(())
    }

    fn say(&mut self, text: &str) {
        eprintln!("{text}");
    }
}

async fn list(settings: &Settings, as_json: bool) -> anyhow::Result<()> {
    let definition = settings.files.definition()?;
    let declared: BTreeSet<&str> = definition.views.iter().map(|view| view.plan.name.as_str()).collect();
    let views = definition.views.iter();
    let fingerprints: BTreeMap<&str, &str> =
        views.map(|view| (view.plan.name.as_str(), view.fingerprint.as_str())).collect();
    let mut snapshot = StoreSnapshot::open(&settings.view_store()).await?;
    let sizes = snapshot.sizes().await?;
    let generations = snapshot.generations().await?;
    if !as_json {
        line(format!(
            "{:<28} {:>4}  {:<10} {:>10} {:>10}  position",
            "view", "gen", "state", "rows", "size"
        ))?;
    }
    for found in &generations {
        let is_it = |(view, generation, _): &&(String, i64, i64)| {
            *view == found.view && *generation == found.generation
        };
        let bytes = sizes.iter().find(is_it).map_or(0, |(_, _, bytes)| *bytes);
        let is_declared = declared.contains(found.view.as_str());
        let is_outdated =
            is_declared && fingerprints.get(found.view.as_str()) != Some(&found.fingerprint.as_str());
        let state = match found.state {
            GenerationState::Building => "building",
            GenerationState::Ready => "ready",
            GenerationState::Current if is_outdated && !as_json => "outdated",
            GenerationState::Current if is_declared => "current",
            GenerationState::Current => "undeclared",
            GenerationState::Retired { .. } => "retired",
        };
        let search = found.search_index.as_deref().map(|name| (name, inspect(&settings.data, name)));
        if as_json {
            let position: serde_json::Map<_, _> = found
                .visible
                .iter()
                .map(|(service, sequence)| (service.to_owned(), sequence.into()))
                .collect();
            line(
                json!({
                    "view": found.view, "generation": found.generation, "state": state, "declared": is_declared,
                    "outdated": is_outdated,
                    "rows": found.rows, "bytes": bytes, "position": position, "pending_fan_outs": found.pending.len(),
                    "search_index": search.as_ref().map(|(name, inspected)| search_json(name, inspected.as_ref())),
                })
                .to_string(),
            )?;
        } else {
            let (rows, size, position) = (found.rows, in_units(bytes), found.visible.to_string());
            let (view, generation) = (&found.view, found.generation);
            line(format!("{view:<28} {generation:>4}  {state:<10} {rows:>10} {size:>10}  {position}"))?;
            if let Some((_, inspected)) = &search {
                line(search_line(inspected.as_ref()))?;
            }
        }
    }
    for view in declared {
        if !generations.iter().any(|found| found.view == view) && !as_json {
            line(format!("{view:<28}    -  not built"))?;
        }
    }
    Ok(())
}

/// The search index of the generation in the line above.
fn search_line(inspected: Result<&InspectedIndex, &SearchError>) -> String {
    match inspected {
        Ok(InspectedIndex { documents, bytes, position, .. }) => {
            let size = in_units(i64::try_from(*bytes).unwrap_or(i64::MAX));
            format!("{:<28} {:>4}  {:<10} {documents:>10} {size:>10}  {position}", "  search index", "", "")
        }
        Err(error) => format!("  search index: {error}"),
    }
}

fn search_json(name: &str, inspected: Result<&InspectedIndex, &SearchError>) -> Value {
    match inspected {
        Ok(InspectedIndex { columns, documents, bytes, position, .. }) => {
            let position: serde_json::Map<_, _> =
                position.iter().map(|(service, sequence)| (service.to_owned(), sequence.into())).collect();
            let column = |(name, language): &(String, String)| json!({ "name": name, "language": language });
            json!({
                "directory": name, "columns": columns.iter().map(column).collect::<Vec<_>>(),
                "documents": documents, "bytes": bytes, "position": position,
            })
        }
        Err(error) => json!({ "directory": name, "error": error.to_string() }),
    }
}

fn in_units(bytes: i64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1_024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}
