//! What readers see: the transaction that puts generations in the place of those before.

use std::collections::BTreeSet;

use crate::catalog::{self, CatalogEntry};
use crate::changes::ChangeMarks;
use crate::database::{Link, Table};
use crate::store::GenerationState;
use crate::{StoreError, ViewStore};

impl ViewStore {
    /// Makes generations, each with its view's name, the ones that readers see, all in one transaction: the only commit
    /// point of a build. Each must be ready. Those before are retired: readers in the middle of a query keep them.
    ///
    /// `Held` if readers hold a SQL view for longer than new readers may be made to wait; nothing has changed then.
    pub async fn make_current(
        &mut self,
        generations: &[(String, i64)],
        now_ms: i64,
    ) -> Result<(), StoreError> {
        self.swap(generations, None, now_ms).await
    }

    /// As `make_current`, and names the state's directory that the current generations follow from then on.
    pub async fn make_current_from(
        &mut self,
        generations: &[(String, i64)],
        state_directory: &str,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        self.swap(generations, Some(state_directory), now_ms).await
    }

    /// The state's directory that the current generations follow.
    pub async fn state_directory(&mut self) -> Result<String, StoreError> {
        let select = "SELECT state_directory FROM _prejoin_store";
        let found = crate::database::query_one(self.link.as_mut(), select, &[]).await;
        found.and_then(|mut found| found.text()).map_err(|source| self.failed(source))
    }

    async fn swap(
        &mut self,
        generations: &[(String, i64)],
        state_directory: Option<&str>,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let entries = self.read_catalog().await?;
        let is_named = |entry: &&CatalogEntry| {
            generations.iter().any(|(view, generation)| entry.is(view, *generation))
                && entry.state == GenerationState::Ready
        };
        let new: Vec<_> = entries.iter().filter(is_named).collect();
        let is_found = |(view, generation): &&(String, i64)| new.iter().any(|new| new.is(view, *generation));
        if let Some((view, generation)) = generations.iter().find(|named| !is_found(named)) {
            let (store, view) = (self.address.clone(), view.clone());
            return Err(StoreError::NotReady { store, view, generation: *generation });
        }
        let views: BTreeSet<&str> = new.iter().map(|new| new.view.as_str()).collect();
        let is_before = |entry: &&CatalogEntry| {
            entry.state == GenerationState::Current && views.contains(entry.view.as_str())
        };
        let before: Vec<_> = entries.iter().filter(is_before).collect();
        self.begin().await?;
        let mut draft = self.changes.draft();
        // Whatever was noted of them before, nobody has seen it.
        let changes = draft.cut();
        let worked = swap(self.link.as_mut(), &before, &new, changes, state_directory, now_ms).await;
        let noted = draft.finish();
        self.end(worked).await?;
        self.changes.note(noted);
        for entry in before {
            self.open.remove(&(entry.view.clone(), entry.generation));
        }
        for entry in new {
            if let Some(open) = self.open.get_mut(&(entry.view.clone(), entry.generation)) {
                open.entry.state = GenerationState::Current;
                open.entry.changes = changes;
            }
        }
        Ok(())
    }
}

async fn swap(
    link: &mut dyn Link,
    before: &[&CatalogEntry],
    new: &[&CatalogEntry],
    changes: ChangeMarks,
    state_directory: Option<&str>,
    now_ms: i64,
) -> Result<(), sqlx::Error> {
    // In the order of their names, as every writer takes them: what is locked first is least likely to be held.
    for entry in new {
        let table = Table { name: &entry.table_name, columns: &entry.columns };
        link.redirect(&entry.view, &table, entry.comment.as_deref()).await?;
    }
    for entry in before {
        catalog::write_state(link, entry, GenerationState::Retired { since_ms: now_ms }).await?;
    }
    for entry in new {
        catalog::write_state(link, entry, GenerationState::Current).await?;
        catalog::write_changes(link, entry, changes).await?;
    }
    if let Some(directory) = state_directory {
        // Unchanged, it is left alone: an index that is being made elsewhere holds the fence.
        let update = "UPDATE _prejoin_store SET state_directory = ? WHERE state_directory <> ?";
        link.execute(update, &[directory.into(), directory.into()]).await?;
    }
    Ok(())
}
