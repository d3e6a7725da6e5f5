//! Where a view stands: what readers see, and what is built beside it.

use bytes::Bytes;
use prejoin_engine::{Committed, Follower};
use prejoin_envelope::Position;

/// A view in the store.
#[derive(Debug, Clone)]
pub(crate) struct Stand {
    pub live: Live,
    pub build: Option<Build>,
}

/// What readers see.
#[derive(Debug, Clone)]
pub(crate) enum Live {
    /// Nothing yet.
    Nothing,
    Follows(Standing),
    /// The state was lost: it is first folded to exactly this position, then the generation follows.
    FoldsTo {
        position: Position,
        readers: Readers,
    },
    /// A generation that nobody keeps right any more, until another one takes its place.
    Stays(Readers),
}

/// The generation that is to take the place of what readers see.
#[derive(Debug, Clone)]
pub(crate) enum Build {
    /// Begins as soon as the state covers what readers have seen.
    Due { covers: Position },
    /// Its rows are written slice by slice, the next one from `cursor`, as of the commit where it began.
    Rows { standing: Standing, cursor: Option<Bytes> },
    /// Complete: it follows the journal from its base, and waits to be swapped in.
    Ready(Standing),
}

/// A generation and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub generation: i64,
    pub follower: Follower,
}

/// What readers have of a generation that does not follow.
#[derive(Debug, Clone, Default)]
pub(crate) struct Readers {
    pub generation: i64,
    pub visible: Position,
    pub rows: i64,
}

impl Stand {
    /// A view that nobody has seen.
    pub(crate) fn first(covers: Position) -> Self {
        Stand { live: Live::Nothing, build: Some(Build::Due { covers }) }
    }

    /// What readers see.
    pub(crate) fn live_generation(&self) -> Option<i64> {
        match &self.live {
            Live::Nothing => None,
            Live::Follows(standing) => Some(standing.generation),
            Live::FoldsTo { readers, .. } | Live::Stays(readers) => Some(readers.generation),
        }
    }

    /// Those that are kept right, or will be, or are being built.
    pub(crate) fn kept_generations(&self) -> impl Iterator<Item = i64> {
        let live = match &self.live {
            Live::Follows(_) | Live::FoldsTo { .. } => self.live_generation(),
            Live::Nothing | Live::Stays(_) => None,
        };
        let build = match &self.build {
            Some(Build::Rows { standing, .. } | Build::Ready(standing)) => Some(standing.generation),
            Some(Build::Due { .. }) | None => None,
        };
        live.into_iter().chain(build)
    }

    /// Whether the state is first folded to where readers are.
    pub(crate) fn folds(&self) -> bool {
        matches!(self.live, Live::FoldsTo { .. })
    }

    /// What readers may rely on, whatever is still to be done.
    pub(crate) fn visible(&self) -> Position {
        match &self.live {
            Live::Nothing => Position::default(),
            Live::Follows(standing) => standing.follower.visible(),
            Live::FoldsTo { readers, .. } | Live::Stays(readers) => readers.visible.clone(),
        }
    }

    /// Those that follow the journal: what readers see, and what waits to be swapped in.
    pub(crate) fn following(&self) -> impl Iterator<Item = &Standing> {
        let live = match &self.live {
            Live::Follows(standing) => Some(standing),
            _ => None,
        };
        let ready = match &self.build {
            Some(Build::Ready(standing)) => Some(standing),
            _ => None,
        };
        live.into_iter().chain(ready)
    }

    /// The commit after which the journal must be kept, whatever its size.
    pub(crate) fn journal_needed_after(&self) -> Option<u64> {
        match &self.build {
            Some(Build::Rows { standing, .. } | Build::Ready(standing)) => Some(standing.follower.commit()),
            _ => None,
        }
    }

    /// Whether there are rows to write at this commit, where builds that are due may have to wait.
    pub(crate) fn is_behind(&self, committed: &Committed, builds_wait: bool) -> bool {
        self.follows_behind(committed)
            || match &self.build {
                Some(Build::Due { covers }) => !builds_wait && committed.position().covers(covers),
                Some(Build::Rows { .. }) => true,
                Some(Build::Ready(_)) | None => false,
            }
    }

    /// Whether one that follows the journal has not come to this commit.
    pub(crate) fn follows_behind(&self, committed: &Committed) -> bool {
        self.following().any(|standing| standing.follower.is_behind(committed))
    }

    /// The generation that may take the place of what readers see: it stands where that stands, or further.
    pub(crate) fn swappable(&self, committed: &Committed) -> Option<&Standing> {
        match &self.build {
            Some(Build::Ready(standing))
                if standing.follower.commit() == committed.commit()
                    && standing.follower.visible().covers(&self.visible()) =>
            {
                Some(standing)
            }
            _ => None,
        }
    }
}
