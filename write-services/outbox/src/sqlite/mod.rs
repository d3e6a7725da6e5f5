//! The outbox in SQLite: two tables beside the service's own.

mod number;
mod repair;

use std::ops::RangeInclusive;

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};

use crate::error::OutboxError;
use crate::store::{
    Counts, KeepRows, NewRow, OutboxId, OutboxStore, RecordEvent, Repair, RowHead, SentRun, Standing, Window,
    WindowLimit,
};

const FORMAT: i64 = 1;
const CLEAN_UP_ROWS: i64 = 1000;

/// The outbox of a service whose database is SQLite. Give it the pool through which the service writes: with a single
/// connection, commands and relay queue up for it instead of waiting on SQLite's lock.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    service: String,
    pool: SqlitePool,
}

impl SqliteStore {
    pub fn new(service: &str, pool: SqlitePool) -> Self {
        SqliteStore { service: service.to_owned(), pool }
    }

    /// A transaction that holds SQLite's write lock from the start, so that it cannot fail for having read first.
    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, OutboxError> {
        self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(self.failed("begin a transaction"))
    }

    fn failed(&self, doing: &'static str) -> impl FnOnce(sqlx::Error) -> OutboxError {
        failed(&self.service, doing)
    }

    fn damaged(&self, detail: impl Into<String>) -> OutboxError {
        OutboxError::Damaged { service: self.service.clone(), detail: detail.into() }
    }

    /// SQLite's integers are signed.
    fn stored(&self, number: u64) -> Result<i64, OutboxError> {
        i64::try_from(number)
            .map_err(|_| self.damaged(format!("the number {number} is beyond what it can count")))
    }

    fn loaded(&self, number: i64) -> Result<u64, OutboxError> {
        u64::try_from(number)
            .map_err(|_| self.damaged(format!("a number that should not be negative is {number}")))
    }
}

fn failed(service: &str, doing: &'static str) -> impl FnOnce(sqlx::Error) -> OutboxError {
    let service = service.to_owned();
    move |source| OutboxError::Store { service, doing, source }
}

fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

#[async_trait]
impl RecordEvent for SqliteConnection {
    async fn insert(&mut self, service: &str, row: &NewRow) -> Result<OutboxId, OutboxError> {
        sqlx::query("INSERT INTO prejoin_outbox (event_id, kind, entity, time, data) VALUES (?, ?, ?, ?, ?)")
            .bind(&row.event_id)
            .bind(&row.kind)
            .bind(&row.entity)
            .bind(&row.time)
            .bind(row.data.get())
            .execute(self)
            .await
            .map(|done| OutboxId(done.last_insert_rowid()))
            .map_err(failed(service, "record an event"))
    }
}

#[async_trait]
impl OutboxStore for SqliteStore {
    fn service(&self) -> &str {
        &self.service
    }

    async fn migrate(&self) -> Result<(), OutboxError> {
        let doing = "create its tables";
        let mut tx = self.begin().await?;
        sqlx::raw_sql(include_str!("schema.sql")).execute(&mut *tx).await.map_err(self.failed(doing))?;
        sqlx::query(
            "INSERT INTO prejoin_outbox_meta (only_row, service, format, last_sequence) VALUES (1, ?, ?, 0) \
             ON CONFLICT DO NOTHING",
        )
        .bind(&self.service)
        .bind(FORMAT)
        .execute(&mut *tx)
        .await
        .map_err(self.failed(doing))?;
        let (owner, format): (String, i64) =
            sqlx::query_as("SELECT service, format FROM prejoin_outbox_meta")
                .fetch_one(&mut *tx)
                .await
                .map_err(self.failed(doing))?;
        let service = self.service.clone();
        if owner != service {
            return Err(OutboxError::Owner { service, found: owner });
        }
        if format != FORMAT {
            return Err(OutboxError::Format { service, found: format, known: FORMAT });
        }
        tx.commit().await.map_err(self.failed(doing))
    }

    async fn advance(&self, sent: &[SentRun], limit: WindowLimit) -> Result<Window, OutboxError> {
        if sent.is_empty() && !self.has_unsent().await? {
            return Ok(Window::default());
        }
        let mut tx = self.begin().await?;
        self.mark_sent(&mut tx, sent).await?;
        let window = self.next_window(&mut tx, limit).await?;
        tx.commit().await.map_err(self.failed("commit the next numbers"))?;
        Ok(window)
    }

