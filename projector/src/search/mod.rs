//! The search indexes of views: sinks of their own, each followed or built by a thread beside the loop.
//!
//! An index belongs to a generation of a view. What is wrong with one is said and mended here, and never stops a table.

mod job;
mod slot;
mod tidy;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use prejoin_engine::{Committed, Definition};
use prejoin_envelope::Position;
use prejoin_sinks::search::IndexDefinition;
use prejoin_sinks::{Generation, ViewStore};

use crate::ProjectorError;
use crate::settings::SearchSettings;
use crate::stand::Stand;

pub(crate) use slot::SearchStatus;
use slot::Slot;
pub(crate) use tidy::tidy;

/// The indexes that one state feeds.
pub(crate) struct SearchSet {
    data_directory: PathBuf,
    settings: SearchSettings,
    /// By the view's place in the definition, and generation.
    slots: BTreeMap<(usize, i64), Slot>,
    /// Slots that nobody needs any more and whose thread is not done.
    leaving: Vec<Slot>,
    /// What the catalog names, by view and generation.
    named: BTreeMap<(String, i64), String>,
}

impl SearchSet {
    pub(crate) fn new(data_directory: PathBuf, settings: SearchSettings) -> Self {
        let (slots, leaving, named) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
        SearchSet { data_directory, settings, slots, leaving, named }
    }

    /// Takes note of what the catalog names.
    pub(crate) fn attach(&mut self, generations: &[Generation]) {
        for found in generations {
            if let Some(name) = &found.search_index {
                self.named.insert((found.view.clone(), found.generation), name.clone());
            }
        }
    }

    /// Takes back the names of indexes that views of this definition do not declare.
    pub(crate) async fn forget_undeclared(
        &mut self,
        store: &mut ViewStore,
        definition: &Definition,
    ) -> Result<(), ProjectorError> {
        let declares_none = |name: &str| {
            let view = definition.views.iter().find(|view| view.plan.name == name);
            view.is_some_and(|view| view.plan.fulltext_columns.is_empty())
        };
        for ((view, generation), _) in self.named.extract_if(.., |(view, _), _| declares_none(view)) {
            tracing::info!(%view, generation, "its search index is no longer declared, and removed");
            store.name_search_index(&view, generation, None).await?;
        }
        Ok(())
    }

    /// Takes every index a part further: begins what is due, takes note of what is done. The state must be synced up to
    /// the commit.
    pub(crate) async fn turn(
        &mut self,
        store: &mut ViewStore,
        committed: &Committed,
        stands: &BTreeMap<usize, Stand>,
    ) -> Result<(), ProjectorError> {
        let wanted = wanted(committed.definition(), stands);
        let unwanted = self.slots.extract_if(.., |key, _| !wanted.contains(key));
        self.leaving.extend(unwanted.map(|(_, slot)| slot));
        self.leaving.retain(Slot::is_running);
        for (place, generation) in wanted {
            let slot = self.slots.entry((place, generation));
            let slot = slot.or_insert_with(|| {
                let view = &committed.definition().views[place];
                let named = self.named.get(&(view.plan.name.clone(), generation)).cloned();
                let definition = IndexDefinition::of(view).expect("only views with indexes are wanted");
                Slot::new(definition, place, generation, named)
            });
            slot.collect()?;
            if let Some(name) = slot.to_be_named(committed) {
                let view = slot.view().to_owned();
                if store.name_search_index(&view, generation, Some(&name)).await? {
                    self.named.insert((view, generation), name.clone());
                    slot.note_named(name);
                }
            }
            let is_foldable = stands.get(&place).is_some_and(Stand::folds);
            slot.begin_next(&self.data_directory, committed, &self.settings, is_foldable);
        }
        Ok(())
    }

    /// Looks whether directories are still there that nobody has looked at for a while, and removes those that were
    /// replaced.
    pub(crate) fn look_after(&mut self) {
        for slot in self.slots.values_mut() {
            slot.look_after();
            slot.remove_replaced(&self.data_directory, self.settings.retired_grace);
        }
        self.leaving.retain(Slot::is_running);
    }

    /// Whether there is something to begin or to take note of.
    pub(crate) fn is_due(&self, committed: &Committed, stands: &BTreeMap<usize, Stand>) -> bool {
        self.slots.values().any(|slot| slot.is_due(committed, &self.settings))
            || wanted(committed.definition(), stands).iter().any(|key| !self.slots.contains_key(key))
    }

