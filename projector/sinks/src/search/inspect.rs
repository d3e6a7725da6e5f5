//! An index looked at beside its writer, for people.

use std::fs;
use std::path::Path;

use prejoin_envelope::Position;
use tantivy::Index;

use crate::search::description::Description;
use crate::search::directory::IndexPlace;
use crate::search::error::SearchError;
use crate::search::stand::{IndexRows, IndexStand};

/// What an index holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InspectedIndex {
    /// Column and language.
    pub columns: Vec<(String, String)>,
    pub is_complete: bool,
    /// What readers may rely on.
    pub position: Position,
    pub documents: u64,
    pub bytes: u64,
}

/// Looks at the index that the catalog names so, at its last commit.
pub fn inspect(data_directory: &Path, name: &str) -> Result<InspectedIndex, SearchError> {
    let path = data_directory.join(name);
    let unusable = |reason: String| SearchError::unusable(&path, reason);
    let place = IndexPlace::from_name(name).ok_or_else(|| unusable("no index is called so".to_owned()))?;
    let described = Description::read(&path)?;
    let failed = |error| SearchError::index(&path, error);
    let metas = Index::open_in_dir(&path).and_then(|index| index.load_metas()).map_err(failed)?;
    let payload = metas.payload.ok_or_else(|| unusable("it was never completed".to_owned()))?;
    let stand = IndexStand::from_payload(&payload, &described.fingerprint, place.generation);
    let stand = stand.map_err(unusable)?;
    let columns = described.columns.into_iter().map(|column| (column.name, column.language));
    Ok(InspectedIndex {
        columns: columns.collect(),
        is_complete: stand.rows == IndexRows::Complete,
        position: stand.visible,
        documents: metas.segments.iter().map(|segment| u64::from(segment.num_docs())).sum(),
        bytes: size(&path).map_err(|source| SearchError::files(&path, source))?,
    })
}

/// Files may go while they are looked at.
fn size(directory: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(directory)? {
        bytes += entry?.metadata().map_or(0, |metadata| metadata.len());
    }
    Ok(bytes)
}
