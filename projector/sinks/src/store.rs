//! The view store on SQLite: generations of views, each with the position it reflects, in one file with one writer.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use prejoin_engine::{Advance, Follower, Pending, RowOutcome, View};
use prejoin_envelope::Position;
use prejoin_sql::RowView;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

use crate::StoreError;
use crate::catalog::{self, CatalogEntry, FORMAT};
use crate::rows::{GenerationTable, Written};
use crate::stored_form::{StoredColumn, quoted};

/// A generation that readers see, as found when the store was opened.
#[derive(Debug)]
pub struct Generation {
    pub view: String,
    pub generation: i64,
    pub fingerprint: String,
    pub followed: Position,
    /// What readers may rely on: the position before the oldest pending fan-out.
    pub visible: Position,
    pub pending: Vec<Pending>,
    pub rows: i64,
}

/// What one view gets in a live transaction.
#[derive(Debug)]
pub struct LiveWrite {
    pub view: String,
    pub advance: Advance,
}

/// A generation being built; readers do not see it before it is made current.
#[derive(Debug)]
pub struct BuildTarget {
    view: String,
    generation: i64,
}

/// What the writer keeps of a generation.
struct Open {
    entry: CatalogEntry,
    columns: Vec<StoredColumn>,
    row_errors: i64,
}

pub struct SqliteStore {
    path: String,
    connection: SqliteConnection,
    epoch: i64,
    current: BTreeMap<String, Open>,
    building: BTreeMap<String, Open>,
}

