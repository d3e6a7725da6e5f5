//! The view store: generations of views, each with the position it reflects, in one database with one writer.

use std::collections::BTreeMap;

use bytes::Bytes;
use prejoin_engine::{Pending, View};
use prejoin_envelope::Position;

use crate::catalog::{self, CatalogEntry, FORMAT};
use crate::changes::{ChangeBounds, ChangeLog};
use crate::database::{Link, Table, query_one};
use crate::postgres::PostgresLink;
use crate::rows::{Counts, Refused};
use crate::sqlite::SqliteLink;
use crate::{StoreAddress, StoreError};

/// What a generation is to readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GenerationState {
    /// Its rows are written slice by slice.
    Building,
    /// Its rows are complete, its indexes are there; readers do not see it yet.
    Ready,
    /// Readers see it.
    Current,
    /// Readers saw it until then, in milliseconds since 1970.
    Retired { since_ms: i64 },
}

/// A generation as found in the store.
#[derive(Debug)]
pub struct Generation {
    pub view: String,
    pub generation: i64,
    pub state: GenerationState,
    pub fingerprint: String,
    /// Its rows are the view at this position, but for pending fan-outs. While it is built: the base from which the
    /// journal is to be followed.
    pub followed: Position,
    /// What readers may rely on: the position before the oldest pending fan-out.
    pub visible: Position,
    pub pending: Vec<Pending>,
    pub rows: i64,
    /// While it is built: where the next slice begins.
    pub cursor: Option<Bytes>,
    /// The directory of the state that it was built from.
    pub state_directory: String,
    /// The directory of the search index that belongs to it, relative to the data directory.
    pub search_index: Option<String>,
}

/// What the writer keeps of a generation that it writes to.
#[derive(Clone)]
pub(crate) struct OpenGeneration {
    pub entry: CatalogEntry,
    pub row_errors: i64,
    pub has_pending: bool,
    /// Taken up while it was being built: rows behind its cursor may be there.
    pub is_resumed: bool,
}

/// By view and generation.
pub(crate) type OpenGenerations = BTreeMap<(String, i64), OpenGeneration>;

/// A store, opened as its one writer.
pub struct ViewStore {
    /// As messages show it.
    pub(crate) address: String,
    pub(crate) opened: StoreAddress,
    pub(crate) link: Box<dyn Link>,
    pub(crate) epoch: i64,
    /// Tells this store from one that took its place.
    pub(crate) identity: i64,
    pub(crate) open: OpenGenerations,
    pub(crate) changes: ChangeLog,
}

impl CatalogEntry {
    pub(crate) fn is(&self, view: &str, generation: i64) -> bool {
        self.view == view && self.generation == generation
    }
}

impl OpenGeneration {
    pub(crate) fn new(entry: CatalogEntry, row_errors: i64, has_pending: bool) -> Self {
        OpenGeneration { entry, row_errors, has_pending, is_resumed: false }
    }

    pub(crate) fn table(&self) -> Table<'_> {
        Table { name: &self.entry.table_name, columns: &self.entry.columns }
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts { rows: self.entry.rows, row_errors: self.row_errors }
    }

    pub(crate) fn note(&mut self, counts: Counts) {
        (self.entry.rows, self.row_errors) = (counts.rows, counts.row_errors);
    }
}

impl ViewStore {
    /// Opens the store, creating it if missing, and becomes its one writer: whoever wrote before can write no more.
    pub async fn open(address: &StoreAddress) -> Result<Self, StoreError> {
        let store = address.to_string();
        let failed = |source| StoreError::Database { store: store.clone(), source };
        let mut link: Box<dyn Link> = match address {
            StoreAddress::Sqlite(path) => Box::new(SqliteLink::open(path).await.map_err(failed)?),
            StoreAddress::Postgres { url, schema, reader_role } => {
                let opened = PostgresLink::open(url, schema, reader_role.as_deref()).await;
                Box::new(opened.map_err(failed)?)
            }
        };
        let found = upgrade(link.as_mut()).await.map_err(failed)?;
        if found != FORMAT {
            return Err(StoreError::Format { store, found, expected: FORMAT });
        }
        let (epoch, identity, changes) = take_over(link.as_mut()).await.map_err(failed)?;
        let (opened, open) = (address.clone(), OpenGenerations::new());
        Ok(ViewStore { address: store, opened, link, epoch, identity, open, changes })
    }

    /// How much the table of recent changes keeps from now on.
    pub fn bound_changes(&mut self, bounds: ChangeBounds) {
        self.changes.bounds = bounds;
    }

