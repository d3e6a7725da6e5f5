//! Decisions on dead letters, read from the internal view that holds them.

use futures::TryStreamExt;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row, SqliteConnection};

use super::wire::DecisionTaken;
use crate::Error;
use crate::catalog;
use crate::query::quoted;

const VIEW: &str = "_decisions";

pub(super) async fn all(connection: &mut SqliteConnection) -> Result<Vec<DecisionTaken>, Error> {
    let Some(view) = catalog::view(&mut *connection, VIEW).await? else { return Ok(Vec::new()) };
    let all = format!(
        "SELECT decision, kind, service, sequence, stream_sequence, reason, outcome, detail FROM {} ORDER BY decision",
        quoted(&view.table)
    );
    let mut rows = sqlx::query(AssertSqlSafe(all)).fetch(connection);
    let mut decisions = Vec::new();
    while let Some(row) = rows.try_next().await? {
        decisions.push(decision(&row)?);
    }
    Ok(decisions)
}

fn decision(row: &SqliteRow) -> Result<DecisionTaken, Error> {
    let unsigned = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
    Ok(DecisionTaken {
        decision: unsigned(row.try_get(0)?).unwrap_or_default(),
        kind: row.try_get(1)?,
        service: row.try_get(2)?,
        sequence: unsigned(row.try_get(3)?),
        stream_sequence: unsigned(row.try_get(4)?),
        reason: row.try_get(5)?,
        outcome: row.try_get(6)?,
        detail: row.try_get(7)?,
    })
}
