//! Decisions on dead letters, read from the internal view that holds them.

use futures::TryStreamExt;

use super::wire::DecisionTaken;
use crate::Error;
use crate::catalog::quoted;
use crate::store::{Row, Snapshot};

const VIEW: &str = "_decisions";

pub(super) async fn all(snapshot: &mut Snapshot) -> Result<Vec<DecisionTaken>, Error> {
    let Some(view) = snapshot.catalog.view(VIEW) else { return Ok(Vec::new()) };
    let all = format!(
        "SELECT CAST(d.decision AS TEXT), kind, service, CAST(sequence AS TEXT), CAST(stream_sequence AS TEXT), reason, outcome, detail \
        FROM {} d ORDER BY d.decision",
        quoted(&view.table)
    );
    let mut rows = snapshot.session.rows(all);
    let mut decisions = Vec::new();
    while let Some(row) = rows.try_next().await? {
        decisions.push(decision(&row)?);
    }
    Ok(decisions)
}

fn decision(row: &Row) -> Result<DecisionTaken, Error> {
    let unsigned = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
    Ok(DecisionTaken {
        decision: unsigned(row.integer(0)?).unwrap_or_default(),
        kind: row.required(1)?.to_owned(),
        service: row.required(2)?.to_owned(),
        sequence: unsigned(row.integer(3)?),
        stream_sequence: unsigned(row.integer(4)?),
        reason: row.owned(5)?,
        outcome: row.required(6)?.to_owned(),
        detail: row.owned(7)?,
    })
}
