//! Building a generation beside the one that readers see: slices with a cursor, then one transaction that swaps.

use bytes::Bytes;
use prejoin_engine::{Advance, RowOutcome, View};
use prejoin_envelope::Position;
use prejoin_sql::{RowView, StoreIndex};
use sqlx::{AssertSqlSafe, SqliteConnection};

use crate::catalog::{self, CatalogEntry};
use crate::live::{Counts, note_errors, write_advance};
use crate::rows::GenerationTable;
use crate::store::{OpenGeneration, stored_columns};
use crate::stored_form::quoted;
use crate::{SqliteStore, StoreError};

impl SqliteStore {
    /// Begins a new generation of a view, whose rows are to follow the journal from `base` on. Returns its number.
    pub async fn begin_build(&mut self, view: &View, base: &Position) -> Result<i64, StoreError> {
        let name = &view.plan.name;
        let newest = sqlx::query_scalar::<_, i64>(
            "SELECT coalesce(max(generation), 0) FROM _prejoin_generations WHERE view = ?",
        );
        let newest = newest.bind(name).fetch_one(&mut self.connection).await;
        let generation = 1 + newest.map_err(|source| self.failed(source))?;
        let entry = CatalogEntry {
            view: name.clone(),
            generation,
            state: "building".to_owned(),
            table_name: format!("_g{generation}_{name}"),
            fingerprint: view.fingerprint.clone(),
            followed: base.clone(),
            visible: Position::default(),
            rows: 0,
            cursor: None,
        };
        let columns = stored_columns(&view.plan);
        self.begin().await?;
        let created = create(&mut self.connection, &entry, &columns, view.plan.comment.as_deref()).await;
        self.end(created).await?;
        self.open.insert((name.clone(), generation), OpenGeneration { entry, columns, row_errors: 0 });
        Ok(generation)
    }

    /// Adds a slice of rows to a generation being built, and notes where the next one begins. Repeating the last
    /// slice after a restart does no harm.
    pub async fn write_build(
        &mut self,
        view: &str,
        generation: i64,
        rows: Vec<(Bytes, RowOutcome)>,
        next: Option<&Bytes>,
    ) -> Result<(), StoreError> {
        self.begin().await?;
        let worked = match self.open.get(&(view.to_owned(), generation)) {
            Some(open) => write_slice(&mut self.connection, open, rows, next).await,
            None => Err(not_open(view, generation)),
        };
        let counts = self.end(worked).await?;
        if let Some(open) = self.open.get_mut(&(view.to_owned(), generation)) {
            (open.entry.rows, open.row_errors) = (counts.rows, counts.row_errors);
        }
        Ok(())
    }

    /// Takes a generation whose rows are complete to the commit, adds the declared indexes, and makes it the one that
    /// readers see, all in one transaction. The one before is removed: readers in the middle of a query keep their
    /// snapshot of it.
    pub async fn make_current(
        &mut self,
        view: &View,
        generation: i64,
        advance: Advance,
    ) -> Result<(), StoreError> {
        let key = (view.plan.name.clone(), generation);
        self.begin().await?;
        let worked = match self.open.get(&key) {
            Some(open) => swap(&mut self.connection, open, &view.plan, advance).await,
            None => Err(not_open(&key.0, generation)),
        };
        let counts = self.end(worked).await?;
        self.open.retain(|(name, other), _| *name != key.0 || *other == generation);
        if let Some(open) = self.open.get_mut(&key) {
            (open.entry.rows, open.row_errors) = (counts.rows, counts.row_errors);
        }
        Ok(())
    }

    /// Removes a generation that readers do not see.
    pub async fn abandon(&mut self, view: &str, generation: i64) -> Result<(), StoreError> {
        let entries = self.read_catalog().await?;
        let is_it = |entry: &&CatalogEntry| {
            entry.view == view && entry.generation == generation && entry.state != "current"
        };
        if let Some(entry) = entries.iter().find(is_it) {
            self.begin().await?;
            let dropped = catalog::drop_generation(&mut self.connection, entry).await;
            self.end(dropped).await?;
        }
        self.open.remove(&(view.to_owned(), generation));
        Ok(())
    }

