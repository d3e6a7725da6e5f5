//! The table of recent changes: rows before and after, written in the transaction that changed them, for whoever follows
//! a view live. It is bounded: the oldest go, and what would be too much is left out and marked as a cut.
//!
//! Changes are numbered in the order in which they were made, over all views. A row of the table is a *batch*: changes
//! of one view in one transaction. Whoever saw a generation at a number can go on from there if nothing is missing behind
//! it. Each writer numbers in a *run* of its own, which has a random name: a number that was given before a store was put
//! back to an older copy is told from the same number given after that.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use prejoin_engine::RowOutcome;
use prejoin_model::{Row, Type, Value, write_text};

use crate::catalog::{CatalogEntry, position_to_json};
use crate::columns::StoredValue;
use crate::database::{self, Cells, Dialect, Link, Table, query_one, signed};

/// How much the table of recent changes keeps.
#[derive(Debug, Clone)]
pub struct ChangeBounds {
    pub rows_max: usize,
    pub bytes_max: usize,
    /// A transaction that changes more rows of one view is a cut: it would push out most of what is kept, and costs less so.
    pub transaction_rows_max: usize,
    /// Rows that were erased since are kept no longer than this.
    pub age_max: Duration,
}

impl Default for ChangeBounds {
    fn default() -> Self {
        ChangeBounds {
            rows_max: 100_000,
            bytes_max: 64 << 20,
            transaction_rows_max: 10_000,
            age_max: Duration::from_hours(1),
        }
    }
}

/// How one row of the table is laid out.
const FORM: i64 = 1;

/// A batch is at most so large, unless it is a single change: readers take one at a time.
const BATCH_ROWS_MAX: usize = 500;
const BATCH_BYTES_MAX: usize = 256 << 10;

/// No transaction of a view takes more than this part of the table.
const TRANSACTION_PART: usize = 8;

/// Once the table is full, this part of it goes at a time.
const TRIMMED_PART: usize = 20;

/// Runs whose names are kept: whoever saw the end of an older one needs a new snapshot.
const RUNS_KEPT: i64 = 32;

/// How far the changes of a generation are in the table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ChangeMarks {
    /// The number of the last one.
    pub last: i64,
    /// Those up to this number are not all there.
    pub cut: i64,
}

/// What the writer knows of the table.
pub(crate) struct ChangeLog {
    pub bounds: ChangeBounds,
    /// The number that was given last.
    last: i64,
    kept: VecDeque<Batch>,
    rows: usize,
    bytes: usize,
}

#[derive(Debug, Clone)]
struct Batch {
    number: i64,
    rows: usize,
    bytes: usize,
    since: Instant,
}

/// What one transaction does to the table. It becomes true with the commit.
pub(crate) struct Draft<'a> {
    log: &'a ChangeLog,
    last: i64,
    added: Vec<Batch>,
    /// Batches that go, from the oldest on.
    trimmed: usize,
}

/// A draft after its commit.
pub(crate) struct Committed {
    last: i64,
    added: Vec<Batch>,
    trimmed: usize,
}

/// A row's values as PostgreSQL prints them.
type Texts = Vec<Option<String>>;

/// Rows as they were before a transaction, by key.
pub(crate) type OldRows = HashMap<Bytes, Texts>;

impl ChangeLog {
    /// Reads what is there, and begins a run. Inside a transaction.
    pub(crate) async fn open(link: &mut dyn Link) -> Result<Self, sqlx::Error> {
        let found =
            link.query("SELECT number, rows, bytes FROM _prejoin_changes ORDER BY number", &[]).await?;
        let kept = found.into_iter().map(read_batch).collect::<Result<VecDeque<_>, _>>()?;
        let last = begin_run(link).await?;
        let (rows, bytes) =
            kept.iter().fold((0, 0), |(rows, bytes), batch| (rows + batch.rows, bytes + batch.bytes));
        Ok(ChangeLog { bounds: ChangeBounds::default(), last, kept, rows, bytes })
    }

    /// Of a session that changes no row that readers see.
    pub(crate) fn unused() -> Self {
        ChangeLog { bounds: ChangeBounds::default(), last: 0, kept: VecDeque::new(), rows: 0, bytes: 0 }
    }

    pub(crate) fn draft(&self) -> Draft<'_> {
        Draft { log: self, last: self.last, added: Vec::new(), trimmed: 0 }
    }

    /// Notes what was committed.
    pub(crate) fn note(&mut self, committed: Committed) {
        for batch in self.kept.drain(..committed.trimmed) {
            self.rows -= batch.rows;
            self.bytes -= batch.bytes;
        }
        for batch in committed.added {
            self.rows += batch.rows;
            self.bytes += batch.bytes;
            self.kept.push_back(batch);
        }
        self.last = committed.last;
    }

    /// Whether so many rows of one view may be written in one transaction.
    pub(crate) fn takes(&self, rows: usize) -> bool {
        rows <= self.bounds.transaction_rows_max.min(self.bounds.rows_max / TRANSACTION_PART)
    }
}