impl SqliteStore {
    /// Opens the store, creating it if missing, and becomes its one writer: whoever wrote before can write no more.
    /// Generations that were being built are removed.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let shown = path.display().to_string();
        let failed = |source| StoreError::Database { path: shown.clone(), source };
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A power cut may take the last transactions; the journal reaches back to where the rows then stand.
            .synchronous(SqliteSynchronous::Normal)
            // In KiB when negative: pages of a large transaction stay in memory instead of spilling into the log early.
            .pragma("cache_size", "-65536")
            .busy_timeout(Duration::from_secs(30))
            .statement_cache_capacity(512);
        let mut connection = SqliteConnection::connect_with(&options).await.map_err(failed)?;
        sqlx::raw_sql(catalog::SCHEMA).execute(&mut connection).await.map_err(failed)?;
        sqlx::query(
            "INSERT INTO _prejoin_store (one, format, epoch) VALUES (1, ?, 0) ON CONFLICT DO NOTHING",
        )
        .bind(FORMAT)
        .execute(&mut connection)
        .await
        .map_err(failed)?;
        let found: i64 = sqlx::query_scalar("SELECT format FROM _prejoin_store")
            .fetch_one(&mut connection)
            .await
            .map_err(failed)?;
        if found != FORMAT {
            return Err(StoreError::Format { path: shown, found, expected: FORMAT });
        }
        let epoch = sqlx::query_scalar("UPDATE _prejoin_store SET epoch = epoch + 1 RETURNING epoch")
            .fetch_one(&mut connection)
            .await
            .map_err(failed)?;
        let mut store = SqliteStore {
            path: shown,
            connection,
            epoch,
            current: BTreeMap::new(),
            building: BTreeMap::new(),
        };
        store.remove_unfinished().await?;
        Ok(store)
    }

    /// The generations that readers see now.
    pub async fn generations(&mut self) -> Result<Vec<Generation>, StoreError> {
        let entries = self.read_catalog().await?;
        let mut generations = Vec::new();
        for entry in entries {
            let stored = catalog::read_pending(&mut self.connection, &entry.view, entry.generation).await;
            let pending = stored.map_err(|source| self.failed(source))?;
            let pending = pending.iter().map(|bytes| Pending::from_bytes(bytes)).collect::<Result<_, _>>();
            generations.push(Generation {
                pending: pending.map_err(|error| StoreError::Damaged {
                    path: self.path.clone(),
                    detail: error.to_string(),
                })?,
                view: entry.view,
                generation: entry.generation,
                fingerprint: entry.fingerprint,
                followed: entry.followed,
                visible: entry.visible,
                rows: entry.rows,
            });
        }
        Ok(generations)
    }

    /// Removes the views that are not among these: nobody keeps their rows up to date any more. Returns their names.
    pub async fn remove_others(&mut self, defined: &[&str]) -> Result<Vec<String>, StoreError> {
        let mut entries = self.read_catalog().await?;
        entries.retain(|entry| !defined.contains(&entry.view.as_str()));
        for entry in &entries {
            self.begin().await?;
            let removed = async {
                let drop_view = format!("DROP VIEW IF EXISTS {}", quoted(&entry.view));
                sqlx::raw_sql(AssertSqlSafe(drop_view)).execute(&mut self.connection).await?;
                catalog::drop_generation(&mut self.connection, entry).await
            };
            if let Err(source) = removed.await {
                let error = self.failed(source);
                return Err(self.roll_back(error).await);
            }
            self.commit().await?;
        }
        Ok(entries.into_iter().map(|entry| entry.view).collect())
    }

    /// Takes up a generation that goes on from where it stands.
    pub async fn resume(&mut self, view: &View) -> Result<(), StoreError> {
        let entries = self.read_catalog().await?;
        let Some(entry) = entries.into_iter().find(|entry| entry.view == view.plan.name) else {
            let detail = format!("it has no generation of {}", view.plan.name);
            return Err(StoreError::Damaged { path: self.path.clone(), detail });
        };
        let counted =
            sqlx::query_scalar("SELECT count(*) FROM _prejoin_row_errors WHERE view = ? AND generation = ?")
                .bind(&entry.view)
                .bind(entry.generation)
                .fetch_one(&mut self.connection)
                .await;
        let row_errors = counted.map_err(|source| self.failed(source))?;
        let open = Open { columns: stored_columns(&view.plan), row_errors, entry };
        self.current.insert(view.plan.name.clone(), open);
        Ok(())
    }

    /// Writes every view's rows and positions in one transaction. `Superseded` if another writer has taken over.
    pub async fn write_live(&mut self, writes: Vec<LiveWrite>) -> Result<(), StoreError> {
        self.begin().await?;
        let mut done = Vec::new();
        for write in writes {
            match self.write_one(write).await {
                Ok(stands) => done.push(stands),
                Err(error) => return Err(self.roll_back(error).await),
            }
        }
        self.commit().await?;
        for (view, rows, row_errors) in done {
            if let Some(open) = self.current.get_mut(&view) {
                (open.entry.rows, open.row_errors) = (rows, row_errors);
            }
        }
        Ok(())
    }

    /// Rows and failed rows of a view's current generation.
    pub fn counts(&self, view: &str) -> Option<(i64, i64)> {
        self.current.get(view).map(|open| (open.entry.rows, open.row_errors))
    }

    /// Begins a new generation of a view.
    pub async fn begin_build(&mut self, view: &View, base: &Position) -> Result<BuildTarget, StoreError> {
        let newest = sqlx::query_scalar::<_, i64>(
            "SELECT coalesce(max(generation), 0) FROM _prejoin_generations WHERE view = ?",
        )
        .bind(&view.plan.name)
        .fetch_one(&mut self.connection)
        .await;
        let generation = 1 + newest.map_err(|source| self.failed(source))?;
        let entry = CatalogEntry {
            view: view.plan.name.clone(),
            generation,
            state: "building".to_owned(),
            table_name: format!("_g{generation}_{}", view.plan.name),
            fingerprint: view.fingerprint.clone(),
            followed: base.clone(),
            visible: Position::default(),
            rows: 0,
        };
        let columns = stored_columns(&view.plan);
        self.begin().await?;
        let created = async {
            catalog::insert_building(&mut self.connection, &entry, &columns, view.plan.comment.as_deref())
                .await?;
            let create = GenerationTable { name: &entry.table_name, columns: &columns }.create_statement();
            sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut self.connection).await
        };
        if let Err(source) = created.await {
            let error = self.failed(source);
            return Err(self.roll_back(error).await);
        }
        self.commit().await?;
        let target = BuildTarget { view: view.plan.name.clone(), generation };
        self.building.insert(view.plan.name.clone(), Open { entry, columns, row_errors: 0 });
        Ok(target)
    }

    /// Adds rows to a generation being built.
    pub async fn write_build(
        &mut self,
        target: &BuildTarget,
        rows: Vec<(Bytes, RowOutcome)>,
    ) -> Result<(), StoreError> {
        let mut open = self.take_building(target)?;
        self.begin().await?;
        let table = GenerationTable { name: &open.entry.table_name, columns: &open.columns };
        let written = match table.write(&mut self.connection, rows).await {
            Ok(written) => written,
            Err(source) => {
                let error = self.failed(source);
                return Err(self.roll_back(error).await);
            }
        };
        if let Err(source) = note_errors(&mut self.connection, &open.entry, &written, true).await {
            let error = self.failed(source);
            return Err(self.roll_back(error).await);
        }
        self.commit().await?;
        open.entry.rows += written.rows_added;
        open.row_errors += i64::try_from(written.failed.len()).unwrap_or(i64::MAX);
        self.building.insert(target.view.clone(), open);
        Ok(())
    }

    /// Adds the declared indexes and makes the generation the one that readers see, in place of the one before, which
    /// is removed: readers in the middle of a query keep their snapshot of it.
    pub async fn make_current(
        &mut self,
        target: BuildTarget,
        view: &View,
        follower: &Follower,
    ) -> Result<(), StoreError> {
        let open = self.take_building(&target)?;
        self.begin().await?;
        if let Err(source) = swap(&mut self.connection, &open, &view.plan, follower).await {
            let error = self.failed(source);
            return Err(self.roll_back(error).await);
        }
        self.commit().await?;
        self.current.insert(target.view, open);
        Ok(())
    }

    /// Writes how the projector is, for readers of `/status`.
    pub async fn write_status(&mut self, written_at_ms: i64, status: &str) -> Result<(), StoreError> {
        self.begin().await?;
        let written = sqlx::query(
            "INSERT INTO _prejoin_status (one, written_at_ms, status) VALUES (1, ?, ?)
             ON CONFLICT (one) DO UPDATE SET written_at_ms = excluded.written_at_ms, status = excluded.status",
        )
        .bind(written_at_ms)
        .bind(status)
        .execute(&mut self.connection)
        .await;
        match written {
            Ok(_) => self.commit().await,
            Err(source) => {
                let error = self.failed(source);
                Err(self.roll_back(error).await)
            }
        }
    }

    pub async fn close(self) -> Result<(), StoreError> {
        let path = self.path;
        self.connection.close().await.map_err(|source| StoreError::Database { path, source })
    }

    /// Writes one view inside the open transaction; returns the view, its rows and failed rows afterwards.
    async fn write_one(&mut self, write: LiveWrite) -> Result<(String, i64, i64), StoreError> {
        let Some(open) = self.current.get(&write.view) else {
            let detail = format!("{} was not taken up before it was written", write.view);
            return Err(StoreError::Damaged { path: self.path.clone(), detail });
        };
        let connection = &mut self.connection;
        let table = GenerationTable { name: &open.entry.table_name, columns: &open.columns };
        let follower = &write.advance.follower;
        let work = async {
            let written = table.write(connection, write.advance.rows).await?;
            let rows = open.entry.rows + written.rows_added - written.rows_removed;
            let clears = open.row_errors > 0;
            let change = note_errors(connection, &open.entry, &written, clears).await?;
            let pending: Vec<Vec<u8>> = follower.pending.iter().map(Pending::to_bytes).collect();
            let (view, generation) = (open.entry.view.as_str(), open.entry.generation);
            catalog::write_pending(connection, view, generation, &pending).await?;
            let visible = follower.visible();
            catalog::write_positions(connection, view, generation, &follower.followed, &visible, rows)
                .await?;
            Ok((rows, open.row_errors + change))
        };
        let (rows, row_errors) =
            work.await.map_err(|source| StoreError::Database { path: self.path.clone(), source })?;
        Ok((write.view, rows, row_errors))
    }

    /// Begins a transaction that is this writer's to make.
    async fn begin(&mut self) -> Result<(), StoreError> {
        let begun = sqlx::query("BEGIN IMMEDIATE").execute(&mut self.connection).await;
        begun.map_err(|source| self.failed(source))?;
        let epoch = sqlx::query_scalar::<_, i64>("SELECT epoch FROM _prejoin_store")
            .fetch_one(&mut self.connection)
            .await;
        match epoch {
            Ok(epoch) if self.epoch == epoch => Ok(()),
            Ok(_) => {
                let error = StoreError::Superseded { path: self.path.clone() };
                Err(self.roll_back(error).await)
            }
            Err(source) => {
                let error = self.failed(source);
                Err(self.roll_back(error).await)
            }
        }
    }

    async fn commit(&mut self) -> Result<(), StoreError> {
        match sqlx::query("COMMIT").execute(&mut self.connection).await {
            Ok(_) => Ok(()),
            Err(source) => {
                let error = self.failed(source);
                Err(self.roll_back(error).await)
            }
        }
    }

    /// Ends the transaction without effect; the error that led here is the one to report.
    async fn roll_back(&mut self, error: StoreError) -> StoreError {
        if let Err(source) = sqlx::query("ROLLBACK").execute(&mut self.connection).await {
            tracing::debug!(%source, "rolling back");
        }
        error
    }

    async fn read_catalog(&mut self) -> Result<Vec<CatalogEntry>, StoreError> {
        let entries = catalog::read(&mut self.connection).await.map_err(|source| self.failed(source))?;
        Ok(entries.into_iter().filter(|entry| entry.state == "current").collect())
    }

    async fn remove_unfinished(&mut self) -> Result<(), StoreError> {
        let entries = catalog::read(&mut self.connection).await.map_err(|source| self.failed(source))?;
        for entry in entries.iter().filter(|entry| entry.state != "current") {
            self.begin().await?;
            if let Err(source) = catalog::drop_generation(&mut self.connection, entry).await {
                let error = self.failed(source);
                return Err(self.roll_back(error).await);
            }
            self.commit().await?;
        }
        Ok(())
    }

    fn take_building(&mut self, target: &BuildTarget) -> Result<Open, StoreError> {
        let found =
            self.building.remove(&target.view).filter(|open| open.entry.generation == target.generation);
        found.ok_or_else(|| StoreError::Damaged {
            path: self.path.clone(),
            detail: format!("generation {} of {} is not being built", target.generation, target.view),
        })
    }

    fn failed(&self, source: sqlx::Error) -> StoreError {
        StoreError::Database { path: self.path.clone(), source }
    }
}

