//! What commands asked the running projector for, and how far it is.

use std::collections::{BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prejoin_engine::{Committed, Definition};
use prejoin_sinks::ViewStore;
use prejoin_sinks::search::IndexDefinition;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::comparison::{Compared, Comparison, Origin, Repair};
use crate::control::{Asked, Reply, Request, Work};
use crate::deciding::decide;
use crate::line::Line;
use crate::replay::Replay;
use crate::sink_set::{SinkSet, Swapped};
use crate::stand::{Build, Live};
use crate::{Projector, ProjectorError, state_directory};

/// Between two words on how far a build is.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

/// What the loop does next.
pub(crate) enum After {
    GoOn,
    /// Opens everything again under this definition.
    Redefine(Arc<Definition>),
}

/// What became of a request.
enum Begun {
    Taken,
    /// It waits for views to stand where the state does.
    Later,
    /// It needs everything to be opened again under this definition.
    Redefines(Arc<Definition>),
}

/// What the loop is at.
pub(crate) struct Running<'a> {
    pub projector: &'a Projector,
    pub line: &'a Line,
    pub sinks: &'a mut SinkSet,
    pub replay: &'a mut Option<Replay>,
    /// The name of the state that feeds readers.
    pub state: &'a str,
}

/// Lives as long as the projector, over redefinitions.
pub(crate) struct Worklist {
    asked: VecDeque<Asked>,
    rebuilds: Vec<Rebuild>,
    /// Who watches the replay.
    replay_watchers: Vec<mpsc::UnboundedSender<Reply>>,
    replay_told: Instant,
    /// Comparisons and copies, which go on beside the loop with a state of one commit.
    comparisons: JoinSet<()>,
    repairs: (mpsc::UnboundedSender<Repair>, mpsc::UnboundedReceiver<Repair>),
    repairs_due: VecDeque<Repair>,
}

/// Builds that somebody waits for.
struct Rebuild {
    /// Not swapped in yet.
    views: BTreeSet<String>,
    /// Of these, those to be built although their meaning is the same as before.
    to_begin: BTreeSet<String>,
    replies: mpsc::UnboundedSender<Reply>,
    told: Instant,
}

impl Default for Worklist {
    fn default() -> Self {
        Worklist {
            asked: VecDeque::new(),
            rebuilds: Vec::new(),
            replay_watchers: Vec::new(),
            replay_told: Instant::now(),
            comparisons: JoinSet::new(),
            repairs: mpsc::unbounded_channel(),
            repairs_due: VecDeque::new(),
        }
    }
}

impl Worklist {
    pub(crate) fn take(&mut self, asked: Asked) {
        self.asked.push_back(asked);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.asked.is_empty()
            && self.rebuilds.is_empty()
            && self.comparisons.is_empty()
            && self.repairs_due.is_empty()
            && self.repairs.1.is_empty()
    }

    /// Waits until a comparison has something for the loop to do, or is done. Cancelling loses nothing.
    pub(crate) async fn changed(&mut self) {
        tokio::select! {
            Some(repair) = self.repairs.1.recv() => self.repairs_due.push_back(repair),
            Some(_) = self.comparisons.join_next(), if !self.comparisons.is_empty() => {}
        }
    }

    /// Tells those who wait for builds what readers see by now.
    pub(crate) fn note_swapped(&mut self, definition: &Definition, swapped: &[Swapped]) {
        for &Swapped { view, generation, rows, failed } in swapped {
            let name = &definition.views[view].plan.name;
            let reply = Reply::Swapped { view: name.clone(), generation, rows, failed };
            for rebuild in &mut self.rebuilds {
                if rebuild.views.remove(name) {
                    tell(&rebuild.replies, reply.clone());
                }
            }
            self.replay_watchers.iter().for_each(|watcher| tell(watcher, reply.clone()));
        }
        let declared = |name: &String| definition.views.iter().any(|view| view.plan.name == *name);
        self.rebuilds.iter_mut().for_each(|rebuild| rebuild.views.retain(declared));
        let is_done = |rebuild: &mut Rebuild| rebuild.views.is_empty();
        for rebuild in self.rebuilds.extract_if(.., is_done) {
            tell(&rebuild.replies, Reply::Done);
        }
    }

    /// Tells those who watch the replay how it ended.
    pub(crate) fn note_replay_ended(&mut self, last: Reply) {
        for watcher in self.replay_watchers.drain(..) {
            tell(&watcher, last.clone());
        }
    }

    /// Ends comparisons, which hold a state that is to be closed.
    pub(crate) async fn stop_comparisons(&mut self) {
        self.comparisons.shutdown().await;
        self.repairs_due.clear();
        while self.repairs.1.try_recv().is_ok() {}
    }

