//! The views in the store: each follows the journal, waits for the state, or is built beside what readers see.

mod attach;
mod swap;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bytes::Bytes;
use prejoin_engine::{
    Advance, Committed, Definition, Follower, SliceBounds, advance, build_slice, recompute,
};
use prejoin_envelope::Position;
use prejoin_sinks::{Beside, LiveWrite, StoreError, ViewStore};

use tokio::task::JoinHandle;

use crate::ahead::{Ahead, PackedSlice, SliceOf};
use crate::search::{self, SearchSet, SearchStatus};
use crate::slice_rows::SliceRows;
use crate::stand::{Build, Live, Readers, Stand, Standing};
use crate::{ProjectorError, ProjectorSettings};

pub(crate) use swap::{SeenByView, Swapped};

/// The views as one state feeds them.
pub(crate) struct SinkSet {
    /// The name of the state's directory: what is built from another state is not for this one to go on with.
    state: String,
    role: Role,
    /// By the view's place in the definition.
    stands: BTreeMap<usize, Stand>,
    search: SearchSet,
    ahead: Ahead,
    slice_rows: SliceRows,
    /// Builds whose rows are all there, by place: their indexes are being made.
    completing: BTreeMap<usize, Completing>,
    /// No build is begun: the state is about to change more than a build costs.
    builds_wait: bool,
    /// Readers held what was to be swapped: they are left in peace until then.
    swaps_from: Option<Instant>,
}

/// How often it is asked whether an index is made.
const COMPLETING_WAIT: Duration = Duration::from_millis(20);

/// The last part of a build, on a connection of its own.
struct Completing(JoinHandle<Result<Beside, StoreError>>);

impl Completing {
    fn is_done(&self) -> bool {
        self.0.is_finished()
    }
}

impl Drop for Completing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What a state is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Role {
    /// It feeds what readers see.
    Readers,
    /// It is to take the place of the one that does; its views are built once it covers this.
    Replay { covers: Position },
}

impl SinkSet {
    /// Finds out what is to become of each view.
    pub(crate) async fn attached(
        store: &mut ViewStore,
        state: &str,
        role: Role,
        search: SearchSet,
        committed: &Committed,
    ) -> Result<Self, ProjectorError> {
        let (state, stands, swaps_from) = (state.to_owned(), BTreeMap::new(), None);
        let (ahead, completing, builds_wait) = (Ahead::default(), BTreeMap::new(), false);
        let slice_rows = SliceRows::default();
        let mut sinks =
            SinkSet { state, role, stands, search, ahead, slice_rows, completing, builds_wait, swaps_from };
        sinks.attach(store, committed).await?;
        if sinks.role != Role::Readers {
            return Ok(sinks);
        }
        sinks.search.forget_undeclared(store, committed.definition()).await?;
        for view in undeclared(store, committed.definition()).await? {
            tracing::warn!(
                "{view} is no longer declared: its rows stay as they are until `prejoin views drop {view}`"
            );
        }
        Ok(sinks)
    }

    /// Begins to build a view anew beside what readers see, unless that is under way. False if the state must first
    /// come to where the view stands.
    pub(crate) fn rebuild(&mut self, place: usize) -> bool {
        let Some(stand) = self.stands.get_mut(&place) else { return true };
        match (&stand.build, &stand.live) {
            (None, Live::Follows(standing)) => {
                stand.build = Some(Build::Due { covers: standing.follower.visible() });
                true
            }
            (build, _) => build.is_some(),
        }
    }

    /// Lets builds that are due wait, or go on.
    pub(crate) fn let_builds_wait(&mut self, wait: bool) {
        self.builds_wait = wait;
    }

    pub(crate) fn builds_wait(&self) -> bool {
        self.builds_wait
    }