fn read_batch(mut row: Cells) -> Result<Batch, sqlx::Error> {
    let (number, rows, bytes) = (row.integer()?, row.integer()?, row.integer()?);
    let size = |size| usize::try_from(size).unwrap_or(0);
    Ok(Batch { number, rows: size(rows), bytes: size(bytes), since: Instant::now() })
}

/// Returns the number behind which this run's changes come.
async fn begin_run(link: &mut dyn Link) -> Result<i64, sqlx::Error> {
    let Dialect { random, .. } = link.dialect();
    let first = query_one(
        link,
        "SELECT 1 + max(number) FROM (
            SELECT -1 AS number UNION ALL SELECT max(number) FROM _prejoin_changes
            UNION ALL SELECT max(first) FROM _prejoin_change_runs
            UNION ALL SELECT max(changes_last) FROM _prejoin_generations
            UNION ALL SELECT max(changes_cut) FROM _prejoin_generations) AS numbers",
        &[],
    )
    .await?
    .integer()?;
    let insert = format!("INSERT INTO _prejoin_change_runs (first, run) VALUES (?, {random})");
    link.execute(&insert, &[first.into()]).await?;
    let forget = "DELETE FROM _prejoin_change_runs WHERE first < coalesce(
        (SELECT first FROM _prejoin_change_runs ORDER BY first DESC LIMIT 1 OFFSET ?), 0)";
    link.execute(forget, &[RUNS_KEPT.into()]).await?;
    Ok(first)
}

impl Draft<'_> {
    pub(crate) fn takes(&self, rows: usize) -> bool {
        self.log.takes(rows)
    }

    /// Marks that whoever follows a generation needs a new snapshot.
    pub(crate) fn cut(&mut self) -> ChangeMarks {
        self.last += 1;
        ChangeMarks { last: self.last, cut: self.last }
    }

    /// Writes what a transaction changed of one generation's rows; those that it did not change are passed over.
    pub(crate) async fn write(
        &mut self,
        link: &mut dyn Link,
        entry: &CatalogEntry,
        position: &prejoin_envelope::Position,
        changes: Changes<'_>,
    ) -> Result<ChangeMarks, sqlx::Error> {
        let batches = changes.encode();
        let bytes: usize = batches.iter().map(|(_, text)| text.len()).sum();
        let Some(ends) = batches.len().checked_sub(1) else { return Ok(entry.changes) };
        if bytes > self.log.bounds.bytes_max / TRANSACTION_PART {
            return Ok(self.cut());
        }
        let position = position_to_json(position);
        for (place, (rows, text)) in batches.into_iter().enumerate() {
            self.last += 1;
            let (rows, bytes) = (rows, text.len());
            link.execute(
                "INSERT INTO _prejoin_changes (number, view, generation, ends, position, form, rows, bytes, changes)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                &[
                    self.last.into(),
                    (&entry.view).into(),
                    entry.generation.into(),
                    i64::from(place == ends).into(),
                    (&position).into(),
                    FORM.into(),
                    signed(rows as u64).into(),
                    signed(bytes as u64).into(),
                    database::Value::from(&text),
                ],
            )
            .await?;
            self.added.push(Batch { number: self.last, rows, bytes, since: Instant::now() });
        }
        Ok(ChangeMarks { last: self.last, cut: entry.changes.cut })
    }

    /// Removes the oldest batches if the table is full, or they have been there for too long.
    pub(crate) async fn trim(&mut self, link: &mut dyn Link) -> Result<(), sqlx::Error> {
        let ChangeBounds { rows_max, bytes_max, age_max, .. } = self.log.bounds;
        let added = self.added.iter().fold((0, 0), |(rows, bytes), new| (rows + new.rows, bytes + new.bytes));
        let (mut rows, mut bytes) = (self.log.rows + added.0, self.log.bytes + added.1);
        let is_full = rows > rows_max || bytes > bytes_max;
        let down_to = |max: usize| if is_full { max - max / TRIMMED_PART } else { max };
        let (rows_max, bytes_max) = (down_to(rows_max), down_to(bytes_max));
        for batch in &self.log.kept {
            if rows <= rows_max && bytes <= bytes_max && batch.since.elapsed() <= age_max {
                break;
            }
            rows -= batch.rows;
            bytes -= batch.bytes;
            self.trimmed += 1;
        }
        let Some(newest) = self.trimmed.checked_sub(1).and_then(|place| self.log.kept.get(place)) else {
            return Ok(());
        };
        link.execute("DELETE FROM _prejoin_changes WHERE number <= ?", &[newest.number.into()])
            .await
            .map(drop)
    }

    pub(crate) fn finish(self) -> Committed {
        Committed { last: self.last, added: self.added, trimmed: self.trimmed }
    }
}

