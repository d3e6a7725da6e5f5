//! The loop: take what has arrived, one step, sync, sinks; and again.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prejoin_engine::{Definition, StepReport};
use prejoin_envelope::Position;
use prejoin_event_log::EventLog;
use prejoin_sinks::{StoreAddress, StoreError, ViewStore};
use tokio::sync::{mpsc, watch};

use crate::control::{Asked, Reply};
use crate::line::{Line, Stepped};
use crate::replay::{Replay, TakenOver};
use crate::search::SearchSet;
use crate::sink_set::{Role, SinkSet};
use crate::status::{self, now_ms};
use crate::work::{After, Running, Worklist};
use crate::{ProjectorError, ProjectorSettings, SearchSettings, standby, state_directory};

/// Between attempts to open a view store that failed.
const STORE_RETRY_WAIT: Duration = Duration::from_secs(1);
/// How long the loop sleeps while something is awaited that nobody tells it of.
const SHORT_WAIT: Duration = Duration::from_millis(20);
/// Between two words on how far it is while views wait to be built anew.
const FROZEN_INTERVAL: Duration = Duration::from_secs(10);
/// How often the ends of streams are looked up by a projector that ends when it has come there.
const ENDING_INTERVAL: Duration = Duration::from_millis(100);

/// What a projector needs to run.
pub struct Projector {
    pub definition: Arc<Definition>,
    /// Reads contracts and views again, for a rebuild; what is wrong with them, as text.
    pub read_again: ReadAgain,
    pub log: Arc<dyn EventLog>,
    /// Holds the state. The caller has made sure that no other projector uses it.
    pub data_directory: PathBuf,
    pub view_store: StoreAddress,
    pub settings: ProjectorSettings,
    pub until: Until,
    /// Whether it waits while another projector writes to the store, and takes over from it.
    pub is_standby: bool,
    /// Turns true when the projector is to finish its step and end.
    pub shutdown: watch::Receiver<bool>,
    /// Told about every second, and at the end.
    pub progress: Box<dyn Fn(&ProgressReport) + Send + Sync>,
    /// What commands ask for while it runs.
    pub requests: mpsc::Receiver<Asked>,
}

impl Projector {
    /// One that ends when it has caught up does not wait for more to come.
    pub(crate) fn search_settings(&self) -> SearchSettings {
        let mut search = self.settings.search.clone();
        search.retired_grace = self.settings.retired_grace;
        if self.until != Until::Shutdown {
            search.commit_interval = Duration::ZERO;
        }
        search
    }
}

pub type ReadAgain = Arc<dyn Fn() -> Result<Arc<Definition>, String> + Send + Sync>;

/// When a projector ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Never.
    Shutdown,
    /// When everything in the log is in the sinks.
    CaughtUp,
    /// When everything that was asked for is done.
    WorkDone,
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