    /// Gives up the builds of views whose readers have a generation that follows. Returns which.
    pub(crate) async fn cancel_rebuilds(
        &mut self,
        store: &mut ViewStore,
        definition: &Definition,
    ) -> Result<Vec<usize>, ProjectorError> {
        let mut given_up = Vec::new();
        for (&place, stand) in &mut self.stands {
            if !matches!(stand.live, Live::Follows(_)) {
                continue;
            }
            match stand.build.take() {
                Some(Build::Rows { standing, .. } | Build::Ready(standing)) => {
                    self.completing.remove(&place);
                    store.abandon(&definition.views[place].plan.name, standing.generation).await?;
                }
                Some(Build::Due { .. }) => {}
                None => continue,
            }
            given_up.push(place);
        }
        Ok(given_up)
    }

    /// Writes rows of a generation that readers see anew. False if it does not stand at the commit; true also if
    /// readers see another one by now.
    pub(crate) async fn repair(
        &self,
        store: &mut ViewStore,
        committed: &Committed,
        place: usize,
        generation: i64,
        keys: &[Bytes],
    ) -> Result<bool, ProjectorError> {
        let Some(Live::Follows(standing)) = self.stands.get(&place).map(|stand| &stand.live) else {
            return Ok(true);
        };
        if standing.generation != generation {
            return Ok(true);
        }
        if standing.follower.is_behind(committed) {
            return Ok(false);
        }
        let rows = tokio::task::block_in_place(|| recompute(committed, place, keys.iter().cloned()))?;
        let view = committed.definition().views[place].plan.name.clone();
        let advance = Advance { rows, follower: standing.follower.clone() };
        store.repair(LiveWrite { view, generation, advance }).await?;
        Ok(true)
    }

    /// The position that the state must not go beyond for now.
    pub(crate) fn fold_limit(&self) -> Option<&Position> {
        let tables = self.stands.values().find_map(|stand| match &stand.live {
            Live::FoldsTo { position, .. } => Some(position),
            _ => None,
        })?;
        Some(self.search.fold_limit(tables).unwrap_or(tables))
    }

    /// Whether the state must stay where it is until it is known where an index stands that it is to be folded to.
    pub(crate) fn is_held(&self, definition: &Definition) -> bool {
        let mut folding = self.stands.iter().filter(|(_, stand)| stand.folds());
        folding.any(|(&place, stand)| {
            let live = stand.live_generation();
            live.is_some_and(|live| self.search.is_opening(definition, place, live))
        })
    }

    /// The commit after which the journal must be kept, whatever its size: where views being built began.
    pub(crate) fn journal_needed_after(&self) -> Option<u64> {
        let tables = self.stands.values().filter_map(Stand::journal_needed_after);
        tables.chain(self.search.journal_needed_after()).min()
    }

    /// A view that waits for the state to come to a position, and that position.
    pub(crate) fn unreached(&self, committed: &Committed) -> Option<(String, Position)> {
        self.stands.iter().find_map(|(&place, stand)| {
            let position = match (&stand.live, &stand.build) {
                (Live::FoldsTo { position, .. }, _) => position,
                (_, Some(Build::Due { covers })) if !committed.position().covers(covers) => covers,
                _ => return None,
            };
            Some((committed.definition().views[place].plan.name.clone(), position.clone()))
        })
    }

    /// Whether readers see views that nobody keeps right until others take their place.
    pub(crate) fn is_frozen(&self) -> bool {
        self.stands.values().any(|stand| matches!(stand.live, Live::Stays(_)) && stand.build.is_some())
    }

    /// What readers may rely on of every view.
    pub(crate) fn visible(&self) -> Position {
        self.stands.values().map(Stand::visible).reduce(|all, one| all.meet(&one)).unwrap_or_default()
    }

    /// Pending fan-outs of the generation that has most.
    pub(crate) fn pending_max(&self) -> usize {
        let following = self.stands.values().flat_map(Stand::following);
        following.map(|standing| standing.follower.pending.len()).max().unwrap_or(0)
    }

    /// Whether any view is to be built, or swapped in.
    pub(crate) fn is_building(&self) -> bool {
        self.stands.values().any(|stand| stand.build.is_some())
    }

    /// Whether any view has rows to write at this commit.
    pub(crate) fn is_behind(&self, committed: &Committed) -> bool {
        let is_behind = |(place, stand): (&usize, &Stand)| match self.completing.get(place) {
            Some(completing) => completing.is_done() || stand.follows_behind(committed),
            None => stand.is_behind(committed, self.builds_wait),
        };
        self.stands.iter().any(is_behind)
            || !self.ready(committed).is_empty()
            || self.search.is_due(committed, &self.stands)
    }

