//! Views computed anew, and compared with what readers see at the same position, while the projector goes on.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use prejoin_engine::{Committed, Definition, Engine, EngineError, RowOutcome, build_slice};
use prejoin_event_log::EventLog;
use prejoin_model::Row;
use prejoin_sinks::{ColumnDifference, StoreSnapshot, StoredRow};
use prejoin_sql::OutputColumn;
use prejoin_state::{DurableState, OverlayState, State};
use tokio::sync::{mpsc, oneshot};

use crate::control::{ColumnChange, Reply, RowChange, Work};
use crate::line::Line;
use crate::state_directory::remove;
use crate::work::tell;
use crate::{ProjectorError, ProjectorSettings};

/// Rows computed and read at once.
const SLICE_ROWS: usize = 5_000;
/// Differences told one by one, for each view; all are counted.
const DIFFERENCES_TOLD_MAX: u64 = 20;
/// Keys handed over for repair at once.
const REPAIR_KEYS: usize = 1_000;
/// How often a replay looks whether something has arrived.
const REPLAY_WAIT: Duration = Duration::from_millis(100);

/// Where the rows to compare with come from.
pub(crate) enum Origin {
    /// The tables of the running state.
    State,
    /// The same tables under another definition, whose indexes and group tables are built in memory.
    Redefined { settings: prejoin_engine::Settings },
    /// Every event of the log up to the position, folded in a directory that is removed afterwards.
    Events { log: Arc<dyn EventLog>, directory: PathBuf, settings: Box<ProjectorSettings> },
}

/// A view, by its place in the comparison's definition, and the generation that readers see of it, if any.
pub(crate) struct Compared {
    pub place: usize,
    pub generation: Option<i64>,
}

/// Rows that the loop is to write again.
pub(crate) struct Repair {
    pub view: String,
    pub generation: i64,
    pub keys: Vec<Bytes>,
    /// Told when they are written.
    pub done: oneshot::Sender<()>,
}

/// Everything of one position: the state, and the store beside it.
pub(crate) struct Comparison {
    pub definition: Arc<Definition>,
    pub committed: Committed,
    pub views: Vec<Compared>,
    pub snapshot: StoreSnapshot,
    pub origin: Origin,
    /// Where rows that differ go, if they are to be repaired.
    pub repairs: Option<mpsc::UnboundedSender<Repair>>,
    pub replies: mpsc::UnboundedSender<Reply>,
}

/// What was found of one view.
#[derive(Default)]
struct Found {
    rows: u64,
    added: u64,
    removed: u64,
    changed: u64,
    failed: u64,
    to_repair: Vec<Bytes>,
}

impl Comparison {
    pub(crate) async fn run(mut self) {
        let last = match self.compare_all().await {
            Ok(()) => Reply::Done,
            Err(error) => Reply::Failed { error: error.to_string() },
        };
        tell(&self.replies, last);
    }

    async fn compare_all(&mut self) -> Result<(), ProjectorError> {
        let computed = self.compute_from().await?;
        for Compared { place, generation } in std::mem::take(&mut self.views) {
            let view = self.definition.views[place].plan.name.clone();
            let found = self.compare(&computed, place, generation).await?;
            tell(
                &self.replies,
                Reply::Compared {
                    view,
                    position: computed.position().to_string(),
                    rows: found.rows,
                    added: found.added,
                    removed: found.removed,
                    changed: found.changed,
                    failed: found.failed,
                    repaired: self.repairs.is_some() && found.added + found.removed + found.changed > 0,
                },
            );
        }
        if let Origin::Events { directory, .. } = &self.origin {
            drop(computed);
            tokio::task::block_in_place(|| remove(directory))?;
        }
        Ok(())
    }

