//! What a sink must write to move from where it stands to the last commit.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use bytes::Bytes;
use prejoin_envelope::Position;

use crate::journal::{entries_after, pairs_of, position_of};
use crate::recompute::recompute;
use crate::stored::{StoredCause, StoredPending, from_bytes, to_bytes};
use crate::walk::{Trail, Walker};
use crate::{Committed, EngineError, RowOutcome};

/// Where one view stands in a sink.
#[derive(Debug, Clone)]
pub struct Follower {
    pub(crate) commit: u64,
    /// Its rows are the view at this position, but for the rows of pending fan-outs.
    pub followed: Position,
    /// Fan-outs that are not worked through, oldest first.
    pub pending: Vec<Pending>,
}

/// A fan-out being worked through.
#[derive(Debug, Clone)]
pub struct Pending {
    cause: StoredCause,
    cursor: Option<Trail>,
    /// What readers may rely on until it is done.
    before: Position,
}

impl Pending {
    /// For the sink to keep in the transaction that writes the slice.
    pub fn to_bytes(&self) -> Vec<u8> {
        to_bytes(&StoredPending {
            cause: self.cause.clone(),
            cursor: self.cursor.as_ref().map(|trail| trail.iter().map(|key| key.to_vec()).collect()),
            before: pairs_of(&self.before),
        })
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EngineError> {
        let stored: StoredPending = from_bytes("a pending fan-out", bytes)?;
        Ok(Pending {
            cause: stored.cause,
            cursor: stored.cursor.map(|trail| trail.into_iter().map(Bytes::from).collect()),
            before: position_of(stored.before),
        })
    }
}

impl Follower {
    /// A view just built from a commit.
    pub fn built_at(committed: &Committed) -> Self {
        Follower { commit: committed.commit, followed: committed.position.clone(), pending: Vec::new() }
    }

    /// The commit that it has followed to.
    pub fn commit(&self) -> u64 {
        self.commit
    }

    /// What readers may rely on: the position before the oldest pending fan-out.
    pub fn visible(&self) -> Position {
        self.pending.iter().fold(self.followed.clone(), |visible, pending| visible.meet(&pending.before))
    }

    /// Whether there is anything to write.
    pub fn is_behind(&self, committed: &Committed) -> bool {
        self.commit < committed.commit || !self.pending.is_empty()
    }
}

/// One transaction's worth for one view.
#[derive(Debug)]
pub struct Advance {
    /// By key, each key once.
    pub rows: Vec<(Bytes, RowOutcome)>,
    /// Where the view stands afterwards, to be stored in the same transaction.
    pub follower: Follower,
}

/// What makes up one `Advance`, for a sink that computes the rows part by part.
#[derive(Debug)]
pub struct StaleKeys {
    /// The keys of the rows to be computed, by `recompute` at the same commit.
    pub keys: BTreeSet<Bytes>,
    /// Where the view stands once they are written.
    pub follower: Follower,
}

/// Takes a view to the last commit: every ordinary stale key since, and of the rows of pending fan-outs at most `slice_rows`, or
/// as many as there are such keys, if any at all.
/// Nothing if the journal no longer reaches back to where the view stands: it is to be built anew.
pub fn advance(
    committed: &Committed,
    view: usize,
    follower: &Follower,
    slice_rows: usize,
) -> Result<Option<Advance>, EngineError> {
    let Some(StaleKeys { keys, follower }) = stale_keys(committed, view, follower, slice_rows)? else {
        return Ok(None);
    };
    let rows = recompute(committed, view, keys.into_iter())?;
    Ok(Some(Advance { rows, follower }))
}

/// The same without the rows.
pub fn stale_keys(
    committed: &Committed,
    view: usize,
    follower: &Follower,
    slice_rows: usize,
) -> Result<Option<StaleKeys>, EngineError> {
    if follower.commit + 1 < committed.journal_first {
        return Ok(None);
    }
    let fingerprint = &committed.definition.views[view].fingerprint;
    let mut keys: BTreeSet<Bytes> = BTreeSet::new();
    let mut pending = follower.pending.clone();
    let waiting = pending.iter().filter(|pending| pending.cursor.is_none());
    let mut waiting: BTreeSet<StoredCause> = waiting.map(|pending| pending.cause.clone()).collect();
    let mut before = follower.followed.clone();
    for entry in entries_after(committed.snapshot.as_ref(), follower.commit) {
        let entry = entry?;
        for stale in entry.views.into_iter().filter(|stale| stale.view == *fingerprint) {
            keys.extend(stale.keys.into_iter().map(|key| key.0));
            for cause in stale.fan_outs {
                // One that has not begun will show what this one changed, too, and holds readers back no later.
                if waiting.insert(cause.clone()) {
                    pending.push(Pending { cause, cursor: None, before: before.clone() });
                }
            }
        }
        before = position_of(entry.position);
    }
    // As many as are written anyhow make a transaction no more than twice as long.
    let slice_rows = if slice_rows == 0 { 0 } else { slice_rows.max(keys.len()) };
    let pending = slice(committed, view, pending, slice_rows, &mut keys)?;
    let follower = Follower { commit: committed.commit, followed: committed.position.clone(), pending };
    Ok(Some(StaleKeys { keys, follower }))
}

/// Names up to `slice_rows` keys of the pending fan-outs, oldest first. Returns those that are not done.
///
/// A fan-out may be worked through in later states than the one that caused it: a row that joins the cause's values
/// since then is stale by its own change, and one that no longer does likewise. On a path of several hops that change
/// may itself be a fan-out that is pending still: so a later one takes over what readers may rely on from an earlier
/// one that is done. On a path of one hop it is the grain row's own change, whose key is never part of a fan-out.
fn slice(
    committed: &Committed,
    view: usize,
    pending: Vec<Pending>,
    slice_rows: usize,
    keys: &mut BTreeSet<Bytes>,
) -> Result<Vec<Pending>, EngineError> {
    let paths = &committed.definition.views[view].plan.paths;
    let walker = Walker {
        definition: &committed.definition,
        indexes: &committed.indexes,
        snapshot: committed.snapshot.as_ref(),
    };
    let mut left = slice_rows;
    let mut unfinished = Vec::new();
    let mut taken_over: Option<Position> = None;
    for mut pending in pending {
        if let Some(before) = &taken_over {
            pending.before = pending.before.meet(before);
        }
        let path = &paths[pending.cause.path as usize];
        let mut reached = None;
        let flow = walker.walk(path, &pending.cause.values, pending.cursor.as_deref(), &mut |trail| {
            if left == 0 {
                return ControlFlow::Break(());
            }
            left -= 1;
            keys.extend(trail.last().cloned());
            reached = Some(trail.clone());
            ControlFlow::Continue(())
        })?;
        if flow.is_break() {
            pending.cursor = reached.or(pending.cursor);
            unfinished.push(pending);
        } else if path.hops.len() > 1 {
            taken_over = Some(pending.before);
        }
    }
    Ok(unfinished)
}
