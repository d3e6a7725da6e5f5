//! The views in the store: each follows the journal, waits for the state, or is built beside what readers see.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use prejoin_engine::{Committed, Definition, Follower, SinkAttachment, advance, attach_sink, build_slice};
use prejoin_envelope::Position;
use prejoin_sinks::{Generation, GenerationState, LiveWrite, StoreAddress, StoreError, ViewStore};

use crate::status::now_ms;
use crate::{ProjectorError, ProjectorSettings};

/// Where one view stands.
#[derive(Debug, Clone)]
pub(crate) enum Stand {
    Follows(Standing),
    /// The state was lost: it is first folded to exactly this position.
    FoldsTo {
        position: Position,
        readers: Readers,
    },
    /// To be built as soon as the state covers what the generation before has followed.
    BuildsFrom {
        position: Position,
        readers: Readers,
    },
    /// Its rows are written slice by slice, the next one from `cursor`; then it follows the journal from its base.
    Builds {
        standing: Standing,
        cursor: Option<Bytes>,
        readers: Readers,
    },
}

/// A generation and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub generation: i64,
    pub follower: Follower,
}

/// What readers see while a view does not follow: the generation before, if there is one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Readers {
    pub visible: Position,
    pub rows: i64,
}

impl Stand {
    /// What readers may rely on, whatever is still to be done.
    pub(crate) fn visible(&self) -> Position {
        match self {
            Stand::Follows(standing) => standing.follower.visible(),
            Stand::FoldsTo { readers, .. }
            | Stand::BuildsFrom { readers, .. }
            | Stand::Builds { readers, .. } => readers.visible.clone(),
        }
    }
}

pub(crate) struct SinkSet {
    store: ViewStore,
    /// By the view's place in the definition.
    stands: BTreeMap<usize, Stand>,
}

impl SinkSet {
    /// Opens the store as its one writer and finds out what is to become of each view.
    pub(crate) async fn open(address: &StoreAddress, committed: &Committed) -> Result<Self, ProjectorError> {
        let mut sinks = SinkSet { store: ViewStore::open(address).await?, stands: BTreeMap::new() };
        sinks.attach(committed).await?;
        Ok(sinks)
    }

    /// Decides anew for every view that neither follows nor is being built.
    async fn attach(&mut self, committed: &Committed) -> Result<(), ProjectorError> {
        let generations = self.store.generations().await?;
        for (place, view) in committed.definition().views.iter().enumerate() {
            if matches!(self.stands.get(&place), Some(Stand::Follows(_) | Stand::Builds { .. })) {
                continue;
            }
            let of_view = |is_current: bool| {
                let name = view.plan.name.as_str();
                let is_current =
                    move |found: &Generation| (found.state == GenerationState::Current) == is_current;
                generations.iter().filter(move |found| found.view == name && is_current(found))
            };
            let mut stand = match of_view(true).next() {
                Some(found) => self.attach_current(committed, place, found).await?,
                None => Stand::BuildsFrom { position: Position::default(), readers: Readers::default() },
            };
            for found in of_view(false) {
                stand = self.attach_build(committed, place, found, stand).await?;
            }
            self.stands.insert(place, stand);
        }
        let declared = |name: &str| committed.definition().views.iter().any(|view| view.plan.name == name);
        let others = generations.iter().map(|found| found.view.as_str()).filter(|name| !declared(name));
        for view in others.collect::<BTreeSet<_>>() {
            tracing::info!(%view, "is no longer declared: it is removed from the view store");
            self.store.remove_view(view).await?;
        }
        Ok(())
    }

    async fn attach_current(
        &mut self,
        committed: &Committed,
        place: usize,
        found: &Generation,
    ) -> Result<Stand, ProjectorError> {
        let readers = Readers { visible: found.visible.clone(), rows: found.rows };
        let attachment =
            attach_sink(committed, place, &found.fingerprint, &found.followed, found.pending.clone())?;
        Ok(match attachment {
            SinkAttachment::Follow(follower) => {
                self.store.resume(&committed.definition().views[place], found.generation).await?;
                Stand::Follows(Standing { generation: found.generation, follower })
            }
            SinkAttachment::FoldTo(position) => Stand::FoldsTo { position, readers },
            SinkAttachment::Rebuild { reason } => {
                tracing::info!(view = %found.view, generation = found.generation, "will be built anew: {reason}");
                Stand::BuildsFrom { position: of_known_services(&found.followed, committed), readers }
            }
        })
    }

