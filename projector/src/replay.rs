//! A rebuild from the events: a new state is folded from the log's beginning, and every view is built from it, beside
//! what readers see; then one takes the other's place.

use std::sync::Arc;

use prejoin_engine::Definition;
use prejoin_envelope::Position;
use prejoin_sinks::ViewStore;

use crate::control::{Reply, Work};
use crate::line::Line;
use crate::search::SearchSet;
use crate::sink_set::{Role, SeenByView, SinkSet, Swapped};
use crate::stand::Build;
use crate::{Projector, ProjectorError, ProjectorSettings, state_directory};

/// Events of a step: readers' views get their turn in between.
const STEP_EVENTS_MAX: usize = 16 * 1024;

pub(crate) struct Replay {
    /// The name of the state's directory.
    state: String,
    line: Line,
    sinks: SinkSet,
}

/// What takes the place of what was.
pub(crate) struct TakenOver {
    pub state: String,
    pub line: Line,
    pub sinks: SinkSet,
    pub swapped: Vec<Swapped>,
}

impl Replay {
    /// Begins, or goes on with what an earlier run began under this name.
    pub(crate) async fn open(
        projector: &Projector,
        definition: &Arc<Definition>,
        state: String,
        store: &mut ViewStore,
        readers: &Position,
    ) -> Result<Self, ProjectorError> {
        let settings = &projector.settings;
        let directory = projector.data_directory.join(&state);
        let engine = tokio::task::block_in_place(|| state_directory::open(&directory, definition, settings))?;
        let line = Line::read(engine, &projector.log, settings, settings.status_interval);
        let covers = of_services(readers, definition);
        let search = SearchSet::new(projector.data_directory.clone(), projector.search_settings());
        let (role, committed) = (Role::Replay { covers }, line.engine.committed());
        let sinks = SinkSet::attached(store, &state, role, search, &committed).await?;
        Ok(Replay { state, line, sinks })
    }

    /// A step, and the sinks' part of it; `live` is where the state stands that feeds readers. An error says why it can
    /// never be completed, if that is so.
    pub(crate) async fn turn(
        &mut self,
        store: &mut ViewStore,
        settings: &ProjectorSettings,
        live: &Position,
    ) -> Result<Result<(), String>, ProjectorError> {
        if let Err(refused) = self.line.refusal() {
            return Ok(Err(refused.to_string()));
        }
        let step_events_max = settings.step_events_max.min(STEP_EVENTS_MAX);
        let bounded = ProjectorSettings { step_events_max, ..settings.clone() };
        self.line.engine.keep_journal_after(self.sinks.journal_needed_after());
        let limit = self.limit(live);
        let stepped = self.line.step(&bounded, limit.as_ref())?;
        let committed = self.line.engine.committed();
        if self.sinks.is_behind(&committed) {
            tokio::task::block_in_place(|| self.line.engine.sync())?;
            self.sinks.advance(store, &committed, settings).await?;
        }
        self.line.done(stepped.done_to);
        Ok(Ok(()))
    }

    /// Where it stands, once it has come to where readers' state waits for it: what is left of pending fan-outs is worked
    /// through then, and no new ones come.
    fn limit(&self, live: &Position) -> Option<Position> {
        let position = self.line.engine.position();
        let definition = self.line.engine.definition();
        (self.is_complete() && position.covers(&of_services(live, definition))).then_some(position)
    }

    /// Whether there is something to do at once.
    pub(crate) fn is_busy(&self, live: &Position) -> bool {
        let may_step = self.limit(live).is_none() && self.line.has_arrived();
        may_step || self.sinks.is_behind(&self.line.engine.committed())
    }

    /// Whether every view is complete, so that only the last events are missing: readers' views wait for it now.
    pub(crate) fn is_complete(&self) -> bool {
        self.sinks.is_complete(self.line.engine.definition())
    }

    pub(crate) fn sinks(&self) -> &SinkSet {
        &self.sinks
    }

    /// Swaps, if every view stands where its readers are, or further. What is returned then takes the place of what was.
    pub(crate) async fn take_over(
        mut self,
        store: &mut ViewStore,
        mut readers: SeenByView,
    ) -> Result<Result<TakenOver, Self>, ProjectorError> {
        let committed = self.line.engine.committed();
        for seen in readers.values_mut() {
            seen.rows = of_services(&seen.rows, committed.definition());
            seen.words = of_services(&seen.words, committed.definition());
        }
        if !self.sinks.may_take_over(&committed, &readers) {
            return Ok(Err(self));
        }
        let swapped = self.sinks.swap(store, &committed).await?;
        if swapped.is_empty() {
            return Ok(Err(self));
        }
        self.sinks.take_over();
        Ok(Ok(TakenOver { state: self.state, line: self.line, sinks: self.sinks, swapped }))
    }

    /// Gives everything up.
    pub(crate) async fn abandon(
        self,
        projector: &Projector,
        store: &mut ViewStore,
    ) -> Result<(), ProjectorError> {
        let Replay { state, line, sinks } = self;
        // What they have running still reads the state.
        drop(sinks);
        drop(line);
        state_directory::abandon(&projector.data_directory, &state, store).await
    }

    /// How far it is, for those who watch.
    pub(crate) fn progress(&self, store: &ViewStore) -> Vec<Reply> {
        let (done, last) = self.line.progress();
        let mut replies = vec![Reply::Progress { view: None, work: Work::Replay, done, total: Some(last) }];
        let definition = self.line.engine.definition().clone();
        for (name, stand, _, _) in self.sinks.report(store, &definition) {
            let (work, generation) = match &stand.build {
                Some(Build::Rows { standing, .. }) => (Work::Build, standing.generation),
                Some(Build::Ready(standing)) => (Work::Wait, standing.generation),
                _ => continue,
            };
            let done = store.counts(name, generation).map_or(0, |(rows, _)| rows.unsigned_abs());
            replies.push(Reply::Progress { view: Some(name.to_owned()), work, done, total: None });
        }
        replies
    }
}

/// A position without services that the definition does not know: no state of it will ever come there.
fn of_services(position: &Position, definition: &Definition) -> Position {
    let known = |service: &str| definition.services().any(|known| known == service);
    let known = position.iter().filter(|(service, _)| known(service));
    known.map(|(service, sequence)| (service.to_owned(), sequence)).collect()
}
