//! The loop: take what has arrived, one step, sync, sinks; and again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prejoin_contract::Numbering;
use prejoin_engine::{Definition, Engine, Hole, StepReport};
use prejoin_event_log::{EventLog, Processed};
use prejoin_sinks::{StoreAddress, StoreError};
use tokio::sync::watch;

use crate::queue::{Arrived, Queue};
use crate::sink_set::SinkSet;
use crate::source::{Source, SourceState};
use crate::status::{self, ServiceView, now_ms};
use crate::{ProjectorError, ProjectorSettings, state_directory};

/// Between attempts to open a view store that failed.
const STORE_RETRY_WAIT: Duration = Duration::from_secs(1);

/// What a projector needs to run.
pub struct Projector {
    pub definition: Arc<Definition>,
    pub log: Arc<dyn EventLog>,
    /// Holds `state/`. The caller has made sure that no other projector uses it.
    pub data_directory: PathBuf,
    pub view_store: StoreAddress,
    pub settings: ProjectorSettings,
    /// Ends when everything in the log is in the sinks.
    pub until_caught_up: bool,
    /// Turns true when the projector is to finish its step and end.
    pub shutdown: watch::Receiver<bool>,
    /// Told about every second, and at the end.
    pub progress: Box<dyn Fn(&ProgressReport) + Send + Sync>,
}

/// How far the projector is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProgressReport {
    /// Sequences applied, over all services.
    pub applied: u64,
    /// Sequences in the log, over all services, as far as known.
    pub log_last: u64,
    /// Taken in by this run.
    pub events: u64,
    pub dead_letters: u64,
    /// The position that the sinks have, as text.
    pub position: String,
}

/// Runs until shutdown, or until caught up.
pub async fn run(projector: Projector) -> Result<ProgressReport, ProjectorError> {
    let Projector { definition, data_directory, settings, .. } = &projector;
    let engine = tokio::task::block_in_place(|| state_directory::open(data_directory, definition, settings))?;
    let mut queue = Queue::default();
    let mut services = BTreeMap::new();
    for service in definition.services() {
        let service: Arc<str> = service.into();
        let dense = definition.contracts.numbering(&service) == Numbering::Dense;
        let processed = processed(&engine, &service, dense);
        let (state, source_state) = watch::channel(SourceState::Attaching);
        let (end, log_end) = watch::channel(None);
        let lane = queue.add_lane(service.clone());
        services.insert(
            service.clone(),
            ServiceView {
                source: source_state,
                log_end,
                duplicates: 0,
                hole: None,
                done_to: processed.stream_sequence,
                caught_up_at: Instant::now(),
            },
        );
        let interval =
            if projector.until_caught_up { Duration::from_millis(100) } else { settings.status_interval };
        tokio::spawn(status::watch_log_end(projector.log.clone(), service.clone(), dense, interval, end));
        let source = Source {
            log: projector.log.clone(),
            service,
            lane,
            state,
            step_events_max: settings.step_events_max,
            step_bytes_max: settings.step_bytes_max,
        };
        tokio::spawn(source.run(processed));
    }
    Loop {
        engine,
        queue,
        services,
        sinks: None,
        store_error: None,
        report: ProgressReport::default(),
        status_written: None,
        projector: &projector,
    }
    .run()
    .await
}

struct Loop<'a> {
    projector: &'a Projector,
    engine: Engine,
    queue: Queue,
    services: BTreeMap<Arc<str>, ServiceView>,
    sinks: Option<SinkSet>,
    store_error: Option<String>,
    report: ProgressReport,
    status_written: Option<Instant>,
}

