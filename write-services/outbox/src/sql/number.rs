//! Numbering what comes next, and holding back what may not.

use std::collections::HashMap;

use prejoin_envelope::Event;
use serde_json::value::RawValue;

use crate::error::OutboxError;
use crate::sql::database::{Cells, Value, json_array};
use crate::sql::relay::Work;
use crate::sql::rows::{damaged, loaded};
use crate::store::{OutboxId, OutboxRow, Window, WindowLimit};

/// Everything in the envelope whose size does not depend on the event.
const ENVELOPE_BYTES: u64 = 512;
/// JSON writes one byte of text as at most six.
const ESCAPED_BYTES_MAX: u64 = 6;

/// More runs of ids than this are numbered one by one.
const RUNS_MAX: usize = 16;

/// An unsent row without a number. Its data is read at once if it is small: all of a window's together take no more room
/// than the window may.
struct Candidate {
    row: OutboxId,
    event_id: String,
    kind: String,
    entity: String,
    time: String,
    data_bytes: u64,
    data: Option<String>,
    /// The parked row of the same entity before it.
    behind: Option<OutboxId>,
}

/// What is to be done with the candidates of one window.
#[derive(Default)]
struct Plan {
    /// In the order of their numbers.
    number: Vec<Candidate>,
    hold_back: Vec<(OutboxId, OutboxId)>,
    park: Vec<(OutboxId, String)>,
}

impl Work {
    pub(crate) async fn next_window(
        &mut self,
        after: u64,
        limit: WindowLimit,
    ) -> Result<Window, OutboxError> {
        let mut room = Room { rows: limit.rows, bytes: u64::try_from(limit.bytes).unwrap_or(u64::MAX) };
        if room.is_used_up() {
            return Ok(Window::default());
        }
        let after = self.stored(after)?.max(self.numbers.sent);
        let numbered_to = self.take_numbered(after, &mut room).await?;
        let mut plan = Plan::default();
        if !room.is_used_up() {
            plan = self.plan(&mut room, limit).await?;
        }
        let base = self.numbers.last;
        let numbers_to = self.carry_out(&plan).await?;
        let held_back = u64::try_from(plan.hold_back.len()).unwrap_or(u64::MAX);
        let Plan { number, park: parked, .. } = plan;
        let has_all = numbered_to.is_none() && number.iter().all(|candidate| candidate.data.is_some());
        let rows = match numbers_to.or(numbered_to) {
            None => Vec::new(),
            Some(_) if has_all => (base + 1..)
                .zip(number)
                .map(|(sequence, row)| self.numbered(sequence, row))
                .collect::<Result<_, _>>()?,
            Some(last) => self.read_numbered(after, last).await?,
        };
        Ok(Window { rows, parked, held_back })
    }

    /// Makes room for what has a number already; the last of it that fits.
    async fn take_numbered(&mut self, after: i64, room: &mut Room) -> Result<Option<i64>, OutboxError> {
        if after >= self.numbers.last {
            return Ok(None);
        }
        let found = self
            .query(
                "read unsent rows",
                "SELECT sequence, octet_length(data) FROM prejoin_outbox
                  WHERE sequence > ? ORDER BY sequence LIMIT ?",
                &[Value::Integer(after), Value::Integer(room.row_limit())],
            )
            .await?;
        let mut last = None;
        for cells in found {
            let mut columns = self.columns(cells);
            let (sequence, data_bytes) = (columns.integer()?, columns.count()?);
            last = Some(sequence);
            room.take(data_bytes);
            if room.is_used_up() {
                break;
            }
        }
        Ok(last)
    }

    /// Decides on unnumbered rows as long as the window has room.
    async fn plan(&mut self, room: &mut Room, limit: WindowLimit) -> Result<Plan, OutboxError> {
        let bytes_max = u64::try_from(limit.event_bytes_max).unwrap_or(u64::MAX);
        let mut plan = Plan::default();
        let mut parked: HashMap<String, OutboxId> = HashMap::new();
        for candidate in self.candidates(room).await? {
            let Candidate { row, data_bytes, .. } = candidate;
            if let Some(behind) = candidate.behind.or(parked.get(&candidate.entity).copied()) {
                plan.hold_back.push((row, behind));
                continue;
            }
            if let Some(bytes) = self.bytes_above(&candidate, bytes_max).await? {
                plan.park.push((row, too_large(bytes, bytes_max)));
                parked.insert(candidate.entity, row);
                continue;
            }
            plan.number.push(candidate);
            room.take(data_bytes);
            if room.is_used_up() {
                break;
            }
        }
        Ok(plan)
    }

