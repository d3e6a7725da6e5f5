//! Whether a sink may follow the journal: the decision, apart from what follows from it.

use prejoin_envelope::Position;

use crate::journal::commit_at;
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
    match commit_at(committed.snapshot.as_ref(), followed)? {
        Some(commit) if commit >= since_commit => {
            Ok(SinkAttachment::Follow(Follower { commit, followed: followed.clone(), pending }))
        }
        Some(_) => rebuild("the view was not projected for a while"),
        None => rebuild("the journal does not reach back to where the rows stand"),
    }
}
