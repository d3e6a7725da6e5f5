//! The next slice of a build, computed by a thread of its own while the one before is being written.

use std::thread::JoinHandle;

use bytes::Bytes;
use prejoin_engine::{Committed, EngineError, Remembered, Slice, build_next_slice};

/// What a slice is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SliceOf {
    /// The view's place in the definition.
    pub place: usize,
    pub generation: i64,
    /// Nothing for the first one.
    pub from: Option<Bytes>,
}

type Computed = Result<(Slice, Remembered), EngineError>;

/// At most one slice. Any slice is of a commit after the one where its build began: the journal from there tells what has
/// changed since.
#[derive(Default)]
pub(crate) struct Ahead {
    running: Option<(SliceOf, JoinHandle<Computed>)>,
    /// What the last slice left behind, and of which build.
    remembered: Option<(usize, i64, Remembered)>,
}

impl Ahead {
    /// Begins to compute a slice.
    pub(crate) fn begin(&mut self, committed: &Committed, slice: SliceOf, rows_max: usize) {
        self.finish();
        let mut remembered = self.remembered_of(&slice);
        let (committed, of) = (committed.clone(), slice.clone());
        let thread = std::thread::Builder::new().name("prejoin-build".to_owned());
        let spawned = thread.spawn(move || {
            let from = of.from.as_ref();
            let slice = build_next_slice(&committed, of.place, from, rows_max, &mut remembered)?;
            Ok((slice, remembered))
        });
        match spawned {
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
        rows_max: usize,
    ) -> Result<Slice, EngineError> {
        if self.running.as_ref().is_some_and(|(begun, _)| begun == slice)
            && let Some((_, thread)) = self.running.take()
        {
            let joined = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            let (computed, remembered) = joined?;
            self.remembered = Some((slice.place, slice.generation, remembered));
            return Ok(computed);
        }
        self.finish();
        let mut remembered = self.remembered_of(slice);
        let computed =
            build_next_slice(committed, slice.place, slice.from.as_ref(), rows_max, &mut remembered)?;
        self.remembered = Some((slice.place, slice.generation, remembered));
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
        self.remembered = None;
    }

    fn remembered_of(&mut self, slice: &SliceOf) -> Remembered {
        match self.remembered.take() {
            Some((place, generation, remembered))
                if (place, generation) == (slice.place, slice.generation) =>
            {
                remembered
            }
            _ => Remembered::default(),
        }
    }
}

impl Drop for Ahead {
    /// The state may be opened again next.
    fn drop(&mut self) {
        self.finish();
    }
}