    /// When there may be something to do for a search index, if nothing else happens.
    pub(crate) fn wake_in(&self, committed: &Committed) -> Option<Duration> {
        let completing = (!self.completing.is_empty()).then_some(COMPLETING_WAIT);
        self.search.wake_in(committed).into_iter().chain(completing).min()
    }

    /// Whether the search indexes stand where the tables do, as far as they can be written.
    pub(crate) fn is_search_settled(&self, committed: &Committed) -> bool {
        self.search.is_settled(committed, &self.stands)
    }

    /// Removes directories of search indexes that belong to nothing, and looks whether the others are still there.
    pub(crate) async fn look_after_search(
        &mut self,
        beside: Option<&SinkSet>,
        store: &mut ViewStore,
    ) -> Result<(), ProjectorError> {
        self.search.look_after();
        let beside = beside.into_iter().flat_map(|beside| beside.search.used());
        let used = self.search.used().chain(beside).collect();
        search::tidy(store, self.search.data_directory(), &used).await
    }

    /// How the search index of what readers see is, or of what they will see.
    pub(crate) fn search_status(&self, place: usize, state: &Position) -> Option<SearchStatus> {
        let stand = self.stands.get(&place)?;
        let live = stand.live_generation().and_then(|live| self.search.status(place, live, state));
        live.or_else(|| stand.kept_generations().find_map(|kept| self.search.status(place, kept, state)))
    }

    /// Takes every generation that follows to the commit, and writes a slice of each that is being built. The state
    /// must be synced up to the commit.
    pub(crate) async fn advance(
        &mut self,
        store: &mut ViewStore,
        committed: &Committed,
        settings: &ProjectorSettings,
    ) -> Result<(), ProjectorError> {
        if self.fold_limit() == Some(committed.position()) {
            self.attach(store, committed).await?;
        }
        self.follow(store, committed, settings).await?;
        self.begin_builds(store, committed).await?;
        self.note_completed(store).await?;
        while self.build(store, committed, settings).await? {}
        self.search.turn(store, committed, &self.stands).await
    }

    /// Takes every generation that follows to the commit. Where a fan-out is under way, what else has changed is written
    /// before its next slice, and waits for nothing but the slice before.
    async fn follow(
        &mut self,
        store: &mut ViewStore,
        committed: &Committed,
        settings: &ProjectorSettings,
    ) -> Result<(), ProjectorError> {
        let following = || self.stands.values().flat_map(Stand::following).map(|standing| &standing.follower);
        let pending = following().filter(|follower| !follower.pending.is_empty()).count();
        let news = following().any(|follower| follower.commit() < committed.commit());
        let slice_rows = self.slice_rows.each(pending, settings.fan_out_slice_rows);
        let rows = match pending > 0 && news {
            true => self.follow_by(store, committed, 0).await? / pending,
            false => 0,
        };
        // As many as were written anyhow make it take no more than twice as long.
        self.follow_by(store, committed, slice_rows.max(rows)).await.map(drop)
    }

    /// The same with so many rows of each generation's fan-outs. Returns how many rows were written.
    async fn follow_by(
        &mut self,
        store: &mut ViewStore,
        committed: &Committed,
        slice_rows: usize,
    ) -> Result<usize, ProjectorError> {
        let begun = Instant::now();
        let mut writes = Vec::new();
        let mut moved = Vec::new();
        let mut cut = Vec::new();
        for (&place, stand) in &self.stands {
            for Standing { generation, follower } in stand.following() {
                if !follower.is_behind(committed) {
                    continue;
                }
                let view = committed.definition().views[place].plan.name.clone();
                match tokio::task::block_in_place(|| advance(committed, place, follower, slice_rows))? {
                    Some(advance) => {
                        moved.push((place, *generation, advance.follower.clone()));
                        writes.push(LiveWrite { view, generation: *generation, advance });
                    }
                    None => cut.push((place, *generation)),
                }
            }
        }
        let rows = writes.iter().map(|write: &LiveWrite| write.advance.rows.len()).sum();
        if !writes.is_empty() {
            store.write_live(writes).await?;
            self.slice_rows.note(rows, begun.elapsed());
        }
        for (place, generation, follower) in moved {
            let Some(stand) = self.stands.get_mut(&place) else { continue };
            let standing = Standing { generation, follower };
            match &mut stand.live {
                Live::Follows(live) if live.generation == generation => *live = standing,
                _ => stand.build = Some(Build::Ready(standing)),
            }
        }
        for (place, generation) in cut {
            self.build_anew(store, committed, place, generation).await?;
        }
        Ok(rows)
    }

