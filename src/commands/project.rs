//! `prejoin project`: the projector alone.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use prejoin_event_log::EventLog;
use prejoin_projector::{ProgressReport, Projector};
use serde_json::json;
use tokio::sync::watch;

use crate::settings::Settings;
use crate::shutdown;

#[derive(Debug, Args)]
pub(crate) struct ProjectFlags {
    /// End when everything in the event log is in the views
    #[arg(long)]
    until_caught_up: bool,
    /// Print progress and the result as JSON lines
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(flags: ProjectFlags, settings: Settings) -> anyhow::Result<()> {
    let _lock = settings.lock("prejoin project")?;
    let stopped = shutdown::on_signals()?;
    let log = settings.open_log().await?;
    let watch: Box<dyn Fn(&ProgressReport) + Send + Sync> = match (flags.json, flags.until_caught_up) {
        (true, _) => Box::new(|report| println!("{}", as_json("progress", report))),
        (false, true) => progress_line(),
        (false, false) => Box::new(|_| {}),
    };
    if !flags.json && !flags.until_caught_up {
        println!("projecting into {}; Ctrl-C stops", settings.view_store());
    }
    let report = project(&settings, log, flags.until_caught_up, stopped, watch).await?;
    if flags.json {
        println!("{}", as_json("done", &report));
    } else {
        println!("{}", summary(&report));
    }
    Ok(())
}

/// Runs the projector on the data directory, whose lock the caller holds.
pub(crate) async fn project(
    settings: &Settings,
    log: Arc<dyn EventLog>,
    until_caught_up: bool,
    stopped: watch::Receiver<bool>,
    progress: Box<dyn Fn(&ProgressReport) + Send + Sync>,
) -> anyhow::Result<ProgressReport> {
    let projector = Projector {
        definition: settings.files.definition()?,
        log,
        data_directory: settings.data.clone(),
        view_store: settings.view_store(),
        settings: settings.projector(),
        until_caught_up,
        shutdown: stopped,
        progress,
    };
    Ok(prejoin_projector::run(projector).await?)
}

fn as_json(event: &str, report: &ProgressReport) -> String {
    json!({
        "event": event, "applied": report.applied, "log_last": report.log_last, "events": report.events,
        "dead_letters": report.dead_letters, "position": report.position,
    })
    .to_string()
}

fn summary(report: &ProgressReport) -> String {
    let dead = match report.dead_letters {
        0 => String::new(),
        count => format!(", {count} parked as dead letters (see: prejoin dead-letters list)"),
    };
    let position = if report.position.is_empty() { "the beginning" } else { &report.position };
    format!("{} events taken in{dead}; the views stand at {position}", report.events)
}

/// A bar on a terminal, plain lines otherwise.
fn progress_line() -> Box<dyn Fn(&ProgressReport) + Send + Sync> {
    if !std::io::stderr().is_terminal() {
        let shown = Mutex::new(None);
        return Box::new(move |report| {
            let now = Some((report.applied, report.log_last));
            let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
            if *shown != now {
                eprintln!("{} of {} events", report.applied, report.log_last);
                *shown = now;
            }
        });
    }
    let template = "{bar:40} {pos} of {len} events  {per_sec}  {eta} left";
    let bar = ProgressBar::new(0)
        .with_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    Box::new(move |report| {
        bar.set_length(report.log_last);
        bar.set_position(report.applied);
    })
}