/// The one commit point of a build: afterwards readers see the new generation.
async fn swap(
    connection: &mut SqliteConnection,
    open: &Open,
    plan: &RowView,
    follower: &Follower,
) -> Result<(), sqlx::Error> {
    let entry = &open.entry;
    for statement in index_statements(open, plan) {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *connection).await?;
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
    sqlx::query("UPDATE _prejoin_generations SET state = 'current' WHERE view = ? AND generation = ?")
        .bind(&entry.view)
        .bind(entry.generation)
        .execute(&mut *connection)
        .await?;
    let (followed, visible) = (&follower.followed, follower.visible());
    catalog::write_positions(connection, &entry.view, entry.generation, followed, &visible, entry.rows).await
}

fn index_statements(open: &Open, plan: &RowView) -> Vec<String> {
    let statement = |(number, index): (usize, &prejoin_sql::StoreIndex)| {
        let columns = index.columns.iter().map(|&(column, descending)| {
            let order = if descending { "DESC" } else { "ASC" };
            format!("{} {order}", quoted(open.columns[column].ordering_name()))
        });
        let name = quoted(&format!("{}_i{number}", open.entry.table_name));
        let columns: Vec<String> = columns.collect();
        format!("CREATE INDEX {name} ON {} ({})", quoted(&open.entry.table_name), columns.join(", "))
    };
    plan.store_indexes.iter().enumerate().map(statement).collect()
}

