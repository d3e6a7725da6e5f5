//! One run of a file: an engine, a sink, and what they hold after a step.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use prejoin_engine::{Committed, Definition, Engine, Settings, StepReport};
use prejoin_envelope::Position;
use prejoin_model::Row;
use prejoin_state::{Batch, DurableState, MemoryState, Space, State};
use tempfile::TempDir;

use crate::event::Message;
use crate::sink::{Content, Sink};

/// Rounds in which a sink must get to the end; more would be no progress.
const ROUNDS_MAX: usize = 1_000;

/// From this first byte of their keys on, tables are made of others.
const GROUP_TABLES_FIRST_BYTE: u8 = 0x80;

/// What everything holds after a step.
#[derive(Debug, PartialEq)]
pub(crate) struct Step {
    /// In the order of the definition's tables.
    pub(crate) tables: Vec<Vec<Row>>,
    pub(crate) views: BTreeMap<String, Content>,
    /// What is kept of groups beside their rows.
    accumulators: BTreeMap<Bytes, Bytes>,
    /// The keys of each view that were stale, as far as they came to the sink in one transaction.
    pub(crate) stale: BTreeMap<String, BTreeSet<Bytes>>,
    position: Position,
}

impl Step {
    /// What every way must end with: without what depends on the steps that were taken, which are the keys that were
    /// stale, and the rows that stayed from earlier where a row cannot be computed.
    pub(crate) fn end(&self) -> Step {
        let mut views = self.views.clone();
        for content in views.values_mut() {
            content.rows.retain(|key, _| !content.failed.contains_key(key));
        }
        Step {
            tables: self.tables.clone(),
            views,
            accumulators: self.accumulators.clone(),
            stale: BTreeMap::new(),
            position: self.position.clone(),
        }
    }
}

/// Where the state lies.
enum Place {
    Memory(Arc<MemoryState>),
    Directory(TempDir),
}

pub(crate) struct Run {
    definition: Arc<Definition>,
    settings: Settings,
    place: Place,
    /// Nothing while it is closed.
    engine: Option<Engine>,
    state: Arc<dyn State>,
    pub(crate) sink: Sink,
}

impl Run {
    pub(crate) fn new(definition: &Arc<Definition>, settings: Settings, durable: bool) -> Run {
        let place = match durable {
            true => Place::Directory(tempfile::tempdir().unwrap()),
            false => Place::Memory(Arc::default()),
        };
        let mut run = Run {
            definition: definition.clone(),
            settings,
            place,
            engine: None,
            state: Arc::new(MemoryState::default()),
            sink: Sink::default(),
        };
        run.restart();
        run
    }

    /// Closes the state and opens it again.
    pub(crate) fn restart(&mut self) {
        self.engine = None;
        self.state = Arc::new(MemoryState::default());
        self.sink.detach();
        self.state = match &self.place {
            Place::Memory(state) => state.clone(),
            Place::Directory(directory) => Arc::new(DurableState::open(directory.path()).unwrap()),
        };
        self.engine = Some(Engine::open(self.definition.clone(), self.state.clone(), self.settings).unwrap());
    }

    pub(crate) fn step(&mut self, messages: &[Message]) -> StepReport {
        let messages = messages.iter().map(|message| message.0.clone()).collect();
        let report = self.engine.as_mut().unwrap().step(messages, None).unwrap();
        assert_eq!(report.holes, [], "the events are numbered one after another");
        assert!(report.deferred.is_empty(), "there is no limit");
        report
    }

    /// Everything once more: nothing of it is new.
    pub(crate) fn step_again(&mut self, messages: &[Message]) {
        let messages: Vec<_> = messages.iter().map(|message| message.0.clone()).collect();
        let report = self.engine.as_mut().unwrap().step(messages, None).unwrap();
        assert!(!report.committed && report.applied == 0, "what was applied is applied again: {report:?}");
    }

    pub(crate) fn committed(&self) -> Committed {
        self.engine.as_ref().unwrap().committed()
    }

    pub(crate) fn advance(&mut self, slice_rows: usize) {
        self.sink.advance(&self.committed(), slice_rows);
        assert_eq!(self.sink.fold_limit(), None, "no state was lost");
    }

    /// Works through every fan-out.
    pub(crate) fn settle(&mut self, slice_rows: usize) {
        let end = self.committed().position().clone();
        for _ in 0..ROUNDS_MAX {
            self.advance(slice_rows);
            if self.is_settled() && self.sink.is_at(&end) {
                return;
            }
        }
        panic!("the sink never got to {end}");
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.sink.views.values().all(|view| view.pending.is_empty())
    }

    /// What the sink holds beside the tables.
    pub(crate) fn seen(&self) -> Step {
        let views = || self.sink.views.iter();
        let mut step = self.step_of(
            &self.committed(),
            self.state.as_ref(),
            views().map(|(name, view)| (name.clone(), view.content.clone())).collect(),
        );
        step.stale = views().map(|(name, view)| (name.clone(), view.written.clone())).collect();
        step
    }

    /// What group tables and views are when they are computed from the contracts' tables anew.
    pub(crate) fn recomputed(&self) -> Step {
        let fresh: Arc<dyn State> = Arc::new(MemoryState::default());
        let mut batch = Batch::default();
        for entry in self.state.snapshot().scan(Space::Tables, &[], &[]) {
            let (key, row) = entry.unwrap();
            if key[0] < GROUP_TABLES_FIRST_BYTE {
                batch.put(Space::Tables, key, row);
            }
        }
        fresh.commit(batch).unwrap();
        let settings = Settings { opening_slice_rows: 2, ..self.settings };
        let committed = Engine::open(self.definition.clone(), fresh.clone(), settings).unwrap().committed();
        let views = self.definition.views.iter().enumerate();
        let view = |(place, view): (usize, &prejoin_engine::View)| {
            (view.plan.name.clone(), Content::build(&committed, place))
        };
        self.step_of(&committed, fresh.as_ref(), views.map(view).collect())
    }

    fn step_of(&self, committed: &Committed, state: &dyn State, views: BTreeMap<String, Content>) -> Step {
        let tables = (0..self.definition.tables.len()).map(prejoin_model::TableId);
        let rows = |table| committed.table_rows(table).map(Result::unwrap).collect();
        let snapshot = state.snapshot();
        let accumulators = snapshot.scan(Space::Accumulators, &[], &[]).map(Result::unwrap).collect();
        let (tables, position) = (tables.map(rows).collect(), self.committed().position().clone());
        Step { tables, views, accumulators, stale: BTreeMap::new(), position }
    }
}
