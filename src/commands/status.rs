//! `prejoin status`: how the projector said it was, from the view store.

use anyhow::Context;
use clap::Args;
use prejoin_read_api::read_status;

use crate::output::line;
use crate::settings::Settings;

#[derive(Debug, Args)]
pub(crate) struct StatusFlags {
    /// Print the whole status as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(flags: StatusFlags, settings: Settings) -> anyhow::Result<()> {
    let store = settings.store_to_read();
    let status = read_status(store.clone()).await.with_context(|| format!("cannot read {store}"))?;
    if flags.json {
        line(serde_json::to_string_pretty(&status)?)?;
        return Ok(());
    }
    let age = status.age_seconds.map(|age| format!(", said {age:.0} s ago")).unwrap_or_default();
    let state = serde_json::to_value(status.state)?;
    line(format!("projector: {}{age}", state.as_str().unwrap_or_default()))?;
    if let Some(hint) = &status.hint {
        line(format!("  {hint}"))?;
    }
    if !status.services.is_empty() {
        line(format!(
            "\n{:<12} {:<10} {:>10} {:>10} {:>8} {:>8}  ",
            "service", "state", "applied", "in log", "lag", "dead"
        ))?;
    }
    for (name, service) in &status.services {
        let number = |value: Option<u64>| value.map_or_else(|| "?".to_owned(), |value| value.to_string());
        line(format!(
            "{name:<12} {:<10} {:>10} {:>10} {:>8} {:>8}  {}",
            service.state,
            service.applied,
            number(service.log_last),
            number(service.lag_events),
            service.dead_letters,
            service.detail.as_deref().unwrap_or_default()
        ))?;
    }
    if !status.sinks.is_empty() {
        line(format!("\n{:<28} {:>10} {:>7}  position", "view", "rows", "errors"))?;
    }
    for (name, sink) in &status.sinks {
        let position: Vec<_> =
            sink.position.iter().map(|(service, sequence)| format!("{service}={sequence}")).collect();
        line(format!("{name:<28} {:>10} {:>7}  {}", sink.rows, sink.row_errors, position.join(",")))?;
        if let Some(state) =
            sink.other.get("state").and_then(|state| state.as_str()).filter(|state| *state != "following")
        {
            line(format!("  {state}"))?;
        }
        if let Some(search) = sink.other.get("search") {
            let state = search["state"].as_str().unwrap_or_default();
            let lag = search["lag_events"].as_u64().unwrap_or_default();
            line(format!("  search index: {state}, {lag} events behind"))?;
        }
        if let Some(error) = &sink.last_error {
            line(format!("  {error}"))?;
        }
    }
    Ok(())
}
