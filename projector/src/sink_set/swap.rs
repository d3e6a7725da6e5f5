//! What is swapped in, when, and for whom: no reader is taken back behind what was seen.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use prejoin_engine::{Committed, Definition};
use prejoin_envelope::Position;
use prejoin_sinks::{StoreError, ViewStore};

use super::SinkSet;
use crate::ProjectorError;
use crate::stand::{Build, Live, Stand, Standing};
use crate::status::now_ms;

/// Between attempts to swap what readers hold.
const HELD_WAIT: Duration = Duration::from_millis(500);

/// What readers have seen of a view: no swap may take them back.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub rows: Position,
    /// By its search index.
    pub words: Position,
}

/// By the view's name.
pub(crate) type SeenByView = BTreeMap<String, Seen>;

/// A generation that readers see since the last turn.
#[derive(Debug)]
pub(crate) struct Swapped {
    pub view: usize,
    pub generation: i64,
    pub rows: i64,
    pub failed: i64,
}

impl SinkSet {
    /// Makes complete generations those that readers see: at once where there was nothing to see, otherwise all of
    /// them together, so that views that read one another change as one.
    pub(crate) async fn swap(
        &mut self,
        store: &mut ViewStore,
        committed: &Committed,
    ) -> Result<Vec<Swapped>, ProjectorError> {
        let ready = self.ready(committed);
        if ready.is_empty() {
            return Ok(Vec::new());
        }
        let name = |place: usize| committed.definition().views[place].plan.name.clone();
        let named: Vec<_> =
            ready.iter().map(|(place, standing)| (name(*place), standing.generation)).collect();
        match store.make_current_from(&named, &self.state, now_ms()).await {
            Err(error @ StoreError::Held { .. }) => {
                tracing::debug!(%error, "trying again");
                self.swaps_from = Some(Instant::now() + HELD_WAIT);
                return Ok(Vec::new());
            }
            made => made?,
        }
        let mut swapped = Vec::new();
        for (place, standing) in ready {
            let generation = standing.generation;
            let (rows, failed) = store.counts(&name(place), generation).unwrap_or_default();
            tracing::debug!(view = %name(place), generation, rows, position = %standing.follower.followed, "built");
            self.stands.insert(place, Stand { live: Live::Follows(standing), build: None });
            swapped.push(Swapped { view: place, generation, rows, failed });
        }
        Ok(swapped)
    }

    /// Whether every view is complete and waits to be swapped in.
    pub(crate) fn is_complete(&self, definition: &Definition) -> bool {
        self.stands.values().all(|stand| matches!(stand.build, Some(Build::Ready(_))))
            && self.search.is_complete(definition, &self.stands)
    }

    /// What readers have seen of each view.
    pub(crate) fn seen(&self, definition: &Definition) -> SeenByView {
        let seen = |(&place, stand): (&usize, &Stand)| {
            let words = stand.live_generation().and_then(|live| self.search.visible(place, live));
            let words = words.cloned().unwrap_or_default();
            (definition.views[place].plan.name.clone(), Seen { rows: stand.visible(), words })
        };
        self.stands.iter().map(seen).collect()
    }

    /// Whether every view can be swapped in at this commit, for readers who have seen so much.
    pub(crate) fn may_take_over(&self, committed: &Committed, readers: &SeenByView) -> bool {
        let nothing = Seen::default();
        self.stands.iter().all(|(&place, stand)| {
            let plan = &committed.definition().views[place].plan;
            let seen = readers.get(&plan.name).unwrap_or(&nothing);
            stand.swappable(committed).is_some_and(|standing| {
                standing.follower.visible().covers(&seen.rows)
                    && (plan.fulltext_columns.is_empty()
                        || self.search.covers(place, standing.generation, &seen.words))
            })
        })
    }

    /// What can be swapped in at this commit.
    pub(super) fn ready(&self, committed: &Committed) -> Vec<(usize, Standing)> {
        if self.swaps_from.is_some_and(|from| from > Instant::now()) {
            return Vec::new();
        }
        let is_first = |stand: &Stand| matches!(stand.live, Live::Nothing);
        let swappable = |place: usize, stand: &Stand| {
            let may_swap = |standing: &&Standing| {
                self.search.may_swap(committed.definition(), place, stand, standing.generation)
            };
            stand.swappable(committed).filter(may_swap).cloned()
        };
        let replacing = |(_, stand): &(&usize, &Stand)| stand.build.is_some() && !is_first(stand);
        let are_all_ready = {
            let mut replacing = self.stands.iter().filter(replacing);
            replacing.all(|(&place, stand)| swappable(place, stand).is_some())
        };
        let may_swap = |stand: &Stand| are_all_ready || is_first(stand);
        let ready = self.stands.iter().filter(|(_, stand)| may_swap(stand));
        ready.filter_map(|(&place, stand)| Some((place, swappable(place, stand)?))).collect()
    }
}
