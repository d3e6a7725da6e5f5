//! The rows of a whole view, in slices of its grain table: each is computed by several threads in parts.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use prejoin_sql::RowView;
use prejoin_state::Space;

use crate::keys::{row_key, table_key, table_prefix};
use crate::lookups::{Remembered, Source};
use crate::recompute::{RowOutcome, evaluate};
use crate::{Committed, EngineError};

/// A slice ends when so many bytes of tables were read for it, however few its rows.
const SLICE_BYTES_MAX: usize = 32 << 20;
/// Rows that a thread computes before it takes the next ones.
const PART_ROWS: usize = 512;

/// A part of a whole view, in key order.
#[derive(Debug)]
pub struct Slice {
    pub rows: Vec<(Bytes, RowOutcome)>,
    /// Where the next slice begins; nothing at the end.
    pub next: Option<Bytes>,
}

/// A slice whose rows were made into something else, part by part.
#[derive(Debug)]
pub struct SliceOfParts<T> {
    /// In key order.
    pub parts: Vec<T>,
    /// Where the next slice begins; nothing at the end.
    pub next: Option<Bytes>,
}

/// How much a slice is, and who computes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SliceBounds {
    pub rows_max: usize,
    pub threads: usize,
}

/// Computes up to `rows_max` rows of a view from its grain table, beginning at the row key `from`.
pub fn build_slice(
    committed: &Committed,
    view: usize,
    from: Option<&Bytes>,
    rows_max: usize,
) -> Result<Slice, EngineError> {
    let bounds = SliceBounds { rows_max, threads: 1 };
    let SliceOfParts { parts, next } =
        build_slice_of_parts(committed, view, from, bounds, &mut Vec::new(), |rows| rows)?;
    Ok(Slice { rows: parts.into_iter().flatten().collect(), next })
}

/// The same, each part made into what is wanted by the thread that computed it. What the slice before has left behind is of
/// use to the next one of the same build.
pub fn build_slice_of_parts<T: Send>(
    committed: &Committed,
    view: usize,
    from: Option<&Bytes>,
    bounds: SliceBounds,
    remembered: &mut Vec<Remembered>,
    make: impl Fn(Vec<(Bytes, RowOutcome)>) -> T + Sync,
) -> Result<SliceOfParts<T>, EngineError> {
    let plan = &committed.definition.views[view].plan;
    let (entries, after) = grain_entries(committed, plan, from, bounds.rows_max)?;
    let threads = bounds.threads.clamp(1, entries.len().div_ceil(PART_ROWS).max(1));
    remembered.resize_with(threads, Remembered::default);
    let work = Work { committed, plan, make, threads, progress: Mutex::new(Progress::new(&entries)) };
    std::thread::scope(|scope| {
        let (own, others) = remembered.split_first_mut().expect("there is one thread at least");
        for remembered in others {
            let thread = std::thread::Builder::new().name("prejoin-build".to_owned());
            // Where no thread can be started, this one does it all.
            drop(thread.spawn_scoped(scope, || work.go_on(remembered)));
        }
        work.go_on(own);
    });
    let Progress { mut parts, rest, failed, .. } =
        work.progress.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(error) = failed {
        return Err(error);
    }
    let next = rest.first().map(|(key, _)| row_key(key)).or(after);
    parts.sort_unstable_by_key(|(place, _)| *place);
    Ok(SliceOfParts { parts: parts.into_iter().map(|(_, part)| part).collect(), next })
}

/// Key and value of a table's row.
type Entry = (Bytes, Bytes);

/// The rows of the grain table from a row key on, and the row key behind them.
fn grain_entries(
    committed: &Committed,
    plan: &RowView,
    from: Option<&Bytes>,
    rows_max: usize,
) -> Result<(Vec<Entry>, Option<Bytes>), EngineError> {
    let stored = committed.definition.stored(plan.relations[0].table);
    let start = from.map_or_else(Vec::new, |from| table_key(stored, from));
    let (mut entries, mut bytes) = (Vec::new(), 0);
    for entry in committed.snapshot.scan(Space::Tables, &table_prefix(stored), &start) {
        let (key, value) = entry?;
        let is_full = entries.len() >= rows_max || bytes >= SLICE_BYTES_MAX;
        if is_full && !entries.is_empty() {
            return Ok((entries, Some(row_key(&key))));
        }
        bytes += value.len();
        entries.push((key, value));
    }
    Ok((entries, None))
}

/// A slice being computed.
struct Work<'a, T, M> {
    committed: &'a Committed,
    plan: &'a RowView,
    make: M,
    threads: usize,
    progress: Mutex<Progress<'a, T>>,
}

struct Progress<'a, T> {
    /// Entries that nobody has taken.
    rest: &'a [Entry],
    taken: usize,
    read_bytes: usize,
    /// With their places, in the order in which they were finished.
    parts: Vec<(usize, T)>,
    failed: Option<EngineError>,
}

impl<'a, T> Progress<'a, T> {
    fn new(entries: &'a [Entry]) -> Self {
        Progress { rest: entries, taken: 0, read_bytes: 0, parts: Vec::new(), failed: None }
    }

    /// Entries to compute, and their place among all that were taken. Nothing when the slice is complete, or full.
    fn take(&mut self) -> Option<(usize, &'a [Entry])> {
        let is_full = self.read_bytes >= SLICE_BYTES_MAX && self.taken > 0;
        if is_full || self.rest.is_empty() || self.failed.is_some() {
            return None;
        }
        let (part, rest) = self.rest.split_at(PART_ROWS.min(self.rest.len()));
        self.rest = rest;
        self.taken += 1;
        Some((self.taken, part))
    }
}

impl<'a, T, M: Fn(Vec<(Bytes, RowOutcome)>) -> T> Work<'a, T, M> {
    /// Computes parts until there are none.
    fn go_on(&self, remembered: &mut Remembered) {
        let mut source = Source::of(self.committed, self.plan);
        source.recall(self.committed.commit, remembered, self.threads);
        while let Some((place, part)) = self.with_progress(Progress::take) {
            let read_before = source.read_bytes();
            let computed = self.compute(part, &mut source).map(&self.make);
            let read_bytes = source.read_bytes() - read_before;
            self.with_progress(|progress| {
                progress.read_bytes += read_bytes;
                match computed {
                    Ok(made) => progress.parts.push((place, made)),
                    Err(error) => progress.failed = Some(error),
                }
            });
        }
        *remembered = source.into_remembered(self.committed.commit);
    }

    fn compute(
        &self,
        part: &[Entry],
        source: &mut Source<'_>,
    ) -> Result<Vec<(Bytes, RowOutcome)>, EngineError> {
        let grain = self.plan.relations[0].table;
        let row = |(key, bytes): &Entry| {
            let row = source.decode(grain, bytes)?;
            Ok((row_key(key), evaluate(self.plan, row, source)?))
        };
        part.iter().map(row).collect()
    }

    fn with_progress<R>(&self, change: impl FnOnce(&mut Progress<'a, T>) -> R) -> R {
        change(&mut self.progress.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
