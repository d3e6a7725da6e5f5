//! Whether a sink may follow the journal: the decision, apart from what follows from it.

use prejoin_envelope::Position;

use crate::journal::commits_at;
use crate::{Committed, EngineError, Follower, Pending};

/// What is to become of a view that a sink holds.
#[derive(Debug)]
pub enum SinkAttachment {
    /// It goes on from where it stands.
    Follow(Follower),
    /// The state was lost: it is first folded to exactly this position, then the sink follows.
    FoldTo(Position),
    /// It is built anew, once the state covers what its readers have seen.
    Rebuild { reason: String },
}

/// Decides for a view that a sink holds under `fingerprint`, at the position `followed`.
pub fn attach_sink(
    committed: &Committed,
    view: usize,
    fingerprint: &str,
    followed: &Position,
    pending: Vec<Pending>,
) -> Result<SinkAttachment, EngineError> {
    let rebuild = |reason: &str| Ok(SinkAttachment::Rebuild { reason: reason.to_owned() });
    if committed.definition.views[view].fingerprint != fingerprint {
        return rebuild("the view or a contract means something else now");
    }
    let state = &committed.position;
    if followed.covers(state) && followed != state {
        return Ok(SinkAttachment::FoldTo(followed.clone()));
    }
    let since = committed.tracked.iter().find(|tracked| tracked.fingerprint == fingerprint);
    let since_commit = since.map_or(u64::MAX, |tracked| tracked.since_commit);
    let Some(commits) = commits_at(committed.snapshot.as_ref(), followed)? else {
        return rebuild("the journal does not reach back to where the rows stand");
    };
    if *commits.end() < since_commit {
        return rebuild("the view was not projected for a while");
    }
    let mut commit = *commits.end();
    if committed.definition.views[view].is_built_in() {
        // A message outside of the numbering is parked, or discarded, without moving the position, so that the
        // position does not say whether the sink has it: the first commit at the position is followed again, and all
        // that came after.
        if *commits.start() == committed.journal_first && committed.journal_first > 1 {
            return rebuild("the journal no longer holds every commit at the position where the rows stand");
        }
        commit = commits.start() - 1;
    }
    Ok(SinkAttachment::Follow(Follower { commit, followed: followed.clone(), pending }))
}
