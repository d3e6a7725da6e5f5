//! A live transaction: the rows and positions of every view together.

use prejoin_engine::{Advance, Pending};
use sqlx::SqliteConnection;

use crate::catalog::{self, CatalogEntry};
use crate::rows::{GenerationTable, Written};
use crate::store::OpenGeneration;
use crate::{SqliteStore, StoreError};

/// What one view's generation gets in a live transaction.
#[derive(Debug)]
pub struct LiveWrite {
    pub view: String,
    pub generation: i64,
    pub advance: Advance,
}

/// Rows and failed rows of a generation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counts {
    pub rows: i64,
    pub row_errors: i64,
}

impl SqliteStore {
    /// Writes every view's rows and positions in one transaction. `Superseded` if another writer has taken over.
    pub async fn write_live(&mut self, writes: Vec<LiveWrite>) -> Result<(), StoreError> {
        self.begin().await?;
        let mut done = Vec::new();
        let mut worked = Ok(());
        for write in writes {
            let key = (write.view, write.generation);
            let Some(open) = self.open.get(&key) else {
                worked =
                    Err(sqlx::Error::Protocol(format!("{} was not taken up before it was written", key.0)));
                break;
            };
            match write_advance(&mut self.connection, open, write.advance).await {
                Ok(counts) => done.push((key, counts)),
                Err(source) => {
                    worked = Err(source);
                    break;
                }
            }
        }
        self.end(worked).await?;
        for (key, counts) in done {
            if let Some(open) = self.open.get_mut(&key) {
                (open.entry.rows, open.row_errors) = (counts.rows, counts.row_errors);
            }
        }
        Ok(())
    }
}

/// Writes one generation's rows and positions inside the open transaction; returns its counts afterwards.
pub(crate) async fn write_advance(
    connection: &mut SqliteConnection,
    open: &OpenGeneration,
    advance: Advance,
) -> Result<Counts, sqlx::Error> {
    let table = GenerationTable { name: &open.entry.table_name, columns: &open.columns };
    let follower = &advance.follower;
    let written = table.write(connection, advance.rows).await?;
    let rows = open.entry.rows + written.rows_added - written.rows_removed;
    let row_errors =
        open.row_errors + note_errors(connection, &open.entry, &written, open.row_errors > 0).await?;
    let pending: Vec<Vec<u8>> = follower.pending.iter().map(Pending::to_bytes).collect();
    let (view, generation) = (open.entry.view.as_str(), open.entry.generation);
    catalog::write_pending(connection, view, generation, &pending).await?;
    catalog::write_positions(connection, view, generation, &follower.followed, &follower.visible(), rows)
        .await?;
    Ok(Counts { rows, row_errors })
}

/// Lists rows that failed, clears those that are good again. Returns by how much the number of failed rows changed.
pub(crate) async fn note_errors(
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

/// A key as a person can recognise it: its printable characters, others as hexadecimal.
fn printable(key: &[u8]) -> String {
    key.escape_ascii().to_string()
}