    /// Removes a view with all its generations: it is no longer defined, and nobody would keep its rows up to date.
    pub async fn remove_view(&mut self, view: &str) -> Result<(), StoreError> {
        let entries = self.read_catalog().await?;
        self.begin().await?;
        let removed = drop_view(&mut self.connection, view, &entries).await;
        self.end(removed).await?;
        self.open.retain(|(name, _), _| name != view);
        Ok(())
    }
}

async fn drop_view(
    connection: &mut SqliteConnection,
    view: &str,
    entries: &[CatalogEntry],
) -> Result<(), sqlx::Error> {
    let drop_view = format!("DROP VIEW IF EXISTS {}", quoted(view));
    sqlx::raw_sql(AssertSqlSafe(drop_view)).execute(&mut *connection).await?;
    for entry in entries.iter().filter(|entry| entry.view == view) {
        catalog::drop_generation(connection, entry).await?;
    }
    Ok(())
}

async fn create(
    connection: &mut SqliteConnection,
    entry: &CatalogEntry,
    columns: &[crate::stored_form::StoredColumn],
    comment: Option<&str>,
) -> Result<(), sqlx::Error> {
    catalog::insert_building(connection, entry, columns, comment).await?;
    let create = GenerationTable { name: &entry.table_name, columns }.create_statement();
    sqlx::raw_sql(AssertSqlSafe(create)).execute(connection).await.map(drop)
}

async fn write_slice(
    connection: &mut SqliteConnection,
    open: &OpenGeneration,
    rows: Vec<(Bytes, RowOutcome)>,
    next: Option<&Bytes>,
) -> Result<Counts, sqlx::Error> {
    let table = GenerationTable { name: &open.entry.table_name, columns: &open.columns };
    let written = table.write(connection, rows).await?;
    let row_errors =
        open.row_errors + note_errors(connection, &open.entry, &written, open.row_errors > 0).await?;
    let rows = open.entry.rows + written.rows_added - written.rows_removed;
    catalog::write_cursor(connection, &open.entry, next.map(|next| &next[..]), rows).await?;
    Ok(Counts { rows, row_errors })
}

/// The one commit point of a build: afterwards readers see the new generation.
async fn swap(
    connection: &mut SqliteConnection,
    open: &OpenGeneration,
    plan: &RowView,
    advance: Advance,
) -> Result<Counts, sqlx::Error> {
    let entry = &open.entry;
    let counts = write_advance(connection, open, advance).await?;
    for (number, index) in plan.store_indexes.iter().enumerate() {
        sqlx::raw_sql(AssertSqlSafe(index_statement(open, number, index))).execute(&mut *connection).await?;
    }
    let name = quoted(&entry.view);
    sqlx::raw_sql(AssertSqlSafe(format!("DROP VIEW IF EXISTS {name}"))).execute(&mut *connection).await?;
    let before = catalog::read(connection).await?;
    for old in before.iter().filter(|old| old.view == entry.view && old.state == "current") {
        catalog::drop_generation(connection, old).await?;
    }
    let visible: Vec<String> = open.columns.iter().map(|column| quoted(&column.name)).collect();
    let select =
        format!("CREATE VIEW {name} AS SELECT {} FROM {}", visible.join(", "), quoted(&entry.table_name));
    sqlx::raw_sql(AssertSqlSafe(select)).execute(&mut *connection).await?;
    sqlx::query(
        "UPDATE _prejoin_generations SET state = 'current', cursor = NULL WHERE view = ? AND generation = ?",
    )
    .bind(&entry.view)
    .bind(entry.generation)
    .execute(connection)
    .await?;
    Ok(counts)
}

fn index_statement(open: &OpenGeneration, number: usize, index: &StoreIndex) -> String {
    let columns = index.columns.iter().map(|&(column, descending)| {
        let order = if descending { "DESC" } else { "ASC" };
        format!("{} {order}", quoted(open.columns[column].ordering_name()))
    });
    let name = quoted(&format!("{}_i{number}", open.entry.table_name));
    let columns: Vec<String> = columns.collect();
    format!("CREATE INDEX {name} ON {} ({})", quoted(&open.entry.table_name), columns.join(", "))
}

fn not_open(view: &str, generation: i64) -> sqlx::Error {
    sqlx::Error::Protocol(format!("generation {generation} of {view} is not being built"))
}