    /// Takes everything a part further, after the sinks were taken to the state's last commit.
    pub(crate) async fn work(
        &mut self,
        running: Running<'_>,
        store: &mut ViewStore,
    ) -> Result<After, ProjectorError> {
        let Running { projector, line, sinks, replay, state } = running;
        let committed = line.engine.committed();
        self.repair(&committed, store, sinks).await?;
        self.begin_rebuilds(committed.definition(), sinks);
        let mut asked = std::mem::take(&mut self.asked);
        let mut after = After::GoOn;
        while let (After::GoOn, Some(next)) = (&after, asked.pop_front()) {
            let running = Running { projector, line, sinks, replay, state };
            match self.begin(running, &committed, store, &next).await {
                Ok(Begun::Taken) => {}
                Ok(Begun::Later) => self.asked.push_back(next),
                Ok(Begun::Redefines(definition)) => after = After::Redefine(definition),
                // The store may be right again in a moment: nothing of what was asked for is forgotten.
                Err(error) => {
                    self.asked.push_back(next);
                    self.asked.append(&mut asked);
                    return Err(error);
                }
            }
        }
        self.asked.append(&mut asked);
        if let After::Redefine(_) = after {
            return Ok(after);
        }
        self.begin_rebuilds(committed.definition(), sinks);
        self.tell_progress(store, sinks, committed.definition());
        if let Some(replay) = replay {
            self.tell_replay(replay, store);
        }
        Ok(After::GoOn)
    }

    /// Does what a request asks for, or begins it.
    async fn begin(
        &mut self,
        running: Running<'_>,
        committed: &Committed,
        store: &mut ViewStore,
        asked: &Asked,
    ) -> Result<Begun, ProjectorError> {
        let Running { projector, sinks, replay, state, line: _ } = running;
        let Asked { request, replies } = asked;
        match request {
            Request::Rebuild { from_events: true, .. } => {
                if replay.is_none() {
                    let definition = match (projector.read_again)() {
                        Ok(definition) => definition,
                        Err(error) => {
                            tell(replies, Reply::Failed { error });
                            return Ok(Begun::Taken);
                        }
                    };
                    let (state, seen) = (state_directory::after(state), sinks.visible());
                    *replay = Some(Replay::open(projector, &definition, state, store, &seen).await?);
                }
                self.replay_watchers.push(replies.clone());
            }
            Request::Rebuild { views, from_events: false } => {
                match self.rebuild(projector, committed, views, replies) {
                    Ok(None) => {}
                    Ok(Some(definition)) => return Ok(Begun::Redefines(definition)),
                    Err(error) => tell(replies, Reply::Failed { error }),
                }
            }
            Request::CancelRebuild => {
                if let Some(replay) = replay.take() {
                    replay.abandon(projector, store).await?;
                    let error = "the rebuild was cancelled".to_owned();
                    self.note_replay_ended(Reply::Failed { error });
                    let text = "the rebuild from the events was given up".to_owned();
                    tell(replies, Reply::Note { text });
                }
                self.cancel(committed.definition(), store, sinks, replies).await?;
            }
            Request::BackUpState { directory } => {
                self.comparisons.spawn(back_up(committed.clone(), directory.clone(), replies.clone()));
            }
            Request::Decide { decisions } => {
                // On its own: what is begun is not to be broken off with comparisons.
                let log = projector.log.clone();
                tokio::spawn(decide(log, decisions.clone(), replies.clone()));
            }
            Request::DropView { view } => {
                let reply = drop_view(committed.definition(), store, view).await?;
                tell(replies, reply);
            }
            Request::Verify { .. } | Request::DryRun { .. } => {
                match self.compare(projector, committed, store, sinks, asked).await? {
                    Ok(true) => {}
                    Ok(false) => return Ok(Begun::Later),
                    Err(error) => tell(replies, Reply::Failed { error }),
                }
            }
        }
        Ok(Begun::Taken)
    }

