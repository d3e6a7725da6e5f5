//! A sink as the real ones are: rows and positions in one commit, attached anew after every restart.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use prejoin_engine::{
    Committed, Follower, Pending, RowOutcome, SinkAttachment, advance, attach_sink, build_slice,
};
use prejoin_envelope::Position;
use prejoin_model::{Type, Value, decode_key, to_text};

use crate::oracle::{Oracle, Rows, keys};

/// How often the rare things happened: a test that never meets them tests nothing.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) sliced: usize,
    pub(crate) rebuilt: usize,
    pub(crate) folded_to: usize,
    pub(crate) parked: usize,
}

impl Seen {
    pub(crate) fn add(&mut self, other: &Seen) {
        self.sliced += other.sliced;
        self.rebuilt += other.rebuilt;
        self.folded_to += other.folded_to;
        self.parked += other.parked;
    }
}

#[derive(Debug, Default)]
pub(crate) struct Sink {
    views: BTreeMap<String, StoredView>,
    attached: bool,
    fold_limit: Option<Position>,
    pub(crate) seen: Seen,
}

/// What survives a restart, and what does not (`follower`).
#[derive(Debug)]
struct StoredView {
    rows: Rows,
    fingerprint: String,
    followed: Position,
    visible: Position,
    pending: Vec<Vec<u8>>,
    /// Positions at which the rows may stand while fan-outs are pending: every commit since the visible one.
    passed: Vec<Position>,
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

    pub(crate) fn advance(&mut self, committed: &Committed, slice_rows: usize) {
        if !self.attached || self.fold_limit.as_ref() == Some(committed.position()) {
            self.attach(committed);
        }
        for (place, view) in committed.definition().views.iter().enumerate() {
            let name = &view.plan.name;
            let Some(stored) = self.views.get_mut(name) else { continue };
            let Some(follower) = &stored.follower else { continue };
            let Some(step) = advance(committed, place, follower, slice_rows).unwrap() else {
                self.seen.rebuilt += 1;
                *stored = build(committed, place);
                continue;
            };
            for (key, outcome) in step.rows {
                let key = key_texts(name, &key);
                match outcome {
                    RowOutcome::Row(row) => drop(stored.rows.insert(key, texts(name, &row))),
                    RowOutcome::Absent => drop(stored.rows.remove(&key)),
                    RowOutcome::Failed(error) => panic!("{error}"),
                }
            }
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
                self.views.insert(name.clone(), build(committed, place));
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
                    *stored = build(committed, place);
                }
                // Later: readers must not see less than they have seen.
                SinkAttachment::Rebuild { .. } => self.attached = false,
            }
        }
    }

    /// Every row is the view's row at one of the positions between the visible one and the one followed; without
    /// pending fan-outs, at the one followed.
    pub(crate) fn check(&self, oracle: &Oracle) {
        for (name, view) in &self.views {
            assert!(view.followed.covers(&view.visible));
            if view.pending.is_empty() {
                assert_eq!(view.visible, view.followed);
                assert_eq!(view.rows, oracle.rows(name, &view.followed), "{name} at {}", view.followed);
                continue;
            }
            let candidates: Vec<Rows> =
                view.passed.iter().map(|position| oracle.rows(name, position)).collect();
            let mut all: BTreeSet<_> = view.rows.keys().collect();
            all.extend(candidates.iter().flat_map(|rows| keys(rows, &view.rows)));
            for key in all {
                let row = view.rows.get(key);
                assert!(
                    candidates.iter().any(|rows| rows.get(key) == row),
                    "{name} {key:?}: {row:?} is the row at none of {:?}",
                    view.passed
                );
            }
        }
    }
}

impl StoredView {
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

fn build(committed: &Committed, place: usize) -> StoredView {
    let view = &committed.definition().views[place];
    let name = &view.plan.name;
    let (mut rows, mut from) = (Rows::new(), None);
    loop {
        let slice = build_slice(committed, place, from.as_ref(), 3).unwrap();
        for (key, outcome) in slice.rows {
            match outcome {
                RowOutcome::Row(row) => drop(rows.insert(key_texts(name, &key), texts(name, &row))),
                RowOutcome::Absent => {}
                RowOutcome::Failed(error) => panic!("{error}"),
            }
        }
        from = slice.next;
        if from.is_none() {
            break;
        }
    }
    let follower = Follower::built_at(committed);
    StoredView {
        rows,
        fingerprint: view.fingerprint.clone(),
        followed: follower.followed.clone(),
        visible: follower.visible(),
        pending: Vec::new(),
        passed: vec![follower.followed.clone()],
        follower: Some(follower),
    }
}

fn key_texts(view: &str, key: &Bytes) -> Vec<String> {
    let kinds: &[Type] = match view {
        "order_list" | "order_summary" => &[Type::Text],
        "line_list" => &[Type::Text, Type::Bigint],
        _ => &[Type::Text, Type::Text, Type::Bigint],
    };
    decode_key(kinds, key).unwrap().iter().map(|value| to_text(value).unwrap()).collect()
}

/// Of dead letters, what the oracle knows: service, sequence, entity, and what it waits behind.
fn texts(view: &str, row: &[Value]) -> Vec<Option<String>> {
    match view {
        "_dead_letters" => [0, 1, 5, 8].map(|column| to_text(&row[column])).to_vec(),
        _ => row.iter().map(to_text).collect(),
    }
}
