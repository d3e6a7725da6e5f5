//! A state on its way along the event log: its engine, the streams that are read for it, and what has arrived.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prejoin_contract::Numbering;
use prejoin_engine::{Engine, Hole, StepReport};
use prejoin_envelope::Position;
use prejoin_event_log::{EventLog, Processed};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::queue::{Arrived, Queue};
use crate::source::{Source, SourceState};
use crate::status::{self, ServiceView};
use crate::{ProjectorError, ProjectorSettings};

pub(crate) struct Line {
    pub engine: Engine,
    pub services: BTreeMap<Arc<str>, ServiceView>,
    queue: Queue,
    tasks: Vec<AbortHandle>,
    catching_up: Option<CatchingUp>,
}

/// On the way to where the log ended when it was first looked at.
struct CatchingUp {
    /// By service, once it is known.
    ends: BTreeMap<Arc<str>, u64>,
    /// When the state last moved.
    moved: Instant,
    position: Position,
}

/// A log that gives nothing for so long is not waited for.
const STANDSTILL: Duration = Duration::from_secs(2);

/// A step's work, and up to where each stream is done once the sinks have it.
#[derive(Default)]
pub(crate) struct Stepped {
    pub report: StepReport,
    pub done_to: Vec<(Arc<str>, u64)>,
}

impl Line {
    /// Reads every service's stream from where the engine stands. Their ends are looked up once per `interval`.
    pub(crate) fn read(
        engine: Engine,
        log: &Arc<dyn EventLog>,
        settings: &ProjectorSettings,
        interval: Duration,
    ) -> Self {
        let (ends, moved, position) = (BTreeMap::new(), Instant::now(), engine.position());
        let catching_up = Some(CatchingUp { ends, moved, position });
        let (services, queue, tasks) = (BTreeMap::new(), Queue::default(), Vec::new());
        let mut line = Line { services, queue, tasks, catching_up, engine };
        let definition = line.engine.definition().clone();
        for service in definition.services() {
            let service: Arc<str> = service.into();
            let dense = definition.contracts.numbering(&service) == Numbering::Dense;
            let processed = processed(&line.engine, &service, dense);
            let (state, source_state) = watch::channel(SourceState::Attaching);
            let (end, log_end) = watch::channel(None);
            let lane = line.queue.add_lane(service.clone());
            let view = ServiceView {
                source: source_state,
                log_end,
                duplicates: 0,
                hole: None,
                done_to: processed.stream_sequence,
                caught_up_at: Instant::now(),
            };
            line.services.insert(service.clone(), view);
            let watched = status::watch_log_end(log.clone(), service.clone(), dense, interval, end);
            line.tasks.push(tokio::spawn(watched).abort_handle());
            let source = Source {
                log: log.clone(),
                service,
                lane,
                state,
                step_events_max: settings.step_events_max,
                step_bytes_max: settings.step_bytes_max,
            };
            line.tasks.push(tokio::spawn(source.run(processed)).abort_handle());
        }
        line
    }

    /// Whether anything has arrived that a step may take.
    pub(crate) fn has_arrived(&self) -> bool {
        self.queue.has_arrived(|_| true)
    }

    /// Waits until something has arrived that a step may take.
    pub(crate) async fn arrived(&self, limit: Option<&Position>) {
        self.queue.arrived(self.is_open(limit)).await;
    }

    /// Folds what has arrived, in one commit; no service goes beyond its sequence in `limit`.
    pub(crate) fn step(
        &mut self,
        settings: &ProjectorSettings,
        limit: Option<&Position>,
    ) -> Result<Stepped, ProjectorError> {
        let is_open = self.is_open(limit);
        let arrived = self.queue.take(settings.step_events_max, settings.step_bytes_max, is_open);
        if arrived.is_empty() {
            return Ok(Stepped::default());
        }
        let mut messages = Vec::with_capacity(arrived.iter().map(|batch| batch.messages.len()).sum());
        let mut read_to: BTreeMap<Arc<str>, u64> = BTreeMap::new();
        for Arrived { service, messages: batch, read_to: to, duplicates } in arrived {
            if let Some(view) = self.services.get_mut(&service) {
                view.duplicates += duplicates;
            }
            read_to.insert(service, to);
            messages.extend(batch);
        }
        let engine = &mut self.engine;
        let mut report = tokio::task::block_in_place(|| engine.step(messages, limit))?;
        self.note(&report);
        let mut done_to = read_to.clone();
        for message in &report.deferred {
            let done = done_to.entry(message.service.clone()).or_default();
            *done = (*done).min(message.stream_sequence - 1);
        }
        self.queue.give_back(std::mem::take(&mut report.deferred), &read_to);
        Ok(Stepped { report, done_to: done_to.into_iter().collect() })
    }

