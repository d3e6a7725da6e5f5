//! Rows as they were computed, written to the table of a generation; those that failed are listed.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use bytes::Bytes;
use prejoin_engine::RowOutcome;

use crate::catalog;
use crate::changes::{OldRows, differing};
use crate::database::{KeyedRow, Link, Table, signed};
use crate::store::OpenGeneration;

/// Rows that differ in more combinations of columns are written together, in all columns that differ in any.
const CHANGES_MAX: usize = 8;

/// How rows get into the table.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way<'a> {
    /// Beside those that are there, or in their place.
    Put,
    /// Beside those that are there, which are given; of these, what differs.
    Change(&'a OldRows),
    /// Behind those that are there.
    Load,
}

/// What becomes of a row that the database refuses for a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The transaction fails with it. The way to begin with: values are rarely refused.
    FailsAll,
    /// It is listed as failed, like a row that could not be computed.
    FailsAlone,
}

/// Rows and failed rows of a generation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counts {
    pub rows: i64,
    pub row_errors: i64,
}

/// What came of writing rows.
pub(crate) struct Written {
    pub counts: Counts,
    /// Keys of rows that stayed as they were.
    pub failed: HashSet<Bytes>,
}

/// Puts rows that are there, removes those that are not, leaves those that failed as they were. Takes and returns the
/// generation's counts.
pub(crate) async fn write(
    link: &mut dyn Link,
    open: &OpenGeneration,
    before: Counts,
    outcomes: &[(Bytes, RowOutcome)],
    way: Way<'_>,
    refused: Refused,
) -> Result<Written, sqlx::Error> {
    let table = open.table();
    let (mut put, mut absent, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for (key, outcome) in outcomes {
        match outcome {
            RowOutcome::Row(row) => put.push((key, row)),
            RowOutcome::Absent => absent.push(key),
            RowOutcome::Failed(error) => failed.push((key, error.to_string())),
        }
    }
    let mut rows = before.rows;
    if !absent.is_empty() {
        rows -= link.remove(&table, &absent).await?;
    }
    let mut good = absent;
    if refused == Refused::FailsAlone {
        rows += write_each(link, &table, &put, way, &mut good, &mut failed).await?;
    } else if !put.is_empty() {
        rows += write_together(link, &table, &put, way).await?;
        good.extend(put.iter().map(|(key, _)| *key));
    }
    let clears = before.row_errors > 0;
    let row_errors = before.row_errors + note_errors(link, open, &good, &failed, clears).await?;
    let failed = failed.into_iter().map(|(key, _)| key.clone()).collect();
    Ok(Written { counts: Counts { rows, row_errors }, failed })
}

async fn write_together(
    link: &mut dyn Link,
    table: &Table<'_>,
    rows: &[KeyedRow<'_>],
    way: Way<'_>,
) -> Result<i64, sqlx::Error> {
    match way {
        Way::Put => link.put(table, rows).await,
        Way::Change(old) => change(link, table, rows, old).await,
        Way::Load => {
            let packed = (link.dialect().pack)(table.columns, rows);
            link.load(table, packed).await?;
            Ok(signed(rows.len() as u64))
        }
    }
}

/// Puts those that were not there, and changes the others: rows of one cause differ in the same few columns, and indexes
/// over others need not be touched.
async fn change(
    link: &mut dyn Link,
    table: &Table<'_>,
    rows: &[KeyedRow<'_>],
    old: &OldRows,
) -> Result<i64, sqlx::Error> {
    let (mut new, mut changed) = (Vec::new(), BTreeMap::<Vec<usize>, Vec<KeyedRow<'_>>>::new());
    let mut text = String::new();
    for (key, row) in rows {
        match old.get(*key) {
            None => new.push((*key, *row)),
            Some(old) => {
                let columns = differing(row, old, &mut text).collect();
                changed.entry(columns).or_default().push((*key, *row));
            }
        }
    }
    changed.remove(&[][..]);
    if changed.len() > CHANGES_MAX {
        let columns: BTreeSet<usize> = changed.keys().flatten().copied().collect();
        let rows = changed.into_values().flatten().collect();
        changed = BTreeMap::from([(columns.into_iter().collect(), rows)]);
    }
    for (columns, rows) in &changed {
        link.change(table, columns, rows).await?;
    }
    match new.is_empty() {
        true => Ok(0),
        false => link.put(table, &new).await,
    }
}

/// Halves what is refused until single rows are, which fail alone.
async fn write_each<'a>(
    link: &mut dyn Link,
    table: &Table<'_>,
    rows: &[KeyedRow<'a>],
    way: Way<'_>,
    good: &mut Vec<&'a Bytes>,
    failed: &mut Vec<(&'a Bytes, String)>,
) -> Result<i64, sqlx::Error> {
    let mut added = 0;
    // In the order of their keys: the parts that come first lie on top.
    let mut parts: Vec<&[KeyedRow<'a>]> = vec![rows];
    while let Some(part) = parts.pop() {
        if part.is_empty() {
            continue;
        }
        link.script("SAVEPOINT prejoin_part").await?;
        match write_together(link, table, part, way).await {
            Ok(more) => {
                added += more;
                good.extend(part.iter().map(|(key, _)| *key));
            }
            Err(error) if (link.dialect().refuses_values)(&error) => {
                link.script("ROLLBACK TO SAVEPOINT prejoin_part").await?;
                match part {
                    [(key, _)] => failed.push((key, said(&error))),
                    _ => {
                        let (first, second) = part.split_at(part.len() / 2);
                        parts.extend([second, first]);
                    }
                }
            }
            Err(error) => return Err(error),
        }
        link.script("RELEASE SAVEPOINT prejoin_part").await?;
    }
    Ok(added)
}

/// What the database said, without how sqlx introduces it.
pub(crate) fn said(error: &sqlx::Error) -> String {
    match error.as_database_error() {
        Some(database) => format!("the view store refuses it: {}", database.message()),
        None => error.to_string(),
    }
}

/// Lists rows that failed, clears those that are good again. Returns by how much the number of failed rows changed.
pub(crate) async fn note_errors(
    link: &mut dyn Link,
    open: &OpenGeneration,
    good: &[&Bytes],
    failed: &[(&Bytes, String)],
    clears: bool,
) -> Result<i64, sqlx::Error> {
    let mut change = 0;
    for key in good.iter().filter(|_| clears) {
        change -= catalog::clear_row_error(link, &open.entry, key).await?;
    }
    for (key, error) in failed {
        change += 1 - catalog::clear_row_error(link, &open.entry, key).await?;
        catalog::insert_row_error(link, &open.entry, key, error).await?;
    }
    Ok(change)
}
