//! What a thread does for an index, at one commit of the state: open it, begin it, build a part of it, or follow.

use std::path::PathBuf;
use std::time::Instant;

use bytes::Bytes;
use prejoin_engine::{
    Committed, EngineError, Follower, SinkAttachment, StaleKeys, attach_sink, build_slice, recompute,
    stale_keys,
};
use prejoin_envelope::Position;
use prejoin_sinks::search::{
    FoundDirectory, IndexDefinition, IndexPlace, IndexRows, SearchError, SearchIndex, found_directories,
};

use crate::settings::SearchSettings;

/// Rows computed at once.
const PART_ROWS: usize = 10_000;

/// An index that is kept right, and where it stands.
pub(super) struct Held {
    pub index: SearchIndex,
    pub follower: Follower,
}

/// What there is to do.
pub(super) enum Step {
    /// Looks for an index to go on with; the one that the catalog names comes first.
    Open {
        named: Option<String>,
    },
    /// Makes a new one, in another directory than the one that the catalog names, even if that is gone.
    Begin {
        named: Option<String>,
    },
    Build(Box<Held>),
    Follow(Box<Held>),
}

/// What came of it.
pub(super) enum Outcome {
    Held(Box<Held>),
    /// The state was lost: it first has to come to this position.
    Awaits(Position),
    /// There is nothing to go on with; the reason if there should be.
    Lost(Option<String>),
    Failed(String),
}

/// What a thread needs to know.
pub(super) struct Job {
    pub data_directory: PathBuf,
    pub definition: IndexDefinition,
    /// The view's place in the definition.
    pub place: usize,
    pub generation: i64,
    pub committed: Committed,
    pub settings: SearchSettings,
}

impl Job {
    pub(super) fn run(self, step: Step) -> Result<Outcome, EngineError> {
        match step {
            Step::Open { named } => self.open(named.as_deref()),
            Step::Begin { named } => self.begin(named.as_deref()),
            Step::Build(held) => self.build(held),
            Step::Follow(held) => self.follow(held),
        }
    }

    fn open(&self, named: Option<&str>) -> Result<Outcome, EngineError> {
        let mut found = match self.directories() {
            Ok(found) => found,
            Err(error) => return Ok(failed(&error)),
        };
        let is_named = |found: &FoundDirectory| is_named(found, named);
        let mut reason = match named {
            Some(name) if !found.iter().any(is_named) => Some(format!("its directory {name} is gone")),
            _ => None,
        };
        // The newest first of those that are not named.
        found.sort_by_key(|found| (!is_named(found), std::cmp::Reverse(found.place.number)));
        let mut opened = None;
        for directory in found {
            if opened.is_none() {
                match self.open_one(&directory)? {
                    Ok(outcome) => {
                        opened = Some(outcome);
                        continue;
                    }
                    Err(SearchError::Busy { path }) => return Ok(failed(&SearchError::Busy { path })),
                    Err(error) => {
                        let said = error.to_string();
                        reason.get_or_insert(said);
                    }
                }
            }
            // Readers may have the named one open, whatever is wrong with it.
            if !is_named(&directory) {
                discard(&directory);
            }
        }
        Ok(opened.unwrap_or(Outcome::Lost(reason)))
    }

    /// An index that cannot be gone on with is an error, too.
    fn open_one(&self, found: &FoundDirectory) -> Result<Result<Outcome, SearchError>, EngineError> {
        let heap_bytes = self.settings.heap_bytes;
        let place = found.place.clone();
        let index = match SearchIndex::open(&self.data_directory, place, &self.definition, heap_bytes) {
            Ok(index) => index,
            Err(error) => return Ok(Err(error)),
        };
        let stand = index.stand();
        let fingerprint = &self.committed.definition().views[self.place].fingerprint;
        let attachment =
            attach_sink(&self.committed, self.place, fingerprint, &stand.followed, stand.pending.clone())?;
        Ok(match attachment {
            SinkAttachment::Follow(follower) => Ok(Outcome::Held(Box::new(Held { index, follower }))),
            SinkAttachment::FoldTo(position) => Ok(Outcome::Awaits(position)),
            SinkAttachment::Rebuild { reason } => {
                Err(SearchError::Unusable { path: found.path.display().to_string(), reason })
            }
        })
    }