    /// The journal was cut before a generation could follow it.
    async fn build_anew(
        &mut self,
        store: &mut ViewStore,
        committed: &Committed,
        place: usize,
        generation: i64,
    ) -> Result<(), ProjectorError> {
        let view = &committed.definition().views[place].plan.name;
        tracing::warn!(%view, generation, "will be built anew: the journal was cut before it could follow");
        let rows = store.counts(view, generation).map_or(0, |(rows, _)| rows);
        let Some(stand) = self.stands.get_mut(&place) else { return Ok(()) };
        match &stand.live {
            Live::Follows(live) if live.generation == generation => {
                let covers = live.follower.followed.clone();
                stand.live = Live::Stays(Readers { generation, visible: live.follower.visible(), rows });
                stand.build.get_or_insert(Build::Due { covers });
            }
            _ => {
                stand.build = Some(Build::Due { covers: stand.visible() });
                store.abandon(view, generation).await?;
            }
        }
        Ok(())
    }

    /// Begins the builds that are due.
    async fn begin_builds(
        &mut self,
        store: &mut ViewStore,
        committed: &Committed,
    ) -> Result<(), ProjectorError> {
        if self.builds_wait {
            return Ok(());
        }
        for (&place, stand) in &mut self.stands {
            let Some(Build::Due { covers }) = &stand.build else { continue };
            if committed.position().covers(covers) {
                let view = &committed.definition().views[place];
                let generation = store.begin_build_from(view, committed.position(), &self.state).await?;
                let standing = Standing { generation, follower: Follower::built_at(committed) };
                stand.build = Some(Build::Rows { standing, cursor: None });
            }
        }
        Ok(())
    }

    /// Writes the next slice of the first build, and completes it after the last one. One at a time: each needs the
    /// memory of a slice or two. True if that was all of it: views of a few rows do not wait for one another.
    async fn build(
        &mut self,
        store: &mut ViewStore,
        committed: &Committed,
        settings: &ProjectorSettings,
    ) -> Result<bool, ProjectorError> {
        let first = self.stands.iter().find_map(|(&place, stand)| match &stand.build {
            Some(Build::Rows { standing, cursor }) if !self.completing.contains_key(&place) => {
                Some((place, standing.clone(), cursor.clone()))
            }
            _ => None,
        });
        let Some((place, standing, cursor)) = first else {
            self.ahead.forget();
            return Ok(false);
        };
        let is_first = cursor.is_none();
        let next =
            self.write_slice(store, committed, place, standing.generation, cursor.clone(), settings).await?;
        let is_whole = is_first && next.is_none();
        let build = match next {
            Some(next) => Build::Rows { standing, cursor: Some(next) },
            None => {
                self.ahead.forget();
                self.complete(store, committed, place, standing, cursor).await?
            }
        };
        if let Some(stand) = self.stands.get_mut(&place) {
            stand.build = Some(build);
        }
        Ok(is_whole)
    }

    /// Makes what a build still lacks: beside the writer where the database can, so that other views go on. Few rows, all
    /// of them in the first slice, are not worth a connection.
    async fn complete(
        &mut self,
        store: &mut ViewStore,
        committed: &Committed,
        place: usize,
        standing: Standing,
        cursor: Option<Bytes>,
    ) -> Result<Build, ProjectorError> {
        let (definition, generation) = (committed.definition().clone(), standing.generation);
        let view = &definition.views[place];
        let beside = cursor.as_ref().and_then(|_| store.beside(&view.plan.name, generation));
        let Some(beside) = beside else {
            store.complete_build(view, generation).await?;
            return Ok(Build::Ready(standing));
        };
        let definition = definition.clone();
        let task = tokio::spawn(async move {
            let mut beside = beside.await?;
            beside.complete_build(&definition.views[place]).await?;
            Ok(beside)
        });
        self.completing.insert(place, Completing(task));
        Ok(Build::Rows { standing, cursor })
    }

