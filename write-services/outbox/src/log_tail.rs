//! What the log holds of a service: its last event, and its events by number. Messages without a number do not count.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use prejoin_envelope::EventHead;
use prejoin_event_log::{BatchLimit, Bounds, EventLog, LogError, Message, tail};

const BATCH: BatchLimit = BatchLimit { messages: 1000, bytes: 4 * 1024 * 1024 };
const READ_WAIT: Duration = Duration::from_secs(10);

/// An event as the log holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LoggedEvent {
    pub(crate) sequence: u64,
    pub(crate) event_id: String,
    pub(crate) stream_sequence: u64,
}

/// Where a stream ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogEnd {
    pub(crate) bounds: Bounds,
    /// The last numbered event that the log retains.
    pub(crate) last: Option<LoggedEvent>,
}

/// The events of a range of sequences, as far as the log retains them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct LogRange {
    pub(crate) events: BTreeMap<u64, LoggedEvent>,
    /// The log retains nothing below this sequence because it forgot its oldest messages; 0 if it forgot none.
    pub(crate) forgotten_below: u64,
}

pub(crate) async fn find_end(log: &dyn EventLog, service: &str) -> Result<LogEnd, LogError> {
    let bounds = log.bounds(service).await?;
    let tail = tail(log, service).await?;
    let last = tail.event.and_then(|(message, _)| event_of(&message));
    Ok(LogEnd { bounds: Bounds { last: tail.stream_last, ..bounds }, last })
}

/// Reads the events with these sequences. `hint` is where the first of them should lie.
pub(crate) async fn read_range(
    log: &dyn EventLog,
    service: &str,
    end: &LogEnd,
    sequences: RangeInclusive<u64>,
    hint: Option<u64>,
) -> Result<LogRange, LogError> {
    let mut range = LogRange::default();
    let Some(last) = &end.last else {
        range.forgotten_below = u64::MAX;
        return Ok(range);
    };
    let by_distance = last.stream_sequence.checked_sub(last.sequence - sequences.start().min(&last.sequence));
    let mut start = None;
    for place in [hint, by_distance].into_iter().flatten() {
        if holds(log, service, place, *sequences.start()).await? {
            start = Some(place);
            break;
        }
    }
    let from_first = start.is_none();
    let first = start.unwrap_or(end.bounds.first.max(1));
    let lowest =
        read_events(log, service, first..=last.stream_sequence, &sequences, &mut range.events).await?;
    if from_first && end.bounds.first > 1 {
        range.forgotten_below = lowest.unwrap_or(u64::MAX);
    }
    Ok(range)
}

/// Whether `stream_sequence` holds the event with this number.
async fn holds(
    log: &dyn EventLog,
    service: &str,
    stream_sequence: u64,
    sequence: u64,
) -> Result<bool, LogError> {
    if stream_sequence == 0 {
        return Ok(false);
    }
    let message = log.get(service, stream_sequence).await?;
    Ok(message.and_then(|message| event_of(&message)).is_some_and(|event| event.sequence == sequence))
}

/// Collects the wanted events among these places; returns the lowest sequence that it saw.
async fn read_events(
    log: &dyn EventLog,
    service: &str,
    places: RangeInclusive<u64>,
    wanted: &RangeInclusive<u64>,
    events: &mut BTreeMap<u64, LoggedEvent>,
) -> Result<Option<u64>, LogError> {
    let mut reader = log.read(service, places.start() - 1).await?;
    let mut lowest: Option<u64> = None;
    loop {
        let batch = reader.next_batch(BATCH, READ_WAIT).await?;
        if batch.is_empty() {
            let detail = format!("no message came although the stream goes on to {}", places.end());
            return Err(LogError::Interrupted { service: service.to_owned(), detail });
        }
        for message in &batch {
            if message.stream_sequence > *places.end() {
                return Ok(lowest);
            }
            let Some(event) = event_of(message) else { continue };
            lowest = Some(lowest.map_or(event.sequence, |lowest| lowest.min(event.sequence)));
            if wanted.contains(&event.sequence) {
                // The first one counts: a later message under the same number is a repetition.
                events.entry(event.sequence).or_insert(event);
            }
        }
        if batch.last().is_some_and(|message| message.stream_sequence >= *places.end()) {
            return Ok(lowest);
        }
    }
}

/// The numbered event that a message holds, if it is one. What is malformed otherwise has a number, too, and no id.
fn event_of(message: &Message) -> Option<LoggedEvent> {
    let sequence = EventHead::sequence_of(&message.payload)?;
    let event_id = EventHead::parse(&message.payload).map(|head| head.id).unwrap_or_default();
    Some(LoggedEvent { sequence, event_id, stream_sequence: message.stream_sequence })
}