    async fn standing(&self) -> Result<Standing, OutboxError> {
        let (last, first_new, first_unsent, last_place): (i64, Option<i64>, Option<i64>, Option<i64>) =
            sqlx::query_as(
                "SELECT last_sequence,
                    (SELECT min(sequence) FROM prejoin_outbox WHERE mark = 'unsent' AND stream_sequence IS NULL),
                    (SELECT min(sequence) FROM prejoin_outbox WHERE mark = 'unsent'),
                    (SELECT stream_sequence FROM prejoin_outbox
                      WHERE sequence IS NOT NULL AND stream_sequence IS NOT NULL ORDER BY sequence DESC LIMIT 1)
                 FROM prejoin_outbox_meta",
            )
            .fetch_one(&self.pool)
            .await
            .map_err(self.failed("read where it stands"))?;
        Ok(Standing {
            last_sequence: self.loaded(last)?,
            last_settled: self.loaded(first_new.map_or(last, |first| first - 1))?,
            first_unsent: first_unsent.map(|first| self.loaded(first)).transpose()?,
            last_stream_sequence: last_place.map(|place| self.loaded(place)).transpose()?,
        })
    }

    async fn rows(&self, sequences: RangeInclusive<u64>) -> Result<Vec<RowHead>, OutboxError> {
        let rows: Vec<(i64, i64, String, Option<i64>, bool)> = sqlx::query_as(
            "SELECT outbox_id, sequence, event_id, stream_sequence, mark = 'unsent' FROM prejoin_outbox
              WHERE sequence BETWEEN ? AND ? ORDER BY sequence",
        )
        .bind(self.stored(*sequences.start())?)
        .bind(self.stored(*sequences.end())?)
        .fetch_all(&self.pool)
        .await
        .map_err(self.failed("read its rows"))?;
        let head = |(id, sequence, event_id, place, unsent): (i64, i64, String, Option<i64>, bool)| {
            Ok(RowHead {
                outbox_id: OutboxId(id),
                sequence: self.loaded(sequence)?,
                event_id,
                stream_sequence: place.map(|place| self.loaded(place)).transpose()?,
                unsent,
            })
        };
        rows.into_iter().map(head).collect()
    }

    async fn repair(&self, repair: &Repair) -> Result<(), OutboxError> {
        self.apply_repair(repair).await
    }

    async fn park(&self, row: OutboxId, reason: &str) -> Result<bool, OutboxError> {
        self.park_numbered(row, reason).await
    }

    async fn clean_up(&self, keep: KeepRows) -> Result<u64, OutboxError> {
        let doing = "forget old rows";
        let mut tx = self.begin().await?;
        let oldest: Vec<(i64, Option<i64>)> = sqlx::query_as(
            "SELECT sequence, sent_at_ms FROM prejoin_outbox
              WHERE mark = 'sent' AND sequence <= (SELECT max(sequence) FROM prejoin_outbox WHERE mark = 'sent') - ?
              ORDER BY sequence LIMIT ?",
        )
        .bind(self.stored(keep.rows)?)
        .bind(CLEAN_UP_ROWS)
        .fetch_all(&mut *tx)
        .await
        .map_err(self.failed(doing))?;
        // Only from the low end, so that what is kept has no gap.
        let age_ms = i64::try_from(keep.age.as_millis()).unwrap_or(i64::MAX);
        let sent_before_ms = now_ms().saturating_sub(age_ms);
        let old =
            oldest.iter().take_while(|(_, sent)| sent.is_some_and(|sent| sent <= sent_before_ms)).last();
        let Some(&(last, _)) = old else { return Ok(0) };
        let done = sqlx::query("DELETE FROM prejoin_outbox WHERE mark = 'sent' AND sequence <= ?")
            .bind(last)
            .execute(&mut *tx)
            .await
            .map_err(self.failed(doing))?;
        tx.commit().await.map_err(self.failed(doing))?;
        Ok(done.rows_affected())
    }

    async fn sent_sequence(&self, row: OutboxId) -> Result<Option<u64>, OutboxError> {
        let sequence: Option<Option<i64>> =
            sqlx::query_scalar("SELECT sequence FROM prejoin_outbox WHERE outbox_id = ? AND mark = 'sent'")
                .bind(row.0)
                .fetch_optional(&self.pool)
                .await
                .map_err(self.failed("look up a row"))?;
        sequence.flatten().map(|sequence| self.loaded(sequence)).transpose()
    }

    async fn counts(&self) -> Result<Counts, OutboxError> {
        let (unsent, parked): (i64, i64) = sqlx::query_as(
            "SELECT (SELECT count(*) FROM prejoin_outbox WHERE mark = 'unsent'),
                    (SELECT count(*) FROM prejoin_outbox WHERE mark = 'parked')",
        )
        .fetch_one(&self.pool)
        .await
        .map_err(self.failed("count its rows"))?;
        Ok(Counts { unsent: self.loaded(unsent)?, parked: self.loaded(parked)? })
    }
}
