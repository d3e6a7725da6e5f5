//! A live transaction: the rows and positions of every view together.

use prejoin_engine::{Advance, Pending};

use crate::catalog;
use crate::database::Link;
use crate::rows::{self, Counts, Refused, Way};
use crate::store::{OpenGeneration, OpenGenerations};
use crate::{StoreError, ViewStore};

/// What one view's generation gets in a live transaction.
#[derive(Debug)]
pub struct LiveWrite {
    pub view: String,
    pub generation: i64,
    pub advance: Advance,
}

impl ViewStore {
    /// Writes rows and positions of generations that readers see, or that are ready to be seen, in one transaction.
    /// `Superseded` if another writer has taken over.
    pub async fn write_live(&mut self, writes: Vec<LiveWrite>) -> Result<(), StoreError> {
        let mut refused = Refused::FailsAll;
        let counts = loop {
            self.begin().await?;
            match write_all(self.link.as_mut(), &self.open, &writes, refused).await {
                Err(error) if self.retries_row_by_row(&error, &mut refused) => self.roll_back().await,
                worked => break self.end(worked).await?,
            }
        };
        for (write, counts) in writes.into_iter().zip(counts) {
            if let Some(open) = self.open.get_mut(&(write.view, write.generation)) {
                open.note(counts);
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
    refused: Refused,
) -> Result<Vec<Counts>, sqlx::Error> {
    let mut counts = Vec::new();
    for LiveWrite { view, generation, advance } in writes {
        let open = open.get(&(view.clone(), *generation)).ok_or_else(|| not_open(view, *generation))?;
        counts.push(write_advance(link, open, advance, refused).await?);
    }
    Ok(counts)
}

/// Writes one generation's rows and positions inside the open transaction; returns its counts afterwards.
async fn write_advance(
    link: &mut dyn Link,
    open: &OpenGeneration,
    advance: &Advance,
    refused: Refused,
) -> Result<Counts, sqlx::Error> {
    let follower = &advance.follower;
    let counts = rows::write(link, open, open.counts(), &advance.rows, Way::Put, refused).await?;
    if open.has_pending || !follower.pending.is_empty() {
        let pending: Vec<Vec<u8>> = follower.pending.iter().map(Pending::to_bytes).collect();
        catalog::write_pending(link, &open.entry, &pending).await?;
    }
    catalog::write_positions(link, &open.entry, &follower.followed, &follower.visible(), counts.rows).await?;
    Ok(counts)
}

pub(crate) fn not_open(view: &str, generation: i64) -> sqlx::Error {
    sqlx::Error::Protocol(format!(
        "generation {generation} of {view} was neither begun nor taken up before it was written"
    ))
}
