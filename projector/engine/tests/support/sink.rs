//! A sink as the real ones are: rows and positions in one commit, attached anew after every restart. For every test
//! that follows the engine.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use prejoin_engine::{
    Committed, Follower, Pending, RowOutcome, SinkAttachment, advance, attach_sink, build_slice,
};
use prejoin_envelope::Position;
use prejoin_model::Row;

/// Rows of one slice of a build: few, so that tests meet the seams.
const BUILD_SLICE_ROWS: usize = 3;

/// How often the rare things happened: a test that never meets them tests nothing.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) sliced: usize,
    pub(crate) rebuilt: usize,
    pub(crate) folded_to: usize,
}

impl Seen {
    pub(crate) fn add(&mut self, other: &Seen) {
        self.sliced += other.sliced;
        self.rebuilt += other.rebuilt;
        self.folded_to += other.folded_to;
    }
}

#[derive(Debug, Default)]
pub(crate) struct Sink {
    pub(crate) views: BTreeMap<String, StoredView>,
    attached: bool,
    fold_limit: Option<Position>,
    pub(crate) seen: Seen,
}

/// A view's rows by key, and what could not be computed: the last good row stays beside its error.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Content {
    pub(crate) rows: BTreeMap<Bytes, Row>,
    pub(crate) failed: BTreeMap<Bytes, String>,
}

impl Content {
    fn write(&mut self, rows: Vec<(Bytes, RowOutcome)>) {
        for (key, outcome) in rows {
            self.failed.remove(&key);
            match outcome {
                RowOutcome::Row(row) => drop(self.rows.insert(key, row)),
                RowOutcome::Absent => drop(self.rows.remove(&key)),
                RowOutcome::Failed(error) => drop(self.failed.insert(key, error.to_string())),
            }
        }
    }

    /// The whole view as of a commit, computed from its tables.
    pub(crate) fn build(committed: &Committed, view: usize) -> Content {
        let (mut content, mut from) = (Content::default(), None);
        loop {
            let slice = build_slice(committed, view, from.as_ref(), BUILD_SLICE_ROWS).unwrap();
            content.write(slice.rows);
            from = slice.next;
            if from.is_none() {
                return content;
            }
        }
    }
}

/// What survives a restart, and what does not (`follower`).
#[derive(Debug)]
pub(crate) struct StoredView {
    pub(crate) content: Content,
    fingerprint: String,
    pub(crate) followed: Position,
    pub(crate) visible: Position,
    pub(crate) pending: Vec<Vec<u8>>,
    /// Positions at which the rows may stand while fan-outs are pending: every commit since the visible one.
    pub(crate) passed: Vec<Position>,
    /// The keys that the last transaction wrote, changed or not.
    pub(crate) written: BTreeSet<Bytes>,
    follower: Option<Follower>,
}

impl Sink {
    pub(crate) fn detach(&mut self) {
        self.attached = false;
        self.fold_limit = None;
        for view in self.views.values_mut() {
            view.follower = None;
        }
    }

    pub(crate) fn fold_limit(&self) -> Option<&Position> {
        self.fold_limit.as_ref()
    }

    pub(crate) fn is_at(&self, end: &Position) -> bool {
        !self.views.is_empty()
            && self.views.values().all(|view| view.follower.is_some() && view.visible == *end)
    }

    /// One transaction's worth for every view.
    pub(crate) fn advance(&mut self, committed: &Committed, slice_rows: usize) {
        if !self.attached || self.fold_limit.as_ref() == Some(committed.position()) {
            self.attach(committed);
        }
        for (place, view) in committed.definition().views.iter().enumerate() {
            let Some(stored) = self.views.get_mut(&view.plan.name) else { continue };
            let Some(follower) = &stored.follower else { continue };
            let Some(step) = advance(committed, place, follower, slice_rows).unwrap() else {
                self.seen.rebuilt += 1;
                *stored = StoredView::build(committed, place);
                continue;
            };
            stored.written = step.rows.iter().map(|(key, _)| key.clone()).collect();
            stored.content.write(step.rows);
            self.seen.sliced += step.follower.pending.len();
            stored.take_stand(step.follower);
        }
    }

    fn attach(&mut self, committed: &Committed) {
        self.attached = true;
        self.fold_limit = None;
        for (place, view) in committed.definition().views.iter().enumerate() {
            let name = &view.plan.name;
            let Some(stored) = self.views.get_mut(name) else {
                self.views.insert(name.clone(), StoredView::build(committed, place));
                continue;
            };
            if stored.follower.is_some() {
                continue;
            }
            let pending = stored.pending.iter().map(|bytes| Pending::from_bytes(bytes).unwrap()).collect();
            match attach_sink(committed, place, &stored.fingerprint, &stored.followed, pending).unwrap() {
                SinkAttachment::Follow(follower) => stored.follower = Some(follower),
                SinkAttachment::FoldTo(position) => {
                    self.seen.folded_to += 1;
                    self.fold_limit = Some(position);
                }
                SinkAttachment::Rebuild { .. } if committed.position().covers(&stored.visible) => {
                    self.seen.rebuilt += 1;
                    *stored = StoredView::build(committed, place);
                }
                // Later: readers must not see less than they have seen.
                SinkAttachment::Rebuild { .. } => self.attached = false,
            }
        }
    }
}

impl StoredView {
    fn build(committed: &Committed, place: usize) -> StoredView {
        let follower = Follower::built_at(committed);
        StoredView {
            content: Content::build(committed, place),
            fingerprint: committed.definition().views[place].fingerprint.clone(),
            followed: follower.followed.clone(),
            visible: follower.visible(),
            pending: Vec::new(),
            passed: vec![follower.followed.clone()],
            written: BTreeSet::new(),
            follower: Some(follower),
        }
    }

    fn take_stand(&mut self, follower: Follower) {
        assert!(follower.visible().covers(&self.visible), "the visible position went back");
        self.followed = follower.followed.clone();
        self.visible = follower.visible();
        self.pending = follower.pending.iter().map(Pending::to_bytes).collect();
        self.passed.push(self.followed.clone());
        let visible = &self.visible;
        self.passed.retain(|position| position.covers(visible));
        if !self.passed.contains(visible) {
            self.passed.push(visible.clone());
        }
        self.follower = Some(follower);
    }
}
