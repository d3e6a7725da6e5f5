//! Building a generation beside the one that readers see: slices with a cursor, then its indexes.

use bytes::Bytes;
use prejoin_engine::{RowOutcome, View};
use prejoin_envelope::Position;
use prejoin_sql::RowView;

use crate::catalog::{self, CatalogEntry};
use crate::changes::ChangeMarks;
use crate::columns::StoredColumn;
use crate::database::{Link, Table, quoted, signed};
use crate::live::not_open;
use crate::packed::{Loadable, PackedRows};
use crate::rows::{self, Counts, Refused, Way, Written};
use crate::store::{GenerationState, OpenGeneration};
use crate::{StoreError, ViewStore};

/// PostgreSQL cuts longer names. The names of a table's indexes are a little longer than its own.
const TABLE_NAME_BYTES_MAX: usize = 56;

impl ViewStore {
    /// Begins a new generation of a view, whose rows are to follow the journal from `base` on. Returns its number.
    pub async fn begin_build(&mut self, view: &View, base: &Position) -> Result<i64, StoreError> {
        let state_directory = self.state_directory().await?;
        self.begin_build_from(view, base, &state_directory).await
    }

    /// As `begin_build`, from a state that is not the one that the current generations follow.
    pub async fn begin_build_from(
        &mut self,
        view: &View,
        base: &Position,
        state_directory: &str,
    ) -> Result<i64, StoreError> {
        let name = &view.plan.name;
        let form = self.link.dialect().form;
        self.begin().await?;
        let begun = async {
            let generation = 1 + catalog::newest_generation(self.link.as_mut(), name).await?;
            let entry = CatalogEntry {
                view: name.clone(),
                generation,
                state: GenerationState::Building,
                table_name: table_name(view, generation),
                columns: StoredColumn::of_view(&view.plan, form),
                comment: view.plan.comment.clone(),
                fingerprint: view.fingerprint.clone(),
                followed: base.clone(),
                // What readers will have if it is shown before it has followed anything.
                visible: base.clone(),
                rows: 0,
                cursor: None,
                state_directory: state_directory.to_owned(),
                search_index: None,
                changes: ChangeMarks::default(),
            };
            let open = OpenGeneration::new(entry, 0, false);
            catalog::insert_building(self.link.as_mut(), &open.entry).await?;
            let create = (self.link.dialect().create_table)(&open.table());
            self.link.script(&create).await?;
            Ok(open)
        };
        let begun = begun.await;
        let open = self.end(begun).await?;
        let generation = open.entry.generation;
        self.open.insert((name.clone(), generation), open);
        Ok(generation)
    }

    /// Adds a slice of rows to a generation being built, in key order behind those before, and notes where the next one
    /// begins. Repeating the last slice after a restart does no harm.
    pub async fn write_build(
        &mut self,
        view: &str,
        generation: i64,
        rows: Vec<(Bytes, RowOutcome)>,
        next: Option<&Bytes>,
    ) -> Result<(), StoreError> {
        let key = (view.to_owned(), generation);
        let mut refused = Refused::FailsAll;
        let counts = loop {
            self.begin().await?;
            let worked = match self.open.get(&key) {
                Some(open) => write_slice(self.link.as_mut(), open, &rows, next, refused).await,
                None => Err(not_open(view, generation)),
            };
            match worked {
                Err(error) if self.retries_row_by_row(&error, &mut refused) => self.roll_back().await,
                worked => break self.end(worked).await?,
            }
        };
        if let Some(open) = self.open.get_mut(&key) {
            open.note(counts);
            open.is_resumed = false;
        }
        Ok(())
    }

    /// As `write_build`, of rows that are packed already. False, and nothing is written, if the database refuses a value among
    /// them: `write_build` finds out which.
    pub async fn write_packed(
        &mut self,
        view: &str,
        generation: i64,
        slice: Vec<PackedRows>,
        next: Option<&Bytes>,
    ) -> Result<bool, StoreError> {
        let key = (view.to_owned(), generation);
        self.begin().await?;
        let worked = match self.open.get(&key) {
            Some(open) => write_packed_slice(self.link.as_mut(), open, slice, next).await,
            None => Err(not_open(view, generation)),
        };
        if let Err(error) = &worked
            && (self.link.dialect().refuses_values)(error)
        {
            self.roll_back().await;
            return Ok(false);
        }
        let counts = self.end(worked).await?;
        if let Some(open) = self.open.get_mut(&key) {
            open.note(counts);
            open.is_resumed = false;
        }
        Ok(true)
    }

    /// Adds the declared indexes to a generation whose rows are all there. It is ready then: it follows the journal
    /// from its base through `write_live`, and can be made what readers see.
    pub async fn complete_build(&mut self, view: &View, generation: i64) -> Result<(), StoreError> {
        let key = (view.plan.name.clone(), generation);
        let mut refused = Refused::FailsAll;
        let counts = loop {
            self.begin().await?;
            let worked = match self.open.get(&key) {
                Some(open) => complete(self.link.as_mut(), open, &view.plan, refused).await,
                None => Err(not_open(&key.0, generation)),
            };
            match worked {
                Err(error) if self.retries_row_by_row(&error, &mut refused) => self.roll_back().await,
                worked => break self.end(worked).await?,
            }
        };
        if let Some(open) = self.open.get_mut(&key) {
            open.note(counts);
            open.entry.state = GenerationState::Ready;
        }
        Ok(())
    }
}