    async fn candidates(&mut self, room: &Room) -> Result<Vec<Candidate>, OutboxError> {
        let found = self
            .query(
                "read unsent rows",
                "SELECT fresh.outbox_id, fresh.event_id, fresh.kind, fresh.entity, fresh.time,
                        octet_length(fresh.data), CASE WHEN octet_length(fresh.data) <= ? THEN fresh.data END,
                        CASE WHEN EXISTS (SELECT 1 FROM prejoin_outbox WHERE mark = 'parked')
                             THEN (SELECT max(parked.outbox_id) FROM prejoin_outbox AS parked
                                    WHERE parked.mark = 'parked' AND parked.entity = fresh.entity
                                      AND parked.outbox_id < fresh.outbox_id) END
                   FROM prejoin_outbox AS fresh
                  WHERE fresh.mark = 'unsent' ORDER BY fresh.outbox_id LIMIT ?",
                &[Value::Integer(room.bytes_per_row()), Value::Integer(room.row_limit())],
            )
            .await?;
        let candidate = |cells| {
            let mut columns = self.columns(cells);
            Ok(Candidate {
                row: OutboxId(columns.integer()?),
                event_id: columns.text()?,
                kind: columns.text()?,
                entity: columns.text()?,
                time: columns.text()?,
                data_bytes: columns.count()?,
                data: columns.optional_text()?,
                behind: columns.optional_integer()?.map(OutboxId),
            })
        };
        found.into_iter().map(candidate).collect()
    }

    /// The size of a candidate's event, if it is larger than allowed. Data is read only where its size alone does not
    /// tell.
    async fn bytes_above(
        &mut self,
        candidate: &Candidate,
        bytes_max: u64,
    ) -> Result<Option<u64>, OutboxError> {
        let Candidate { data_bytes, event_id, kind, entity, time, .. } = candidate;
        let (data_bytes, source) = (*data_bytes, self.service.as_ref());
        let texts = [event_id.as_str(), kind, entity, time, source];
        let text_bytes = texts.iter().fold(0_u64, |sum, text| sum.saturating_add(text.len() as u64));
        let text_bytes_max = text_bytes.saturating_mul(ESCAPED_BYTES_MAX);
        if data_bytes.saturating_add(text_bytes_max).saturating_add(ENVELOPE_BYTES) <= bytes_max {
            return Ok(None);
        }
        if data_bytes > bytes_max {
            return Ok(Some(data_bytes));
        }
        let row = self
            .one_row(
                "measure a row",
                "SELECT outbox_id, sequence, event_id, kind, entity, time, data FROM prejoin_outbox WHERE outbox_id = ?",
                &[Value::Integer(candidate.row.0)],
            )
            .await?;
        let mut row = self.row(row)?;
        // The longest number it may get.
        row.event.sequence = u64::MAX;
        let bytes = u64::try_from(row.event.to_json().len()).unwrap_or(u64::MAX);
        Ok((bytes > bytes_max).then_some(bytes))
    }

    /// Returns the last number that it gave out, if any.
    async fn carry_out(&mut self, plan: &Plan) -> Result<Option<i64>, OutboxError> {
        for (row, reason) in &plan.park {
            self.park_row(*row, reason).await?;
        }
        for (row, behind) in &plan.hold_back {
            self.execute(
                "hold a row back",
                "UPDATE prejoin_outbox SET mark = 'waiting', behind = ? WHERE outbox_id = ?",
                &[Value::Integer(behind.0), Value::Integer(row.0)],
            )
            .await?;
        }
        if plan.number.is_empty() {
            return Ok(None);
        }
        let ids: Vec<i64> = plan.number.iter().map(|candidate| candidate.row.0).collect();
        let numbered = self.number(&ids).await?;
        if usize::try_from(numbered).ok() != Some(ids.len()) {
            let detail = format!("{numbered} of {} rows that it numbered were there", ids.len());
            return Err(OutboxError::Overtaken { service: self.service.to_string(), detail });
        }
        self.numbers.last = self.numbers.last.saturating_add_unsigned(numbered);
        Ok(Some(self.numbers.last))
    }

