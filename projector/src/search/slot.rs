//! The index of one generation: what is being done for it, and what comes next.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use prejoin_engine::{Committed, EngineError};
use prejoin_envelope::Position;
use prejoin_sinks::search::{FoundDirectory, IndexDefinition, IndexPlace, IndexRows, IndexStand};
use serde::Serialize;

use super::job::{Held, Job, Outcome, Step, discard};
use crate::ProjectorError;
use crate::settings::SearchSettings;

/// Between attempts after a failure, doubled with each further one up to the second.
const RETRY_WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];
/// How often a thread is asked whether it is done.
const THREAD_WAIT: Duration = Duration::from_millis(20);

pub(super) struct Slot {
    definition: IndexDefinition,
    /// The view's place in the definition.
    place: usize,
    generation: i64,
    work: Work,
    /// What the catalog names.
    named: Option<String>,
    /// Where it stood when its thread last told.
    stand: Option<(IndexPlace, IndexStand)>,
    /// It has followed the journal since its rows are complete, so that it is no older than what it is to replace.
    has_followed: bool,
    /// The commit after which the journal is kept while it is built.
    kept_after: Option<u64>,
    moved: Instant,
    /// In a row.
    failures: u32,
    /// Directories that were named until then.
    replaced: Vec<(String, Instant)>,
}

enum Work {
    ToOpen,
    ToBegin,
    Running(JoinHandle<Result<Outcome, EngineError>>),
    Idle(Box<Held>),
    Awaits(Position),
    /// It is tried again then.
    Failed(Instant),
    /// While another one is being put here.
    Changing,
}

/// How an index is, for readers of `/status`.
#[derive(Debug, Serialize)]
pub(crate) struct SearchStatus {
    state: &'static str,
    position: BTreeMap<String, u64>,
    /// Events that the state has and the index has not.
    lag_events: u64,
}

impl Slot {
    pub(super) fn new(
        definition: IndexDefinition,
        place: usize,
        generation: i64,
        named: Option<String>,
    ) -> Self {
        Slot {
            definition,
            place,
            generation,
            work: Work::ToOpen,
            named,
            stand: None,
            has_followed: false,
            kept_after: None,
            moved: Instant::now(),
            failures: 0,
            replaced: Vec::new(),
        }
    }

    pub(super) fn view(&self) -> &str {
        &self.definition.view
    }

    pub(super) fn generation(&self) -> i64 {
        self.generation
    }

    /// Begins what is to be done next, unless a thread is at it. `is_foldable` if the state is being folded to the position
    /// of the table.
    pub(super) fn begin_next(
        &mut self,
        data_directory: &Path,
        committed: &Committed,
        settings: &SearchSettings,
        is_foldable: bool,
    ) {
        let open = Step::Open { named: self.named.clone() };
        let begin = Step::Begin { named: self.named.clone() };
        let step = match std::mem::replace(&mut self.work, Work::Changing) {
            Work::ToOpen => open,
            Work::ToBegin => begin,
            Work::Idle(held) if !is_complete(&held) => Step::Build(held),
            Work::Idle(held) if self.is_follow_due(&held, committed, settings) => Step::Follow(held),
            Work::Awaits(position) if committed.position().covers(&position) => open,
            // The table is built anew meanwhile: nothing will stop the state where the index stands.
            Work::Awaits(_) if !is_foldable => begin,
            Work::Failed(until) if until <= Instant::now() => open,
            waits => {
                self.work = waits;
                return;
            }
        };
        self.begin(step, data_directory, committed, settings);
    }

    fn begin(&mut self, step: Step, data_directory: &Path, committed: &Committed, settings: &SearchSettings) {
        if let Step::Begin { .. } = step {
            self.kept_after = Some(committed.commit());
        }
        let job = Job {
            data_directory: data_directory.to_owned(),
            definition: self.definition.clone(),
            place: self.place,
            generation: self.generation,
            committed: committed.clone(),
            settings: settings.clone(),
        };
        let thread = std::thread::Builder::new().name("prejoin-search".to_owned());
        self.work = match thread.spawn(move || job.run(step)) {
            Ok(thread) => Work::Running(thread),
            Err(error) => self.failed(&format!("no thread can be started: {error}")),
        };
    }