    async fn compute_from(&mut self) -> Result<Committed, ProjectorError> {
        match &self.origin {
            Origin::State => Ok(self.committed.clone()),
            Origin::Redefined { settings } => {
                let state: Arc<dyn State> = Arc::new(OverlayState::new(self.committed.snapshot()));
                let definition = self.definition.clone();
                let engine = tokio::task::block_in_place(|| Engine::open(definition, state, *settings))?;
                Ok(engine.committed())
            }
            Origin::Events { log, directory, settings } => {
                let (log, directory, settings) = (log.clone(), directory.clone(), settings.clone());
                self.replay(&log, &directory, &settings).await
            }
        }
    }

    /// Folds the log from its beginning to exactly the position.
    async fn replay(
        &mut self,
        log: &Arc<dyn EventLog>,
        directory: &Path,
        settings: &ProjectorSettings,
    ) -> Result<Committed, ProjectorError> {
        let position = self.committed.position();
        let total = position.iter().map(|(_, sequence)| sequence).sum();
        let engine = tokio::task::block_in_place(|| {
            remove(directory)?;
            let state: Arc<dyn State> = Arc::new(DurableState::open(directory).map_err(EngineError::from)?);
            Ok::<_, ProjectorError>(Engine::open(self.definition.clone(), state, settings.engine)?)
        })?;
        let mut line = Line::read(engine, log, settings, settings.status_interval);
        loop {
            line.step(settings, Some(position))?;
            let reached = line.engine.position();
            let done = reached.iter().map(|(_, sequence)| sequence).sum();
            tell(&self.replies, Reply::Progress { view: None, work: Work::Replay, done, total: Some(total) });
            if reached.covers(position) {
                return Ok(line.engine.committed());
            }
            line.refusal()?;
            tokio::select! {
                () = line.arrived(Some(position)) => {}
                () = tokio::time::sleep(REPLAY_WAIT) => {}
            }
        }
    }

    /// Walks both in key order.
    async fn compare(
        &mut self,
        computed: &Committed,
        place: usize,
        generation: Option<i64>,
    ) -> Result<Found, ProjectorError> {
        let view = self.definition.views[place].plan.name.clone();
        let mut found = Found::default();
        let mut stored = Stored::new(&mut self.snapshot, &view, generation);
        let (mut from, mut columns_told) = (None, false);
        loop {
            let slice =
                tokio::task::block_in_place(|| build_slice(computed, place, from.as_ref(), SLICE_ROWS))?;
            for (key, outcome) in slice.rows {
                while let Some((stray, _)) = stored.next_before(&key).await? {
                    found.note(&self.replies, &view, RowChange::Removed { key: printable(&stray) }, stray);
                }
                let beside = stored.next_at(&key).await?;
                let change = match (outcome, beside) {
                    (RowOutcome::Failed(_), _) => {
                        found.failed += 1;
                        None
                    }
                    (RowOutcome::Absent, None) => None,
                    (RowOutcome::Absent, Some(_)) => Some(RowChange::Removed { key: printable(&key) }),
                    (RowOutcome::Row(_), None) => {
                        found.rows += 1;
                        Some(RowChange::Added { key: printable(&key) })
                    }
                    (RowOutcome::Row(row), Some(stored)) => {
                        let wanted = &self.definition.views[place].plan.columns;
                        if !std::mem::replace(&mut columns_told, true) {
                            tell_columns(&self.replies, &view, stored.column_changes(wanted));
                        }
                        found.rows += 1;
                        let columns = column_changes(&stored, wanted, &row);
                        (!columns.is_empty()).then(|| RowChange::Changed { key: printable(&key), columns })
                    }
                };
                if let Some(change) = change {
                    found.note(&self.replies, &view, change, key);
                }
            }
            let done = found.rows;
            tell(
                &self.replies,
                Reply::Progress { view: Some(view.clone()), work: Work::Compare, done, total: None },
            );
            match slice.next {
                Some(next) => from = Some(next),
                None => break,
            }
        }
        while let Some((stray, _)) = stored.next().await? {
            found.note(&self.replies, &view, RowChange::Removed { key: printable(&stray) }, stray);
        }
        if let (Some(repairs), Some(generation)) = (&self.repairs, generation) {
            repair(repairs, &view, generation, std::mem::take(&mut found.to_repair)).await;
        }
        Ok(found)
    }
}

