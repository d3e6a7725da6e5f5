//! The rows of a whole view, in slices of its grain table: each is computed by several threads in parts.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use prejoin_sql::RowView;
use prejoin_state::Space;

use crate::keys::{row_key, table_key, table_prefix};
use crate::lookups::Source;
use crate::recompute::{RowOutcome, evaluate};
use crate::remembered::{LeftBehind, Remembered};
use crate::{Committed, EngineError};

/// A slice ends when so many bytes of tables were read for it, however few its rows.
const SLICE_BYTES_MAX: usize = 32 << 20;
/// Rows that a thread computes before it takes the next ones, at most; and at first, while nobody knows what they read.
const PART_ROWS_MAX: usize = 512;
const FIRST_PART_ROWS: usize = 64;
/// A part has as many rows as read so many bytes, as far as that is to be foreseen …
const PART_BYTES: usize = 1 << 20;
/// … and ends where they read more than this.
const PART_BYTES_MAX: usize = 8 << 20;

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
        build_slice_of_parts(committed, view, from, bounds, &mut LeftBehind::default(), |rows| rows)?;
    Ok(Slice { rows: parts.into_iter().flatten().collect(), next })
}

/// The same, each part made into what is wanted by the thread that computed it. What the slice before has left behind is of
/// use to the next one of the same build.
pub fn build_slice_of_parts<T: Send>(
    committed: &Committed,
    view: usize,
    from: Option<&Bytes>,
    bounds: SliceBounds,
    left_behind: &mut LeftBehind,
    make: impl Fn(Vec<(Bytes, RowOutcome)>) -> T + Sync,
) -> Result<SliceOfParts<T>, EngineError> {
    let plan = &committed.definition.views[view].plan;
    let (entries, after) = grain_entries(committed, plan, from, bounds.rows_max)?;
    let threads = bounds.threads.clamp(1, entries.len().div_ceil(FIRST_PART_ROWS).max(1));
    let remembered = left_behind.of(committed.commit);
    let work = Work { committed, plan, make, remembered, progress: Mutex::new(Progress::new(&entries)) };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            let thread = std::thread::Builder::new().name("prejoin-build".to_owned());
            // Where no thread can be started, this one does it all.
            drop(thread.spawn_scoped(scope, || work.go_on()));
        }
        work.go_on();
    });
    let Progress { mut parts, mut rest, failed, cut, .. } =
        work.progress.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(error) = failed {
        return Err(error);
    }
    if let Some((place, rest_of_part)) = cut {
        parts.retain(|(of, _)| *of <= place);
        rest = rest_of_part;
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
    remembered: Remembered,
    progress: Mutex<Progress<'a, T>>,
}

struct Progress<'a, T> {
    /// Entries that nobody has taken.
    rest: &'a [Entry],
    taken: usize,
    computed: usize,
    read_bytes: usize,
    /// With their places, in the order in which they were finished.
    parts: Vec<(usize, T)>,
    failed: Option<EngineError>,
    /// The first part that read too much: its place, and the entries that are left of it. The slice ends there.
    cut: Option<(usize, &'a [Entry])>,
}

impl<'a, T> Progress<'a, T> {
    fn new(entries: &'a [Entry]) -> Self {
        let parts = Vec::new();
        Progress { rest: entries, taken: 0, computed: 0, read_bytes: 0, parts, failed: None, cut: None }
    }

    /// Entries to compute, and their place among all that were taken. Nothing when the slice is complete, or full.
    fn take(&mut self) -> Option<(usize, &'a [Entry])> {
        let is_full = self.cut.is_some() || (self.read_bytes >= SLICE_BYTES_MAX && self.taken > 0);
        if is_full || self.rest.is_empty() || self.failed.is_some() {
            return None;
        }
        let row_bytes = self.read_bytes.checked_div(self.computed);
        let rows = row_bytes.map_or(FIRST_PART_ROWS, |bytes| PART_BYTES / bytes.max(1));
        let (part, rest) = self.rest.split_at(rows.clamp(1, PART_ROWS_MAX).min(self.rest.len()));
        self.rest = rest;
        self.taken += 1;
        Some((self.taken, part))
    }

    fn note_cut(&mut self, place: usize, rest: &'a [Entry]) {
        if !rest.is_empty() && self.cut.is_none_or(|(first, _)| place < first) {
            self.cut = Some((place, rest));
        }
    }
}

impl<'a, T, M: Fn(Vec<(Bytes, RowOutcome)>) -> T> Work<'a, T, M> {
    /// Computes parts until there are none.
    fn go_on(&self) {
        let mut source = Source::sharing(self.committed, self.plan, self.remembered.clone());
        while let Some((place, part)) = self.with_progress(Progress::take) {
            let read_before = source.read_bytes();
            let computed = self.compute(part, &mut source);
            let computed = computed.map(|rows| (rows.len(), (self.make)(rows)));
            let read_bytes = source.read_bytes() - read_before;
            self.with_progress(|progress| {
                progress.read_bytes += read_bytes;
                match computed {
                    Ok((rows, made)) => {
                        progress.computed += rows;
                        progress.parts.push((place, made));
                        progress.note_cut(place, &part[rows..]);
                    }
                    Err(error) => progress.failed = Some(error),
                }
            });
        }
    }

    /// The rows of the first entries of a part, mostly of all.
    fn compute(
        &self,
        part: &[Entry],
        source: &mut Source<'_>,
    ) -> Result<Vec<(Bytes, RowOutcome)>, EngineError> {
        let grain = self.plan.relations[0].table;
        let read_max = source.read_bytes() + PART_BYTES_MAX;
        let mut rows = Vec::with_capacity(part.len());
        for (key, bytes) in part {
            let row = source.decode(grain, bytes)?;
            rows.push((row_key(key), evaluate(self.plan, row, source)?));
            if source.read_bytes() > read_max {
                break;
            }
        }
        Ok(rows)
    }

    fn with_progress<R>(&self, change: impl FnOnce(&mut Progress<'a, T>) -> R) -> R {
        change(&mut self.progress.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