    /// Takes note of what a thread has done.
    pub(super) fn collect(&mut self) -> Result<(), ProjectorError> {
        let done = matches!(&self.work, Work::Running(thread) if thread.is_finished());
        if !done {
            return Ok(());
        }
        let Work::Running(thread) = std::mem::replace(&mut self.work, Work::Changing) else { return Ok(()) };
        let outcome = match thread.join() {
            Ok(outcome) => outcome?,
            // A damaged file can be worse than what its reader expects.
            Err(_) => Outcome::Failed("its thread panicked".to_owned()),
        };
        self.moved = Instant::now();
        self.work = match outcome {
            Outcome::Held(held) => {
                self.failures = 0;
                self.note(&held);
                Work::Idle(held)
            }
            Outcome::Awaits(position) => Work::Awaits(position),
            Outcome::Lost(reason) => {
                if let Some(reason) = reason {
                    let (view, generation) = (&self.definition.view, self.generation);
                    tracing::warn!(%view, generation, "its search index will be built anew: {reason}");
                }
                (self.stand, self.has_followed) = (None, false);
                Work::ToBegin
            }
            Outcome::Failed(reason) => self.failed(&reason),
        };
        Ok(())
    }

    fn note(&mut self, held: &Held) {
        let was_complete = self.stand.as_ref().is_some_and(|(_, stand)| stand.rows == IndexRows::Complete);
        let is_complete = is_complete(held);
        self.has_followed |= was_complete && is_complete;
        self.stand = Some((held.index.place().clone(), held.index.stand().clone()));
        let is_named = self.named.as_deref() == Some(held.index.place().name().as_str());
        self.kept_after = (!is_named).then(|| held.follower.commit());
    }

    fn failed(&mut self, reason: &str) -> Work {
        self.failures += 1;
        let wait = RETRY_WAITS[0] * 2_u32.pow((self.failures - 1).min(6));
        let (view, generation, failures) = (&self.definition.view, self.generation, self.failures);
        tracing::warn!(%view, generation, failures, "its search index cannot be written: {reason}; trying again");
        self.kept_after = None;
        Work::Failed(Instant::now() + wait.min(RETRY_WAITS[1]))
    }

    /// Between commits passes the interval, unless there is much to do.
    fn is_follow_due(&self, held: &Held, committed: &Committed, settings: &SearchSettings) -> bool {
        held.follower.is_behind(committed)
            && (!held.follower.pending.is_empty()
                || self.moved.elapsed() >= settings.commit_interval
                || events_between(&held.follower.followed, committed.position())
                    >= settings.commit_rows as u64)
    }

    /// Whether there is something to take note of or to begin.
    pub(super) fn is_due(&self, committed: &Committed, settings: &SearchSettings) -> bool {
        match &self.work {
            Work::ToOpen | Work::ToBegin => true,
            Work::Running(thread) => thread.is_finished(),
            Work::Idle(held) => {
                !is_complete(held)
                    || self.is_follow_due(held, committed, settings)
                    || self.to_be_named(committed).is_some()
            }
            Work::Awaits(position) => committed.position().covers(position),
            Work::Failed(until) => *until <= Instant::now(),
            Work::Changing => false,
        }
    }

    pub(super) fn wake_in(&self, committed: &Committed, settings: &SearchSettings) -> Option<Duration> {
        match &self.work {
            Work::Running(_) => Some(THREAD_WAIT),
            Work::Idle(held) if held.follower.is_behind(committed) => {
                Some(settings.commit_interval.saturating_sub(self.moved.elapsed()))
            }
            Work::Failed(until) => Some(until.saturating_duration_since(Instant::now())),
            _ => None,
        }
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(&self.work, Work::Running(thread) if !thread.is_finished())
    }

