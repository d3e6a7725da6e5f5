//! A live transaction: the rows and positions of every view together.

use bytes::Bytes;
use prejoin_engine::{Advance, Pending, RowOutcome};

use crate::catalog;
use crate::changes::{self, ChangeMarks, Changes, Draft, OldRows};
use crate::database::Link;
use crate::rows::{self, Counts, Refused, Way, Written};
use crate::store::{GenerationState, OpenGeneration, OpenGenerations};
use crate::{StoreError, ViewStore};

/// What one view's generation gets in a live transaction.
#[derive(Debug)]
pub struct LiveWrite {
    pub view: String,
    pub generation: i64,
    pub advance: Advance,
}

/// Which values of rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Differing {
    /// Those that differ from what is stored, where that is read.
    Only,
    OrNot,
}

impl ViewStore {
    /// Writes rows and positions of generations that readers see, or that are ready to be seen, in one transaction.
    /// `Superseded` if another writer has taken over.
    pub async fn write_live(&mut self, writes: Vec<LiveWrite>) -> Result<(), StoreError> {
        self.write_rows(writes, Differing::Only).await
    }

    /// The same, where what is stored is not to be relied on: rows are written whole.
    pub async fn repair(&mut self, write: LiveWrite) -> Result<(), StoreError> {
        self.write_rows(vec![write], Differing::OrNot).await
    }

    async fn write_rows(&mut self, writes: Vec<LiveWrite>, differing: Differing) -> Result<(), StoreError> {
        let mut refused = Refused::FailsAll;
        let (stands, changes) = loop {
            self.begin().await?;
            let mut draft = self.changes.draft();
            let worked =
                write_all(self.link.as_mut(), &self.open, &writes, (differing, refused), &mut draft).await;
            let changes = draft.finish();
            match worked {
                Err(error) if self.retries_row_by_row(&error, &mut refused) => self.roll_back().await,
                worked => break (self.end(worked).await?, changes),
            }
        };
        self.changes.note(changes);
        for (write, (counts, changes)) in writes.into_iter().zip(stands) {
            if let Some(open) = self.open.get_mut(&(write.view, write.generation)) {
                open.note(counts);
                open.entry.changes = changes;
                open.has_pending = !write.advance.follower.pending.is_empty();
            }
        }
        Ok(())
    }
}

async fn write_all(
    link: &mut dyn Link,
    open: &OpenGenerations,
    writes: &[LiveWrite],
    (differing, refused): (Differing, Refused),
    draft: &mut Draft<'_>,
) -> Result<Vec<(Counts, ChangeMarks)>, sqlx::Error> {
    let mut stands = Vec::new();
    for LiveWrite { view, generation, advance } in writes {
        let open = open.get(&(view.clone(), *generation)).ok_or_else(|| not_open(view, *generation))?;
        stands.push(write_advance(link, open, advance, (differing, refused), draft).await?);
    }
    draft.trim(link).await?;
    Ok(stands)
}

/// Writes one generation's rows, positions and changes inside the open transaction; returns its counts afterwards, and how
/// far its changes are in the table of recent ones.
async fn write_advance(
    link: &mut dyn Link,
    open: &OpenGeneration,
    advance: &Advance,
    (differing, refused): (Differing, Refused),
    draft: &mut Draft<'_>,
) -> Result<(Counts, ChangeMarks), sqlx::Error> {
    let Advance { rows, follower } = advance;
    // What nobody sees, nobody follows.
    let is_seen = open.entry.state == GenerationState::Current;
    let is_recorded = is_seen && draft.takes(rows.len());
    let old = match is_recorded {
        true => read_old(link, open, rows).await?,
        false => OldRows::default(),
    };
    let way = match is_recorded && differing == Differing::Only {
        true => Way::Change(&old),
        false => Way::Put,
    };
    let Written { counts, failed } = rows::write(link, open, open.counts(), rows, way, refused).await?;
    let changes = match (is_seen, is_recorded) {
        (false, _) => open.entry.changes,
        (true, false) => draft.cut(),
        (true, true) => {
            let changes = Changes { outcomes: rows, failed: &failed, old };
            draft.write(link, &open.entry, &follower.visible(), changes).await?
        }
    };
    if open.has_pending || !follower.pending.is_empty() {
        let pending: Vec<Vec<u8>> = follower.pending.iter().map(Pending::to_bytes).collect();
        catalog::write_pending(link, &open.entry, &pending).await?;
    }
    let (followed, visible) = (&follower.followed, follower.visible());
    catalog::write_positions(link, &open.entry, followed, &visible, counts.rows, changes).await?;
    Ok((counts, changes))
}

async fn read_old(
    link: &mut dyn Link,
    open: &OpenGeneration,
    rows: &[(Bytes, RowOutcome)],
) -> Result<OldRows, sqlx::Error> {
    let changing = rows.iter().filter(|(_, outcome)| !matches!(outcome, RowOutcome::Failed(_)));
    let keys: Vec<&Bytes> = changing.map(|(key, _)| key).collect();
    match keys.is_empty() {
        true => Ok(OldRows::default()),
        false => changes::read_rows(link, &open.table(), &keys).await,
    }
}

pub(crate) fn not_open(view: &str, generation: i64) -> sqlx::Error {
    sqlx::Error::Protocol(format!(
        "generation {generation} of {view} was neither begun nor taken up before it was written"
    ))
}