/// What a transaction did to the rows of one generation.
pub(crate) struct Changes<'a> {
    pub outcomes: &'a [(Bytes, RowOutcome)],
    /// Those that stayed as they were although they were computed.
    pub failed: &'a HashSet<Bytes>,
    pub old: OldRows,
}

impl Changes<'_> {
    /// Numbers of changes, and the changes as JSON: an array of arrays of the key in hexadecimal digits, the row's texts
    /// before, and those after; `null` where there was or is none.
    fn encode(mut self) -> Vec<(usize, String)> {
        let mut batches = Vec::new();
        let (mut rows, mut json, mut text) = (0, Vec::new(), String::new());
        for (key, outcome) in self.outcomes {
            let new = match outcome {
                RowOutcome::Failed(_) => continue,
                _ if self.failed.contains(key) => continue,
                RowOutcome::Absent => None,
                RowOutcome::Row(row) => Some(row),
            };
            let old = self.old.remove(key);
            let is_same = match (&old, new) {
                (Some(old), Some(new)) => differing(new, old, &mut text).next().is_none(),
                (old, new) => old.is_none() && new.is_none(),
            };
            if is_same {
                continue;
            }
            json.push(if rows == 0 { b'[' } else { b',' });
            write_key(key, &mut json);
            write_old(old.as_ref(), &mut json);
            write_new(new, &mut text, &mut json);
            json.push(b']');
            rows += 1;
            if rows >= BATCH_ROWS_MAX || json.len() >= BATCH_BYTES_MAX {
                batches.push((std::mem::take(&mut rows), batch_of(&mut json)));
            }
        }
        if rows > 0 {
            batches.push((rows, batch_of(&mut json)));
        }
        batches
    }
}

fn batch_of(json: &mut Vec<u8>) -> String {
    json.push(b']');
    String::from_utf8(std::mem::take(json)).expect("JSON is made of texts")
}

fn write_key(key: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend(b"[\"");
    out.extend(key.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]));
    out.extend(b"\",");
}

fn write_old(row: Option<&Texts>, out: &mut Vec<u8>) {
    serde_json::to_writer(&mut *out, &row).expect(TEXTS);
    out.push(b',');
}

fn write_new(row: Option<&Row>, text: &mut String, out: &mut Vec<u8>) {
    let Some(row) = row else {
        out.extend(b"null");
        return;
    };
    for (place, value) in row.iter().enumerate() {
        out.push(if place == 0 { b'[' } else { b',' });
        match value {
            Value::Null => out.extend(b"null"),
            value => {
                text.clear();
                write_text(value, text);
                serde_json::to_writer(&mut *out, text).expect(TEXTS);
            }
        }
    }
    out.push(b']');
}

const TEXTS: &str = "texts can always be written as JSON";

/// The places of the columns whose texts are others than before. `text` is room for one.
pub(crate) fn differing<'a>(
    row: &'a Row,
    old: &'a [Option<String>],
    text: &'a mut String,
) -> impl Iterator<Item = usize> + 'a {
    let pairs = row.iter().zip(old).enumerate();
    let is_other = move |(_, (value, old)): &(usize, (&Value, &Option<String>))| match (value, old) {
        (Value::Null, old) => old.is_some(),
        (_, None) => true,
        (value, Some(old)) => {
            text.clear();
            write_text(value, text);
            text != old
        }
    };
    pairs.filter(is_other).map(|(place, _)| place)
}

/// The rows under these keys, as they are now.
pub(crate) async fn read_rows(
    link: &mut dyn Link,
    table: &Table<'_>,
    keys: &[&Bytes],
) -> Result<OldRows, sqlx::Error> {
    let found = link.find(table, keys).await?;
    let texts = |values: Vec<StoredValue>| {
        let values = values.into_iter();
        values.zip(table.columns).map(|(value, column)| text_of(value, column.kind)).collect()
    };
    Ok(found.into_iter().map(|(key, values)| (key, texts(values))).collect())
}

fn text_of(value: StoredValue, kind: Type) -> Option<String> {
    match value {
        StoredValue::Null => None,
        StoredValue::Integer(value) if kind == Type::Boolean => Some((value != 0).to_string()),
        StoredValue::Integer(value) => Some(value.to_string()),
        StoredValue::Text(text) => Some(text),
        StoredValue::Blob(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
    }
}