/// Runs until its end, whatever its definition changes to meanwhile.
pub async fn run(mut projector: Projector) -> Result<ProgressReport, ProjectorError> {
    let mut definition = projector.definition.clone();
    let mut worklist = Worklist::default();
    let mut report = ProgressReport::default();
    let instance = standby::new_instance();
    loop {
        if !standby::wait_for_turn(&mut projector, &definition, &instance).await? {
            return Ok(report);
        }
        let Some(mut store) = open_store(&mut projector).await? else { return Ok(report) };
        let opened =
            Loop::open(&mut projector, &definition, &instance, &mut store, &mut worklist, report.clone())
                .await;
        let ended = match opened {
            Ok(running) => running.run(store).await,
            Err(error) => Err(error),
        };
        match ended {
            Ok(Ended::Stopped(report)) => return Ok(report),
            Ok(Ended::Again(report_so_far, then)) => (report, definition) = (report_so_far, then),
            Err(ProjectorError::Store(error @ StoreError::Superseded { .. })) if projector.is_standby => {
                tracing::warn!("{error}");
                worklist.stop_comparisons().await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// The store's catalog says which state there is to go on with, so nothing begins before it is there. Nothing if the
/// projector is to end first.
async fn open_store(projector: &mut Projector) -> Result<Option<ViewStore>, ProjectorError> {
    let mut told = false;
    loop {
        match ViewStore::open(&projector.view_store).await {
            Ok(mut store) => {
                store.bound_changes(projector.settings.changes.clone());
                return Ok(Some(store));
            }
            Err(error) if may_pass(&error) && projector.until == Until::Shutdown => {
                if !std::mem::replace(&mut told, true) {
                    tracing::error!("{error}; trying again");
                }
            }
            Err(error) => return Err(error.into()),
        }
        tokio::select! {
            _ = projector.shutdown.wait_for(|stop| *stop) => return Ok(None),
            () = tokio::time::sleep(STORE_RETRY_WAIT) => {}
        }
    }
}

/// Whether a store that failed so may be right again without anybody doing anything here.
fn may_pass(error: &StoreError) -> bool {
    matches!(error, StoreError::Database { .. } | StoreError::Replaced { .. } | StoreError::Held { .. })
}

enum Ended {
    Stopped(ProgressReport),
    /// To be opened again: under another definition, or because the store was away and may name another state now.
    Again(ProgressReport, Arc<Definition>),
}

struct Loop<'a> {
    projector: &'a mut Projector,
    worklist: &'a mut Worklist,
    /// Tells this projector's status from another's.
    instance: &'a str,
    /// The name of the directory of the state that feeds what readers see.
    state: String,
    line: Line,
    sinks: SinkSet,
    replay: Option<Replay>,
    report: ProgressReport,
    status_written: Option<Instant>,
    frozen_told: Option<Instant>,
}

impl<'a> Loop<'a> {
    async fn open(
        projector: &'a mut Projector,
        definition: &Arc<Definition>,
        instance: &'a str,
        store: &mut ViewStore,
        worklist: &'a mut Worklist,
        report: ProgressReport,
    ) -> Result<Self, ProjectorError> {
        let (data_directory, settings) = (projector.data_directory.clone(), &projector.settings);
        let states = state_directory::find(&data_directory, &store.state_directory().await?)?;
        let directory = data_directory.join(&states.current);
        let engine = tokio::task::block_in_place(|| state_directory::open(&directory, definition, settings))?;
        let interval =
            if projector.until == Until::CaughtUp { ENDING_INTERVAL } else { settings.status_interval };
        let line = Line::read(engine, &projector.log, settings, interval);
        state_directory::tidy(&data_directory, &states, store).await?;
        let search = SearchSet::new(data_directory, projector.search_settings());
        let committed = line.engine.committed();
        let sinks = SinkSet::attached(store, &states.current, Role::Readers, search, &committed).await?;
        let replay = match states.replay {
            Some(state) => Some(Replay::open(projector, definition, state, store, &sinks.visible()).await?),
            None => None,
        };
        let (status_written, frozen_told) = (None, None);
        Ok(Loop {
            projector,
            worklist,
            instance,
            state: states.current,
            line,
            sinks,
            replay,
            report,
            status_written,
            frozen_told,
        })
    }

    async fn run(mut self, mut store: ViewStore) -> Result<Ended, ProjectorError> {
        let mut shutdown = self.projector.shutdown.clone();
        loop {
            if *shutdown.borrow() {
                break;
            }
            match self.turn(&mut store).await {
                Ok(After::GoOn) => {}
                Ok(After::Redefine(definition)) => {
                    self.worklist.stop_comparisons().await;
                    return self.end(store, definition).await;
                }
                Err(ProjectorError::Store(error))
                    if may_pass(&error) && self.projector.until == Until::Shutdown =>
                {
                    tracing::error!("{error}; trying again");
                    self.worklist.stop_comparisons().await;
                    tokio::time::sleep(STORE_RETRY_WAIT).await;
                    let definition = self.line.engine.definition().clone();
                    return Ok(Ended::Again(self.report, definition));
                }
                Err(error) => return Err(error),
            }
            if self.is_at_end()? {
                break;
            }
            let sleep = self.wait_for();
            let limit = self.limit();
            tokio::select! {
                () = self.line.arrived(limit.as_ref()) => {}
                _ = shutdown.wait_for(|stop| *stop) => break,
                Some(asked) = self.projector.requests.recv() => self.worklist.take(asked),
                () = self.worklist.changed() => {}
                () = tokio::time::sleep(sleep) => {}
            }
        }
        self.finish(store).await.map(Ended::Stopped)
    }

    /// One step of whatever has arrived, the sinks' part of it, and what commands asked for.
    async fn turn(&mut self, store: &mut ViewStore) -> Result<After, ProjectorError> {
        self.line.engine.keep_journal_after(self.sinks.journal_needed_after());
        let limit = self.limit();
        let Stepped { report, done_to } = self.line.step(&self.projector.settings, limit.as_ref())?;
        self.note(&report);
        self.sinks.let_builds_wait(self.line.is_far_behind(self.projector.settings.builds_wait_events));
        self.advance_sinks(store).await?;
        self.line.done(done_to);
        self.advance_replay(store).await?;
        let after = self.work(store).await?;
        self.write_status_when_due(store).await?;
        Ok(after)
    }

    async fn advance_sinks(&mut self, store: &mut ViewStore) -> Result<(), ProjectorError> {
        let committed = self.line.engine.committed();
        if self.sinks.is_behind(&committed) || self.sinks.fold_limit().is_some() {
            tokio::task::block_in_place(|| self.line.engine.sync())?;
            self.sinks.advance(store, &committed, &self.projector.settings).await?;
            let swapped = self.sinks.swap(store, &committed).await?;
            self.worklist.note_swapped(committed.definition(), &swapped);
        }
        Ok(())
    }

    /// Takes a replay further. When it stands where readers are, it takes the place of what feeds them.
    async fn advance_replay(&mut self, store: &mut ViewStore) -> Result<(), ProjectorError> {
        let Some(mut replay) = self.replay.take() else { return Ok(()) };
        let live = self.line.engine.position();
        if let Err(error) = replay.turn(store, &self.projector.settings, &live).await? {
            tracing::error!("the rebuild from the events was given up: {error}");
            replay.abandon(self.projector, store).await?;
            self.worklist.note_replay_ended(Reply::Failed { error });
            return Ok(());
        }
        if !replay.is_complete() {
            self.replay = Some(replay);
            return Ok(());
        }
        let readers = self.sinks.seen(self.line.engine.definition());
        match replay.take_over(store, readers).await? {
            Err(replay) => self.replay = Some(replay),
            Ok(TakenOver { state, line, sinks, swapped }) => {
                self.worklist.note_swapped(line.engine.definition(), &swapped);
                self.worklist.note_replay_ended(Reply::Done);
                self.worklist.stop_comparisons().await;
                self.line = line;
                self.sinks = sinks;
                let before = std::mem::replace(&mut self.state, state);
                tracing::info!(state = %self.state, "the replayed state feeds the views from now on");
                state_directory::abandon(&self.projector.data_directory, &before, store).await?;
            }
        }
        Ok(())
    }

    /// Takes what commands asked for a part further.
    async fn work(&mut self, store: &mut ViewStore) -> Result<After, ProjectorError> {
        while let Ok(asked) = self.projector.requests.try_recv() {
            self.worklist.take(asked);
        }
        let running = Running {
            projector: self.projector,
            line: &self.line,
            sinks: &mut self.sinks,
            replay: &mut self.replay,
            state: &self.state,
        };
        self.worklist.work(running, store).await
    }

    /// The position that the next step must not go beyond: where a sink is that the state first has to reach; where
    /// it stands itself while many fan-outs are pending, which would only become more, and while a replay comes up to it.
    fn limit(&self) -> Option<Position> {
        let is_awaited = self.replay.as_ref().is_some_and(Replay::is_complete);
        let is_held = is_awaited || self.sinks.is_held(self.line.engine.definition());
        if is_held || self.sinks.pending_max() > self.projector.settings.fan_outs_pending_max {
            return Some(self.line.engine.position());
        }
        self.sinks.fold_limit().cloned()
    }

    fn note(&mut self, report: &StepReport) {
        self.report.events += report.applied + report.unknown_types + report.dead_letters.len() as u64;
        self.report.events += report.decisions + report.discarded;
        self.report.dead_letters += report.dead_letters.len() as u64;
    }

    /// How long the loop may sleep if nothing arrives.
    fn wait_for(&self) -> Duration {
        let committed = self.line.engine.committed();
        match &self.replay {
            _ if self.sinks.is_behind(&committed) => Duration::ZERO,
            Some(replay) if replay.is_busy(&self.line.engine.position()) => Duration::ZERO,
            Some(_) => SHORT_WAIT,
            None if self.projector.until != Until::Shutdown || self.sinks.builds_wait() => SHORT_WAIT,
            None => {
                let interval = self.projector.settings.status_interval;
                self.sinks.wake_in(&committed).map_or(interval, |wake_in| wake_in.min(interval))
            }
        }
    }

    fn is_at_end(&self) -> Result<bool, ProjectorError> {
        match self.projector.until {
            Until::Shutdown => Ok(false),
            Until::CaughtUp => self.is_caught_up(),
            Until::WorkDone => {
                let is_done = self.worklist.is_empty() && self.projector.requests.is_empty();
                let committed = self.line.engine.committed();
                Ok(is_done && self.replay.is_none() && self.sinks.is_search_settled(&committed))
            }
        }
    }

    /// Whether every stream is read to its end, applied, and written. A stream that refuses is an error then, and so is
    /// a view that the log cannot take to where it stands.
    fn is_caught_up(&self) -> Result<bool, ProjectorError> {
        let committed = self.line.engine.committed();
        if !self.line.are_streams_read()? || self.sinks.is_behind(&committed) {
            return Ok(false);
        }
        match self.sinks.unreached(&committed) {
            None if !self.sinks.is_search_settled(&committed) => Ok(false),
            Some((view, wanted)) => Err(ProjectorError::Unreached {
                view,
                wanted: wanted.to_string(),
                reached: committed.position().to_string(),
            }),
            None => Ok(!self.sinks.is_building()),
        }
    }

    async fn write_status_when_due(&mut self, store: &mut ViewStore) -> Result<(), ProjectorError> {
        let settings = &self.projector.settings;
        if self.status_written.is_none_or(|at| at.elapsed() >= settings.status_interval) {
            let grace_ms = i64::try_from(settings.retired_grace.as_millis()).unwrap_or(i64::MAX);
            self.write_status(store, "running").await?;
            drop_retired(store, now_ms().saturating_sub(grace_ms)).await?;
            let beside = self.replay.as_ref().map(Replay::sinks);
            self.sinks.look_after_search(beside, store).await?;
            self.status_written = Some(Instant::now());
        }
        Ok(())
    }

    async fn write_status(
        &mut self,
        store: &mut ViewStore,
        state: &'static str,
    ) -> Result<(), ProjectorError> {
        let json = status::to_json(&mut self.line, &self.sinks, store, self.instance, state);
        store.write_status(now_ms(), &json).await?;
        (self.report.applied, self.report.log_last) = self.line.progress();
        self.tell_frozen();
        self.report.position = self.sinks.visible().to_string();
        (self.projector.progress)(&self.report);
        Ok(())
    }

    /// Says how far it is while readers wait for news.
    fn tell_frozen(&mut self) {
        let is_due = self.frozen_told.is_none_or(|at| at.elapsed() >= FROZEN_INTERVAL);
        if is_due && self.sinks.is_frozen() {
            self.frozen_told = Some(Instant::now());
            let ProgressReport { applied, log_last, .. } = self.report;
            tracing::info!(
                "{applied} of {log_last} events are folded; views stay as they were until they are built anew"
            );
        }
    }

    async fn end(self, store: ViewStore, then: Arc<Definition>) -> Result<Ended, ProjectorError> {
        store.close().await?;
        Ok(Ended::Again(self.report, then))
    }

    async fn finish(mut self, mut store: ViewStore) -> Result<ProgressReport, ProjectorError> {
        self.write_status(&mut store, "stopped").await?;
        store.close().await?;
        Ok(self.report)
    }
}

/// Drops generations that readers have not seen since then.
async fn drop_retired(store: &mut ViewStore, before_ms: i64) -> Result<(), ProjectorError> {
    for (view, generation) in store.drop_retired(before_ms).await? {
        tracing::debug!(%view, generation, "an earlier generation was dropped");
    }
    Ok(())
}
