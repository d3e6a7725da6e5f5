//! The state's directory: a cache of the log, replaced as a whole when it cannot be used.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use prejoin_engine::{Definition, Engine, EngineError};
use prejoin_state::{DurableState, State};

use crate::{ProjectorError, ProjectorSettings};

/// Opens the state of a data directory. One that was folded under other contracts or in another format is set aside
/// and every event is replayed.
pub(crate) fn open(
    data_directory: &Path,
    definition: &Arc<Definition>,
    settings: &ProjectorSettings,
) -> Result<Engine, ProjectorError> {
    let directory = data_directory.join("state");
    let discarded = data_directory.join("state.discarded");
    remove(&discarded)?;
    let open = || -> Result<Engine, EngineError> {
        let state: Arc<dyn State> = Arc::new(DurableState::open(&directory)?);
        Engine::open(definition.clone(), state, settings.engine)
    };
    match open() {
        Err(error @ (EngineError::ContractsChanged | EngineError::Format { .. })) => {
            tracing::warn!(
                "{error}: all events are replayed; readers keep the present views until that is done"
            );
            fs::rename(&directory, &discarded).map_err(|source| files(&directory, source))?;
            remove(&discarded)?;
            Ok(open()?)
        }
        opened => Ok(opened?),
    }
}

fn remove(directory: &Path) -> Result<(), ProjectorError> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(files(directory, error)),
        _ => Ok(()),
    }
}

fn files(path: &Path, source: std::io::Error) -> ProjectorError {
    ProjectorError::Files { path: PathBuf::from(path).display().to_string(), source }
}
