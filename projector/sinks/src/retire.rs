//! Removing generations that readers do not see, and views that nobody defines.

use crate::catalog::{self, CatalogEntry};
use crate::database::{Link, quoted};
use crate::store::GenerationState;
use crate::{StoreError, ViewStore};

impl ViewStore {
    /// Removes generations that readers have not seen since before that time, but for those that are still
    /// in use; they are tried again the next time. Returns the removed ones.
    pub async fn drop_retired(&mut self, retired_before_ms: i64) -> Result<Vec<(String, i64)>, StoreError> {
        let is_due = |entry: &CatalogEntry| match entry.state {
            GenerationState::Retired { since_ms } => since_ms < retired_before_ms,
            _ => false,
        };
        let mut entries = self.read_catalog().await?;
        entries.retain(is_due);
        let mut dropped = Vec::new();
        for entry in entries {
            self.begin().await?;
            match drop_unless_read(self.link.as_mut(), &entry).await {
                Ok(false) => self.roll_back().await,
                worked => match self.end(worked).await {
                    Err(StoreError::Held { source, .. }) => {
                        tracing::warn!(view = %entry.view, generation = entry.generation, "cannot be removed yet: {source}");
                    }
                    ended => {
                        ended?;
                        dropped.push((entry.view, entry.generation));
                    }
                },
            }
        }
        Ok(dropped)
    }

    /// Removes a generation that readers do not see.
    pub async fn abandon(&mut self, view: &str, generation: i64) -> Result<(), StoreError> {
        let entries = self.read_catalog().await?;
        let found = entries.iter().find(|entry| entry.is(view, generation));
        if let Some(entry) = found.filter(|entry| entry.state != GenerationState::Current) {
            self.begin().await?;
            let dropped = catalog::drop_generation(self.link.as_mut(), entry).await;
            self.end(dropped).await?;
            self.open.remove(&(view.to_owned(), generation));
        }
        Ok(())
    }

    /// Removes a view with all its generations: it is no longer defined, and nobody would keep its rows up to date.
    pub async fn remove_view(&mut self, view: &str) -> Result<(), StoreError> {
        let mut entries = self.read_catalog().await?;
        entries.retain(|entry| entry.view == view);
        self.begin().await?;
        let removed = drop_view(self.link.as_mut(), view, &entries).await;
        self.end(removed).await?;
        self.open.retain(|(name, _), _| name != view);
        Ok(())
    }
}

async fn drop_unless_read(link: &mut dyn Link, entry: &CatalogEntry) -> Result<bool, sqlx::Error> {
    let is_free = link.lock_unless_read(&entry.table_name).await?;
    if is_free {
        catalog::drop_generation(link, entry).await?;
    }
    Ok(is_free)
}

async fn drop_view(link: &mut dyn Link, view: &str, entries: &[CatalogEntry]) -> Result<(), sqlx::Error> {
    if !entries.is_empty() {
        link.script(&format!("DROP VIEW IF EXISTS {}", quoted(view))).await?;
    }
    for entry in entries {
        catalog::drop_generation(link, entry).await?;
    }
    Ok(())
}
