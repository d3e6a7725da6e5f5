//! How the projector is, as it last wrote into the store: its services and sinks, dead letters, rows in error.

mod dead_letters;
mod decisions;
mod wire;

use std::time::{SystemTime, UNIX_EPOCH};

use crate::Error;
use crate::store::{Snapshot, Store, StoreAddress};

pub use wire::{
    DeadLetter, DeadLetters, DecisionTaken, RowError, RowErrors, ServiceStatus, SinkStatus, State, Status,
};

pub(crate) use wire::StoredStatus;

/// A running projector writes its status about every second; beyond this age it is not to be believed.
const FRESH_MS_MAX: i64 = 5_000;
/// How many dead letters and rows in error a status shows.
const SHOWN_MAX: usize = 20;

const ABSENT: &str =
    "No projector has run on this data directory yet. Start one with `prejoin up` or `prejoin project`.";

/// The status that the projector of this store last wrote. A store that does not exist is a `State::Absent`, not an
/// error; one that cannot be reached is.
pub async fn read_status(store: impl Into<StoreAddress>) -> Result<Status, Error> {
    let store = Store::new(store);
    match store.snapshot().await {
        Ok(mut snapshot) => of_snapshot(&mut snapshot).await,
        Err(Error::StoreAbsent { is_away: false, .. }) => Ok(absent()),
        Err(error) => Err(error),
    }
}

/// All dead letters in order of service and sequence, those without a sequence last. None if the store does not exist.
pub async fn read_dead_letters(store: impl Into<StoreAddress>) -> Result<Vec<DeadLetter>, Error> {
    let store = Store::new(store);
    match store.snapshot().await {
        Ok(mut snapshot) => dead_letters::all(&mut snapshot).await,
        Err(Error::StoreAbsent { is_away: false, .. }) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// All decisions on dead letters that the projector has taken, in their order. None if the store does not exist.
pub async fn read_decisions(store: impl Into<StoreAddress>) -> Result<Vec<DecisionTaken>, Error> {
    let store = Store::new(store);
    match store.snapshot().await {
        Ok(mut snapshot) => decisions::all(&mut snapshot).await,
        Err(Error::StoreAbsent { is_away: false, .. }) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// The status when there is nothing to read it from.
pub(crate) fn absent() -> Status {
    Status { state: State::Absent, hint: Some(ABSENT.to_owned()), ..Status::default() }
}

pub(crate) async fn of_snapshot(snapshot: &mut Snapshot) -> Result<Status, Error> {
    let row =
        snapshot.session.optional("SELECT CAST(written_at_ms AS TEXT), status FROM _prejoin_status").await?;
    let mut status = match row {
        None => absent(),
        Some(row) => {
            let stored: StoredStatus = serde_json::from_str(row.required(1)?)
                .map_err(|error| Error::unreadable(format!("a projector's status ({error})")))?;
            aged(stored, row.required_integer(0)?, now_ms())
        }
    };
    status.dead_letters = dead_letters::summary(snapshot, SHOWN_MAX).await?;
    status.row_errors = row_errors(snapshot).await?;
    Ok(status)
}

fn aged(stored: StoredStatus, written_at_ms: i64, now_ms: i64) -> Status {
    let age_ms = now_ms.saturating_sub(written_at_ms).max(0);
    let stale = stored.state != State::Stopped && age_ms > FRESH_MS_MAX;
    #[expect(clippy::cast_precision_loss, reason = "an age in milliseconds is far below 2^53")]
    let age_seconds = Some(age_ms as f64 / 1000.0);
    let hint = match (stored.state, stale) {
        (State::Stopped, _) => Some("The projector was stopped: views stay as they are until it runs again."),
        (_, true) => Some("The projector has not reported for a while: look whether its process still runs."),
        _ => None,
    };
    Status {
        state: stored.state,
        hint: hint.map(str::to_owned),
        age_seconds,
        stale,
        pid: stored.pid,
        services: stored.services,
        sinks: stored.sinks,
        other: stored.other,
        ..Status::default()
    }
}

fn now_ms() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
}

/// Of the generations that readers see.
async fn row_errors(snapshot: &mut Snapshot) -> Result<RowErrors, Error> {
    const CURRENT: &str = "FROM _prejoin_row_errors e JOIN _prejoin_generations g \
        ON g.view = e.view AND g.generation = e.generation AND g.state = 'current'";
    let count = snapshot
        .session
        .one(format!("SELECT CAST(count(*) AS TEXT) {CURRENT}"))
        .await?
        .required_integer(0)?;
    let first =
        format!("SELECT e.view, e.key_text, e.error {CURRENT} ORDER BY e.view, e.key LIMIT {SHOWN_MAX}");
    let first = snapshot.session.all(first).await?;
    let first = first
        .iter()
        .map(|row| {
            Ok(RowError { view: row.required(0)?.to_owned(), key: row.owned(1)?, error: row.owned(2)? })
        })
        .collect::<Result<_, Error>>()?;
    Ok(RowErrors { count: u64::try_from(count).unwrap_or(0), first })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_grows_stale_unless_it_was_the_last_word() {
        let of = |state: &str, age_ms: i64| {
            aged(serde_json::from_str(&format!("{{\"state\":\"{state}\"}}")).unwrap(), 1_000, 1_000 + age_ms)
        };
        assert!(!of("running", 5_000).stale);
        assert!(of("running", 5_001).stale);
        assert!(!of("stopped", 3_600_000).stale);
        // A clock that was set back makes no negative age.
        assert_eq!(of("running", -10).age_seconds, Some(0.0));
    }
}