    /// Goes on with a build that was interrupted, if the view is still to be built and the journal reaches back to
    /// its base; otherwise the build is abandoned.
    async fn attach_build(
        &mut self,
        committed: &Committed,
        place: usize,
        found: &Generation,
        stand: Stand,
    ) -> Result<Stand, ProjectorError> {
        let attachment =
            attach_sink(committed, place, &found.fingerprint, &found.followed, found.pending.clone())?;
        match (stand, attachment) {
            (Stand::BuildsFrom { readers, .. }, SinkAttachment::Follow(follower))
                if found.state == GenerationState::Building =>
            {
                tracing::info!(view = %found.view, generation = found.generation, rows = found.rows, "goes on being built");
                self.store.resume(&committed.definition().views[place], found.generation).await?;
                let standing = Standing { generation: found.generation, follower };
                Ok(Stand::Builds { standing, cursor: found.cursor.clone(), readers })
            }
            (stand, _) => {
                self.store.abandon(&found.view, found.generation).await?;
                Ok(stand)
            }
        }
    }

    /// The position that the state must not go beyond for now.
    pub(crate) fn fold_limit(&self) -> Option<&Position> {
        self.stands.values().find_map(|stand| match stand {
            Stand::FoldsTo { position, .. } => Some(position),
            _ => None,
        })
    }

    /// The commit after which the journal must be kept, whatever its size: where views being built began.
    pub(crate) fn journal_needed_after(&self) -> Option<u64> {
        let bases = self.stands.values().filter_map(|stand| match stand {
            Stand::Builds { standing, .. } => Some(standing.follower.commit()),
            _ => None,
        });
        bases.min()
    }

    /// A view that waits for the state to come to a position, and that position.
    pub(crate) fn unreached(&self, committed: &Committed) -> Option<(String, Position)> {
        self.stands.iter().find_map(|(&place, stand)| {
            let position = match stand {
                Stand::FoldsTo { position, .. } => position,
                Stand::BuildsFrom { position, .. } if !committed.position().covers(position) => position,
                _ => return None,
            };
            Some((committed.definition().views[place].plan.name.clone(), position.clone()))
        })
    }

    /// What readers may rely on of every view.
    pub(crate) fn visible(&self) -> Position {
        self.stands.values().map(Stand::visible).reduce(|all, one| all.meet(&one)).unwrap_or_default()
    }

    /// Pending fan-outs of the view that has most.
    pub(crate) fn pending_max(&self) -> usize {
        let pending = self.stands.values().map(|stand| match stand {
            Stand::Follows(standing) => standing.follower.pending.len(),
            _ => 0,
        });
        pending.max().unwrap_or(0)
    }

    /// Whether any view has rows to write at this commit.
    pub(crate) fn is_behind(&self, committed: &Committed) -> bool {
        self.stands.values().any(|stand| match stand {
            Stand::Follows(standing) => standing.follower.is_behind(committed),
            Stand::FoldsTo { .. } => false,
            Stand::BuildsFrom { position, .. } => committed.position().covers(position),
            Stand::Builds { .. } => true,
        })
    }

    /// Takes every view that follows to the commit, and writes a slice of each that is being built. The state must be
    /// synced up to the commit.
    pub(crate) async fn advance(
        &mut self,
        committed: &Committed,
        settings: &ProjectorSettings,
    ) -> Result<(), ProjectorError> {
        if self.fold_limit() == Some(committed.position()) {
            self.attach(committed).await?;
        }
        self.follow(committed, settings).await?;
        let places: Vec<usize> = self.stands.keys().copied().collect();
        for place in places {
            self.build(committed, place, settings).await?;
        }
        Ok(())
    }

    async fn follow(
        &mut self,
        committed: &Committed,
        settings: &ProjectorSettings,
    ) -> Result<(), ProjectorError> {
        let mut writes = Vec::new();
        let mut stands = Vec::new();
        for (&place, stand) in &self.stands {
            let Stand::Follows(Standing { generation, follower }) = stand else { continue };
            if !follower.is_behind(committed) {
                continue;
            }
            let view = committed.definition().views[place].plan.name.clone();
            let slice_rows = settings.fan_out_slice_rows;
            match tokio::task::block_in_place(|| advance(committed, place, follower, slice_rows))? {
                Some(advance) => {
                    let standing = Standing { generation: *generation, follower: advance.follower.clone() };
                    stands.push((place, Stand::Follows(standing)));
                    writes.push(LiveWrite { view, generation: *generation, advance });
                }
                None => {
                    tracing::warn!(%view, "will be built anew: the journal was cut before it could follow");
                    let rows = self.store.counts(&view, *generation).map_or(0, |(rows, _)| rows);
                    let readers = Readers { visible: follower.visible(), rows };
                    stands.push((place, Stand::BuildsFrom { position: follower.followed.clone(), readers }));
                }
            }
        }
        if !writes.is_empty() {
            self.store.write_live(writes).await?;
        }
        self.stands.extend(stands);
        Ok(())
    }