    fn begin(self, named: Option<&str>) -> Result<Outcome, EngineError> {
        let found = match self.directories() {
            Ok(found) => found,
            Err(error) => return Ok(failed(&error)),
        };
        let taken = found.iter().map(|found| found.place.clone());
        let taken = taken.chain(named.and_then(IndexPlace::from_name));
        let number = 1 + taken.map(|place| place.number).max().unwrap_or(0);
        // Nobody goes on with the others: what they were begun for is lost.
        found.iter().filter(|found| !is_named(found, named)).for_each(discard);
        let place = IndexPlace { view: self.definition.view.clone(), generation: self.generation, number };
        let (base, heap_bytes) = (self.committed.position(), self.settings.heap_bytes);
        match SearchIndex::create(&self.data_directory, place, &self.definition, base, heap_bytes) {
            Ok(index) => {
                let follower = Follower::built_at(&self.committed);
                self.build(Box::new(Held { index, follower }))
            }
            Err(error) => Ok(failed(&error)),
        }
    }

    /// Adds rows from where the last part ended, and commits them.
    fn build(self, mut held: Box<Held>) -> Result<Outcome, EngineError> {
        let begun = Instant::now();
        let mut cursor = match &held.index.stand().rows {
            IndexRows::Building { cursor } => cursor.clone(),
            IndexRows::Complete => return Ok(Outcome::Held(held)),
        };
        let mut rows = 0;
        loop {
            let part_rows = PART_ROWS.min(self.settings.commit_rows);
            let slice = build_slice(&self.committed, self.place, cursor.as_ref(), part_rows)?;
            if let Err(error) = held.index.add_rows(&slice.rows) {
                return Ok(failed(&error));
            }
            rows += slice.rows.len();
            cursor = slice.next;
            let is_full = rows >= self.settings.commit_rows;
            if cursor.is_none() || is_full || begun.elapsed() >= self.settings.commit_interval {
                break;
            }
        }
        Ok(match held.index.commit_build(cursor) {
            Ok(()) => Outcome::Held(held),
            Err(error) => failed(&error),
        })
    }

    /// Everything since the last commit in one: a row that changed several times is put in once.
    fn follow(self, mut held: Box<Held>) -> Result<Outcome, EngineError> {
        let slice_rows = self.settings.commit_rows;
        let Some(StaleKeys { keys, follower }) =
            stale_keys(&self.committed, self.place, &held.follower, slice_rows)?
        else {
            return Ok(Outcome::Lost(Some("the journal was cut before it could follow".to_owned())));
        };
        let keys: Vec<Bytes> = keys.into_iter().collect();
        for part in keys.chunks(PART_ROWS) {
            let rows = recompute(&self.committed, self.place, part.iter().cloned())?;
            if let Err(error) = held.index.replace_rows(&rows) {
                return Ok(failed(&error));
            }
        }
        Ok(match held.index.commit_following(&follower) {
            Ok(()) => Outcome::Held(Box::new(Held { follower, index: held.index })),
            Err(error) => failed(&error),
        })
    }

    /// All directories of this generation.
    fn directories(&self) -> Result<Vec<FoundDirectory>, SearchError> {
        let mut found = found_directories(&self.data_directory)?;
        found.retain(|found| {
            (&found.place.view, found.place.generation) == (&self.definition.view, self.generation)
        });
        Ok(found)
    }
}

fn is_named(found: &FoundDirectory, named: Option<&str>) -> bool {
    named == Some(found.place.name().as_str())
}

fn failed(error: &SearchError) -> Outcome {
    Outcome::Failed(error.to_string())
}

/// What cannot be removed now is tried again with the next start.
pub(super) fn discard(directory: &FoundDirectory) {
    if let Err(error) = directory.remove() {
        tracing::debug!("{error}");
    }
}