impl Found {
    fn note(&mut self, replies: &mpsc::UnboundedSender<Reply>, view: &str, row: RowChange, key: Bytes) {
        match row {
            RowChange::Added { .. } => self.added += 1,
            RowChange::Removed { .. } => self.removed += 1,
            RowChange::Changed { .. } => self.changed += 1,
        }
        if self.added + self.removed + self.changed <= DIFFERENCES_TOLD_MAX {
            tell(replies, Reply::Difference { view: view.to_owned(), row });
        }
        self.to_repair.push(key);
    }
}

async fn repair(repairs: &mpsc::UnboundedSender<Repair>, view: &str, generation: i64, keys: Vec<Bytes>) {
    for keys in keys.chunks(REPAIR_KEYS) {
        let (done, written) = oneshot::channel();
        let (view, keys) = (view.to_owned(), keys.to_vec());
        // The loop is gone when the projector ends: the rows are found again by the next comparison.
        if repairs.send(Repair { view, generation, keys, done }).is_err() || written.await.is_err() {
            return;
        }
    }
}

/// The rows of a generation in key order, a page at a time.
struct Stored<'a> {
    snapshot: &'a mut StoreSnapshot,
    view: &'a str,
    /// Nothing to read, or no more.
    generation: Option<i64>,
    page: std::collections::VecDeque<(Bytes, StoredRow)>,
    after: Option<Bytes>,
}

impl<'a> Stored<'a> {
    fn new(snapshot: &'a mut StoreSnapshot, view: &'a str, generation: Option<i64>) -> Self {
        Stored { snapshot, view, generation, page: std::collections::VecDeque::new(), after: None }
    }

    async fn fill(&mut self) -> Result<(), ProjectorError> {
        let Some(generation) = self.generation.filter(|_| self.page.is_empty()) else { return Ok(()) };
        let rows = self.snapshot.rows(self.view, generation, self.after.as_deref(), SLICE_ROWS).await?;
        match rows.last() {
            Some((last, _)) => self.after = Some(last.clone()),
            None => self.generation = None,
        }
        self.page = rows.into();
        Ok(())
    }

    async fn next(&mut self) -> Result<Option<(Bytes, StoredRow)>, ProjectorError> {
        self.fill().await?;
        Ok(self.page.pop_front())
    }

    /// The next row if its key comes before this one.
    async fn next_before(&mut self, key: &Bytes) -> Result<Option<(Bytes, StoredRow)>, ProjectorError> {
        self.fill().await?;
        Ok(self.page.pop_front_if(|(next, _)| *next < *key))
    }

    /// The next row if it has this key.
    async fn next_at(&mut self, key: &Bytes) -> Result<Option<StoredRow>, ProjectorError> {
        self.fill().await?;
        Ok(self.page.pop_front_if(|(next, _)| *next == *key).map(|(_, row)| row))
    }
}

/// What a rebuild would do to the columns of a view.
fn tell_columns(replies: &mpsc::UnboundedSender<Reply>, view: &str, (going, coming): (Vec<&str>, Vec<&str>)) {
    for (names, what) in [(going, "would go"), (coming, "would be added")] {
        if !names.is_empty() {
            tell(replies, Reply::Note { text: format!("{view}: columns that {what}: {}", names.join(", ")) });
        }
    }
}

/// In the columns that both have: a dry run may compare with another definition's rows.
fn column_changes(stored: &StoredRow, columns: &[OutputColumn], row: &Row) -> Vec<ColumnChange> {
    let differences = stored.differences_in_common(columns, row);
    let change = |found: ColumnDifference| ColumnChange {
        column: found.column,
        stored: found.stored,
        computed: found.computed,
    };
    differences.into_iter().map(change).collect()
}

/// A key as a person can recognise it: its printable characters, others as hexadecimal.
fn printable(key: &[u8]) -> String {
    key.escape_ascii().to_string()
}
