//! How the projector is: per service and per view, written into the view store for readers of `/status`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use prejoin_engine::{DECISIONS_SERVICE, Engine};
use prejoin_event_log::{EventLog, LogError, tail};
use prejoin_sinks::ViewStore;
use serde::Serialize;
use tokio::sync::watch;

use crate::line::Line;
use crate::search::SearchStatus;
use crate::sink_set::SinkSet;
use crate::source::SourceState;
use crate::stand::{Build, Live, Stand};

/// Where a service's stream ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LogEnd {
    /// The last event's sequence as the service's position counts it.
    pub sequence: u64,
    pub stream_sequence: u64,
}

/// What the loop knows of one service beside the engine's progress.
pub(crate) struct ServiceView {
    pub source: watch::Receiver<SourceState>,
    pub log_end: watch::Receiver<Option<LogEnd>>,
    pub duplicates: u64,
    /// Events are missing: nothing more of the service is applied by this run.
    pub hole: Option<String>,
    /// The stream sequence up to which everything is in the sinks.
    pub done_to: u64,
    pub caught_up_at: Instant,
}

#[derive(Debug, Serialize)]
struct Status<'a> {
    state: &'static str,
    /// Another with each start.
    instance: &'a str,
    pid: u32,
    services: BTreeMap<&'a str, ServiceStatus>,
    sinks: BTreeMap<&'a str, SinkStatus>,
}

#[derive(Debug, Serialize)]
struct ServiceStatus {
    state: &'static str,
    detail: Option<String>,
    applied: u64,
    log_last: Option<u64>,
    lag_events: Option<u64>,
    lag_seconds: f64,
    events_applied: u64,
    duplicates: u64,
    unknown_types: u64,
    dead_letters: u64,
}

#[derive(Debug, Serialize)]
struct SinkStatus {
    state: &'static str,
    position: BTreeMap<String, u64>,
    rows: i64,
    row_errors: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    search: Option<SearchStatus>,
}

/// Looks where a stream ends, as long as anybody wants to know.
pub(crate) async fn watch_log_end(
    log: Arc<dyn EventLog>,
    service: Arc<str>,
    dense: bool,
    interval: Duration,
    end: watch::Sender<Option<LogEnd>>,
) {
    while !end.is_closed() {
        let known = *end.borrow();
        match log_end(log.as_ref(), &service, dense, known).await {
            Ok(found) => drop(end.send_replace(Some(found))),
            Err(error) => tracing::debug!(%service, %error, "the end of the log is not known"),
        }
        tokio::time::sleep(interval).await;
    }
}

async fn log_end(
    log: &dyn EventLog,
    service: &str,
    dense: bool,
    known: Option<LogEnd>,
) -> Result<LogEnd, LogError> {
    let last = match log.bounds(service).await {
        Err(LogError::NoStream { .. }) => return Ok(LogEnd::default()),
        bounds => bounds?.last,
    };
    match known {
        // Finding the last numbered event means looking at messages: not again while none has come.
        Some(known) if known.stream_sequence == last => Ok(known),
        _ if dense => {
            let tail = tail(log, service).await?;
            Ok(LogEnd { sequence: tail.sequence(), stream_sequence: tail.stream_last })
        }
        _ => Ok(LogEnd { sequence: last, stream_sequence: last }),
    }
}

/// The status as JSON.
pub(crate) fn to_json(
    line: &mut Line,
    sinks: &SinkSet,
    store: &ViewStore,
    instance: &str,
    state: &'static str,
) -> String {
    let definition = line.engine.definition().clone();
    let engine = &line.engine;
    let services = line.services.iter_mut().filter(|(name, view)| !is_unused(engine, name, view));
    let services = services.map(|(name, view)| (name.as_ref(), service_status(engine, name, view)));
    let position = engine.position();
    let search = |name: &str| {
        let place = definition.views.iter().position(|view| view.plan.name == name)?;
        sinks.search_status(place, &position)
    };
    let sinks = sinks.report(store, &definition).map(|(name, stand, rows, row_errors)| {
        (name, SinkStatus { search: search(name), ..sink_status(stand, rows, row_errors) })
    });
    let status = Status {
        state,
        instance,
        pid: std::process::id(),
        services: services.collect(),
        sinks: sinks.collect(),
    };
    serde_json::to_string(&status).expect("plain data with text keys always serializes")
}

/// Whether nobody ever decided anything: then there is no stream of decisions, and nothing waits for it.
fn is_unused(engine: &Engine, name: &str, view: &ServiceView) -> bool {
    name == DECISIONS_SERVICE
        && engine.position().get(name) == 0
        && view.log_end.borrow().is_none_or(|end| end.stream_sequence == 0)
        && !matches!(&*view.source.borrow(), SourceState::Refused(_))
}

fn service_status(engine: &Engine, name: &str, view: &mut ServiceView) -> ServiceStatus {
    let progress = engine.progress(name).cloned().unwrap_or_default();
    let (state, detail) = match &*view.source.borrow() {
        _ if view.hole.is_some() => ("hole", view.hole.clone()),
        SourceState::Attaching => ("attaching", None),
        SourceState::Reading => ("reading", None),
        SourceState::Waiting(reason) => ("waiting", Some(reason.clone())),
        SourceState::Refused(reason) => ("refused", Some(reason.clone())),
    };
    let log_last = view.log_end.borrow().map(|end| end.sequence.max(progress.sequence));
    let lag_events = log_last.map(|last| last - progress.sequence);
    if lag_events == Some(0) {
        view.caught_up_at = Instant::now();
    }
    ServiceStatus {
        state,
        detail,
        applied: progress.sequence,
        log_last,
        lag_events,
        lag_seconds: (view.caught_up_at.elapsed().as_secs_f64() * 10.0).round() / 10.0,
        events_applied: progress.events_applied,
        duplicates: view.duplicates,
        unknown_types: progress.unknown_types,
        dead_letters: progress.dead_letters,
    }
}

fn sink_status(stand: &Stand, rows: i64, row_errors: i64) -> SinkStatus {
    let state = match (&stand.live, &stand.build) {
        (Live::FoldsTo { .. }, _) => "waiting for the state to be replayed",
        (Live::Follows(_), None) => "following",
        (Live::Follows(_), Some(_)) => "following; being rebuilt",
        (Live::Nothing, Some(Build::Due { .. })) => "to be built",
        (Live::Nothing, Some(_)) => "being built",
        (Live::Stays(_), Some(Build::Due { .. })) => {
            "as it was; to be built anew, once the events are folded"
        }
        (Live::Stays(_), Some(_)) => "as it was; being built anew",
        (Live::Nothing | Live::Stays(_), None) => "not kept",
    };
    let visible = stand.visible();
    let position = visible.iter().map(|(service, sequence)| (service.to_owned(), sequence)).collect();
    SinkStatus { state, position, rows, row_errors, search: None }
}

pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
