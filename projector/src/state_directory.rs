//! The states' directories: each a cache of the log, replaced as a whole when it cannot be used. The view store's
//! catalog names the one that readers' views come from; a higher number is a replay on its way.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use prejoin_engine::{Definition, Engine, EngineError};
use prejoin_envelope::Position;
use prejoin_sinks::{GenerationState, StoreAddress, ViewStore};
use prejoin_state::{DurableState, State};

use crate::{ProjectorError, ProjectorSettings};

/// The state of a data directory that never saw a replay.
const FIRST: &str = "state";

/// Which states a data directory has.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct States {
    /// The one that readers' views come from.
    pub current: String,
    /// One that is to take its place.
    pub replay: Option<String>,
    /// To be removed: another took its place.
    left_over: Vec<String>,
    /// Likewise: what a process left behind that was killed while it made a state, threw it away, or compared with it.
    half_made: Vec<String>,
}

/// Looks which states there are; `named` is the one that the view store's catalog names. If that was lost, another one
/// that is there will do: any state is a cache of the same log.
pub(crate) fn find(data_directory: &Path, named: &str) -> Result<States, ProjectorError> {
    let (mut found, mut half_made) = (Vec::new(), Vec::new());
    let entries = fs::read_dir(data_directory).map_err(|source| files(data_directory, source))?;
    for entry in entries {
        let entry = entry.map_err(|source| files(data_directory, source))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        match name.split_once('.') {
            Some((state, _)) if number(state).is_some() => half_made.push(name),
            _ => found.extend(number(&name)),
        }
    }
    Ok(States { half_made, ..choose(found, named) })
}

/// The state that a standby goes on with, while it writes to no store.
pub(crate) fn find_local(data_directory: &Path) -> Result<String, ProjectorError> {
    Ok(find(data_directory, FIRST)?.current)
}

fn choose(mut found: Vec<u64>, named: &str) -> States {
    found.sort_unstable();
    let named = number(named).unwrap_or(1);
    let current = match found.first() {
        Some(&first) if !found.contains(&named) => first,
        _ => named,
    };
    let replay = found.last().copied().filter(|&last| last > current);
    let left_over = found.into_iter().filter(|&other| other != current && Some(other) != replay);
    States {
        current: name(current),
        replay: replay.map(name),
        left_over: left_over.map(name).collect(),
        half_made: Vec::new(),
    }
}

/// The name of the state that takes the place of this one.
pub(crate) fn after(state: &str) -> String {
    name(number(state).unwrap_or(1) + 1)
}

fn number(name: &str) -> Option<u64> {
    match name.strip_prefix(FIRST)?.strip_prefix('-') {
        Some(digits) => digits.parse().ok().filter(|number| *number > 1),
        None => (name == FIRST).then_some(1),
    }
}

fn name(number: u64) -> String {
    if number == 1 { FIRST.to_owned() } else { format!("{FIRST}-{number}") }
}

/// Opens a state. One that was folded under other contracts or in another format is set aside and every event is
/// replayed.
pub(crate) fn open(
    directory: &Path,
    definition: &Arc<Definition>,
    settings: &ProjectorSettings,
) -> Result<Engine, ProjectorError> {
    let discarded = directory.with_extension("discarded");
    remove(&discarded)?;
    let open = || -> Result<Engine, EngineError> {
        let state: Arc<dyn State> = Arc::new(DurableState::open_with(directory, settings.state)?);
        Engine::open(definition.clone(), state, settings.engine)
    };
    match open() {
        Err(error @ (EngineError::ContractsChanged | EngineError::Format { .. })) => {
            tracing::warn!(
                "{error}: all events are replayed; readers keep the present views, without news, until that is done. \
                 A running projector keeps them up to date meanwhile: prejoin rebuild --all --from-events"
            );
            fs::rename(directory, &discarded).map_err(|source| files(directory, source))?;
            remove(&discarded)?;
            Ok(open()?)
        }
        opened => Ok(opened?),
    }
}

/// Puts a copy in the place of the state that readers' views come from; what was there is thrown away. The copy must
/// have been folded under these contracts. Returns the position that it holds.
pub async fn restore(
    data_directory: &Path,
    view_store: &StoreAddress,
    definition: &Arc<Definition>,
    copy: &Path,
) -> Result<Position, ProjectorError> {
    if !copy.is_dir() {
        return Err(files(copy, std::io::Error::from(std::io::ErrorKind::NotFound)));
    }
    let mut store = ViewStore::open(view_store).await?;
    let states = find(data_directory, &store.state_directory().await?)?;
    store.close().await?;
    tokio::task::block_in_place(|| {
        let directory = data_directory.join(&states.current);
        let restored = directory.with_extension("restored");
        remove(&restored)?;
        let source = DurableState::open(copy).map_err(EngineError::from)?.snapshot();
        prejoin_state::copy(source.as_ref(), &restored).map_err(EngineError::from)?;
        let state: Arc<dyn State> = Arc::new(DurableState::open(&restored).map_err(EngineError::from)?);
        let position =
            Engine::open(definition.clone(), state, prejoin_engine::Settings::default())?.position();
        let discarded = directory.with_extension("discarded");
        remove(&discarded)?;
        if directory.exists() {
            fs::rename(&directory, &discarded).map_err(|source| files(&directory, source))?;
        }
        fs::rename(&restored, &directory).map_err(|source| files(&restored, source))?;
        remove(&discarded)?;
        Ok(position)
    })
}

