//! The next slice of a build, computed and made ready to be written by threads of its own while the one before is written.

use std::thread::JoinHandle;

use bytes::Bytes;
use prejoin_engine::{Committed, EngineError, LeftBehind, SliceBounds, SliceOfParts, build_slice_of_parts};
use prejoin_sinks::{PackedRows, Packer};

/// What a slice is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SliceOf {
    /// The view's place in the definition.
    pub place: usize,
    pub generation: i64,
    /// Nothing for the first one.
    pub from: Option<Bytes>,
}

/// Ready to be written.
pub(crate) type PackedSlice = SliceOfParts<PackedRows>;

type Computed = Result<(PackedSlice, LeftBehind), EngineError>;

/// At most one slice. Any slice is of a commit after the one where its build began: the journal from there tells what has
/// changed since.
#[derive(Default)]
pub(crate) struct Ahead {
    running: Option<(SliceOf, JoinHandle<Computed>)>,
    /// What the last slice left behind, and of which build.
    left_behind: Option<(usize, i64, LeftBehind)>,
}

impl Ahead {
    /// Begins to compute a slice.
    pub(crate) fn begin(
        &mut self,
        committed: &Committed,
        slice: SliceOf,
        packer: &Packer,
        bounds: SliceBounds,
    ) {
        self.finish();
        let left_behind = self.left_behind_by(&slice);
        let (committed, packer, of) = (committed.clone(), packer.clone(), slice.clone());
        let thread = std::thread::Builder::new().name("prejoin-build".to_owned());
        match thread.spawn(move || compute(&committed, &of, &packer, bounds, left_behind)) {
            Ok(thread) => self.running = Some((slice, thread)),
            // Then it is computed when it is needed.
            Err(error) => tracing::debug!(%error, "no thread can be started"),
        }
    }

    /// The slice, which may have been begun. Blocks until it is there.
    pub(crate) fn take(
        &mut self,
        committed: &Committed,
        slice: &SliceOf,
        packer: &Packer,
        bounds: SliceBounds,
    ) -> Result<PackedSlice, EngineError> {
        let computed = match self.running.take_if(|(begun, _)| begun == slice) {
            Some((_, thread)) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            None => {
                self.finish();
                let left_behind = self.left_behind_by(slice);
                compute(committed, slice, packer, bounds, left_behind)
            }
        };
        let (computed, left_behind) = computed?;
        self.left_behind = Some((slice.place, slice.generation, left_behind));
        Ok(computed)
    }

    /// Forgets what is no longer needed, and waits for a thread that is at work: it holds the state.
    pub(crate) fn finish(&mut self) {
        if let Some((_, thread)) = self.running.take()
            && thread.join().is_err()
        {
            tracing::debug!("the thread of a build panicked");
        }
    }

    /// As after the last slice.
    pub(crate) fn forget(&mut self) {
        self.finish();
        self.left_behind = None;
    }

    fn left_behind_by(&mut self, slice: &SliceOf) -> LeftBehind {
        match self.left_behind.take() {
            Some((place, generation, left_behind))
                if (place, generation) == (slice.place, slice.generation) =>
            {
                left_behind
            }
            _ => LeftBehind::default(),
        }
    }
}

fn compute(
    committed: &Committed,
    of: &SliceOf,
    packer: &Packer,
    bounds: SliceBounds,
    mut left_behind: LeftBehind,
) -> Computed {
    let slice =
        build_slice_of_parts(committed, of.place, of.from.as_ref(), bounds, &mut left_behind, |rows| {
            packer.pack(&rows)
        })?;
    Ok((slice, left_behind))
}

impl Drop for Ahead {
    /// The state may be opened again next.
    fn drop(&mut self) {
        self.finish();
    }
}
