//! A copy of a state as of one commit, in a directory of its own.

use std::path::Path;

use crate::{Batch, DurableState, Snapshot, Space, State, StateError};

/// Entries written at once.
const BATCH_ENTRIES: usize = 10_000;

/// Copies everything that a snapshot shows into a new state, which gets its name when it is complete and on the disk.
/// An error if the directory is there already.
pub fn copy(snapshot: &dyn Snapshot, directory: &Path) -> Result<u64, StateError> {
    let shown = directory.display().to_string();
    let in_files = |error: std::io::Error| StateError { path: shown.clone(), detail: error.to_string() };
    if directory.exists() {
        return Err(StateError { path: shown, detail: "the directory is there already".to_owned() });
    }
    let unfinished = directory.with_extension("copying");
    match std::fs::remove_dir_all(&unfinished) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(in_files(error)),
        _ => {}
    }
    let state = DurableState::open(&unfinished)?;
    let mut copied = 0;
    for space in Space::ALL {
        let mut batch = Batch::default();
        for entry in snapshot.scan(space, &[], &[]) {
            let (key, value) = entry?;
            batch.put(space, key, value);
            copied += 1;
            if batch.len(space) == BATCH_ENTRIES {
                state.commit(std::mem::take(&mut batch))?;
            }
        }
        state.commit(batch)?;
    }
    state.sync()?;
    drop(state);
    std::fs::rename(&unfinished, directory).map_err(in_files)?;
    Ok(copied)
}
