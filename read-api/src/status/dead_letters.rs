//! Dead letters, read from the internal view that holds them.

use std::collections::BTreeMap;

use futures::TryStreamExt;

use super::wire::{DeadLetter, DeadLetters};
use crate::Error;
use crate::catalog::quoted;
use crate::store::{Row, Snapshot};

const VIEW: &str = "_dead_letters";
/// Texts of their values, as both stores write them.
const COLUMNS: &str = "service, CAST(sequence AS TEXT), CAST(stream_sequence AS TEXT), event_id, type, entity, reason, \
    CAST(behind AS TEXT), CAST(event_time AS TEXT)";

pub(super) async fn summary(snapshot: &mut Snapshot, shown_max: usize) -> Result<DeadLetters, Error> {
    let Some(view) = snapshot.catalog.view(VIEW) else { return Ok(DeadLetters::default()) };
    let table = quoted(&view.table);
    let counts = format!("SELECT service, CAST(count(*) AS TEXT) FROM {table} GROUP BY service");
    let mut services = BTreeMap::new();
    for row in snapshot.session.all(counts).await? {
        services.insert(row.required(0)?.to_owned(), row.integer(1)?.and_then(unsigned).unwrap_or(0));
    }
    // By their place in the log, each service's latest first: an event's own time may be absent or wrong.
    let newest = format!(
        "SELECT {COLUMNS} FROM {table} ORDER BY row_number() OVER \
        (PARTITION BY service ORDER BY coalesce(sequence, stream_sequence) DESC, _key), service LIMIT {shown_max}"
    );
    let newest = snapshot.session.all(newest).await?;
    Ok(DeadLetters {
        count: services.values().sum(),
        services,
        newest: newest.iter().map(letter).collect::<Result<_, _>>()?,
    })
}

pub(super) async fn all(snapshot: &mut Snapshot) -> Result<Vec<DeadLetter>, Error> {
    let Some(view) = snapshot.catalog.view(VIEW) else { return Ok(Vec::new()) };
    let all = format!(
        "SELECT {COLUMNS}, payload, payload_base64 FROM {} ORDER BY service, sequence NULLS LAST, stream_sequence, _key",
        quoted(&view.table)
    );
    let mut rows = snapshot.session.rows(all);
    let mut letters = Vec::new();
    while let Some(row) = rows.try_next().await? {
        letters.push(DeadLetter { payload: row.owned(9)?, payload_base64: row.owned(10)?, ..letter(&row)? });
    }
    Ok(letters)
}

fn letter(row: &Row) -> Result<DeadLetter, Error> {
    Ok(DeadLetter {
        service: row.required(0)?.to_owned(),
        sequence: row.integer(1)?.and_then(unsigned),
        stream_sequence: row.integer(2)?.and_then(unsigned),
        event_id: row.owned(3)?,
        r#type: row.owned(4)?,
        entity: row.owned(5)?,
        reason: row.owned(6)?.unwrap_or_default(),
        behind: row.integer(7)?.and_then(unsigned),
        event_time: row.owned(8)?,
        payload: None,
        payload_base64: None,
    })
}

fn unsigned(sequence: i64) -> Option<u64> {
    u64::try_from(sequence).ok()
}