    /// Notes what is to be rebuilt. Returns the definition to go on with, if it is another one than before.
    fn rebuild(
        &mut self,
        projector: &Projector,
        committed: &Committed,
        views: &[String],
        replies: &mpsc::UnboundedSender<Reply>,
    ) -> Result<Option<Arc<Definition>>, String> {
        let definition = (projector.read_again)()?;
        let before = committed.definition();
        if definition.contracts.canonical() != before.contracts.canonical() {
            return Err("the contracts mean something else than those that the state was folded under. \
                 Add --from-events: every event is replayed under them, beside what readers see"
                .to_owned());
        }
        let views = named_views(&definition, views)?;
        let is_changed = |name: &String| {
            let fingerprint = |definition: &Definition| {
                let view = definition.views.iter().find(|view| view.plan.name == *name);
                view.map(|view| view.fingerprint.clone())
            };
            fingerprint(before) != fingerprint(&definition)
        };
        let all = definition.views.iter().chain(&before.views).map(|view| view.plan.name.clone());
        let changed: BTreeSet<String> = all.filter(is_changed).collect();
        if !changed.is_empty() {
            let list = changed.iter().cloned().collect::<Vec<_>>().join(", ");
            tell(replies, Reply::Note { text: format!("changed since the projector read them: {list}") });
        }
        let declared = |name: &&String| definition.views.iter().any(|view| view.plan.name == **name);
        let to_begin = views.difference(&changed).cloned().collect();
        let views = views.into_iter().chain(changed.iter().filter(declared).cloned()).collect();
        self.rebuilds.push(Rebuild { views, to_begin, replies: replies.clone(), told: Instant::now() });
        // A search index that means something else is built anew by itself, and nobody waits for it here.
        let indexes = |definition: &Definition| {
            let of = |view| IndexDefinition::of(view).map(|index| index.fingerprint);
            definition.views.iter().map(of).collect::<Vec<_>>()
        };
        let is_redefined = !changed.is_empty() || indexes(before) != indexes(&definition);
        Ok(is_redefined.then_some(definition))
    }

    fn begin_rebuilds(&mut self, definition: &Definition, sinks: &mut SinkSet) {
        for rebuild in &mut self.rebuilds {
            rebuild.to_begin.retain(|name| {
                let place = definition.views.iter().position(|view| view.plan.name == *name);
                place.is_some_and(|place| !sinks.rebuild(place))
            });
        }
    }

    async fn cancel(
        &mut self,
        definition: &Definition,
        store: &mut ViewStore,
        sinks: &mut SinkSet,
        replies: &mpsc::UnboundedSender<Reply>,
    ) -> Result<(), ProjectorError> {
        let given_up = sinks.cancel_rebuilds(store, definition).await?;
        let given_up: BTreeSet<&String> =
            given_up.iter().map(|place| &definition.views[*place].plan.name).collect();
        let concerns = |rebuild: &mut Rebuild| rebuild.views.iter().any(|view| given_up.contains(view));
        for rebuild in self.rebuilds.extract_if(.., concerns) {
            tell(&rebuild.replies, Reply::Failed { error: "the rebuild was cancelled".to_owned() });
        }
        for view in given_up {
            tell(replies, Reply::Note { text: format!("the rebuild of {view} was given up") });
        }
        tell(replies, Reply::Done);
        Ok(())
    }

    /// Begins a comparison if every view named stands where the state stands; false if it must wait for that.
    async fn compare(
        &mut self,
        projector: &Projector,
        committed: &Committed,
        store: &mut ViewStore,
        sinks: &SinkSet,
        Asked { request, replies }: &Asked,
    ) -> Result<Result<bool, String>, ProjectorError> {
        let (views, from_events, repair, is_dry_run) = match request {
            Request::Verify { views, from_events, repair } => (views, *from_events, *repair, false),
            Request::DryRun { views, from_events } => (views, *from_events, false, true),
            _ => return Ok(Ok(true)),
        };
        let definition = match is_dry_run {
            true => match (projector.read_again)() {
                Ok(definition) => definition,
                Err(error) => return Ok(Err(error)),
            },
            false => committed.definition().clone(),
        };
        let is_redefined = definition.contracts.canonical() != committed.definition().contracts.canonical();
        if is_redefined && !from_events {
            return Ok(Err("the contracts mean something else than those that the state was folded under: add --from-events"
                .to_owned()));
        }
        let views = match named_views(&definition, views) {
            Ok(views) => views,
            Err(error) => return Ok(Err(error)),
        };
        let mut compared = Vec::new();
        for (place, view) in definition.views.iter().enumerate() {
            if !views.contains(&view.plan.name) {
                continue;
            }
            let known =
                committed.definition().views.iter().position(|known| known.plan.name == view.plan.name);
            let stand = known.and_then(|known| sinks.stand(known));
            let generation = match stand.map(|stand| &stand.live) {
                Some(Live::Follows(standing)) if standing.follower.is_behind(committed) => {
                    return Ok(Ok(false));
                }
                Some(Live::Follows(standing)) => Some(standing.generation),
                None | Some(Live::Nothing) if is_dry_run => None,
                Some(_) | None => {
                    return Ok(Err(format!(
                        "{} is being built: compare it when prejoin views says that it follows",
                        view.plan.name
                    )));
                }
            };
            compared.push(Compared { place, generation });
        }
        let origin = match (from_events, is_dry_run) {
            (true, _) => Origin::Events {
                log: projector.log.clone(),
                directory: projector.data_directory.join("state.compared"),
                settings: Box::new(projector.settings.clone()),
            },
            (false, true) => Origin::Redefined { settings: projector.settings.engine },
            (false, false) => Origin::State,
        };
        let snapshot = store.snapshot().await?;
        let repairs = repair.then(|| self.repairs.0.clone());
        let comparison = Comparison {
            definition,
            committed: committed.clone(),
            views: compared,
            snapshot,
            origin,
            repairs,
            replies: replies.clone(),
        };
        self.comparisons.spawn(comparison.run());
        Ok(Ok(true))
    }

