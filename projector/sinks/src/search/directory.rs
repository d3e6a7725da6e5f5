//! Where indexes lie: `search/<view>/<generation>-<number>/` in the data directory.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::search::error::SearchError;

const FOLDER: &str = "search";

/// A directory for an index of a generation of a view. The number tells those of one generation apart: an index that was
/// lost is built anew in another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexPlace {
    pub view: String,
    pub generation: i64,
    pub number: u64,
}

/// A directory as found, with the name of its view as directories are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundDirectory {
    pub place: IndexPlace,
    pub path: PathBuf,
}

impl IndexPlace {
    /// As the catalog names it: relative to the data directory.
    pub fn name(&self) -> String {
        format!("{FOLDER}/{}/{}-{}", folder_name(&self.view), self.generation, self.number)
    }

    pub fn path(&self, data_directory: &Path) -> PathBuf {
        data_directory.join(self.name())
    }

    /// Reads what `name` wrote; nothing if it is no such name.
    pub fn from_name(name: &str) -> Option<IndexPlace> {
        let (folder, last) = name.strip_prefix(FOLDER)?.strip_prefix('/')?.split_once('/')?;
        let (generation, number) = last.split_once('-')?;
        let view = view_name(folder)?;
        let place = IndexPlace { view, generation: generation.parse().ok()?, number: number.parse().ok()? };
        (place.name() == name).then_some(place)
    }
}

/// All directories of indexes in a data directory, in the order of their names.
pub fn found_directories(data_directory: &Path) -> Result<Vec<FoundDirectory>, SearchError> {
    let mut found = Vec::new();
    let root = data_directory.join(FOLDER);
    for folder in names_in(&root)? {
        for last in names_in(&root.join(&folder))? {
            let name = format!("{FOLDER}/{folder}/{last}");
            if let Some(place) = IndexPlace::from_name(&name) {
                found.push(FoundDirectory { path: data_directory.join(name), place });
            }
        }
    }
    found.sort_by(|one, other| {
        let key =
            |found: &FoundDirectory| (found.place.view.clone(), found.place.generation, found.place.number);
        key(one).cmp(&key(other))
    });
    Ok(found)
}

/// Removes a directory with all that is in it, and its view's folder if nothing else is there.
pub(crate) fn remove(path: &Path) -> Result<(), SearchError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(SearchError::files(path, error)),
        _ => {}
    }
    if let Some(folder) = path.parent() {
        // Other directories are in it, or it is gone already: both are well.
        drop(fs::remove_dir(folder));
    }
    Ok(())
}

impl FoundDirectory {
    /// Removes it with all that is in it.
    pub fn remove(&self) -> Result<(), SearchError> {
        remove(&self.path)
    }
}

/// The entries of a directory; none if it is not there.
fn names_in(directory: &Path) -> Result<Vec<String>, SearchError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(source) => return Err(SearchError::files(directory, source)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|source| SearchError::files(directory, source))?;
        names.extend(entry.file_name().into_string());
    }
    Ok(names)
}

/// A view's name may hold characters that mean something in a path, or differ in case only.
fn folder_name(view: &str) -> String {
    let mut name = String::with_capacity(view.len());
    for byte in view.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'_' => name.push(char::from(byte)),
            other => name.push_str(&format!("%{other:02x}")),
        }
    }
    name
}

fn view_name(folder: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(folder.len());
    let mut rest = folder.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_one_name() {
        for view in ["orders", "../..", "A b", "é", "%41", ".", ""] {
            let place = IndexPlace { view: view.to_owned(), generation: 12, number: 3 };
            assert_eq!(IndexPlace::from_name(&place.name()), Some(place.clone()), "{}", place.name());
        }
        let place = IndexPlace { view: "../x".to_owned(), generation: 1, number: 2 };
        assert_eq!(place.name(), "search/%2e%2e%2fx/1-2");
        for other in
            ["search/orders/1", "search/orders/01-1", "orders/1-1", "search/Orders/1-1", "search/%4/1-1"]
        {
            assert_eq!(IndexPlace::from_name(other), None, "{other}");
        }
    }
}