/// Removes states that another has taken the place of, and what was built from states that are gone.
pub(crate) async fn tidy(
    data_directory: &Path,
    states: &States,
    store: &mut ViewStore,
) -> Result<(), ProjectorError> {
    for name in states.left_over.iter().chain(&states.half_made) {
        remove(&data_directory.join(name))?;
    }
    let is_kept = |state: &str| state == states.current || states.replay.as_deref() == Some(state);
    abandon_builds(store, |state| !is_kept(state)).await
}

/// Removes a state that is not to take any other's place, and what was built from it.
pub(crate) async fn abandon(
    data_directory: &Path,
    state: &str,
    store: &mut ViewStore,
) -> Result<(), ProjectorError> {
    abandon_builds(store, |of| of == state).await?;
    tokio::task::block_in_place(|| remove(&data_directory.join(state)))
}

async fn abandon_builds(store: &mut ViewStore, is_of: impl Fn(&str) -> bool) -> Result<(), ProjectorError> {
    for found in store.generations().await? {
        let is_build = matches!(found.state, GenerationState::Building | GenerationState::Ready);
        if is_build && is_of(&found.state_directory) {
            store.abandon(&found.view, found.generation).await?;
        }
    }
    Ok(())
}

/// Removes a state with all that is in it, or what was left of one. A state loses its name first: of what a process leaves behind
/// that is killed meanwhile, nothing is taken for a state.
pub(crate) fn remove(directory: &Path) -> Result<(), ProjectorError> {
    let discarded = directory.with_extension("discarded");
    if directory.extension().is_none() {
        remove(&discarded)?;
        match fs::rename(directory, &discarded) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            renamed => renamed.map_err(|source| files(directory, source))?,
        }
        return remove(&discarded);
    }
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(files(directory, error)),
        _ => Ok(()),
    }
}

fn files(path: &Path, source: std::io::Error) -> ProjectorError {
    ProjectorError::Files { path: PathBuf::from(path).display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states(current: &str, replay: Option<&str>, left_over: &[&str]) -> States {
        let left_over = left_over.iter().map(|name| (*name).to_owned()).collect();
        States {
            current: current.to_owned(),
            replay: replay.map(str::to_owned),
            left_over,
            half_made: Vec::new(),
        }
    }

    #[test]
    fn the_catalog_names_the_state_unless_it_is_lost() {
        assert_eq!(choose(vec![], "state"), states("state", None, &[]));
        assert_eq!(choose(vec![1], "state"), states("state", None, &[]));
        // A replay on its way.
        assert_eq!(choose(vec![1, 2], "state"), states("state", Some("state-2"), &[]));
        // Killed after the swap, before the old one was removed.
        assert_eq!(choose(vec![1, 2], "state-2"), states("state-2", None, &["state"]));
        // The store is an older copy, or was lost.
        assert_eq!(choose(vec![3], "state"), states("state-3", None, &[]));
        assert_eq!(choose(vec![2, 3], "state"), states("state-2", Some("state-3"), &[]));
        assert_eq!(choose(vec![], "state-4"), states("state-4", None, &[]));
    }

    #[test]
    fn a_removed_state_is_gone_with_what_an_earlier_removal_left() {
        let data = tempfile::tempdir().unwrap();
        for name in ["state-2", "state-2.discarded", "state-3.unfinished"] {
            fs::create_dir_all(data.path().join(name).join("keyspaces")).unwrap();
        }
        // Killed in the middle of a removal, or of making one: neither is a state.
        let found = find(data.path(), "state-2").unwrap();
        assert_eq!((found.current.as_str(), &found.replay), ("state-2", &None));
        assert_eq!(found.half_made.len(), 2);
        remove(&data.path().join("state-2")).unwrap();
        remove(&data.path().join("state-2")).unwrap();
        remove(&data.path().join("state-3.unfinished")).unwrap();
        assert_eq!(fs::read_dir(data.path()).unwrap().count(), 0);
    }

    #[test]
    fn other_names_are_no_states() {
        for other in ["state-1", "state-0", "state-x", "state.discarded", "states", "event-log"] {
            assert_eq!(number(other), None, "{other}");
        }
        assert_eq!(after("state"), "state-2");
        assert_eq!(after("state-2"), "state-3");
    }
}
