//! The one writer of the state: takes what has arrived, commits what it means.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use prejoin_envelope::Position;
use prejoin_state::{Batch, Layered, Snapshot, Space, State};

use crate::ahead::decode_each;
use crate::fold::{RowChange, write_changes};
use crate::groups;
use crate::indexes::Indexes;
use crate::journal::{Journal, pairs_of};
use crate::keys::meta;
use crate::stale::{FanOutLimits, stale_keys};
use crate::step::Step;
use crate::stored::{FORMAT, StoredJournalEntry, StoredProgress, StoredTrackedView, from_bytes, to_bytes};
use crate::{Definition, EngineError, Progress};

/// Bounds of the engine's work.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How much journal is kept for sinks to follow; one that falls further behind is built anew. A sink that catches
    /// up holds the stale keys of all of it in memory, with their rows.
    pub journal_bytes_max: u64,
    /// More stale keys from one cause than this are named by the cause and worked through in slices.
    pub fan_out_keys_per_cause: usize,
    /// More stale keys found by paths in one step than this, and further causes are worked through in slices.
    pub fan_out_keys_per_step: usize,
    /// A step in which decisions have touched dead letters of more bytes than this takes no further decision.
    pub decided_bytes_per_step: usize,
    /// Rows read, or keys removed, per commit while indexes and group tables are built and dropped before the first step.
    pub opening_slice_rows: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            journal_bytes_max: 64 << 20,
            fan_out_keys_per_cause: 1_000,
            fan_out_keys_per_step: 100_000,
            decided_bytes_per_step: 64 << 20,
            opening_slice_rows: 20_000,
        }
    }
}

/// A message as it came from the log.
#[derive(Debug, Clone)]
pub struct Incoming {
    pub service: Arc<str>,
    pub stream_sequence: u64,
    pub message_id: Option<String>,
    pub payload_hash: u64,
    pub payload: Bytes,
}

/// Events of a service are missing from the log: the service stops until they are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    pub service: Arc<str>,
    pub expected: u64,
    pub found: u64,
}

/// What became of a step's messages. Each is counted once.
#[derive(Debug, Default)]
pub struct StepReport {
    pub applied: u64,
    pub duplicates: BTreeMap<Arc<str>, u64>,
    pub unknown_types: u64,
    /// Parked before, and folded now that a decision let them go on.
    pub released: u64,
    /// Decisions on dead letters that were taken; those among them that wait for their event, and those that changed
    /// nothing.
    pub decisions: u64,
    pub decisions_waiting: u64,
    pub decisions_without_effect: u64,
    /// Events passed over because a decision that came before them says so.
    pub discarded: u64,
    /// Parked in this step: service, number, reason.
    pub dead_letters: Vec<(Arc<str>, i64, String)>,
    pub holes: Vec<Hole>,
    /// Beyond the position asked for, or decisions that are too many for one step; in their order: to be given again.
    pub deferred: Vec<Incoming>,
    /// Whether anything was committed.
    pub committed: bool,
}

/// The state as of one commit, for sinks to read.
#[derive(Clone)]
pub struct Committed {
    pub(crate) definition: Arc<Definition>,
    pub(crate) indexes: Arc<Indexes>,
    pub(crate) snapshot: Arc<dyn Snapshot>,
    pub(crate) commit: u64,
    /// The oldest commit whose stale keys are known.
    pub(crate) journal_first: u64,
    pub(crate) position: Position,
    pub(crate) tracked: Arc<[StoredTrackedView]>,
}

impl Committed {
    pub fn position(&self) -> &Position {
        &self.position
    }

    pub fn definition(&self) -> &Arc<Definition> {
        &self.definition
    }

    /// The number of the commit: later ones have higher numbers.
    pub fn commit(&self) -> u64 {
        self.commit
    }

    pub fn snapshot(&self) -> Arc<dyn Snapshot> {
        self.snapshot.clone()
    }
}

/// No commit has this number.
const NEVER_SYNCED: u64 = u64::MAX;

