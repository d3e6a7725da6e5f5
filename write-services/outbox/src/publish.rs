//! One window of rows on its way to the log.

use bytes::Bytes;
use prejoin_envelope::{message_id, subject};
use prejoin_event_log::{NewMessage, Numbered, OrderedPublisher, PublishProblem};

use crate::store::{OutboxId, OutboxRow, SentRun};

/// How far a window got.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) sent: Sent,
    pub(crate) failure: Option<Failure>,
}

/// Rows that are in the log and not yet marked as sent.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    pub(crate) runs: Vec<SentRun>,
    /// The same rows with their sequences, for those who wait for them.
    pub(crate) rows: Vec<(OutboxId, u64)>,
}

#[derive(Debug)]
pub(crate) enum Failure {
    /// The log can never take this row; those before it are sent.
    TooLarge {
        row: OutboxId,
        reason: String,
    },
    Other(PublishProblem),
}

pub(crate) async fn publish(
    publisher: &mut OrderedPublisher,
    service: &str,
    rows: &[OutboxRow],
) -> Published {
    let batch: Vec<Numbered> = rows.iter().map(|row| numbered(service, row)).collect();
    let (places, cause) = match publisher.publish(&batch).await {
        Ok(places) => (places, None),
        Err(error) => (error.published, Some(error.cause)),
    };
    let reached = rows.iter().map(|row| (row.outbox_id, row.event.sequence)).zip(places);
    let (rows_sent, pairs): (Vec<_>, Vec<_>) =
        reached.map(|((id, sequence), place)| ((id, sequence), (sequence, place))).unzip();
    let sent = Sent { runs: runs(pairs), rows: rows_sent };
    let failure = cause.map(|cause| match (&cause, row_too_large(&cause, rows)) {
        (_, Some(row)) => Failure::TooLarge { row, reason: cause.to_string() },
        _ => Failure::Other(cause),
    });
    Published { sent, failure }
}

fn row_too_large(cause: &PublishProblem, rows: &[OutboxRow]) -> Option<OutboxId> {
    match cause {
        PublishProblem::TooLarge { index, .. } => rows.get(*index).map(|row| row.outbox_id),
        _ => None,
    }
}

fn numbered(service: &str, row: &OutboxRow) -> Numbered {
    let event = &row.event;
    Numbered {
        sequence: event.sequence,
        message: NewMessage {
            subject: subject(&event.kind, &event.subject),
            message_id: Some(message_id(service, event.sequence)),
            payload: Bytes::from(event.to_json()),
        },
    }
}

/// Joins (sequence, stream sequence) pairs that rise together, one by one, into runs.
pub(crate) fn runs(pairs: impl IntoIterator<Item = (u64, u64)>) -> Vec<SentRun> {
    let mut runs: Vec<SentRun> = Vec::new();
    for (sequence, stream_sequence) in pairs {
        if let Some(run) = runs.last_mut() {
            let length = run.sequences.end() - run.sequences.start() + 1;
            if sequence == run.sequences.end() + 1 && stream_sequence == run.stream_sequence + length {
                run.sequences = *run.sequences.start()..=sequence;
                continue;
            }
        }
        runs.push(SentRun { sequences: sequence..=sequence, stream_sequence });
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_that_rise_together_are_one_run() {
        let joined = runs([(3, 10), (4, 11), (5, 13), (7, 14), (8, 15)]);
        let expected = [(3..=4, 10), (5..=5, 13), (7..=8, 14)];
        let expected = expected.map(|(sequences, stream_sequence)| SentRun { sequences, stream_sequence });
        assert_eq!(joined, expected);
    }
}
