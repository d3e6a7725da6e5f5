//! Marking what the log took and numbering what comes next, in one transaction.

use futures::TryStreamExt as _;
use prejoin_envelope::Event;
use serde_json::value::RawValue;
use sqlx::SqliteConnection;

use super::{SqliteStore, now_ms};
use crate::error::OutboxError;
use crate::store::{OutboxId, OutboxRow, SentRun, Window, WindowLimit};

/// Everything in the envelope whose size does not depend on the event.
const ENVELOPE_BYTES: usize = 512;
/// JSON writes one byte of text as at most six.
const ESCAPED_BYTES_MAX: usize = 6;

/// outbox_id, sequence, event_id, kind, entity, time, data
type Columns = (i64, Option<i64>, String, String, String, String, String);

impl SqliteStore {
    pub(super) async fn has_unsent(&self) -> Result<bool, OutboxError> {
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM prejoin_outbox WHERE mark = 'unsent')")
            .fetch_one(&self.pool)
            .await
            .map_err(self.failed("look for unsent rows"))
    }

    pub(super) async fn mark_sent(
        &self,
        connection: &mut SqliteConnection,
        sent: &[SentRun],
    ) -> Result<(), OutboxError> {
        for run in sent {
            sqlx::query(
                "UPDATE prejoin_outbox
                    SET mark = 'sent', sent_at_ms = coalesce(sent_at_ms, ?1), stream_sequence = ?2 + sequence - ?3
                  WHERE sequence BETWEEN ?3 AND ?4",
            )
            .bind(now_ms())
            .bind(self.stored(run.stream_sequence)?)
            .bind(self.stored(*run.sequences.start())?)
            .bind(self.stored(*run.sequences.end())?)
            .execute(&mut *connection)
            .await
            .map_err(self.failed("mark rows as sent"))?;
        }
        Ok(())
    }

    pub(super) async fn next_window(
        &self,
        connection: &mut SqliteConnection,
        limit: WindowLimit,
    ) -> Result<Window, OutboxError> {
        let mut filling = Filling { window: Window::default(), limit, bytes: 0 };
        if filling.is_full() {
            return Ok(filling.window);
        }
        self.take_numbered(connection, &mut filling).await?;
        if !filling.is_full() {
            self.take_unnumbered(connection, &mut filling).await?;
        }
        Ok(filling.window)
    }

    async fn take_numbered(
        &self,
        connection: &mut SqliteConnection,
        filling: &mut Filling,
    ) -> Result<(), OutboxError> {
        let mut rows = sqlx::query_as::<_, Columns>(
            "SELECT outbox_id, sequence, event_id, kind, entity, time, data FROM prejoin_outbox
              WHERE mark = 'unsent' AND sequence > 0 ORDER BY sequence",
        )
        .fetch(connection);
        while let Some(columns) = rows.try_next().await.map_err(self.failed("read unsent rows"))? {
            let row = self.row(columns)?;
            filling.take(row);
            if filling.is_full() {
                break;
            }
        }
        Ok(())
    }

    /// Numbers unsent rows as long as the window has room, and parks those that are too large.
    async fn take_unnumbered(
        &self,
        connection: &mut SqliteConnection,
        filling: &mut Filling,
    ) -> Result<(), OutboxError> {
        let last: i64 = sqlx::query_scalar("SELECT last_sequence FROM prejoin_outbox_meta")
            .fetch_one(&mut *connection)
            .await
            .map_err(self.failed("read its last number"))?;
        let mut next = self.loaded(last)? + 1;
        let mut numbered_to = None;
        {
            let mut rows = sqlx::query_as::<_, Columns>(
                "SELECT outbox_id, sequence, event_id, kind, entity, time, data FROM prejoin_outbox
                  WHERE mark = 'unsent' AND sequence IS NULL ORDER BY outbox_id",
            )
            .fetch(&mut *connection);
            while let Some(columns) = rows.try_next().await.map_err(self.failed("read unsent rows"))? {
                let mut row = self.row(columns)?;
                row.event.sequence = next;
                if let Some(reason) = too_large(&row.event, filling.limit.event_bytes_max) {
                    filling.window.parked.push((row.outbox_id, reason));
                    continue;
                }
                next += 1;
                numbered_to = Some(row.outbox_id);
                filling.take(row);
                if filling.is_full() {
                    break;
                }
            }
        }
        for (row, reason) in &filling.window.parked {
            self.park_row(connection, *row, reason).await?;
        }
        match numbered_to {
            Some(last_row) => self.number(connection, last, last_row, self.stored(next - 1)?).await,
            None => Ok(()),
        }
    }

    /// Gives the sequences `after + 1` to `last` to the unnumbered rows up to `last_row`.
    async fn number(
        &self,
        connection: &mut SqliteConnection,
        after: i64,
        last_row: OutboxId,
        last: i64,
    ) -> Result<(), OutboxError> {
        let numbered = sqlx::query(
            "UPDATE prejoin_outbox SET sequence = ?1 + next.number
               FROM (SELECT outbox_id, row_number() OVER (ORDER BY outbox_id) AS number FROM prejoin_outbox
                      WHERE mark = 'unsent' AND sequence IS NULL AND outbox_id <= ?2) AS next
              WHERE prejoin_outbox.outbox_id = next.outbox_id",
        )
        .bind(after)
        .bind(last_row.0)
        .execute(&mut *connection)
        .await
        .map_err(self.failed("number rows"))?;
        assert_eq!(
            i64::try_from(numbered.rows_affected()).ok(),
            Some(last - after),
            "a transaction with the write lock numbers exactly the rows that it read"
        );
        self.set_last_sequence(connection, last).await
    }

    pub(super) async fn set_last_sequence(
        &self,
        connection: &mut SqliteConnection,
        last: i64,
    ) -> Result<(), OutboxError> {
        sqlx::query("UPDATE prejoin_outbox_meta SET last_sequence = ?")
            .bind(last)
            .execute(connection)
            .await
            .map_err(self.failed("keep its last number"))?;
        Ok(())
    }

    pub(super) async fn park_row(
        &self,
        connection: &mut SqliteConnection,
        row: OutboxId,
        reason: &str,
    ) -> Result<(), OutboxError> {
        sqlx::query(
            "UPDATE prejoin_outbox SET mark = 'parked', sequence = NULL, parked_because = ? WHERE outbox_id = ?",
        )
        .bind(reason)
        .bind(row.0)
        .execute(connection)
        .await
        .map_err(self.failed("park a row"))?;
        Ok(())
    }

    fn row(&self, columns: Columns) -> Result<OutboxRow, OutboxError> {
        let (outbox_id, sequence, id, kind, subject, time, data) = columns;
        let data = RawValue::from_string(data)
            .map_err(|error| self.damaged(format!("the data of row {outbox_id} is not JSON: {error}")))?;
        let sequence = self.loaded(sequence.unwrap_or(0))?;
        let source = format!("/{}", self.service);
        let event = Event { id, source, kind, subject, time, sequence, data };
        Ok(OutboxRow { outbox_id: OutboxId(outbox_id), event })
    }
}

/// A window that is being filled.
struct Filling {
    window: Window,
    limit: WindowLimit,
    bytes: usize,
}

impl Filling {
    fn is_full(&self) -> bool {
        self.window.rows.len() >= self.limit.rows || self.bytes >= self.limit.bytes
    }

    fn take(&mut self, row: OutboxRow) {
        self.bytes += row.event.data.get().len();
        self.window.rows.push(row);
    }
}

fn too_large(event: &Event, bytes_max: usize) -> Option<String> {
    let texts = [&event.id, &event.source, &event.kind, &event.subject, &event.time];
    let text_bytes: usize = texts.iter().map(|text| text.len()).sum();
    let bytes_at_most = event.data.get().len() + text_bytes * ESCAPED_BYTES_MAX + ENVELOPE_BYTES;
    if bytes_at_most <= bytes_max {
        return None;
    }
    let bytes = event.to_json().len();
    (bytes > bytes_max).then(|| {
        format!(
            "the event has {bytes} bytes; the event log takes {bytes_max} at most. \
             Make it smaller, or put the large part elsewhere and refer to it"
        )
    })
}
