//! Where database and log disagree, and what follows from that.
//!
//! `decide` only compares; `reconcile` reads both sides and applies the outcome.

use prejoin_event_log::EventLog;

use crate::error::OutboxError;
use crate::log_tail::{LogEnd, LogRange, find_end, read_range};
use crate::publish::runs;
use crate::store::{OutboxStore, Repair, RowHead, Standing};

/// The log may move on while it is being compared with the database; so often it is looked at again.
const TRIES: u32 = 5;

/// Both sides as they were found.
#[derive(Debug)]
struct Findings {
    standing: Standing,
    /// The kept rows that the log should hold under the same sequences.
    rows: Vec<RowHead>,
    /// The last sequence in the log.
    log_last: u64,
    log: LogRange,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Outcome {
    repair: Repair,
    /// Events in the log that this database does not know.
    unknown_events: u64,
    /// Sent rows that the log no longer has.
    lost_events: u64,
}

/// Makes the store agree with the log, or says why that is not possible.
pub(crate) async fn reconcile(
    store: &dyn OutboxStore,
    log: &dyn EventLog,
    check_rows: u64,
) -> Result<(), OutboxError> {
    let service = store.service();
    let in_log = |source| OutboxError::Log { service: service.to_owned(), source };
    log.ensure_stream(service).await.map_err(in_log)?;
    for _ in 0..TRIES {
        let end = find_end(log, service).await.map_err(in_log)?;
        let findings = compare(store, log, &end, check_rows).await?;
        // Only what did not move meanwhile was compared: another relay may be at work on both.
        if log.bounds(service).await.map_err(in_log)?.last == end.bounds.last {
            let outcome = decide(service, &findings)?;
            report(service, &findings, &outcome);
            if changes_anything(&findings.standing, &outcome.repair) {
                store.repair(&outcome.repair).await?;
            }
            return Ok(());
        }
    }
    let detail = "it does not stand still long enough to be compared".to_owned();
    Err(OutboxError::Overtaken { service: service.to_owned(), detail })
}

async fn compare(
    store: &dyn OutboxStore,
    log: &dyn EventLog,
    end: &LogEnd,
    check_rows: u64,
) -> Result<Findings, OutboxError> {
    let service = store.service();
    // After the end of the log was read: a number is given out before it is published, so it is known here.
    let standing = store.standing().await?;
    let log_last = last_in_log(&standing, end);
    let last = log_last.min(standing.last_sequence);
    let first = (last + 1).saturating_sub(check_rows).min(standing.first_unsent.unwrap_or(u64::MAX)).max(1);
    if first > last {
        return Ok(Findings { standing, rows: Vec::new(), log_last, log: LogRange::default() });
    }
    let rows = store.rows(first..=last).await?;
    let log = match rows.first() {
        Some(row) => read_range(log, service, end, row.sequence..=last, row.stream_sequence)
            .await
            .map_err(|source| OutboxError::Log { service: service.to_owned(), source })?,
        None => LogRange::default(),
    };
    Ok(Findings { standing, rows, log_last, log })
}

/// The last sequence that went into the log, even if the log forgot all its messages by age since.
fn last_in_log(standing: &Standing, end: &LogEnd) -> u64 {
    match &end.last {
        Some(event) => event.sequence,
        None if end.bounds.last == 0 => 0,
        None if standing.last_stream_sequence.is_some_and(|place| place > end.bounds.last) => 0,
        None => standing.last_settled,
    }
}

fn decide(service: &str, findings: &Findings) -> Result<Outcome, OutboxError> {
    let Findings { standing, rows, log_last, log } = findings;
    let mut found = Vec::new();
    let mut taken = 0;
    for row in rows {
        match judge(row, log) {
            Judgement::Agrees => {}
            Judgement::Found(place) => found.push((row.sequence, place)),
            Judgement::Taken => taken += 1,
            Judgement::Conflict(theirs) => {
                return Err(OutboxError::Conflict {
                    service: service.to_owned(),
                    sequence: row.sequence,
                    ours: row.event_id.clone(),
                    theirs,
                });
            }
            Judgement::Hole => {
                return Err(OutboxError::Hole { service: service.to_owned(), sequence: row.sequence });
            }
        }
    }
    let repair = Repair {
        mark_sent: runs(found),
        renumber: taken > 0,
        last_sequence_min: *log_last,
        lost_above: (standing.last_settled > *log_last).then_some(*log_last),
    };
    Ok(Outcome {
        repair,
        unknown_events: log_last.saturating_sub(standing.last_sequence) + taken,
        lost_events: standing.last_settled.saturating_sub(*log_last),
    })
}

enum Judgement {
    Agrees,
    /// It is in the log, at this place, which the row does not know yet.
    Found(u64),
    /// Another event has its number, and this one was never acknowledged.
    Taken,
    /// Another event has its number, although this one was acknowledged.
    Conflict(String),
    /// The log has no event with its number, although this one was acknowledged.
    Hole,
}

fn judge(row: &RowHead, log: &LogRange) -> Judgement {
    match (log.events.get(&row.sequence), row.stream_sequence) {
        (Some(event), known) if event.event_id == row.event_id => {
            let settled = known == Some(event.stream_sequence) && !row.unsent;
            if settled { Judgement::Agrees } else { Judgement::Found(event.stream_sequence) }
        }
        (_, None) => Judgement::Taken,
        (Some(event), Some(_)) => Judgement::Conflict(event.event_id.clone()),
        // The log forgot it by age; it was acknowledged, and that is the last word on it.
        (None, Some(place)) if row.sequence < log.forgotten_below => {
            if row.unsent {
                Judgement::Found(place)
            } else {
                Judgement::Agrees
            }
        }
        (None, Some(_)) => Judgement::Hole,
    }
}

fn changes_anything(standing: &Standing, repair: &Repair) -> bool {
    !repair.mark_sent.is_empty()
        || repair.renumber
        || repair.lost_above.is_some()
        || repair.last_sequence_min > standing.last_sequence
}

fn report(service: &str, findings: &Findings, outcome: &Outcome) {
    let log_last = findings.log_last;
    if outcome.unknown_events > 0 {
        let known = findings.standing.last_sequence;
        let events = outcome.unknown_events;
        tracing::warn!(
            service,
            events,
            known,
            log_last,
            "the event log holds {events} events of {service} that this database does not know (it knows {known}, the \
             log ends at {log_last}): numbering goes on behind them"
        );
    }
    if outcome.lost_events > 0 {
        let events = outcome.lost_events;
        tracing::warn!(
            service,
            events,
            log_last,
            "the event log ends at {log_last} and lacks the {events} events of {service} that follow: they are published again"
        );
    }
    let found = outcome.repair.mark_sent.iter().map(|run| run.sequences.end() - run.sequences.start() + 1);
    let found: u64 = found.sum();
    if found > 0 {
        tracing::info!(service, found, "events that were on their way when the relay stopped are in the log");
    }
}
