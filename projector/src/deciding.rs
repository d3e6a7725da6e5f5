//! Decisions on dead letters on their way into the event log: under the next numbers, whoever else decides at the same
//! moment.

use std::sync::Arc;

use prejoin_engine::{DECISIONS_SERVICE, Decision};
use prejoin_envelope::{Event, message_id, subject};
use prejoin_event_log::{
    EventLog, LogError, NewMessage, Numbered, OrderedPublisher, PublishError, PublishProblem, tail,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use thiserror::Error;
use tokio::sync::mpsc;

use crate::control::Reply;
use crate::work::tell;

/// So often may others decide at the same moment before this gives up.
const ATTEMPTS_MAX: usize = 20;

/// A decision as an event that has no number yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DecisionEvent {
    /// Its `type`.
    pub kind: String,
    /// What the dead letter is called.
    pub letter: String,
    /// JSON text.
    pub data: String,
    /// RFC 3339.
    pub time: String,
    /// Two who decide at the same moment must not take each other's message for their own.
    pub id: String,
}

#[derive(Debug, Error)]
#[error("{published} of {of} decisions are published: {reason}")]
pub struct DecideError {
    pub published: usize,
    pub of: usize,
    pub reason: String,
}

/// Publishes decisions behind those that are there. Returns their numbers.
pub async fn publish_decisions(
    log: &Arc<dyn EventLog>,
    decided: &[DecisionEvent],
) -> Result<Vec<u64>, DecideError> {
    let mut numbers = Vec::new();
    let failed = |numbers: &Vec<u64>, reason: String| DecideError {
        published: numbers.len(),
        of: decided.len(),
        reason,
    };
    if let Some(reason) = decided.iter().find_map(|event| unreadable(event).err()) {
        return Err(failed(&numbers, reason));
    }
    log.ensure_stream(DECISIONS_SERVICE).await.map_err(|error| failed(&numbers, error.to_string()))?;
    for _ in 0..ATTEMPTS_MAX {
        let last = tail(log.as_ref(), DECISIONS_SERVICE).await;
        let first = last.map_err(|error| failed(&numbers, error.to_string()))?.sequence() + 1;
        let left = (first..).zip(&decided[numbers.len()..]);
        let batch: Vec<Numbered> = left
            .map(|(number, event)| message(number, event))
            .collect::<Result<_, _>>()
            .map_err(|reason| failed(&numbers, reason))?;
        let mut publisher = OrderedPublisher::new(log.clone(), DECISIONS_SERVICE);
        let (published, problem) = match publisher.publish(&batch).await {
            Ok(published) => (published.len(), None),
            Err(PublishError { published, cause }) => (published.len(), Some(cause)),
        };
        numbers.extend((first..).take(published));
        match problem {
            None => return Ok(numbers),
            // Somebody else decided at the same moment: the rest goes behind that.
            Some(
                PublishProblem::Conflict { .. } | PublishProblem::Log(LogError::WrongLastSequence { .. }),
            ) => {}
            Some(problem) => return Err(failed(&numbers, problem.to_string())),
        }
    }
    Err(failed(&numbers, "others publish at the same time; decide the rest again".to_owned()))
}

/// What is published stays: it must be a decision.
fn unreadable(event: &DecisionEvent) -> Result<(), String> {
    let Numbered { message, .. } = message(1, event)?;
    match Decision::parse(&message.payload)? {
        Some(decision) if decision.letter.to_string() == event.letter => Ok(()),
        _ => Err(format!("{} on {} is no decision", event.kind, event.letter)),
    }
}

fn message(number: u64, event: &DecisionEvent) -> Result<Numbered, String> {
    let DecisionEvent { kind, letter, data, time, id } = event.clone();
    let data = RawValue::from_string(data).map_err(|error| error.to_string())?;
    let subject = subject(&kind, &letter);
    let source = "/prejoin/dead-letters".to_owned();
    let event =
        Event { id: format!("{number}-{id}"), source, kind, subject: letter, time, sequence: number, data };
    let message_id = Some(message_id(DECISIONS_SERVICE, number));
    let message = NewMessage { subject, message_id, payload: event.to_json().into() };
    Ok(Numbered { sequence: number, message })
}

/// Publishes for a command that cannot: the log is held by this process.
pub(crate) async fn decide(
    log: Arc<dyn EventLog>,
    decided: Vec<DecisionEvent>,
    replies: mpsc::UnboundedSender<Reply>,
) {
    match publish_decisions(&log, &decided).await {
        Ok(numbers) => {
            tell(&replies, Reply::Decided { numbers });
            tell(&replies, Reply::Done);
        }
        Err(error) => tell(&replies, Reply::Failed { error: error.to_string() }),
    }
}