    /// Writes rows anew that a comparison found to be wrong.
    async fn repair(
        &mut self,
        committed: &Committed,
        store: &mut ViewStore,
        sinks: &SinkSet,
    ) -> Result<(), ProjectorError> {
        while let Ok(repair) = self.repairs.1.try_recv() {
            self.repairs_due.push_back(repair);
        }
        let mut later = VecDeque::new();
        for Repair { view, generation, keys, done } in std::mem::take(&mut self.repairs_due) {
            let place = committed.definition().views.iter().position(|known| known.plan.name == view);
            match place {
                Some(place) if !sinks.repair(store, committed, place, generation, &keys).await? => {
                    later.push_back(Repair { view, generation, keys, done });
                }
                // Who waits may be gone; a view that is gone needs no repair.
                _ => drop(done.send(())),
            }
        }
        self.repairs_due = later;
        Ok(())
    }

    fn tell_replay(&mut self, replay: &Replay, store: &ViewStore) {
        if self.replay_told.elapsed() < PROGRESS_INTERVAL {
            return;
        }
        self.replay_told = Instant::now();
        let progress = replay.progress(store);
        for watcher in &self.replay_watchers {
            progress.iter().for_each(|reply| tell(watcher, reply.clone()));
        }
    }

    fn tell_progress(&mut self, store: &ViewStore, sinks: &SinkSet, definition: &Definition) {
        for rebuild in &mut self.rebuilds {
            if rebuild.told.elapsed() < PROGRESS_INTERVAL {
                continue;
            }
            rebuild.told = Instant::now();
            for (name, stand, live_rows, _) in sinks.report(store, definition) {
                if !rebuild.views.contains(name) {
                    continue;
                }
                let (work, done) = match &stand.build {
                    Some(Build::Rows { standing, .. }) => {
                        (Work::Build, rows_of(store, name, standing.generation))
                    }
                    Some(Build::Ready(standing)) => (Work::Wait, rows_of(store, name, standing.generation)),
                    _ => (Work::Wait, 0),
                };
                let total = (live_rows > 0).then_some(live_rows.unsigned_abs());
                tell(&rebuild.replies, Reply::Progress { view: Some(name.to_owned()), work, done, total });
            }
        }
    }
}

fn rows_of(store: &ViewStore, view: &str, generation: i64) -> u64 {
    store.counts(view, generation).map_or(0, |(rows, _)| rows.unsigned_abs())
}

async fn back_up(committed: Committed, directory: PathBuf, replies: mpsc::UnboundedSender<Reply>) {
    let copied =
        tokio::task::block_in_place(|| prejoin_state::copy(committed.snapshot().as_ref(), &directory));
    match copied {
        Ok(entries) => {
            let text = format!("{entries} entries at {}", committed.position());
            tell(&replies, Reply::Note { text });
            tell(&replies, Reply::Done);
        }
        Err(error) => tell(&replies, Reply::Failed { error: error.to_string() }),
    }
}

async fn drop_view(
    definition: &Definition,
    store: &mut ViewStore,
    view: &str,
) -> Result<Reply, ProjectorError> {
    let undeclared = crate::sink_set::undeclared(store, definition).await?;
    if undeclared.contains(view) {
        store.remove_view(view).await?;
        return Ok(Reply::Done);
    }
    let error = match definition.views.iter().any(|known| known.plan.name == view) {
        true => format!(
            "{view} is declared: remove its file from the config directory first, and start the projector again"
        ),
        false => format!("the view store has no view {view}"),
    };
    Ok(Reply::Failed { error })
}

/// The views named, or all; an error names those there are.
fn named_views(definition: &Definition, named: &[String]) -> Result<BTreeSet<String>, String> {
    let known: BTreeSet<String> = definition.views.iter().map(|view| view.plan.name.clone()).collect();
    if named.is_empty() {
        return Ok(known);
    }
    match named.iter().find(|name| !known.contains(*name)) {
        Some(unknown) => {
            let known = known.into_iter().collect::<Vec<_>>().join(", ");
            Err(format!("there is no view {unknown}; there are {known}"))
        }
        None => Ok(named.iter().cloned().collect()),
    }
}

/// Who asked may be gone.
pub(crate) fn tell(replies: &mpsc::UnboundedSender<Reply>, reply: Reply) {
    if replies.send(reply).is_err() {
        tracing::trace!("nobody waits for the answer any more");
    }
}