impl Loop<'_> {
    async fn run(mut self) -> Result<ProgressReport, ProjectorError> {
        let mut shutdown = self.projector.shutdown.clone();
        loop {
            if *shutdown.borrow() {
                break;
            }
            if let Err(error) = self.turn().await {
                self.store_failed(error).await?;
            }
            if self.projector.until_caught_up && self.is_caught_up()? {
                break;
            }
            let sleep = self.wait_for();
            tokio::select! {
                () = self.queue.arrived(open_services(&self.engine, self.sinks.as_ref(), &self.projector.settings)) => {}
                _ = shutdown.wait_for(|stop| *stop) => break,
                () = tokio::time::sleep(sleep) => {}
            }
        }
        self.finish().await
    }

    /// One step of whatever has arrived, and the sinks' part of it.
    async fn turn(&mut self) -> Result<(), ProjectorError> {
        let settings = &self.projector.settings;
        if self.sinks.is_none() {
            self.sinks = Some(SinkSet::open(&self.projector.view_store, &self.engine.committed()).await?);
            self.store_error = None;
        }
        let is_open = open_services(&self.engine, self.sinks.as_ref(), settings);
        let arrived = self.queue.take(settings.step_events_max, settings.step_bytes_max, is_open);
        let mut done_to = Vec::new();
        if !arrived.is_empty() {
            done_to = self.step(arrived)?;
        }
        if let Some(sinks) = &mut self.sinks {
            let committed = self.engine.committed();
            if sinks.is_behind(&committed) || sinks.fold_limit().is_some() {
                tokio::task::block_in_place(|| self.engine.sync())?;
                sinks.advance(&committed, settings).await?;
            }
        }
        for (service, stream_sequence) in done_to {
            if let Some(view) = self.services.get_mut(&service) {
                view.done_to = view.done_to.max(stream_sequence);
            }
        }
        self.write_status_when_due().await
    }

    /// Folds what arrived. Returns up to where each stream is done once the sinks have it.
    fn step(&mut self, arrived: Vec<Arrived>) -> Result<Vec<(Arc<str>, u64)>, ProjectorError> {
        let limit = self.sinks.as_ref().and_then(SinkSet::fold_limit).cloned();
        let mut messages = Vec::with_capacity(arrived.iter().map(|batch| batch.messages.len()).sum());
        let mut read_to: BTreeMap<Arc<str>, u64> = BTreeMap::new();
        for batch in arrived {
            if let Some(view) = self.services.get_mut(&batch.service) {
                view.duplicates += batch.duplicates;
            }
            read_to.insert(batch.service, batch.read_to);
            messages.extend(batch.messages);
        }
        let engine = &mut self.engine;
        engine.keep_journal_after(self.sinks.as_ref().and_then(SinkSet::journal_needed_after));
        let report = tokio::task::block_in_place(|| engine.step(messages, limit.as_ref()))?;
        self.note(&report);
        let mut done_to = read_to.clone();
        for message in &report.deferred {
            let done = done_to.entry(message.service.clone()).or_default();
            *done = (*done).min(message.stream_sequence - 1);
        }
        self.queue.give_back(report.deferred, &read_to);
        Ok(done_to.into_iter().collect())
    }

    fn note(&mut self, report: &StepReport) {
        self.report.events += report.applied + report.unknown_types + report.dead_letters.len() as u64;
        self.report.events += report.decisions + report.discarded;
        self.report.dead_letters += report.dead_letters.len() as u64;
        for (service, duplicates) in &report.duplicates {
            if let Some(view) = self.services.get_mut(service) {
                view.duplicates += duplicates;
            }
        }
        for (service, number, reason) in report.dead_letters.iter().take(10) {
            tracing::warn!(%service, number, "parked as a dead letter: {reason}");
        }
        if report.dead_letters.len() > 10 {
            tracing::warn!(
                "{} more dead letters; see them all with: prejoin dead-letters list",
                report.dead_letters.len() - 10
            );
        }
        if report.decisions > 0 {
            let (decisions, released) = (report.decisions, report.released);
            let (waiting, without_effect) = (report.decisions_waiting, report.decisions_without_effect);
            tracing::info!(decisions, waiting, without_effect, released, "decisions on dead letters");
        }
        for Hole { service, expected, found } in &report.holes {
            tracing::error!(%service, expected, found, "events are missing from the log");
            if let Some(view) = self.services.get_mut(service) {
                view.hole = Some(format!("event {expected} is missing: the log goes on with {found}"));
            }
        }
    }

    /// A store that fails is opened anew after a while; anything else ends the projector.
    async fn store_failed(&mut self, error: ProjectorError) -> Result<(), ProjectorError> {
        match error {
            ProjectorError::Store(
                error @ (StoreError::Database { .. } | StoreError::Replaced { .. } | StoreError::Held { .. }),
            ) if !self.projector.until_caught_up => {
                tracing::error!("{error}; trying again");
                self.store_error = Some(error.to_string());
                self.sinks = None;
                tokio::time::sleep(STORE_RETRY_WAIT).await;
                Ok(())
            }
            error => Err(error),
        }
    }

    /// How long the loop may sleep if nothing arrives.
    fn wait_for(&self) -> Duration {
        let committed = self.engine.committed();
        match &self.sinks {
            Some(sinks) if sinks.is_behind(&committed) => Duration::ZERO,
            None => Duration::ZERO,
            _ if self.projector.until_caught_up => Duration::from_millis(20),
            _ => self.projector.settings.status_interval,
        }
    }

    /// Whether every stream is read to its end, applied, and written. A stream that refuses is an error then, and so is
    /// a view that the log cannot take to where it stands.
    fn is_caught_up(&mut self) -> Result<bool, ProjectorError> {
        let Some(sinks) = &self.sinks else { return Ok(false) };
        let committed = self.engine.committed();
        if !self.are_streams_read()? || sinks.is_behind(&committed) {
            return Ok(false);
        }
        match sinks.unreached(&committed) {
            Some((view, wanted)) => Err(ProjectorError::Unreached {
                view,
                wanted: wanted.to_string(),
                reached: committed.position().to_string(),
            }),
            None => Ok(true),
        }
    }

    fn are_streams_read(&self) -> Result<bool, ProjectorError> {
        let position = self.engine.position();
        let mut all_done = true;
        for (service, view) in &self.services {
            if let Some(reason) = view.hole.clone() {
                return Err(ProjectorError::Refused { service: service.to_string(), reason });
            }
            let end = *view.log_end.borrow();
            let done = match &*view.source.borrow() {
                SourceState::Refused(reason) => {
                    return Err(ProjectorError::Refused {
                        service: service.to_string(),
                        reason: reason.clone(),
                    });
                }
                SourceState::Attaching => false,
                // The sequence counts too: a stream that was made anew begins at 1 again.
                SourceState::Reading => end.is_some_and(|end| {
                    view.done_to >= end.stream_sequence && position.get(service) >= end.sequence
                }),
                // No stream yet, and nothing expected of it.
                SourceState::Waiting(_) => {
                    view.done_to == 0 && end.is_some_and(|end| end.stream_sequence == 0)
                }
            };
            all_done &= done;
        }
        Ok(all_done)
    }

    async fn write_status_when_due(&mut self) -> Result<(), ProjectorError> {
        let due =
            self.status_written.is_none_or(|at| at.elapsed() >= self.projector.settings.status_interval);
        if due {
            self.write_status(false).await?;
            self.status_written = Some(Instant::now());
        }
        Ok(())
    }

    async fn write_status(&mut self, stopped: bool) -> Result<(), ProjectorError> {
        let definition = self.projector.definition.clone();
        let error = self.store_error.as_deref();
        let json = status::to_json(
            &self.engine,
            &mut self.services,
            self.sinks.as_ref(),
            &definition,
            stopped,
            error,
        );
        if let Some(sinks) = &mut self.sinks {
            sinks.write_status(now_ms(), &json).await?;
        }
        self.update_report();
        (self.projector.progress)(&self.report);
        Ok(())
    }

    fn update_report(&mut self) {
        let position = self.engine.position();
        self.report.applied = position.iter().map(|(_, sequence)| sequence).sum();
        let ends = self.services.iter().map(|(service, view)| {
            let end = view.log_end.borrow().map_or(0, |end| end.sequence);
            end.max(position.get(service))
        });
        self.report.log_last = ends.sum();
        self.report.position = self.sinks.as_ref().map(SinkSet::visible).unwrap_or_default().to_string();
    }

    async fn finish(mut self) -> Result<ProgressReport, ProjectorError> {
        self.write_status(true).await?;
        if let Some(sinks) = self.sinks.take() {
            sinks.close().await?;
        }
        Ok(self.report)
    }
}

/// Which services the next step may take events of: all but those that have reached the fold limit; none while many
/// fan-outs are pending, which would only become more.
fn open_services(
    engine: &Engine,
    sinks: Option<&SinkSet>,
    settings: &ProjectorSettings,
) -> impl Fn(&str) -> bool + use<> {
    let is_held = sinks.is_some_and(|sinks| sinks.pending_max() > settings.fan_outs_pending_max);
    let limit = sinks.and_then(SinkSet::fold_limit).cloned();
    let position = engine.position();
    move |service| !is_held && limit.as_ref().is_none_or(|limit| position.get(service) < limit.get(service))
}

fn processed(engine: &Engine, service: &str, dense: bool) -> Processed {
    let progress = engine.progress(service).cloned().unwrap_or_default();
    Processed {
        sequence: progress.sequence,
        stream_sequence: progress.stream_sequence,
        message_id: progress.message_id,
        payload_hash: progress.payload_hash,
        dense,
    }
}
