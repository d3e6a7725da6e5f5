//! What is to become of each view, by what the store holds of it: it follows, waits for the state, goes on being built, or
//! is built anew.

use prejoin_engine::{Committed, SinkAttachment, attach_sink};
use prejoin_envelope::Position;
use prejoin_sinks::{Generation, GenerationState, ViewStore};

use super::{Role, SinkSet};
use crate::ProjectorError;
use crate::stand::{Build, Live, Readers, Stand, Standing};

impl SinkSet {
    /// Decides anew for every view that neither follows nor is being built.
    pub(super) async fn attach(
        &mut self,
        store: &mut ViewStore,
        committed: &Committed,
    ) -> Result<(), ProjectorError> {
        let generations = store.generations().await?;
        self.search.attach(&generations);
        for (place, view) in committed.definition().views.iter().enumerate() {
            let decided = |stand: &Stand| {
                matches!(stand.live, Live::Follows(_))
                    || matches!(stand.build, Some(Build::Rows { .. } | Build::Ready(_)))
            };
            if self.stands.get(&place).is_some_and(decided) {
                continue;
            }
            let mut stand = Stand::first(match &self.role {
                Role::Readers => Position::default(),
                Role::Replay { covers } => covers.clone(),
            });
            for found in generations.iter().filter(|found| found.view == view.plan.name) {
                let is_ours = found.state_directory == self.state;
                match found.state {
                    GenerationState::Current if self.role == Role::Readers => {
                        stand = self.attach_current(store, committed, place, found, stand).await?
                    }
                    GenerationState::Building | GenerationState::Ready if is_ours => {
                        stand = self.attach_build(store, committed, place, found, stand).await?;
                    }
                    _ => {}
                }
            }
            self.stands.insert(place, stand);
        }
        Ok(())
    }

    async fn attach_current(
        &mut self,
        store: &mut ViewStore,
        committed: &Committed,
        place: usize,
        found: &Generation,
        stand: Stand,
    ) -> Result<Stand, ProjectorError> {
        let (generation, visible) = (found.generation, found.visible.clone());
        let readers = Readers { generation, visible, rows: found.rows };
        // What was begun before this generation was looked at: an older build that goes on beside it.
        let begun = stand.build.filter(|build| !matches!(build, Build::Due { .. }));
        let attachment =
            attach_sink(committed, place, &found.fingerprint, &found.followed, found.pending.clone())?;
        Ok(match attachment {
            SinkAttachment::Follow(follower) => {
                store.resume(&committed.definition().views[place], found.generation).await?;
                Stand {
                    live: Live::Follows(Standing { generation: found.generation, follower }),
                    build: begun,
                }
            }
            SinkAttachment::FoldTo(position) => {
                Stand { live: Live::FoldsTo { position, readers }, build: None }
            }
            SinkAttachment::Rebuild { reason } => {
                tracing::info!(view = %found.view, generation = found.generation, "will be built anew: {reason}");
                let due = Build::Due { covers: of_known_services(&found.followed, committed) };
                Stand { live: Live::Stays(readers), build: Some(begun.unwrap_or(due)) }
            }
        })
    }

    /// Goes on with a build that was interrupted, if the journal reaches back to its base; otherwise it is abandoned.
    async fn attach_build(
        &mut self,
        store: &mut ViewStore,
        committed: &Committed,
        place: usize,
        found: &Generation,
        mut stand: Stand,
    ) -> Result<Stand, ProjectorError> {
        let attachment =
            attach_sink(committed, place, &found.fingerprint, &found.followed, found.pending.clone())?;
        let is_free = !matches!(stand.live, Live::FoldsTo { .. })
            && matches!(stand.build, None | Some(Build::Due { .. }));
        match attachment {
            SinkAttachment::Follow(follower) if is_free => {
                tracing::info!(view = %found.view, generation = found.generation, rows = found.rows, "goes on being built");
                store.resume(&committed.definition().views[place], found.generation).await?;
                let standing = Standing { generation: found.generation, follower };
                stand.build = Some(match found.state {
                    GenerationState::Ready => Build::Ready(standing),
                    _ => Build::Rows { standing, cursor: found.cursor.clone() },
                });
            }
            _ => store.abandon(&found.view, found.generation).await?,
        }
        Ok(stand)
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
