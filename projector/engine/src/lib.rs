//! One step: events to table changes to stale keys to one commit; and the rows of a view at that commit.
//!
//! Synchronous and without I/O of its own: it reads and writes through the state port, and knows no log, no sink, no
//! clock and no domain.

mod ahead;
mod attach;
mod build;
mod dead_letters;
mod decision;
mod decisions;
mod definition;
mod engine;
mod error;
mod fold;
mod follow;
mod groups;
mod indexes;
mod intake;
mod journal;
mod keys;
mod lookups;
mod neighbours;
mod progress;
mod recompute;
mod remembered;
mod stale;
mod step;
mod stored;
mod walk;

pub use attach::{SinkAttachment, attach_sink};
pub use build::{Slice, SliceBounds, SliceOfParts, build_slice, build_slice_of_parts};
pub use dead_letters::DEAD_LETTERS_VIEW;
pub use decision::{Choice, Decision, LetterId, Numbered, digest_of};
pub use decisions::DECISIONS_VIEW;
pub use definition::{Definition, View};
pub use engine::{Committed, Engine, Hole, Incoming, Settings, StepReport};
pub use error::EngineError;
pub use follow::{Advance, Follower, Pending, StaleKeys, advance, stale_keys};
pub use prejoin_contract::DECISIONS_SERVICE;
pub use progress::Progress;
pub use recompute::{RowOutcome, recompute};
pub use remembered::LeftBehind;
pub use step::check_amended;