    /// Every generation in the store: those that readers see or saw, and those that they do not see yet.
    pub async fn generations(&mut self) -> Result<Vec<Generation>, StoreError> {
        self.begin().await?;
        let found = generations(self.link.as_mut()).await;
        let found = self.end(found).await?;
        found.map_err(|detail| self.damaged(detail))
    }

    /// Takes up a generation that goes on from where it stands.
    pub async fn resume(&mut self, view: &View, generation: i64) -> Result<(), StoreError> {
        let name = &view.plan.name;
        self.begin().await?;
        let found = find(self.link.as_mut(), name, generation).await;
        let open = self.end(found).await?;
        let open =
            open.ok_or_else(|| self.damaged(format!("it has no generation {generation} of {name}")))?;
        self.open.insert((name.clone(), generation), open);
        Ok(())
    }

    /// Rows and failed rows of a generation that is written to.
    pub fn counts(&self, view: &str, generation: i64) -> Option<(i64, i64)> {
        let open = self.open.get(&(view.to_owned(), generation))?;
        Some((open.entry.rows, open.row_errors))
    }

    /// Writes how the projector is, for readers of `/status`. `Replaced` if the address names another store by now: what
    /// is written here, nobody would read.
    pub async fn write_status(&mut self, written_at_ms: i64, status: &str) -> Result<(), StoreError> {
        if self.link.is_replaced() {
            return Err(StoreError::Replaced { store: self.address.clone() });
        }
        self.begin().await?;
        let upsert = "INSERT INTO _prejoin_status (one, written_at_ms, status) VALUES (1, ?, ?)
             ON CONFLICT (one) DO UPDATE SET written_at_ms = excluded.written_at_ms, status = excluded.status";
        let mut draft = self.changes.draft();
        let written = match self.link.execute(upsert, &[written_at_ms.into(), status.into()]).await {
            Ok(_) => draft.trim(self.link.as_mut()).await,
            Err(error) => Err(error),
        };
        let trimmed = draft.finish();
        self.end(written).await?;
        self.changes.note(trimmed);
        Ok(())
    }

    /// Names the search index of a generation, or that it has none: for readers at once if they see the generation, else
    /// in the transaction that shows it to them. False if there is no such generation any more.
    pub async fn name_search_index(
        &mut self,
        view: &str,
        generation: i64,
        directory: Option<&str>,
    ) -> Result<bool, StoreError> {
        self.begin().await?;
        let named = catalog::write_search_index(self.link.as_mut(), (view, generation), directory).await;
        let named = self.end(named).await?;
        if let Some(open) = self.open.get_mut(&(view.to_owned(), generation)) {
            open.entry.search_index = directory.map(str::to_owned);
        }
        Ok(named)
    }

    pub async fn close(self) -> Result<(), StoreError> {
        let store = self.address;
        self.link.close().await.map_err(|source| StoreError::Database { store, source })
    }

    /// Begins a transaction that is this writer's to make.
    pub(crate) async fn begin(&mut self) -> Result<(), StoreError> {
        let dialect = self.link.dialect();
        let begun = self.link.script(dialect.begin).await;
        begun.map_err(|source| self.failed(source))?;
        let fenced = read_fence(self.link.as_mut()).await;
        let error = match fenced {
            Ok((epoch, identity)) if (epoch, identity) == (self.epoch, self.identity) => return Ok(()),
            Ok((_, identity)) if identity == self.identity => {
                StoreError::Superseded { store: self.address.clone() }
            }
            Ok(_) => StoreError::Replaced { store: self.address.clone() },
            Err(source) => self.failed(source),
        };
        self.roll_back().await;
        Err(error)
    }

    /// Commits the transaction if its work went well, else ends it without effect.
    pub(crate) async fn end<T>(&mut self, worked: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        let committed = match worked {
            Ok(value) => self.link.script(self.link.dialect().commit).await.map(|()| value),
            Err(source) => Err(source),
        };
        match committed {
            Ok(value) => Ok(value),
            Err(source) => {
                self.roll_back().await;
                Err(self.failed(source))
            }
        }
    }

    /// The error that led here is the one to report.
    pub(crate) async fn roll_back(&mut self) {
        if let Err(source) = self.link.script("ROLLBACK").await {
            tracing::debug!(%source, "rolling back");
        }
    }

    /// Whether a transaction that failed for a value is worth another attempt, in which the row fails alone.
    pub(crate) fn retries_row_by_row(&self, error: &sqlx::Error, refused: &mut Refused) -> bool {
        *refused == Refused::FailsAll && (self.link.dialect().refuses_values)(error) && {
            *refused = Refused::FailsAlone;
            true
        }
    }

