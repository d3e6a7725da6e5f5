//! Where the log acknowledged rows: runs of successive numbers in successive places. A batch is one of them or a few, so
//! that its rows need not be written again.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use crate::error::OutboxError;
use crate::sql::database::{Cells, Value};
use crate::sql::relay::Work;
use crate::sql::rows::{Columns, failed, stored};
use crate::sql::store::now_ms;
use crate::store::SentRun;

/// Longer runs are kept in parts, so that those that reach into a range of numbers are found by where they begin.
pub(crate) const RUN_ROWS_MAX: i64 = 10_000;

/// The runs that reach into a range, in the order in which they were acknowledged. Its values: `reaching_into`.
pub(crate) const RUNS: &str = "SELECT first_sequence, last_sequence, stream_sequence, sent_at_ms
                                 FROM prejoin_outbox_sent
                                WHERE first_sequence > ? AND first_sequence <= ? AND last_sequence >= ?
                                ORDER BY run_id";

/// A run as its row has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeptRun {
    first: i64,
    last: i64,
    place: i64,
    sent_at_ms: i64,
}

/// A statement; nothing for no runs.
pub(crate) fn insert_runs(runs: &[KeptRun]) -> String {
    if runs.is_empty() {
        return String::new();
    }
    let row = |run: &KeptRun| format!("({}, {}, {}, {})", run.first, run.last, run.place, run.sent_at_ms);
    let rows: Vec<String> = runs.iter().map(row).collect();
    format!(
        "INSERT INTO prejoin_outbox_sent (first_sequence, last_sequence, stream_sequence, sent_at_ms) VALUES {};",
        rows.join(", ")
    )
}

/// Where a row lies, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SentPlace {
    pub(crate) stream_sequence: u64,
    pub(crate) sent_at_ms: i64,
}

/// The values of `RUNS`.
pub(crate) fn reaching_into(
    service: &str,
    sequences: &RangeInclusive<u64>,
) -> Result<[Value<'static>; 3], OutboxError> {
    let (first, last) = (stored(service, *sequences.start())?, stored(service, *sequences.end())?);
    Ok([first.saturating_sub(RUN_ROWS_MAX), last, first].map(Value::Integer))
}

/// The place of every acknowledged row of a range, out of the answer to `RUNS`. The later acknowledgement counts.
pub(crate) fn places(
    service: &str,
    sequences: &RangeInclusive<u64>,
    runs: Vec<Cells>,
) -> Result<HashMap<u64, SentPlace>, OutboxError> {
    let mut places = HashMap::new();
    for cells in runs {
        let mut columns = Columns::new(service, cells);
        let (first, last) = (columns.count()?, columns.count()?);
        let (place, sent_at_ms) = (columns.count()?, columns.integer()?);
        for sequence in first.max(*sequences.start())..=last.min(*sequences.end()) {
            let stream_sequence = place + (sequence - first);
            places.insert(sequence, SentPlace { stream_sequence, sent_at_ms });
        }
    }
    Ok(places)
}

impl Work {
    /// They are written at the end of the transaction, or by `write_runs`.
    pub(crate) fn mark_sent(&mut self, sent: &[SentRun]) -> Result<(), OutboxError> {
        let sent_at_ms = now_ms();
        for SentRun { sequences, stream_sequence } in sent.iter().flat_map(parts) {
            let (first, last) = (self.stored(*sequences.start())?, self.stored(*sequences.end())?);
            self.runs.push(KeptRun { first, last, place: self.stored(stream_sequence)?, sent_at_ms });
            self.numbers.sent = self.numbers.sent.max(last);
            self.numbers.acknowledged = self.numbers.acknowledged.max(last);
        }
        Ok(())
    }

    pub(crate) async fn write_runs(&mut self) -> Result<(), OutboxError> {
        let script = insert_runs(&std::mem::take(&mut self.runs));
        if script.is_empty() {
            return Ok(());
        }
        self.link.script(&script).await.map_err(failed(&self.service, "mark rows as sent"))
    }

    pub(crate) async fn places(
        &mut self,
        sequences: RangeInclusive<u64>,
    ) -> Result<HashMap<u64, SentPlace>, OutboxError> {
        let values = reaching_into(&self.service, &sequences)?;
        let runs = self.query("read where its rows lie", RUNS, &values).await?;
        places(&self.service, &sequences, runs)
    }
}

fn parts(run: &SentRun) -> Vec<SentRun> {
    let (first, last) = (*run.sequences.start(), *run.sequences.end());
    let mut parts = Vec::new();
    let mut next = first;
    while next <= last {
        let end = last.min(next.saturating_add(RUN_ROWS_MAX.unsigned_abs() - 1));
        parts.push(SentRun { sequences: next..=end, stream_sequence: run.stream_sequence + (next - first) });
        next = end + 1;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::database::Cell;

    #[test]
    fn a_long_run_is_kept_in_parts() {
        let run = |sequences, stream_sequence| SentRun { sequences, stream_sequence };
        assert_eq!(parts(&run(3..=5, 10)), [run(3..=5, 10)]);
        let long = [run(1..=10_000, 7), run(10_001..=20_000, 10_007), run(20_001..=20_001, 20_007)];
        assert_eq!(parts(&run(1..=20_001, 7)), long);
    }

    #[test]
    fn the_later_acknowledgement_counts() {
        let run = |first, last, place, sent| [first, last, place, sent].map(Cell::Integer).to_vec();
        let found = places("orders", &(3..=6), vec![run(1, 4, 1, 70), run(6, 6, 6, 70), run(4, 5, 104, 80)]);
        let mut found: Vec<_> = found.unwrap().into_iter().collect();
        found.sort_by_key(|(sequence, _)| *sequence);
        let place = |stream_sequence, sent_at_ms| SentPlace { stream_sequence, sent_at_ms };
        assert_eq!(found, [(3, place(3, 70)), (4, place(104, 80)), (5, place(105, 80)), (6, place(6, 70))]);
    }
}