    /// Takes note of builds that are complete by now.
    async fn note_completed(&mut self, store: &mut ViewStore) -> Result<(), ProjectorError> {
        let done: Vec<usize> = self
            .completing
            .iter()
            .filter(|(_, completing)| completing.is_done())
            .map(|(&place, _)| place)
            .collect();
        for place in done {
            let Some(mut completing) = self.completing.remove(&place) else { continue };
            let Some(stand) = self.stands.get_mut(&place) else { continue };
            let beside = match (&mut completing.0).await {
                Ok(beside) => beside?,
                Err(panicked) if panicked.is_panic() => std::panic::resume_unwind(panicked.into_panic()),
                // The process is ending.
                Err(_) => continue,
            };
            let Some(Build::Rows { standing, .. }) = stand.build.take() else { continue };
            store.take_up(beside).await;
            stand.build = Some(Build::Ready(standing));
        }
        Ok(())
    }

    async fn write_slice(
        &mut self,
        store: &mut ViewStore,
        committed: &Committed,
        place: usize,
        generation: i64,
        from: Option<Bytes>,
        settings: &ProjectorSettings,
    ) -> Result<Option<Bytes>, ProjectorError> {
        let view = &committed.definition().views[place].plan.name;
        let bounds = SliceBounds { rows_max: settings.build_slice_rows, threads: settings.build_threads };
        let packer = store.packer(view, generation)?;
        let wanted = SliceOf { place, generation, from };
        let slice = tokio::task::block_in_place(|| self.ahead.take(committed, &wanted, &packer, bounds))?;
        if slice.next.is_some() {
            let next = SliceOf { from: slice.next.clone(), ..wanted.clone() };
            self.ahead.begin(committed, next, &packer, bounds);
        }
        let PackedSlice { parts, next } = slice;
        if store.write_packed(view, generation, parts, next.as_ref()).await? {
            return Ok(next);
        }
        let from = wanted.from.as_ref();
        let slice = tokio::task::block_in_place(|| build_slice(committed, place, from, bounds.rows_max))?;
        store.write_build(view, generation, slice.rows, slice.next.as_ref()).await?;
        Ok(slice.next)
    }

    /// From now on the state feeds what readers see.
    pub(crate) fn take_over(&mut self) {
        self.role = Role::Readers;
    }

    /// Name, stand, rows and failed rows of every view.
    pub(crate) fn report<'a>(
        &'a self,
        store: &'a ViewStore,
        definition: &'a Definition,
    ) -> impl Iterator<Item = (&'a str, &'a Stand, i64, i64)> {
        self.stands.iter().map(|(&place, stand)| {
            let name = definition.views[place].plan.name.as_str();
            let (rows, row_errors) = match &stand.live {
                Live::Nothing => (0, 0),
                Live::Follows(standing) => store.counts(name, standing.generation).unwrap_or_default(),
                Live::FoldsTo { readers, .. } | Live::Stays(readers) => (readers.rows, 0),
            };
            (name, stand, rows, row_errors)
        })
    }

    /// A view's stand by its place; nothing for a place that the definition does not have.
    pub(crate) fn stand(&self, place: usize) -> Option<&Stand> {
        self.stands.get(&place)
    }
}

/// Views in the store that no file declares.
pub(crate) async fn undeclared(
    store: &mut ViewStore,
    definition: &Definition,
) -> Result<BTreeSet<String>, ProjectorError> {
    let generations = store.generations().await?;
    let declared = |name: &str| definition.views.iter().any(|view| view.plan.name == name);
    Ok(generations.into_iter().map(|found| found.view).filter(|name| !declared(name)).collect())
}