fn table_name(view: &View, generation: i64) -> String {
    let name = format!("_g{generation}_{}", view.plan.name);
    if name.len() <= TABLE_NAME_BYTES_MAX { name } else { format!("_g{generation}_{}", view.fingerprint) }
}

async fn write_slice(
    link: &mut dyn Link,
    open: &OpenGeneration,
    rows: &[(Bytes, RowOutcome)],
    next: Option<&Bytes>,
    refused: Refused,
) -> Result<Counts, sqlx::Error> {
    let before = match open.is_resumed {
        true => remove_leftovers(link, open, rows.first().map(|(key, _)| key)).await?,
        false => open.counts(),
    };
    let Written { counts, .. } = rows::write(link, open, before, rows, Way::Load, refused).await?;
    catalog::write_cursor(link, &open.entry, next.map(|next| &next[..]), counts.rows).await?;
    Ok(counts)
}

async fn write_packed_slice(
    link: &mut dyn Link,
    open: &OpenGeneration,
    slice: Vec<PackedRows>,
    next: Option<&Bytes>,
) -> Result<Counts, sqlx::Error> {
    let first_key = slice.iter().find_map(|part| part.first_key.as_ref());
    let mut counts = match open.is_resumed {
        true => remove_leftovers(link, open, first_key).await?,
        false => open.counts(),
    };
    let mut all: Option<Loadable> = None;
    for PackedRows { good, loadable, failed, .. } in slice {
        match &mut all {
            Some(all) => all.append(loadable),
            None => all = Some(loadable),
        }
        counts.rows += good;
        let failed: Vec<(&Bytes, String)> = failed.iter().map(|(key, error)| (key, error.clone())).collect();
        counts.row_errors += rows::note_errors(link, open, &[], &failed, false).await?;
    }
    if let Some(all) = all {
        link.load(&open.table(), all).await?;
    }
    catalog::write_cursor(link, &open.entry, next.map(|next| &next[..]), counts.rows).await?;
    Ok(counts)
}

/// A slice that was the last one is repeated after a restart, for it has no successor where the next begins.
async fn remove_leftovers(
    link: &mut dyn Link,
    open: &OpenGeneration,
    first_key: Option<&Bytes>,
) -> Result<Counts, sqlx::Error> {
    let cursor = open.entry.cursor.as_deref().unwrap_or_default();
    let from = first_key.map_or(cursor, |key| cursor.min(key));
    let delete = format!("DELETE FROM {} WHERE _key >= ?", quoted(&open.entry.table_name));
    let rows = open.entry.rows - signed(link.execute(&delete, &[from.into()]).await?);
    let row_errors = open.row_errors - catalog::clear_row_errors_from(link, &open.entry, from).await?;
    Ok(Counts { rows, row_errors })
}

async fn complete(
    link: &mut dyn Link,
    open: &OpenGeneration,
    plan: &RowView,
    refused: Refused,
) -> Result<Counts, sqlx::Error> {
    let table = open.table();
    let mut counts = open.counts();
    let aside = match refused {
        Refused::FailsAll => None,
        Refused::FailsAlone => Some(link.set_aside(&table, &plan.store_indexes).await?),
    };
    create_indexes(link, open, plan).await?;
    for (key, place) in aside.iter().flatten() {
        if let Err(error) = put_back(link, &table, place).await? {
            catalog::insert_row_error(link, &open.entry, key, &error).await?;
            counts = Counts { rows: counts.rows - 1, row_errors: counts.row_errors + 1 };
        }
    }
    if aside.is_some() {
        link.forget_aside(&table).await?;
    }
    let CatalogEntry { followed, visible, changes, .. } = &open.entry;
    catalog::write_positions(link, &open.entry, followed, visible, counts.rows, *changes).await?;
    catalog::write_state(link, &open.entry, GenerationState::Ready).await?;
    Ok(counts)
}

async fn create_indexes(
    link: &mut dyn Link,
    open: &OpenGeneration,
    plan: &RowView,
) -> Result<(), sqlx::Error> {
    let (dialect, table) = (link.dialect(), open.table());
    for statement in (dialect.complete_table)(&table) {
        link.script(&statement).await?;
    }
    for (number, index) in plan.store_indexes.iter().enumerate() {
        match (dialect.create_index)(&table, number, index) {
            Some(statement) => link.script(&statement).await?,
            None => {
                tracing::info!(view = %plan.name, "an index USING gin is passed over: only PostgreSQL has such");
            }
        }
    }
    Ok(())
}

/// The message if the row is refused.
async fn put_back(
    link: &mut dyn Link,
    table: &Table<'_>,
    place: &str,
) -> Result<Result<(), String>, sqlx::Error> {
    link.script("SAVEPOINT prejoin_row").await?;
    let put = match link.put_back(table, place).await {
        Err(error) if (link.dialect().refuses_values)(&error) => {
            link.script("ROLLBACK TO SAVEPOINT prejoin_row").await?;
            Err(rows::said(&error))
        }
        put => Ok(put?),
    };
    link.script("RELEASE SAVEPOINT prejoin_row").await?;
    Ok(put)
}
