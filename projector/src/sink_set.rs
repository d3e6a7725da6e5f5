//! The views in the store: each follows the journal, waits for the state, or is built anew.

use std::collections::BTreeMap;
use std::path::Path;

use prejoin_engine::{Committed, Definition, Follower, SinkAttachment, advance, attach_sink, build_slice};
use prejoin_envelope::Position;
use prejoin_sinks::{Generation, LiveWrite, SqliteStore, StoreError};

use crate::{ProjectorError, ProjectorSettings};

/// Where one view stands, by its place in the definition.
#[derive(Debug, Clone)]
pub(crate) enum Stand {
    Follows(Follower),
    /// The state was lost: it is first folded to exactly this position.
    FoldsTo {
        position: Position,
        visible: Position,
    },
    /// To be built as soon as the state covers what the generation before has followed.
    BuildsFrom {
        position: Position,
        visible: Position,
    },
}

impl Stand {
    /// What readers may rely on, whatever is still to be done.
    pub(crate) fn visible(&self) -> Position {
        match self {
            Stand::Follows(follower) => follower.visible(),
            Stand::FoldsTo { visible, .. } | Stand::BuildsFrom { visible, .. } => visible.clone(),
        }
    }
}

pub(crate) struct SinkSet {
    store: SqliteStore,
    stands: BTreeMap<usize, Stand>,
}

impl SinkSet {
    /// Opens the store as its one writer and finds out what is to become of each view.
    pub(crate) async fn open(path: &Path, committed: &Committed) -> Result<Self, ProjectorError> {
        let mut store = SqliteStore::open(path).await?;
        let views = committed.definition().views.iter();
        let defined: Vec<&str> = views.map(|view| view.plan.name.as_str()).collect();
        for view in store.remove_others(&defined).await? {
            tracing::info!(%view, "is no longer defined: its rows are removed");
        }
        let mut sinks = SinkSet { store, stands: BTreeMap::new() };
        sinks.attach(committed).await?;
        Ok(sinks)
    }

    /// Decides anew for every view that does not follow yet.
    async fn attach(&mut self, committed: &Committed) -> Result<(), ProjectorError> {
        let generations = self.store.generations().await?;
        for view in 0..committed.definition().views.len() {
            if matches!(self.stands.get(&view), Some(Stand::Follows(_))) {
                continue;
            }
            let name = &committed.definition().views[view].plan.name;
            let stand = match generations.iter().find(|generation| generation.view == *name) {
                Some(generation) => self.attach_view(committed, view, generation).await?,
                None => Stand::BuildsFrom { position: Position::default(), visible: Position::default() },
            };
            self.stands.insert(view, stand);
        }
        Ok(())
    }

    async fn attach_view(
        &mut self,
        committed: &Committed,
        view: usize,
        found: &Generation,
    ) -> Result<Stand, ProjectorError> {
        let attachment =
            attach_sink(committed, view, &found.fingerprint, &found.followed, found.pending.clone())?;
        Ok(match attachment {
            SinkAttachment::Follow(follower) => {
                self.store.resume(&committed.definition().views[view]).await?;
                Stand::Follows(follower)
            }
            SinkAttachment::FoldTo(position) => Stand::FoldsTo { position, visible: found.visible.clone() },
            SinkAttachment::Rebuild { reason } => {
                tracing::info!(view = %found.view, generation = found.generation, "will be built anew: {reason}");
                Stand::BuildsFrom { position: found.followed.clone(), visible: found.visible.clone() }
            }
        })
    }

    /// The position that the state must not go beyond for now.
    pub(crate) fn fold_limit(&self) -> Option<&Position> {
        self.stands.values().find_map(|stand| match stand {
            Stand::FoldsTo { position, .. } => Some(position),
            _ => None,
        })
    }

    /// Whether any view has rows to write at this commit.
    pub(crate) fn is_behind(&self, committed: &Committed) -> bool {
        self.stands.values().any(|stand| match stand {
            Stand::Follows(follower) => follower.is_behind(committed),
            Stand::FoldsTo { .. } => false,
            Stand::BuildsFrom { position, .. } => committed.position().covers(position),
        })
    }

    /// Takes every view that can to the commit. The state must be synced up to it.
    pub(crate) async fn advance(
        &mut self,
        committed: &Committed,
        settings: &ProjectorSettings,
    ) -> Result<(), ProjectorError> {
        if self.fold_limit() == Some(committed.position()) {
            self.attach(committed).await?;
        }
        self.build_due(committed, settings).await?;
        let mut writes = Vec::new();
        let mut stands = Vec::new();
        for (&view, stand) in &self.stands {
            let Stand::Follows(follower) = stand else { continue };
            if !follower.is_behind(committed) {
                continue;
            }
            let name = &committed.definition().views[view].plan.name;
            let slice_rows = settings.fan_out_slice_rows;
            match tokio::task::block_in_place(|| advance(committed, view, follower, slice_rows))? {
                Some(advance) => {
                    stands.push((view, Stand::Follows(advance.follower.clone())));
                    writes.push(LiveWrite { view: name.clone(), advance });
                }
                None => {
                    tracing::warn!(view = %name, "will be built anew: the journal was cut before it could follow");
                    let (position, visible) = (follower.followed.clone(), follower.visible());
                    stands.push((view, Stand::BuildsFrom { position, visible }));
                }
            }
        }
        if !writes.is_empty() {
            self.store.write_live(writes).await?;
        }
        self.stands.extend(stands);
        Ok(())
    }

    async fn build_due(
        &mut self,
        committed: &Committed,
        settings: &ProjectorSettings,
    ) -> Result<(), ProjectorError> {
        let is_due = |stand: &Stand| matches!(stand, Stand::BuildsFrom { position, .. } if committed.position().covers(position));
        let due: Vec<usize> =
            self.stands.iter().filter(|(_, stand)| is_due(stand)).map(|(&view, _)| view).collect();
        for view in due {
            self.build(committed, view, settings).await?;
        }
        Ok(())
    }

    /// Builds a view from one commit and shows it to readers. The loop waits for it.
    async fn build(
        &mut self,
        committed: &Committed,
        view: usize,
        settings: &ProjectorSettings,
    ) -> Result<(), ProjectorError> {
        let definition = &committed.definition().views[view];
        let target = self.store.begin_build(definition, committed.position()).await?;
        let mut from = None;
        loop {
            let slice = tokio::task::block_in_place(|| {
                build_slice(committed, view, from.as_ref(), settings.build_slice_rows)
            })?;
            self.store.write_build(&target, slice.rows).await?;
            from = slice.next;
            if from.is_none() {
                break;
            }
        }
        let follower = Follower::built_at(committed);
        self.store.make_current(target, definition, &follower).await?;
        let rows = self.store.counts(&definition.plan.name).map_or(0, |(rows, _)| rows);
        tracing::debug!(view = %definition.plan.name, rows, position = %committed.position(), "built");
        self.stands.insert(view, Stand::Follows(follower));
        Ok(())
    }

    /// Name, stand, rows and failed rows of every view.
    pub(crate) fn report<'a>(
        &'a self,
        definition: &'a Definition,
    ) -> impl Iterator<Item = (&'a str, &'a Stand, i64, i64)> {
        self.stands.iter().map(|(&view, stand)| {
            let name = definition.views[view].plan.name.as_str();
            let (rows, row_errors) = self.store.counts(name).unwrap_or_default();
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
