//! Dead letters, read from the internal view that holds them.

use std::collections::BTreeMap;

use futures::TryStreamExt;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row, SqliteConnection};

use super::wire::{DeadLetter, DeadLetters};
use crate::Error;
use crate::catalog;
use crate::query::quoted;

const VIEW: &str = "_dead_letters";
const COLUMNS: &str =
    "service, sequence, stream_sequence, event_id, type, entity, reason, behind, event_time";

pub(super) async fn summary(
    connection: &mut SqliteConnection,
    shown_max: usize,
) -> Result<DeadLetters, Error> {
    let Some(view) = catalog::view(&mut *connection, VIEW).await? else { return Ok(DeadLetters::default()) };
    let table = quoted(&view.table);
    let counts = format!("SELECT service, count(*) FROM {table} GROUP BY service");
    let counts = sqlx::query(AssertSqlSafe(counts)).fetch_all(&mut *connection).await?;
    let services = counts
        .iter()
        .map(|row| Ok((row.try_get(0)?, unsigned(row.try_get(1)?).unwrap_or(0))))
        .collect::<Result<BTreeMap<String, u64>, Error>>()?;
    // By their place in the log, each service's latest first: an event's own time may be absent or wrong.
    let newest = format!(
        "SELECT {COLUMNS} FROM {table} ORDER BY row_number() OVER \
        (PARTITION BY service ORDER BY coalesce(sequence, stream_sequence) DESC, _key), service LIMIT {shown_max}"
    );
    let newest = sqlx::query(AssertSqlSafe(newest)).fetch_all(connection).await?;
    Ok(DeadLetters {
        count: services.values().sum(),
        services,
        newest: newest.iter().map(letter).collect::<Result<_, _>>()?,
    })
}

pub(super) async fn all(connection: &mut SqliteConnection) -> Result<Vec<DeadLetter>, Error> {
    let Some(view) = catalog::view(&mut *connection, VIEW).await? else { return Ok(Vec::new()) };
    let all = format!(
        "SELECT {COLUMNS}, payload, payload_base64 FROM {} ORDER BY service, sequence NULLS LAST, stream_sequence, _key",
        quoted(&view.table)
    );
    let mut rows = sqlx::query(AssertSqlSafe(all)).fetch(connection);
    let mut letters = Vec::new();
    while let Some(row) = rows.try_next().await? {
        let (payload, payload_base64) = (row.try_get(9)?, row.try_get(10)?);
        letters.push(DeadLetter { payload, payload_base64, ..letter(&row)? });
    }
    Ok(letters)
}

fn letter(row: &SqliteRow) -> Result<DeadLetter, Error> {
    Ok(DeadLetter {
        service: row.try_get(0)?,
        sequence: row.try_get::<Option<i64>, _>(1)?.and_then(unsigned),
        stream_sequence: row.try_get::<Option<i64>, _>(2)?.and_then(unsigned),
        event_id: row.try_get(3)?,
        r#type: row.try_get(4)?,
        entity: row.try_get(5)?,
        reason: row.try_get::<Option<_>, _>(6)?.unwrap_or_default(),
        behind: row.try_get::<Option<i64>, _>(7)?.and_then(unsigned),
        event_time: row.try_get(8)?,
        payload: None,
        payload_base64: None,
    })
}

fn unsigned(sequence: i64) -> Option<u64> {
    u64::try_from(sequence).ok()
}