    /// Numbers these rows from the last number on; says how many there were. Runs of successive ids, which is what there
    /// is as a rule, are less work for the database than so many single ones.
    async fn number(&mut self, ids: &[i64]) -> Result<u64, OutboxError> {
        let (doing, base) = ("number rows", self.numbers.last);
        let runs: Vec<&[i64]> = ids.chunk_by(|id, next| id + 1 == *next).take(RUNS_MAX + 1).collect();
        if runs.len() > RUNS_MAX {
            let values = [Value::Text(&json_array(ids)), Value::Integer(base)];
            return self.execute(doing, self.dialect.number, &values).await;
        }
        let mut numbered = 0;
        for run in runs {
            let (Some(&first), Some(&last)) = (run.first(), run.last()) else { continue };
            let next = base.saturating_add_unsigned(numbered) + 1;
            let values = [next.saturating_sub(first), first, last].map(Value::Integer);
            numbered += self.execute(doing, self.dialect.number_run, &values).await?;
        }
        Ok(numbered)
    }

    /// The unsent rows with numbers above `after` and up to `last`.
    async fn read_numbered(&mut self, after: i64, last: i64) -> Result<Vec<OutboxRow>, OutboxError> {
        let found = self
            .query(
                "read unsent rows",
                "SELECT outbox_id, sequence, event_id, kind, entity, time, data FROM prejoin_outbox
                  WHERE sequence > ? AND sequence <= ? ORDER BY sequence",
                &[Value::Integer(after), Value::Integer(last)],
            )
            .await?;
        found.into_iter().map(|cells| self.row(cells)).collect()
    }

    fn row(&self, cells: Cells) -> Result<OutboxRow, OutboxError> {
        let mut columns = self.columns(cells);
        let row = OutboxId(columns.integer()?);
        let sequence = columns.optional_integer()?.unwrap_or(0);
        let (event_id, kind, entity, time) =
            (columns.text()?, columns.text()?, columns.text()?, columns.text()?);
        let data = Some(columns.text()?);
        let candidate = Candidate { row, event_id, kind, entity, time, data_bytes: 0, data, behind: None };
        self.numbered(sequence, candidate)
    }

    fn numbered(&self, sequence: i64, candidate: Candidate) -> Result<OutboxRow, OutboxError> {
        let Candidate { row: outbox_id, event_id: id, kind, entity: subject, time, data, .. } = candidate;
        let data = RawValue::from_string(data.unwrap_or_default()).map_err(|error| {
            damaged(&self.service, format!("the data of row {} is not JSON: {error}", outbox_id.0))
        })?;
        let sequence = loaded(&self.service, sequence)?;
        let source = format!("/{}", self.service);
        Ok(OutboxRow { outbox_id, event: Event { id, source, kind, subject, time, sequence, data } })
    }
}

/// What still fits into a window. One row fits whatever its size.
struct Room {
    rows: usize,
    bytes: u64,
}

impl Room {
    fn is_used_up(&self) -> bool {
        self.rows == 0 || self.bytes == 0
    }

    fn take(&mut self, bytes: u64) {
        self.rows = self.rows.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    fn row_limit(&self) -> i64 {
        i64::try_from(self.rows).unwrap_or(i64::MAX)
    }

    /// So much of every row that may come fits.
    fn bytes_per_row(&self) -> i64 {
        let bytes = self.bytes / u64::try_from(self.rows.max(1)).unwrap_or(u64::MAX);
        i64::try_from(bytes).unwrap_or(i64::MAX)
    }
}

fn too_large(bytes: u64, bytes_max: u64) -> String {
    format!(
        "the event has {bytes} bytes; the event log takes {bytes_max} at most. \
         Make it smaller, or put the large part elsewhere and refer to it"
    )
}
