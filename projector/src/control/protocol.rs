//! The words of the control socket. Raised `VERSION`: command and projector must be of one kind.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::deciding::DecisionEvent;

/// Stands in every request: another version is refused with a word on what to do.
pub(crate) const VERSION: u32 = 1;

/// A line that asks.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    pub version: u32,
    #[serde(flatten)]
    pub request: Request,
}

/// What is asked for. No views named means all of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case")]
pub enum Request {
    /// Build new generations beside those that readers see, then swap. Contracts and views are read again first.
    Rebuild { views: Vec<String>, from_events: bool },
    /// Give up every build for which readers have a generation that goes on without it.
    CancelRebuild,
    /// Compute views anew and compare with what readers see, at one position.
    Verify { views: Vec<String>, from_events: bool, repair: bool },
    /// Compute views anew as contracts and views are written now, and say what a rebuild would change.
    DryRun { views: Vec<String>, from_events: bool },
    /// Copy the state as it is now into a directory that is not there yet.
    BackUpState { directory: PathBuf },
    /// Remove a view that is no longer declared.
    DropView { view: String },
    /// Put decisions on dead letters into the event log, which the projector's process holds.
    Decide { decisions: Vec<DecisionEvent> },
}

/// What is being done for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// Events of the log are folded into a new state; counted in events.
    Replay,
    /// Rows of a new generation are written; counted in rows.
    Build,
    /// Rows are computed and compared; counted in rows.
    Compare,
    /// Waiting for other views, or for the state, so that readers never see a step back.
    Wait,
}

/// A line of the answer. `Done` and `Failed` are the last.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Reply {
    /// How far the work on a view is, or on all of them. `total` may be an estimate, or unknown.
    Progress {
        view: Option<String>,
        work: Work,
        done: u64,
        total: Option<u64>,
    },
    /// Something to know, for a person.
    Note {
        text: String,
    },
    /// Readers see this generation from now on. Rows that failed are not in it: `/status` lists them with their errors.
    Swapped {
        view: String,
        generation: i64,
        rows: i64,
        failed: i64,
    },
    /// A row that is not what it should be. At most so many are told for each view.
    Difference {
        view: String,
        row: RowChange,
    },
    /// A comparison is done. A row counts as added if the store lacks it.
    Compared {
        view: String,
        position: String,
        rows: u64,
        added: u64,
        removed: u64,
        changed: u64,
        failed: u64,
        repaired: bool,
    },
    /// Decisions are in the event log, under these numbers.
    Decided {
        numbers: Vec<u64>,
    },
    Done,
    Failed {
        error: String,
    },
}

/// How a row computed anew differs from the one in the store.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum RowChange {
    /// The store lacks it.
    Added {
        key: String,
    },
    /// The store has it, the view does not.
    Removed {
        key: String,
    },
    Changed {
        key: String,
        columns: Vec<ColumnChange>,
    },
}

/// Values as PostgreSQL prints them; nothing for NULL.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ColumnChange {
    pub column: String,
    pub stored: Option<String>,
    pub computed: Option<String>,
}