    /// Behind the fence: without it, what a later writer has removed would look like damage.
    pub(crate) async fn read_catalog(&mut self) -> Result<Vec<CatalogEntry>, StoreError> {
        self.begin().await?;
        let read = catalog::read(self.link.as_mut()).await;
        self.end(read).await
    }

    pub(crate) fn failed(&self, source: sqlx::Error) -> StoreError {
        let store = self.address.clone();
        match (self.link.dialect().is_held)(&source) {
            true => StoreError::Held { store, source },
            false => StoreError::Database { store, source },
        }
    }

    pub(crate) fn damaged(&self, detail: String) -> StoreError {
        StoreError::Damaged { store: self.address.clone(), detail }
    }
}

/// Brings tables of an earlier format to the present one. Returns the format that they then have.
async fn upgrade(link: &mut dyn Link) -> Result<i64, sqlx::Error> {
    let dialect = link.dialect();
    link.script(dialect.begin).await?;
    let found = query_one(link, "SELECT format FROM _prejoin_store", &[]).await?.integer()?;
    let done = usize::try_from(found).ok().and_then(|format| format.checked_sub(1));
    let Some(ahead) = done.and_then(|done| dialect.upgrades.get(done..)) else {
        link.script("ROLLBACK").await?;
        return Ok(found);
    };
    for script in ahead {
        link.script(script).await?;
    }
    if !ahead.is_empty() {
        link.execute("UPDATE _prejoin_store SET format = ?", &[FORMAT.into()]).await?;
    }
    link.script("COMMIT").await?;
    Ok(FORMAT)
}

/// Raises the epoch: transactions of earlier writers find another one than theirs.
async fn take_over(link: &mut dyn Link) -> Result<(i64, i64, ChangeLog), sqlx::Error> {
    let dialect = link.dialect();
    link.script(dialect.begin).await?;
    let secret = format!("CASE secret WHEN '' THEN {} ELSE secret END", dialect.random);
    let raise = format!("UPDATE _prejoin_store SET epoch = epoch + 1, secret = {secret}");
    match link.execute(&raise, &[]).await {
        Err(error) if (dialect.is_held)(&error) => {
            link.script("ROLLBACK").await?;
            link.free_fence().await?;
            link.script(dialect.begin).await?;
            link.execute(&raise, &[]).await?;
        }
        raised => drop(raised?),
    }
    let (epoch, identity) = read_fence(link).await?;
    let changes = ChangeLog::open(link).await?;
    link.admit_readers().await?;
    link.script("COMMIT").await?;
    Ok((epoch, identity, changes))
}

async fn read_fence(link: &mut dyn Link) -> Result<(i64, i64), sqlx::Error> {
    let fence = link.dialect().fence;
    let mut fence = query_one(link, fence, &[]).await?;
    Ok((fence.integer()?, fence.integer()?))
}

/// A generation as it stands, to be written to.
async fn find(
    link: &mut dyn Link,
    view: &str,
    generation: i64,
) -> Result<Option<OpenGeneration>, sqlx::Error> {
    let entries = catalog::read(link).await?;
    let Some(entry) = entries.into_iter().find(|entry| entry.is(view, generation)) else { return Ok(None) };
    let row_errors = catalog::count_row_errors(link, &entry).await?;
    let has_pending = !catalog::read_pending(link, &entry).await?.is_empty();
    let is_resumed = entry.state == GenerationState::Building;
    Ok(Some(OpenGeneration { entry, row_errors, has_pending, is_resumed }))
}

/// As the catalog has them; the detail if a pending fan-out cannot be read.
pub(crate) async fn generations(link: &mut dyn Link) -> Result<Result<Vec<Generation>, String>, sqlx::Error> {
    let mut generations = Vec::new();
    for entry in catalog::read(link).await? {
        let pending = catalog::read_pending(link, &entry).await?;
        let pending = pending.iter().map(|bytes| Pending::from_bytes(bytes)).collect::<Result<_, _>>();
        let pending = match pending {
            Ok(pending) => pending,
            Err(error) => return Ok(Err(error.to_string())),
        };
        generations.push(Generation {
            pending,
            view: entry.view,
            generation: entry.generation,
            state: entry.state,
            fingerprint: entry.fingerprint,
            followed: entry.followed,
            visible: entry.visible,
            rows: entry.rows,
            cursor: entry.cursor.map(Bytes::from),
            state_directory: entry.state_directory,
            search_index: entry.search_index,
        });
    }
    Ok(Ok(generations))
}
