//! Making the rows agree with the log.

use futures::TryStreamExt as _;
use sqlx::SqliteConnection;

use super::SqliteStore;
use crate::error::OutboxError;
use crate::store::{OutboxId, Repair};

impl SqliteStore {
    pub(super) async fn apply_repair(&self, repair: &Repair) -> Result<(), OutboxError> {
        let mut tx = self.begin().await?;
        self.mark_sent(&mut tx, &repair.mark_sent).await?;
        if repair.renumber {
            self.give_numbers_back(&mut tx, 0).await?;
        }
        self.continue_after(&mut tx, repair).await?;
        if let Some(lost_above) = repair.lost_above {
            self.send_again(&mut tx, lost_above).await?;
        }
        tx.commit().await.map_err(self.failed("commit a repair"))
    }

    /// Takes the numbers of unsent rows that the log never acknowledged, from `first` on.
    async fn give_numbers_back(
        &self,
        connection: &mut SqliteConnection,
        first: i64,
    ) -> Result<(), OutboxError> {
        sqlx::query(
            "UPDATE prejoin_outbox SET sequence = NULL
              WHERE mark = 'unsent' AND stream_sequence IS NULL AND sequence >= ?",
        )
        .bind(first)
        .execute(connection)
        .await
        .map_err(self.failed("take numbers back"))?;
        Ok(())
    }

    async fn continue_after(
        &self,
        connection: &mut SqliteConnection,
        repair: &Repair,
    ) -> Result<(), OutboxError> {
        let (last, highest): (i64, i64) = sqlx::query_as(
            "SELECT last_sequence, (SELECT coalesce(max(sequence), 0) FROM prejoin_outbox) FROM prejoin_outbox_meta",
        )
        .fetch_one(&mut *connection)
        .await
        .map_err(self.failed("read its last number"))?;
        let given_out = if repair.renumber { highest } else { last.max(highest) };
        self.set_last_sequence(connection, given_out.max(self.stored(repair.last_sequence_min)?)).await
    }

    async fn send_again(&self, connection: &mut SqliteConnection, above: u64) -> Result<(), OutboxError> {
        let doing = "prepare rows to be sent again";
        let last: i64 = sqlx::query_scalar("SELECT last_sequence FROM prejoin_outbox_meta")
            .fetch_one(&mut *connection)
            .await
            .map_err(self.failed(doing))?;
        let last = self.loaded(last)?;
        if let Some(missing) = self.first_missing(connection, above, last).await? {
            let service = self.service.clone();
            return Err(OutboxError::LostHistory { service, first: above + 1, last, missing });
        }
        sqlx::query("UPDATE prejoin_outbox SET mark = 'unsent', sent_at_ms = NULL WHERE mark = 'sent' AND sequence > ?")
            .bind(self.stored(above)?)
            .execute(connection)
            .await
            .map_err(self.failed(doing))?;
        Ok(())
    }

    async fn first_missing(
        &self,
        connection: &mut SqliteConnection,
        above: u64,
        last: u64,
    ) -> Result<Option<u64>, OutboxError> {
        let mut expected = above + 1;
        let mut sequences = sqlx::query_scalar::<_, i64>(
            "SELECT sequence FROM prejoin_outbox WHERE sequence > ? ORDER BY sequence",
        )
        .bind(self.stored(above)?)
        .fetch(connection);
        while let Some(sequence) = sequences.try_next().await.map_err(self.failed("look for gaps"))? {
            if self.loaded(sequence)? != expected {
                break;
            }
            expected += 1;
        }
        Ok((expected <= last).then_some(expected))
    }

    pub(super) async fn park_numbered(&self, row: OutboxId, reason: &str) -> Result<bool, OutboxError> {
        let mut tx = self.begin().await?;
        let sequence: Option<i64> = sqlx::query_scalar(
            "SELECT sequence FROM prejoin_outbox
              WHERE outbox_id = ?1 AND mark = 'unsent' AND stream_sequence IS NULL AND sequence > 0
                AND NOT EXISTS (SELECT 1 FROM prejoin_outbox AS later
                                 WHERE later.sequence > prejoin_outbox.sequence AND later.stream_sequence IS NOT NULL)",
        )
        .bind(row.0)
        .fetch_optional(&mut *tx)
        .await
        .map_err(self.failed("park a row"))?;
        let Some(sequence) = sequence else { return Ok(false) };
        self.give_numbers_back(&mut tx, sequence).await?;
        self.park_row(&mut tx, row, reason).await?;
        self.set_last_sequence(&mut tx, sequence - 1).await?;
        tx.commit().await.map_err(self.failed("park a row"))?;
        Ok(true)
    }
}