    /// Whether it is not known yet where it stands.
    pub(super) fn is_opening(&self) -> bool {
        let is_begun = matches!(&self.work, Work::ToOpen | Work::Running(_));
        is_begun && self.stand.is_none() && self.kept_after.is_none()
    }

    pub(super) fn is_settled(&self, committed: &Committed) -> bool {
        match &self.work {
            Work::Idle(held) => is_complete(held) && !held.follower.is_behind(committed) && self.is_named(),
            Work::Awaits(_) | Work::Failed(_) => true,
            Work::ToOpen | Work::ToBegin | Work::Running(_) | Work::Changing => false,
        }
    }

    pub(super) fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// Whether the catalog names what is kept right here.
    pub(super) fn is_named(&self) -> bool {
        self.stand.as_ref().is_some_and(|(place, _)| self.named.as_deref() == Some(place.name().as_str()))
    }

    /// What readers of it may rely on.
    pub(super) fn visible(&self) -> Option<&Position> {
        self.stand.as_ref().map(|(_, stand)| &stand.visible)
    }

    pub(super) fn awaits(&self) -> Option<&Position> {
        match &self.work {
            Work::Awaits(position) => Some(position),
            _ => None,
        }
    }

    pub(super) fn journal_needed_after(&self) -> Option<u64> {
        self.kept_after
    }

    /// The name that the catalog should have, if it has another one.
    pub(super) fn to_be_named(&self, committed: &Committed) -> Option<String> {
        let Work::Idle(held) = &self.work else { return None };
        let is_caught_up = self.has_followed || !held.follower.is_behind(committed);
        (is_complete(held) && is_caught_up && !self.is_named()).then(|| held.index.place().name())
    }

    pub(super) fn note_named(&mut self, name: String) {
        let before = self.named.replace(name);
        self.replaced.extend(before.map(|before| (before, Instant::now())));
        self.kept_after = None;
        if let Some((place, stand)) = &self.stand {
            let (view, directory, position) = (&place.view, place.name(), &stand.visible);
            tracing::info!(%view, directory, %position, "its search index is complete");
        }
    }

    /// Removes directories that readers had time to leave.
    pub(super) fn remove_replaced(&mut self, data_directory: &Path, grace: Duration) {
        for (name, _) in self.replaced.extract_if(.., |(_, since)| since.elapsed() >= grace) {
            if let Some(place) = IndexPlace::from_name(&name) {
                discard(&FoundDirectory { path: place.path(data_directory), place });
            }
        }
    }

    /// Finds out that the directory is gone, which files that are open do not tell.
    pub(super) fn look_after(&mut self) {
        if matches!(&self.work, Work::Idle(held) if !held.index.is_there()) {
            self.work = Work::ToOpen;
        }
    }

    pub(super) fn status(&self, state: &Position) -> SearchStatus {
        let (is_whole, visible) = match &self.stand {
            Some((_, stand)) => (stand.rows == IndexRows::Complete, stand.visible.clone()),
            None => (false, Position::default()),
        };
        let said = match &self.work {
            Work::Awaits(_) => "waiting for the state to be replayed",
            _ if self.failures > 0 => "failing; see the log",
            _ if is_whole && self.is_named() => "following",
            _ if self.named.is_some() => "being built anew",
            _ => "being built",
        };
        let position = visible.iter().map(|(service, sequence)| (service.to_owned(), sequence)).collect();
        SearchStatus { state: said, position, lag_events: events_between(&visible, state) }
    }
}

impl Drop for Slot {
    /// The thread's writer must be gone before the directory is opened again.
    fn drop(&mut self) {
        if let Work::Running(thread) = std::mem::replace(&mut self.work, Work::Changing)
            && thread.join().is_err()
        {
            tracing::debug!("the thread of a search index panicked");
        }
    }
}

fn is_complete(held: &Held) -> bool {
    held.index.stand().rows == IndexRows::Complete
}

fn events_between(from: &Position, to: &Position) -> u64 {
    to.iter().map(|(service, sequence)| sequence.saturating_sub(from.get(service))).sum()
}
