//! Where database and log disagree, and what follows from that.
//!
//! `decide` only compares; `reconcile` reads both sides and applies the outcome.

use prejoin_event_log::EventLog;

use crate::error::OutboxError;
use crate::log_tail::{LogEnd, LogRange, find_end, read_range};
use crate::publish::runs;
use crate::store::{RelayStore, Repair, RowHead, Standing};

/// The log may move on while it is being compared with the database; so often it is looked at again.
const TRIES: u32 = 5;
/// Compared at a time.
const SLICE_ROWS: u64 = 5000;

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
    service: &str,
    store: &mut dyn RelayStore,
    log: &dyn EventLog,
    check_rows: u64,
) -> Result<(), OutboxError> {
    let in_log = |source| OutboxError::Log { service: service.to_owned(), source };
    log.ensure_stream(service).await.map_err(in_log)?;
    for _ in 0..TRIES {
        let end = find_end(log, service).await.map_err(in_log)?;
        let findings = compare(service, store, log, &end, check_rows).await?;
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

/// Compares all rows from a sequence on with the log, a slice at a time; says how many the log should hold, and where
/// it ends.
pub(crate) async fn compare_from(
    service: &str,
    store: &mut dyn RelayStore,
    log: &dyn EventLog,
    first: u64,
) -> Result<Compared, OutboxError> {
    let in_log = |source| OutboxError::Log { service: service.to_owned(), source };
    log.ensure_stream(service).await.map_err(in_log)?;
    let end = find_end(log, service).await.map_err(in_log)?;
    let standing = store.standing().await?;
    let log_last = last_in_log(&standing, &end);
    let last = standing.last_sequence;
    let mut compared = Compared { in_log: 0, missing: last.saturating_sub(log_last) };
    let mut next = first;
    while next <= last {
        let until = last.min(next.saturating_add(SLICE_ROWS - 1));
        let rows = store.rows(next..=until).await?;
        let gap =
            (next..=until).zip(rows.iter().map(|row| row.sequence)).find(|(wanted, found)| wanted != found);
        let kept = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let missing = gap.map(|(wanted, _)| wanted).or((kept < until - next + 1).then_some(next + kept));
        if let Some(missing) = missing {
            return Err(OutboxError::LostHistory { service: service.to_owned(), first, last, missing });
        }
        let expected: Vec<RowHead> = rows.into_iter().filter(|row| row.sequence <= log_last).collect();
        if let Some(row) = expected.first() {
            let range = row.sequence..=until.min(log_last);
            let held = read_range(log, service, &end, range, row.stream_sequence).await.map_err(in_log)?;
            judge_all(service, &expected, &held)?;
            compared.in_log += u64::try_from(expected.len()).unwrap_or(u64::MAX);
        }
        next = until + 1;
    }
    Ok(compared)
}

/// Rows from some sequence on, beside the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Compared {
    /// Agree with what the log holds.
    pub(crate) in_log: u64,
    /// Follow the end of the log.
    pub(crate) missing: u64,
}

async fn compare(
    service: &str,
    store: &mut dyn RelayStore,
    log: &dyn EventLog,
    end: &LogEnd,
    check_rows: u64,
) -> Result<Findings, OutboxError> {
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
    let Judged { found, taken } = judge_all(service, rows, log)?;
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

/// What came of comparing rows with the log, where nothing stops.
#[derive(Debug, Default)]
struct Judged {
    /// Rows that are in the log, at places which they do not know yet.
    found: Vec<(u64, u64)>,
    /// How many rows have a number that another event has in the log.
    taken: u64,
}

fn judge_all(service: &str, rows: &[RowHead], log: &LogRange) -> Result<Judged, OutboxError> {
    let mut judged = Judged::default();
    for row in rows {
        match judge(row, log) {
            Judgement::Agrees => {}
            Judgement::Found(place) => judged.found.push((row.sequence, place)),
            Judgement::Taken => judged.taken += 1,
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
    Ok(judged)
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
        match known {
            // A new database beside an imported history looks like this; so does one whose predecessor is gone.
            0 => tracing::info!(
                service,
                events,
                "this database is new, and the event log holds {events} events of {service}: numbering goes on behind them"
            ),
            _ => tracing::warn!(
                service,
                events,
                known,
                log_last,
                "the event log holds {events} events of {service} that this database does not know (it knows {known}, \
                 the log ends at {log_last}): numbering goes on behind them"
            ),
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log_tail::LoggedEvent;
    use crate::store::{OutboxId, SentRun};
    use prejoin_event_log::Bounds;

    /// A row with the id `row-<sequence>`, acknowledged if it has a place.
    fn row(sequence: u64, place: Option<u64>, unsent: bool) -> RowHead {
        let outbox_id = OutboxId(sequence.cast_signed());
        RowHead { outbox_id, sequence, event_id: format!("row-{sequence}"), stream_sequence: place, unsent }
    }

    /// Sent rows 1 to `settled`, each in the place of its number, then unsent ones up to `last`.
    fn findings(settled: u64, last: u64, log: &[(u64, &str)]) -> Findings {
        let rows = (1..=last)
            .map(|sequence| row(sequence, (sequence <= settled).then_some(sequence), sequence > settled));
        let event = |&(sequence, source): &(u64, &str)| {
            (
                sequence,
                LoggedEvent { sequence, event_id: format!("{source}-{sequence}"), stream_sequence: sequence },
            )
        };
        let log_last = log.last().map_or(0, |&(sequence, _)| sequence);
        Findings {
            standing: Standing {
                last_sequence: last,
                last_settled: settled,
                first_unsent: (last > settled).then_some(settled + 1),
                last_stream_sequence: (settled > 0).then_some(settled),
            },
            rows: rows.filter(|row| row.sequence <= log_last).collect(),
            log_last,
            log: LogRange { events: log.iter().map(event).collect(), forgotten_below: 0 },
        }
    }

    fn outcome(findings: &Findings) -> Outcome {
        decide("orders", findings).unwrap()
    }

    #[test]
    fn agreement_changes_nothing() {
        let agreed = findings(2, 3, &[(1, "row"), (2, "row")]);
        assert!(!changes_anything(&agreed.standing, &outcome(&agreed).repair));
    }

    #[test]
    fn what_is_found_in_the_log_is_marked() {
        let found = outcome(&findings(1, 4, &[(1, "row"), (2, "row"), (3, "row")]));
        assert_eq!(found.repair.mark_sent, [SentRun { sequences: 2..=3, stream_sequence: 2 }]);
        assert_eq!((found.repair.renumber, found.repair.lost_above), (false, None));
    }

    #[test]
    fn what_the_log_lost_is_sent_again() {
        let lost = outcome(&findings(3, 4, &[(1, "row")]));
        assert_eq!((lost.repair.lost_above, lost.lost_events), (Some(1), 2));
        let all = outcome(&findings(3, 3, &[]));
        assert_eq!((all.repair.lost_above, all.lost_events), (Some(0), 3));
    }

    #[test]
    fn numbers_that_others_took_are_given_back() {
        let taken = outcome(&findings(1, 3, &[(1, "row"), (2, "foreign"), (3, "foreign"), (4, "foreign")]));
        assert_eq!((taken.repair.renumber, taken.repair.last_sequence_min), (true, 4));
        assert_eq!(taken.unknown_events, 3);
        // Others passed over the number: it cannot be published behind theirs either.
        let passed = outcome(&findings(1, 2, &[(1, "row"), (3, "foreign")]));
        assert!(passed.repair.renumber);
    }

    #[test]
    fn what_was_acknowledged_and_is_another_or_gone_stops() {
        let conflict = decide("orders", &findings(2, 2, &[(1, "row"), (2, "foreign")])).unwrap_err();
        assert!(matches!(conflict, OutboxError::Conflict { sequence: 2, .. }), "{conflict}");
        let hole = decide("orders", &findings(2, 2, &[(1, "row"), (3, "foreign")])).unwrap_err();
        assert!(matches!(hole, OutboxError::Hole { sequence: 2, .. }), "{hole}");
    }

    #[test]
    fn what_the_log_forgot_by_age_is_no_loss() {
        let mut aged = findings(3, 3, &[(3, "row")]);
        aged.log.forgotten_below = 3;
        assert!(!changes_anything(&aged.standing, &outcome(&aged).repair));
        let standing = aged.standing;
        let empty = |last| LogEnd { bounds: Bounds { first: last + 1, last }, last: None };
        assert_eq!(last_in_log(&standing, &empty(3)), 3, "all of it aged out");
        assert_eq!(last_in_log(&standing, &empty(2)), 0, "it never reached so far: another stream");
        assert_eq!(last_in_log(&standing, &empty(0)), 0, "a new stream");
    }
}
