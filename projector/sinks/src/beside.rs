//! The writer's second connection, where a build gets its indexes while the first one goes on.

use prejoin_engine::View;

use crate::changes::ChangeLog;
use crate::postgres::PostgresLink;
use crate::store::OpenGenerations;
use crate::{StoreAddress, StoreError, ViewStore};

/// The same writer on a connection of its own, with one generation that is being built. What it does commits under the same
/// fence as everything else of the writer.
pub struct Beside {
    store: ViewStore,
    view: String,
    generation: i64,
}

impl ViewStore {
    /// Goes on with a generation on a second connection; nothing is to be written to it on the first one meanwhile. `None` if the
    /// database has room for one writer only.
    pub fn beside(
        &self,
        view: &str,
        generation: i64,
    ) -> Option<impl Future<Output = Result<Beside, StoreError>> + Send + use<>> {
        let StoreAddress::Postgres { url, schema, .. } = &self.opened else { return None };
        let (url, schema) = (url.clone(), schema.clone());
        let key = (view.to_owned(), generation);
        let open = self.open.get(&key)?.clone();
        let (address, opened, epoch, identity) =
            (self.address.clone(), self.opened.clone(), self.epoch, self.identity);
        Some(async move {
            let connected = PostgresLink::open_beside(&url, &schema).await;
            let connected =
                connected.map_err(|source| StoreError::Database { store: address.clone(), source })?;
            let (view, generation) = key.clone();
            let open = OpenGenerations::from([(key, open)]);
            let (link, changes) = (Box::new(connected), ChangeLog::unused());
            let store = ViewStore { address, opened, link, epoch, identity, open, changes };
            Ok(Beside { store, view, generation })
        })
    }

    /// Goes on with the generation on the first connection.
    pub async fn take_up(&mut self, beside: Beside) {
        let Beside { mut store, view, generation } = beside;
        let key = (view, generation);
        if let Some(mut open) = store.open.remove(&key) {
            // It may have been named meanwhile.
            open.entry.search_index = self.open.get(&key).and_then(|known| known.entry.search_index.clone());
            self.open.insert(key, open);
        }
        // What it did is committed, however it ends.
        if let Err(error) = store.close().await {
            tracing::debug!(%error, "closing a second connection");
        }
    }
}

impl Beside {
    /// As the store's.
    pub async fn complete_build(&mut self, view: &View) -> Result<(), StoreError> {
        self.store.complete_build(view, self.generation).await
    }
}
