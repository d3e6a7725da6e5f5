//! Making the rows agree with the log, and forgetting those that need not be kept.

use crate::error::OutboxError;
use crate::sql::database::{Value, json_array};
use crate::sql::relay::Work;
use crate::sql::runs::RUN_ROWS_MAX;
use crate::sql::store::now_ms;
use crate::store::{KeepRows, OutboxId, Repair};

/// Read at a time when it is checked that none is missing.
const CHECK_ROWS: i64 = 5000;

impl Work {
    pub(crate) async fn apply(&mut self, repair: &Repair) -> Result<(), OutboxError> {
        let sent_before = self.numbers.sent;
        self.mark_sent(&repair.mark_sent)?;
        self.write_runs().await?;
        if repair.renumber {
            self.give_numbers_back(sent_before).await?;
        }
        self.continue_after(repair).await?;
        if let Some(lost_above) = repair.lost_above {
            self.send_again(lost_above).await?;
        }
        self.pass_over_numbers_of_others().await
    }

    /// Takes the numbers above `after` of rows that the log never acknowledged.
    async fn give_numbers_back(&mut self, after: i64) -> Result<(), OutboxError> {
        self.execute(
            "take numbers back",
            "UPDATE prejoin_outbox SET mark = 'unsent', sequence = NULL
              WHERE sequence > ?
                AND NOT EXISTS (SELECT 1 FROM prejoin_outbox_sent AS run
                                 WHERE run.first_sequence <= prejoin_outbox.sequence
                                   AND run.first_sequence > prejoin_outbox.sequence - ?
                                   AND run.last_sequence >= prejoin_outbox.sequence)",
            &[Value::Integer(after), Value::Integer(RUN_ROWS_MAX)],
        )
        .await?;
        Ok(())
    }

    async fn continue_after(&mut self, repair: &Repair) -> Result<(), OutboxError> {
        let highest = self
            .one_row("read its last number", "SELECT coalesce(max(sequence), 0) FROM prejoin_outbox", &[])
            .await?;
        let highest = self.columns(highest).integer()?;
        let given_out = if repair.renumber { highest } else { self.numbers.last.max(highest) };
        self.numbers.last = given_out.max(self.stored(repair.last_sequence_min)?);
        Ok(())
    }

    async fn send_again(&mut self, above: u64) -> Result<(), OutboxError> {
        let above = self.stored(above)?;
        if let Some(missing) = self.first_missing(above).await? {
            let count = |number: i64| u64::try_from(number).unwrap_or(0);
            return Err(OutboxError::LostHistory {
                service: self.service.to_string(),
                first: count(above + 1),
                last: count(self.numbers.last),
                missing: count(missing),
            });
        }
        self.numbers.sent = self.numbers.sent.min(above);
        Ok(())
    }

    /// Numbers behind the last row that others gave out are nothing that waits to be sent.
    async fn pass_over_numbers_of_others(&mut self) -> Result<(), OutboxError> {
        let statement = "SELECT sequence FROM prejoin_outbox WHERE sequence > ? ORDER BY sequence LIMIT 1";
        let ahead = self.query("read its numbers", statement, &[Value::Integer(self.numbers.sent)]).await?;
        if ahead.is_empty() {
            self.numbers.sent = self.numbers.last;
        }
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
                return Ok((expected <= self.numbers.last).then_some(expected));
            }
            for cells in found {
                if self.columns(cells).integer()? != expected {
                    return Ok(Some(expected));
                }
                expected += 1;
            }
        }
    }

    /// Only if neither this row nor a later one is known to be in the log: its number would be missing there.
    pub(crate) async fn park_numbered(&mut self, row: OutboxId, reason: &str) -> Result<bool, OutboxError> {
        let never_sent = self.numbers.sent.max(self.numbers.acknowledged);
        let found = self
            .query(
                "park a row",
                "SELECT sequence FROM prejoin_outbox WHERE outbox_id = ? AND sequence > ?",
                &[Value::Integer(row.0), Value::Integer(never_sent)],
            )
            .await?;
        let Some(cells) = found.into_iter().next() else { return Ok(false) };
        let sequence = self.columns(cells).integer()?;
        self.give_numbers_back(sequence - 1).await?;
        self.park_row(row, reason).await?;
        self.numbers.last = sequence - 1;
        Ok(true)
    }

    /// Only from the low end, so that what is kept has no gap.
    pub(crate) async fn forget(&mut self, keep: KeepRows, rows_max: i64) -> Result<u64, OutboxError> {
        let doing = "forget old rows";
        let oldest = self
            .query(
                doing,
                "SELECT outbox_id, sequence FROM prejoin_outbox WHERE sequence <= ? ORDER BY sequence LIMIT ?",
                &[Value::Integer(self.numbers.sent - self.stored(keep.rows)?), Value::Integer(rows_max)],
            )
            .await?;
        let row = |cells| {
            let mut columns = self.columns(cells);
            Ok((columns.integer()?, columns.count()?))
        };
        let oldest: Vec<(i64, u64)> = oldest.into_iter().map(row).collect::<Result<_, OutboxError>>()?;
        let (Some(&(_, first)), Some(&(_, last))) = (oldest.first(), oldest.last()) else { return Ok(0) };
        let places = self.places(first..=last).await?;
        let age_ms = i64::try_from(keep.age.as_millis()).unwrap_or(i64::MAX);
        let sent_before_ms = now_ms().saturating_sub(age_ms);
        let is_old =
            |sequence: u64| places.get(&sequence).is_some_and(|place| place.sent_at_ms <= sent_before_ms);
        let (old, numbers): (Vec<i64>, Vec<u64>) =
            oldest.into_iter().take_while(|(_, sequence)| is_old(*sequence)).unzip();
        let Some(&last_old) = numbers.last() else { return Ok(0) };
        let forgotten = self.execute(doing, self.dialect.forget, &[Value::Text(&json_array(&old))]).await?;
        let last_old = Value::Integer(self.stored(last_old)?);
        self.execute(
            doing,
            "DELETE FROM prejoin_outbox_sent WHERE first_sequence <= ? AND last_sequence <= ?",
            &[last_old, last_old],
        )
        .await?;
        Ok(forgotten)
    }
}