pub struct Engine {
    definition: Arc<Definition>,
    state: Arc<dyn State>,
    settings: Settings,
    indexes: Arc<Indexes>,
    journal: Journal,
    journal_needed_after: Option<u64>,
    progress: BTreeMap<Arc<str>, Progress>,
    tracked: Arc<[StoredTrackedView]>,
    /// The last commit that has reached the disk; slices of fan-outs ask again and again without a new one.
    synced_commit: AtomicU64,
}

impl Engine {
    /// Opens a state for this definition: builds the indexes and group tables that its views need, drops others. A state folded under
    /// other contracts is refused with `ContractsChanged`.
    pub fn open(
        definition: Arc<Definition>,
        state: Arc<dyn State>,
        settings: Settings,
    ) -> Result<Self, EngineError> {
        check_format(state.as_ref(), &definition.contracts.canonical())?;
        let slice_rows = settings.opening_slice_rows.max(1);
        groups::drop_others(state.as_ref(), &definition, slice_rows)?;
        let indexes = Arc::new(Indexes::open(state.as_ref(), &definition, slice_rows)?);
        groups::build_missing(state.as_ref(), &definition, &indexes, slice_rows)?;
        let snapshot = state.snapshot();
        let mut progress = BTreeMap::new();
        for service in definition.services() {
            let stored = match snapshot.get(Space::Meta, &meta::progress(service))? {
                Some(bytes) => from_bytes("a service's progress", &bytes)?,
                None => StoredProgress::default(),
            };
            progress.insert(Arc::from(service), Progress::from(stored));
        }
        let mut engine = Engine {
            journal: Journal::open(snapshot.as_ref())?,
            journal_needed_after: None,
            tracked: tracked_views(snapshot.as_ref())?.into(),
            definition,
            state,
            settings,
            indexes,
            progress,
            synced_commit: AtomicU64::new(NEVER_SYNCED),
        };
        engine.track_views(snapshot.as_ref())?;
        Ok(engine)
    }

    pub fn definition(&self) -> &Arc<Definition> {
        &self.definition
    }

    /// The position that the tables reflect.
    pub fn position(&self) -> Position {
        position_of(&self.progress)
    }

    /// Nothing for a service that has no contract.
    pub fn progress(&self, service: &str) -> Option<&Progress> {
        self.progress.get(service)
    }

    /// The state as of the last commit.
    pub fn committed(&self) -> Committed {
        Committed {
            definition: self.definition.clone(),
            indexes: self.indexes.clone(),
            snapshot: self.state.snapshot().into(),
            commit: self.journal.last(),
            journal_first: self.journal.first(),
            position: self.position(),
            tracked: self.tracked.clone(),
        }
    }

    /// Keeps the journal's entries after a commit, whatever their size: a view that is being built follows it from there.
    pub fn keep_journal_after(&mut self, commit: Option<u64>) {
        self.journal_needed_after = commit;
    }

    /// Returns when every commit has reached the disk: a sink may then commit what it derived from it.
    pub fn sync(&self) -> Result<(), EngineError> {
        let last = self.journal.last();
        if self.synced_commit.load(Ordering::Acquire) != last {
            self.state.sync()?;
            self.synced_commit.store(last, Ordering::Release);
        }
        Ok(())
    }

    /// Applies messages, in their order within each service, in one commit: tables, indexes, positions, dead letters
    /// and the journal, or nothing at all. With `limit`, no service goes beyond its sequence there.
    pub fn step(
        &mut self,
        messages: Vec<Incoming>,
        limit: Option<&Position>,
    ) -> Result<StepReport, EngineError> {
        let before = self.state.snapshot();
        let mut step =
            Step::new(&self.definition, &self.indexes, before.as_ref(), &self.progress, &self.settings);
        decode_each(&self.definition.contracts, &messages, |message, decoded| {
            step.take(message, decoded, limit)
        })?;
        let (fold, progress, mut report) = step.finish()?;
        let changes = fold.into_net_changes();
        if progress == self.progress && changes.is_empty() {
            return Ok(report);
        }
        let (batch, journal) = self.write(before.as_ref(), changes, &progress)?;
        // The in-memory state copies what a snapshot still holds.
        drop(before);
        self.state.commit(batch)?;
        self.journal = journal;
        self.progress = progress;
        report.committed = true;
        Ok(report)
    }