    /// Begins a build that is due, writes its next slice, and after the last one shows the view to readers.
    async fn build(
        &mut self,
        committed: &Committed,
        place: usize,
        settings: &ProjectorSettings,
    ) -> Result<(), ProjectorError> {
        let view = &committed.definition().views[place];
        let (standing, cursor, readers) = match &self.stands[&place] {
            Stand::BuildsFrom { position, readers } if committed.position().covers(position) => {
                let generation = self.store.begin_build(view, committed.position()).await?;
                (Standing { generation, follower: Follower::built_at(committed) }, None, readers.clone())
            }
            Stand::Builds { standing, cursor, readers } => {
                (standing.clone(), cursor.clone(), readers.clone())
            }
            _ => return Ok(()),
        };
        let rows_max = settings.build_slice_rows;
        let slice = tokio::task::block_in_place(|| build_slice(committed, place, cursor.as_ref(), rows_max))?;
        self.store.write_build(&view.plan.name, standing.generation, slice.rows, slice.next.as_ref()).await?;
        let stand = match slice.next {
            Some(next) => Stand::Builds { standing, cursor: Some(next), readers },
            None => self.show(committed, place, standing, readers, settings).await?,
        };
        self.stands.insert(place, stand);
        Ok(())
    }

    /// Takes a view whose rows are complete from its base to the commit, and makes it the one that readers see.
    async fn show(
        &mut self,
        committed: &Committed,
        place: usize,
        Standing { generation, follower }: Standing,
        readers: Readers,
        settings: &ProjectorSettings,
    ) -> Result<Stand, ProjectorError> {
        let view = &committed.definition().views[place];
        self.store.complete_build(view, generation).await?;
        let slice_rows = settings.fan_out_slice_rows;
        let advance = tokio::task::block_in_place(|| advance(committed, place, &follower, slice_rows))?;
        let Some(advance) = advance else {
            tracing::warn!(view = %view.plan.name, "is built once more: the journal was cut before it could follow");
            self.store.abandon(&view.plan.name, generation).await?;
            return Ok(Stand::BuildsFrom { position: follower.followed, readers });
        };
        let follower = advance.follower.clone();
        let name = view.plan.name.clone();
        self.store.write_live(vec![LiveWrite { view: name.clone(), generation, advance }]).await?;
        self.store.make_current(&[(name, generation)], now_ms()).await?;
        self.store.drop_retired(i64::MAX).await?;
        let rows = self.store.counts(&view.plan.name, generation).map_or(0, |(rows, _)| rows);
        tracing::debug!(view = %view.plan.name, generation, rows, position = %follower.followed, "built");
        Ok(Stand::Follows(Standing { generation, follower }))
    }

    /// Name, stand, rows and failed rows of every view.
    pub(crate) fn report<'a>(
        &'a self,
        definition: &'a Definition,
    ) -> impl Iterator<Item = (&'a str, &'a Stand, i64, i64)> {
        self.stands.iter().map(|(&place, stand)| {
            let name = definition.views[place].plan.name.as_str();
            let (rows, row_errors) = match stand {
                Stand::Follows(standing) => self.store.counts(name, standing.generation).unwrap_or_default(),
                Stand::FoldsTo { readers, .. }
                | Stand::BuildsFrom { readers, .. }
                | Stand::Builds { readers, .. } => (readers.rows, 0),
            };
            (name, stand, rows, row_errors)
        })
    }

    pub(crate) async fn write_status(&mut self, written_at_ms: i64, status: &str) -> Result<(), StoreError> {
        self.store.write_status(written_at_ms, status).await
    }

    pub(crate) async fn close(self) -> Result<(), StoreError> {
        self.store.close().await
    }
}

/// A position without services whose events are no longer read: no state will ever come to it.
fn of_known_services(position: &Position, committed: &Committed) -> Position {
    let known = |service: &str| committed.definition().services().any(|known| known == service);
    position
        .iter()
        .filter(|(service, _)| known(service))
        .map(|(service, sequence)| (service.to_owned(), sequence))
        .collect()
}
