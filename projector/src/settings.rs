//! Bounds of the loop's work.

use std::time::Duration;

use prejoin_sinks::ChangeBounds;
use prejoin_state::StateBounds;

use crate::standby::TAKEOVER_AFTER;

/// Defaults suit two cores and a few gigabytes of memory.
#[derive(Debug, Clone)]
pub struct ProjectorSettings {
    /// A step takes whatever has arrived, up to this many events …
    pub step_events_max: usize,
    /// … and this many bytes of them.
    pub step_bytes_max: usize,
    /// Rows of pending fan-outs that a sink transaction works through, per view, at most: fewer if they take longer than a few
    /// milliseconds, and more only if it writes more rows besides.
    pub fan_out_slice_rows: usize,
    /// With more pending fan-outs of a view than this, they are worked through before new events are taken.
    pub fan_outs_pending_max: usize,
    /// No view begins to be built while so many events or more are missing of those that the log had when the projector
    /// began to read it: rows built from the last state are written once.
    pub builds_wait_events: u64,
    /// Rows written to a transaction while a view is built.
    pub build_slice_rows: usize,
    /// Threads that compute a slice while the one before it is written.
    pub build_threads: usize,
    /// How long a generation is kept that readers no longer see: those that had looked it up have that long.
    pub retired_grace: Duration,
    pub search: SearchSettings,
    /// How much the view store's table of recent changes keeps.
    pub changes: ChangeBounds,
    /// How long whoever writes to the view store may say nothing before a standby takes over.
    pub takeover_after: Duration,
    pub engine: prejoin_engine::Settings,
    pub state: StateBounds,
    pub status_interval: Duration,
}

/// Bounds of the work on search indexes.
#[derive(Debug, Clone)]
pub struct SearchSettings {
    /// Memory in which the words of each index are gathered before they are written.
    pub heap_bytes: usize,
    /// Commits are this far apart, so that many changes cost one …
    pub commit_interval: Duration,
    /// … unless this many events are waiting. Also the rows that a commit adds while an index is built, or takes from
    /// pending fan-outs.
    pub commit_rows: usize,
    /// How long a directory is kept that readers may have open although it was replaced.
    pub retired_grace: Duration,
}

impl Default for ProjectorSettings {
    fn default() -> Self {
        ProjectorSettings {
            step_events_max: 64 * 1024,
            step_bytes_max: 64 << 20,
            fan_out_slice_rows: 2_000,
            fan_outs_pending_max: 1_000,
            builds_wait_events: 20_000,
            build_slice_rows: 20_000,
            build_threads: std::thread::available_parallelism().map_or(1, |cores| cores.get().min(4)),
            retired_grace: Duration::from_secs(10),
            search: SearchSettings::default(),
            changes: ChangeBounds::default(),
            takeover_after: TAKEOVER_AFTER,
            engine: prejoin_engine::Settings::default(),
            state: StateBounds::default(),
            status_interval: Duration::from_secs(1),
        }
    }
}

impl Default for SearchSettings {
    fn default() -> Self {
        SearchSettings {
            heap_bytes: 64 << 20,
            commit_interval: Duration::from_secs(1),
            commit_rows: 20_000,
            retired_grace: Duration::from_secs(10),
        }
    }
}