    /// Everything that the step means, in one batch.
    fn write(
        &self,
        before: &dyn Snapshot,
        mut changes: Vec<(Bytes, RowChange)>,
        progress: &BTreeMap<Arc<str>, Progress>,
    ) -> Result<(Batch, Journal), EngineError> {
        let mut batch = Batch::default();
        write_changes(&self.definition, &self.indexes, &changes, &mut batch);
        groups::change_group_tables(&self.definition, &self.indexes, before, &mut changes, &mut batch)?;
        let limits = FanOutLimits {
            keys_per_cause: self.settings.fan_out_keys_per_cause,
            keys_per_step: self.settings.fan_out_keys_per_step,
        };
        let views =
            stale_keys(&self.definition, &self.indexes, &changes, &Layered::new(before, &batch), limits)?;
        let entry = StoredJournalEntry { position: pairs_of(&position_of(progress)), views };
        let mut journal = self.journal;
        journal.append(
            before,
            &entry,
            self.settings.journal_bytes_max,
            self.journal_needed_after,
            &mut batch,
        )?;
        for (service, progress) in progress {
            batch.put(Space::Meta, meta::progress(service), to_bytes(&StoredProgress::from(progress)));
        }
        Ok((batch, journal))
    }

    /// Notes since when the journal names the stale keys of each view. A view that was away for a while has gaps, so
    /// it begins anew; the first commit ever is one without events, where sinks without a position begin.
    fn track_views(&mut self, before: &dyn Snapshot) -> Result<(), EngineError> {
        let mut journal = self.journal;
        let mut batch = Batch::default();
        if journal.last() == 0 {
            let entry = StoredJournalEntry { position: Vec::new(), views: Vec::new() };
            journal.append(
                before,
                &entry,
                self.settings.journal_bytes_max,
                self.journal_needed_after,
                &mut batch,
            )?;
        }
        let known =
            |fingerprint: &str| self.tracked.iter().find(|tracked| tracked.fingerprint == fingerprint);
        let tracked: Vec<StoredTrackedView> = self
            .definition
            .views
            .iter()
            .map(|view| {
                let since_commit =
                    known(&view.fingerprint).map_or(journal.last(), |tracked| tracked.since_commit);
                StoredTrackedView { fingerprint: view.fingerprint.clone(), since_commit }
            })
            .collect();
        batch.put(Space::Meta, meta::TRACKED_VIEWS, to_bytes(&tracked));
        self.state.commit(batch)?;
        self.journal = journal;
        self.tracked = tracked.into();
        Ok(())
    }
}

fn position_of(progress: &BTreeMap<Arc<str>, Progress>) -> Position {
    progress.iter().map(|(service, progress)| (service.to_string(), progress.sequence)).collect()
}

fn check_format(state: &dyn State, contracts: &str) -> Result<(), EngineError> {
    let snapshot = state.snapshot();
    let Some(bytes) = snapshot.get(Space::Meta, meta::FORMAT)? else {
        let mut batch = Batch::default();
        batch.put(Space::Meta, meta::FORMAT, to_bytes(&FORMAT));
        batch.put(Space::Meta, meta::CONTRACTS, contracts.as_bytes().to_vec());
        return Ok(state.commit(batch)?);
    };
    let found: u32 = from_bytes("the format", &bytes)?;
    if found != FORMAT {
        return Err(EngineError::Format { found, expected: FORMAT });
    }
    match snapshot.get(Space::Meta, meta::CONTRACTS)? {
        Some(stored) if stored == contracts.as_bytes() => Ok(()),
        _ => Err(EngineError::ContractsChanged),
    }
}

fn tracked_views(snapshot: &dyn Snapshot) -> Result<Vec<StoredTrackedView>, EngineError> {
    match snapshot.get(Space::Meta, meta::TRACKED_VIEWS)? {
        Some(bytes) => from_bytes("the list of tracked views", &bytes),
        None => Ok(Vec::new()),
    }
}