    /// Whether so many events or more are still missing of those that the log had when it was first looked at. Once not,
    /// never again: what comes later does not put anything off.
    pub(crate) fn is_far_behind(&mut self, events: u64) -> bool {
        let Some(catching_up) = &mut self.catching_up else { return false };
        let position = self.engine.position();
        if catching_up.position != position {
            (catching_up.moved, catching_up.position) = (Instant::now(), position.clone());
        }
        let (mut missing, mut is_known) = (0, true);
        for (service, view) in &self.services {
            let is_read = match &*view.source.borrow() {
                SourceState::Attaching | SourceState::Reading => view.hole.is_none(),
                SourceState::Waiting(_) | SourceState::Refused(_) => false,
            };
            let end = view.log_end.borrow().map(|end| end.sequence);
            match catching_up.ends.get(service).copied().or(end) {
                _ if !is_read => {}
                Some(end) => {
                    catching_up.ends.insert(service.clone(), end);
                    missing += end.saturating_sub(position.get(service));
                }
                None => is_known = false,
            }
        }
        let is_near = is_known && missing < events.max(1);
        if is_near || catching_up.moved.elapsed() >= STANDSTILL {
            self.catching_up = None;
        }
        self.catching_up.is_some()
    }

    /// What a step took is in the sinks.
    pub(crate) fn done(&mut self, done_to: Vec<(Arc<str>, u64)>) {
        for (service, stream_sequence) in done_to {
            if let Some(view) = self.services.get_mut(&service) {
                view.done_to = view.done_to.max(stream_sequence);
            }
        }
    }

    /// Whether every stream is read to its end and applied. A stream that refuses is an error.
    pub(crate) fn are_streams_read(&self) -> Result<bool, ProjectorError> {
        self.refusal()?;
        let position = self.engine.position();
        let mut all_done = true;
        for (service, view) in &self.services {
            let end = *view.log_end.borrow();
            let done = match &*view.source.borrow() {
                SourceState::Attaching | SourceState::Refused(_) => false,
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

    /// Why a stream will not be read any further, if one is so.
    pub(crate) fn refusal(&self) -> Result<(), ProjectorError> {
        for (service, view) in &self.services {
            let source = view.source.borrow();
            let reason = match (&view.hole, &*source) {
                (Some(reason), _) | (None, SourceState::Refused(reason)) => reason.clone(),
                _ => continue,
            };
            return Err(ProjectorError::Refused { service: service.to_string(), reason });
        }
        Ok(())
    }

    /// Sequences applied, and those in the log as far as known, over all services.
    pub(crate) fn progress(&self) -> (u64, u64) {
        let position = self.engine.position();
        let applied = position.iter().map(|(_, sequence)| sequence).sum();
        let ends = self.services.iter().map(|(service, view)| {
            let end = view.log_end.borrow().map_or(0, |end| end.sequence);
            end.max(position.get(service))
        });
        (applied, ends.sum())
    }

    /// Which services a step may take events of: all but those that have reached the limit.
    fn is_open(&self, limit: Option<&Position>) -> impl Fn(&str) -> bool + use<> {
        let limit = limit.cloned();
        let position = self.engine.position();
        move |service| limit.as_ref().is_none_or(|limit| position.get(service) < limit.get(service))
    }

    fn note(&mut self, report: &StepReport) {
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
}

impl Drop for Line {
    /// Another state may be read from the same streams by now.
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
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
