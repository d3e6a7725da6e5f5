//! Directories of indexes that belong to nothing.

use std::collections::BTreeSet;
use std::path::Path;

use prejoin_sinks::ViewStore;
use prejoin_sinks::search::{FoundDirectory, found_directories};

use super::job::discard;
use crate::ProjectorError;

/// Removes directories of generations that are gone, and those that the catalog does not name of generations whose
/// indexes nobody works on.
pub(crate) async fn tidy(
    store: &mut ViewStore,
    data_directory: &Path,
    used: &BTreeSet<(String, i64)>,
) -> Result<(), ProjectorError> {
    let found = match found_directories(data_directory) {
        Ok(found) => found,
        Err(error) => {
            tracing::warn!("{error}");
            return Ok(());
        }
    };
    if found.is_empty() {
        return Ok(());
    }
    let generations = store.generations().await?.into_iter();
    let known =
        generations.map(|found| (found.view, found.generation, found.search_index)).collect::<Vec<_>>();
    to_remove(&found, &known, used).for_each(discard);
    Ok(())
}

fn to_remove<'a>(
    found: &'a [FoundDirectory],
    known: &'a [(String, i64, Option<String>)],
    used: &'a BTreeSet<(String, i64)>,
) -> impl Iterator<Item = &'a FoundDirectory> {
    found.iter().filter(move |FoundDirectory { place, .. }| {
        let is_of =
            |known: &&(String, i64, Option<String>)| (&known.0, known.1) == (&place.view, place.generation);
        match known.iter().find(is_of) {
            None => true,
            Some((_, _, named)) => {
                named.as_deref() != Some(place.name().as_str())
                    && !used.contains(&(place.view.clone(), place.generation))
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use prejoin_sinks::search::IndexPlace;

    use super::*;

    #[test]
    fn what_is_named_or_worked_on_stays() {
        let found = |view: &str, generation, number| {
            let place = IndexPlace { view: view.to_owned(), generation, number };
            FoundDirectory { path: place.name().into(), place }
        };
        let all = [found("a", 1, 1), found("a", 1, 2), found("a", 2, 1), found("b", 1, 1), found("c", 3, 1)];
        let known = [
            ("a".to_owned(), 1, Some("search/a/1-2".to_owned())),
            ("a".to_owned(), 2, None),
            ("b".to_owned(), 1, None),
        ];
        let used = BTreeSet::from([("a".to_owned(), 2), ("c".to_owned(), 3)]);
        let removed: Vec<String> = to_remove(&all, &known, &used).map(|found| found.place.name()).collect();
        assert_eq!(removed, ["search/a/1-1", "search/b/1-1", "search/c/3-1"]);
    }
}