    /// When there may be something to do, if nothing else happens.
    pub(crate) fn wake_in(&self, committed: &Committed) -> Option<Duration> {
        self.slots.values().filter_map(|slot| slot.wake_in(committed, &self.settings)).min()
    }

    /// Whether everything is done that can be done at this commit: an index that fails again and again is not waited for.
    pub(crate) fn is_settled(&self, committed: &Committed, stands: &BTreeMap<usize, Stand>) -> bool {
        self.slots.values().all(|slot| slot.is_settled(committed)) && !self.is_due(committed, stands)
    }

    /// The commit after which the journal must be kept, whatever its size.
    pub(crate) fn journal_needed_after(&self) -> Option<u64> {
        self.slots.values().filter_map(Slot::journal_needed_after).min()
    }

    /// Where an index stands that the state has to be folded to, on its way to the position of its table.
    pub(crate) fn fold_limit(&self, tables: &Position) -> Option<&Position> {
        let awaited = self.slots.values().filter_map(Slot::awaits).filter(|awaited| tables.covers(awaited));
        // A state's positions are in one order: the one with the fewest events comes first.
        awaited.min_by_key(|awaited| awaited.iter().map(|(_, sequence)| sequence).sum::<u64>())
    }

    /// Whether it is not known yet where the index of a generation stands.
    pub(crate) fn is_opening(&self, definition: &Definition, place: usize, generation: i64) -> bool {
        let is_wanted = !definition.views[place].plan.fulltext_columns.is_empty();
        is_wanted && self.slots.get(&(place, generation)).is_none_or(Slot::is_opening)
    }

    pub(crate) fn data_directory(&self) -> &Path {
        &self.data_directory
    }

    /// Whether a generation may be shown without taking from readers what their search has.
    pub(crate) fn may_swap(
        &self,
        definition: &Definition,
        place: usize,
        stand: &Stand,
        generation: i64,
    ) -> bool {
        let view = &definition.views[place];
        let live = stand.live_generation();
        let has_index = live.is_some_and(|live| self.named.contains_key(&(view.plan.name.clone(), live)));
        if !has_index || IndexDefinition::of(view).is_none() {
            return true;
        }
        let seen = live.and_then(|live| self.visible(place, live));
        self.covers(place, generation, seen.unwrap_or(&stand.visible()))
    }

    /// What readers of a generation's index may rely on.
    pub(crate) fn visible(&self, place: usize, generation: i64) -> Option<&Position> {
        self.slots.get(&(place, generation)).and_then(Slot::visible)
    }

    /// Whether a generation's index, if it is to have one, is complete and covers the position; or cannot be made.
    pub(crate) fn covers(&self, place: usize, generation: i64, readers: &Position) -> bool {
        let Some(slot) = self.slots.get(&(place, generation)) else { return false };
        slot.is_failing()
            || (slot.is_named() && slot.visible().is_some_and(|visible| visible.covers(readers)))
    }

    /// Whether every index is complete, or cannot be made.
    pub(crate) fn is_complete(&self, definition: &Definition, stands: &BTreeMap<usize, Stand>) -> bool {
        let slot_is_complete = |key| {
            let slot: Option<&Slot> = self.slots.get(key);
            slot.is_some_and(|slot| slot.is_failing() || slot.is_named())
        };
        wanted(definition, stands).iter().all(slot_is_complete)
    }

    /// How the index of a generation is; nothing if it is to have none.
    pub(crate) fn status(&self, place: usize, generation: i64, state: &Position) -> Option<SearchStatus> {
        self.slots.get(&(place, generation)).map(|slot| slot.status(state))
    }

    /// The generations whose directories are worked on.
    pub(crate) fn used(&self) -> impl Iterator<Item = (String, i64)> + '_ {
        let slots = self.slots.values().chain(&self.leaving);
        slots.map(|slot| (slot.view().to_owned(), slot.generation()))
    }
}

/// The generations that are to have an index.
fn wanted(definition: &Definition, stands: &BTreeMap<usize, Stand>) -> BTreeSet<(usize, i64)> {
    let mut wanted = BTreeSet::new();
    for (&place, stand) in stands {
        if !definition.views[place].plan.fulltext_columns.is_empty() {
            wanted.extend(stand.kept_generations().map(|generation| (place, generation)));
        }
    }
    wanted
}
