//! What a directory's index says of itself: `prejoin-index.json`, and the payload of its last commit.

use std::fs;
use std::path::Path;

use prejoin_envelope::Position;
use serde::Deserialize;

use crate::Error;

/// The layout that this version reads, of both.
const FORMAT: u32 = 1;
const FILE: &str = "prejoin-index.json";

#[derive(Debug, Deserialize)]
pub(super) struct Description {
    format: u32,
    pub(super) view: String,
    pub(super) generation: i64,
    /// The field that holds a row's key.
    pub(super) key_field: String,
    pub(super) columns: Vec<DescribedColumn>,
}

#[derive(Debug, Deserialize)]
pub(super) struct DescribedColumn {
    pub(super) name: String,
    /// The field of the index that holds its words.
    pub(super) field: String,
    pub(super) language: String,
    /// The name under which the index knows the analyzer of the language.
    pub(super) tokenizer: String,
}

impl Description {
    pub(super) fn read(directory: &Path) -> Result<Description, Error> {
        let path = directory.join(FILE);
        let text = fs::read_to_string(&path).map_err(|error| Error::index_absent(directory, error))?;
        let description: Description =
            serde_json::from_str(&text).map_err(|error| Error::index_absent(directory, error))?;
        check_format(directory, description.format)?;
        Ok(description)
    }
}

/// Of a commit's payload, what readers may rely on.
#[derive(Deserialize)]
struct Payload {
    format: u32,
    visible: Vec<(String, u64)>,
    is_complete: bool,
}

/// Fails while the index is being built.
pub(super) fn position(directory: &Path, payload: Option<&str>) -> Result<Position, Error> {
    let unusable = |reason: &str| Error::index_absent(directory, reason);
    // A checksum of the rest comes first: it is the writer's, for an index that it goes on with.
    let json = payload.and_then(|payload| payload.split_once(' ')).map(|(_, json)| json);
    let json = json.ok_or_else(|| unusable("it was never completed"))?;
    let payload: Payload =
        serde_json::from_str(json).map_err(|error| Error::index_absent(directory, error))?;
    check_format(directory, payload.format)?;
    match payload.is_complete {
        true => Ok(payload.visible.into_iter().collect()),
        false => Err(unusable("it is being built")),
    }
}

fn check_format(directory: &Path, format: u32) -> Result<(), Error> {
    match format {
        FORMAT => Ok(()),
        other => Err(Error::unreadable(format!(
            "a search index of format {other} ({}) where {FORMAT} is known",
            directory.display()
        ))),
    }
}