/// Lists rows that failed, clears those that are good again. Returns by how much the number of failed rows changed.
async fn note_errors(
    connection: &mut SqliteConnection,
    entry: &CatalogEntry,
    written: &Written,
    clears: bool,
) -> Result<i64, sqlx::Error> {
    let mut change = 0;
    for key in written.good.iter().filter(|_| clears) {
        let cleared =
            sqlx::query("DELETE FROM _prejoin_row_errors WHERE view = ? AND generation = ? AND key = ?")
                .bind(&entry.view)
                .bind(entry.generation)
                .bind(key.to_vec())
                .execute(&mut *connection)
                .await?;
        change -= i64::try_from(cleared.rows_affected()).unwrap_or(i64::MAX);
    }
    for (key, error) in &written.failed {
        let known: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM _prejoin_row_errors WHERE view = ? AND generation = ? AND key = ?",
        )
        .bind(&entry.view)
        .bind(entry.generation)
        .bind(key.to_vec())
        .fetch_one(&mut *connection)
        .await?;
        change += 1 - known;
        sqlx::query(
            "INSERT INTO _prejoin_row_errors (view, generation, key, key_text, error) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (view, generation, key) DO UPDATE SET error = excluded.error",
        )
        .bind(&entry.view)
        .bind(entry.generation)
        .bind(key.to_vec())
        .bind(printable(key))
        .bind(error)
        .execute(&mut *connection)
        .await?;
    }
    Ok(change)
}

fn stored_columns(plan: &RowView) -> Vec<StoredColumn> {
    plan.columns.iter().map(StoredColumn::new).collect()
}

/// A key as a person can recognise it: its printable characters, others as hexadecimal.
fn printable(key: &[u8]) -> String {
    key.escape_ascii().to_string()
}
