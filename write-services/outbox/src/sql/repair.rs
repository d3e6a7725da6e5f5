//! Making the rows agree with the log, and forgetting those that need not be kept.

use crate::error::OutboxError;
use crate::sql::database::{Value, json_array};
use crate::sql::relay::Work;
use crate::sql::store::now_ms;
use crate::store::{KeepRows, OutboxId, Repair};

/// Read at a time when it is checked that none is missing.
const CHECK_ROWS: i64 = 5000;

impl Work {
    pub(crate) async fn apply(&mut self, repair: &Repair) -> Result<(), OutboxError> {
        self.mark_sent(&repair.mark_sent).await?;
        if repair.renumber {
            self.give_numbers_back(0).await?;
        }
        self.continue_after(repair).await?;
        match repair.lost_above {
            Some(lost_above) => self.send_again(lost_above).await,
            None => Ok(()),
        }
    }

    /// Takes the numbers of unsent rows that the log never acknowledged, from `first` on.
    async fn give_numbers_back(&mut self, first: i64) -> Result<(), OutboxError> {
        self.execute(
            "take numbers back",
            "UPDATE prejoin_outbox SET sequence = NULL
              WHERE mark = 'unsent' AND stream_sequence IS NULL AND sequence >= ?",
            &[Value::Integer(first)],
        )
        .await?;
        Ok(())
    }

    async fn continue_after(&mut self, repair: &Repair) -> Result<(), OutboxError> {
        let highest = self
            .one_row("read its last number", "SELECT coalesce(max(sequence), 0) FROM prejoin_outbox", &[])
            .await?;
        let highest = self.columns(highest).integer()?;
        let given_out = if repair.renumber { highest } else { self.last_sequence.max(highest) };
        self.set_last_sequence(given_out.max(self.stored(repair.last_sequence_min)?)).await
    }

    async fn send_again(&mut self, above: u64) -> Result<(), OutboxError> {
        let above = self.stored(above)?;
        if let Some(missing) = self.first_missing(above).await? {
            let count = |number: i64| u64::try_from(number).unwrap_or(0);
            return Err(OutboxError::LostHistory {
                service: self.service.to_string(),
                first: count(above + 1),
                last: count(self.last_sequence),
                missing: count(missing),
            });
        }
        self.execute(
            "prepare rows to be sent again",
            "UPDATE prejoin_outbox SET mark = 'unsent', sent_at_ms = NULL WHERE mark = 'sent' AND sequence > ?",
            &[Value::Integer(above)],
        )
        .await?;
        Ok(())
    }

    async fn first_missing(&mut self, above: i64) -> Result<Option<i64>, OutboxError> {
        let mut expected = above + 1;
        loop {
            let found = self
                .query(
                    "look for gaps",
                    "SELECT sequence FROM prejoin_outbox WHERE sequence >= ? ORDER BY sequence LIMIT ?",
                    &[Value::Integer(expected), Value::Integer(CHECK_ROWS)],
                )
                .await?;
            if found.is_empty() {
                return Ok((expected <= self.last_sequence).then_some(expected));
            }
            for cells in found {
                if self.columns(cells).integer()? != expected {
                    return Ok(Some(expected));
                }
                expected += 1;
            }
        }
    }

    /// Only if no later row is known to be in the log: its number would be missing there.
    pub(crate) async fn park_numbered(&mut self, row: OutboxId, reason: &str) -> Result<bool, OutboxError> {
        let found = self
            .query(
                "park a row",
                "SELECT sequence FROM prejoin_outbox
                  WHERE outbox_id = ? AND mark = 'unsent' AND stream_sequence IS NULL AND sequence > 0
                    AND NOT EXISTS (SELECT 1 FROM prejoin_outbox AS later
                                     WHERE later.sequence > prejoin_outbox.sequence
                                       AND later.stream_sequence IS NOT NULL)",
                &[Value::Integer(row.0)],
            )
            .await?;
        let Some(cells) = found.into_iter().next() else { return Ok(false) };
        let sequence = self.columns(cells).integer()?;
        self.give_numbers_back(sequence).await?;
        self.park_row(row, reason).await?;
        self.set_last_sequence(sequence - 1).await?;
        Ok(true)
    }

    /// Only from the low end, so that what is kept has no gap.
    pub(crate) async fn forget(&mut self, keep: KeepRows, rows_max: i64) -> Result<u64, OutboxError> {
        let doing = "forget old rows";
        let oldest = self
            .query(
                doing,
                "SELECT outbox_id, sent_at_ms FROM prejoin_outbox
                  WHERE mark = 'sent'
                    AND sequence <= (SELECT max(sequence) FROM prejoin_outbox WHERE mark = 'sent') - ?
                  ORDER BY sequence LIMIT ?",
                &[Value::Integer(self.stored(keep.rows)?), Value::Integer(rows_max)],
            )
            .await?;
        let age_ms = i64::try_from(keep.age.as_millis()).unwrap_or(i64::MAX);
        let sent_before_ms = now_ms().saturating_sub(age_ms);
        let mut old = Vec::new();
        for cells in oldest {
            let mut columns = self.columns(cells);
            let (row, sent_at_ms) = (columns.integer()?, columns.optional_integer()?);
            if sent_at_ms.is_none_or(|sent| sent > sent_before_ms) {
                break;
            }
            old.push(row);
        }
        if old.is_empty() {
            return Ok(0);
        }
        self.execute(doing, self.dialect.forget, &[Value::Text(&json_array(&old))]).await
    }
}
