//! `prejoin project`: the projector alone.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use prejoin_event_log::EventLog;
use prejoin_projector::control::{self, Asked, ControlServer};
use prejoin_projector::{ProgressReport, Projector, Until};
use serde_json::json;
use tokio::sync::{mpsc, watch};

use crate::lock::{DataLock, Taken};
use crate::settings::Settings;
use crate::shutdown;

/// Between attempts to take a data directory that is in use.
const LOCK_WAIT: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
pub(crate) struct ProjectFlags {
    /// End when everything in the event log is in the views
    #[arg(long)]
    until_caught_up: bool,
    /// Wait while another projector writes to the same view store, or works on the same data directory, and take over
    /// from it
    #[arg(long, conflicts_with = "until_caught_up")]
    standby: bool,
    /// Print progress and the result as JSON lines
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(flags: ProjectFlags, settings: Settings) -> anyhow::Result<()> {
    let stopped = shutdown::on_signals()?;
    let lock = match flags.standby {
        true => wait_for_lock(&settings, &stopped).await?,
        false => Some(settings.lock("prejoin project")?),
    };
    let Some(lock) = lock else { return Ok(()) };
    let log = settings.open_log().await?;
    let progress: Progress = match (flags.json, flags.until_caught_up) {
        (true, _) => Box::new(|report| println!("{}", as_json("progress", report))),
        (false, true) => progress_line(),
        (false, false) => Box::new(|_| {}),
    };
    if !flags.json && !flags.until_caught_up {
        println!("projecting into {}; Ctrl-C stops", settings.view_store());
    }
    let until = if flags.until_caught_up { Until::CaughtUp } else { Until::Shutdown };
    let projecting = Projecting {
        settings: &settings,
        lock: &lock,
        log,
        until,
        is_standby: flags.standby,
        stopped,
        progress,
        requests: None,
    };
    let report = project(projecting).await?;
    if flags.json {
        println!("{}", as_json("done", &report));
    } else {
        println!("{}", summary(&report));
    }
    Ok(())
}

/// Waits until no other process works on the data directory; nothing if this one is to stop first.
async fn wait_for_lock(
    settings: &Settings,
    stopped: &watch::Receiver<bool>,
) -> anyhow::Result<Option<DataLock>> {
    let mut told = false;
    while !*stopped.borrow() {
        match settings.try_lock("prejoin project")? {
            Taken::Ours(lock) => return Ok(Some(lock)),
            Taken::Busy(holder) if !std::mem::replace(&mut told, true) => {
                tracing::info!("the data directory is in use by {}: waiting as its standby", holder.name);
            }
            Taken::Busy(_) => {}
        }
        tokio::time::sleep(LOCK_WAIT).await;
    }
    Ok(None)
}

type Progress = Box<dyn Fn(&ProgressReport) + Send + Sync>;

/// What it takes to run a projector on a data directory.
pub(crate) struct Projecting<'a> {
    pub settings: &'a Settings,
    /// Of the data directory; it gets to name the control socket.
    pub lock: &'a DataLock,
    pub log: Arc<dyn EventLog>,
    pub until: Until,
    pub is_standby: bool,
    pub stopped: watch::Receiver<bool>,
    pub progress: Progress,
    /// Requests beside those that come over the control socket.
    pub requests: Option<(mpsc::Sender<Asked>, mpsc::Receiver<Asked>)>,
}

/// Runs the projector, and answers commands that ask it.
pub(crate) async fn project(projecting: Projecting<'_>) -> anyhow::Result<ProgressReport> {
    let Projecting { settings, lock, log, until, is_standby, stopped, progress, requests } = projecting;
    let (asks, requests) = requests.unwrap_or_else(control::channel);
    let server = ControlServer::bind(&settings.data)
        .with_context(|| format!("cannot make a control socket in {}", settings.data.display()))?;
    lock.name_socket(server.path())?;
    let place = settings.files.place();
    let projector = Projector {
        definition: settings.files.definition()?,
        read_again: Arc::new(move || place.definition().map_err(|error| format!("{error:#}"))),
        log,
        data_directory: settings.data.clone(),
        view_store: settings.view_store(),
        settings: settings.projector(),
        until,
        is_standby,
        shutdown: stopped,
        progress,
        requests,
    };
    tokio::select! {
        report = prejoin_projector::run(projector) => Ok(report?),
        () = server.run(asks) => unreachable!("the control socket answers until it is dropped"),
    }
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
fn progress_line() -> Progress {
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
