//! An event and the decisions on it: what each of them changes. Pure, so that it is the same whether the decision
//! finds the event among the dead letters or the event finds the decision waiting.

use std::sync::Arc;

use bytes::Bytes;
use prejoin_contract::{ContractSet, DECISIONS_SERVICE, Numbering, Outcome, TableChange};

use crate::EngineError;
use crate::decision::{Choice, LetterId, Numbered, digest_of};
use crate::decisions::{DecisionOutcome, StoredDecision};

/// When the events before an event no longer held it up: the number of the decision that let the last of them go, 0 if
/// none ever did hold it up; nothing while one still does.
pub(super) type FreeSince = Option<i64>;

/// How an event is by itself, without decisions.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Own {
    Fits(Vec<TableChange>),
    Unknown,
    Unfit(String),
}

impl From<Outcome> for Own {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Changes(changes) => Own::Fits(changes),
            Outcome::UnknownType => Own::Unknown,
            Outcome::Unfit(reason) => Own::Unfit(reason),
        }
    }
}

/// An event that decisions are about.
#[derive(Debug)]
pub(super) struct Case<'a> {
    pub letter: LetterId,
    /// As the service's contract reads it; nothing if that is not possible, or counts for nothing.
    pub entity: Option<Arc<str>>,
    /// The message as it came from the log.
    pub payload: &'a [u8],
    pub own: Own,
    /// The event in its place, and what that does.
    pub amended: Option<(Bytes, Vec<TableChange>)>,
    pub is_discarded: bool,
}

impl Case<'_> {
    /// Whether the event, or the one in its place, can be folded.
    pub(super) fn fits(&self) -> bool {
        self.amended.is_some() || matches!(self.own, Own::Fits(_))
    }

    /// Whether the event did not fit by itself, and lets others go on now.
    pub(super) fn is_resolved(&self) -> bool {
        matches!(self.own, Own::Unfit(_)) && (self.amended.is_some() || self.is_discarded)
    }

    /// Takes a decision. Decisions on one event come in their order.
    pub(super) fn take(
        &mut self,
        contracts: &ContractSet,
        decision: &StoredDecision,
        free_since: FreeSince,
    ) -> Result<DecisionOutcome, EngineError> {
        let was_held_up = free_since.is_none_or(|since| since > decision.number());
        let was_parked = match self.own {
            _ if self.is_discarded => false,
            Own::Unknown => false,
            _ => !self.fits() || was_held_up,
        };
        if !was_parked {
            return Ok(DecisionOutcome::NoLetter);
        }
        if decision.digest() != digest_of(self.payload) {
            return Ok(DecisionOutcome::OtherEvent);
        }
        Ok(match (decision.choice()?, &self.own) {
            (Choice::Discard { .. }, _) => {
                self.is_discarded = true;
                DecisionOutcome::Discarded
            }
            (Choice::Amend { event }, _) => self.amend(contracts, event),
            (Choice::Retry, _) if self.fits() => DecisionOutcome::Behind,
            (Choice::Retry, Own::Unfit(reason)) => DecisionOutcome::Unfit(reason.clone()),
            (Choice::Retry, _) => DecisionOutcome::NoLetter,
        })
    }

    fn amend(&mut self, contracts: &ContractSet, event: String) -> DecisionOutcome {
        match check_amended(contracts, &self.letter, self.entity.as_deref(), event.as_bytes()) {
            Ok(changes) => {
                self.amended = Some((event.into(), changes));
                DecisionOutcome::Amended
            }
            Err(reason) => DecisionOutcome::Unfit(reason),
        }
    }
}

/// What an event does in the place of a dead letter; or why it cannot take that place. `entity` is the letter's.
///
/// The place is that among the service's events of one entity: without it, the outcome would depend on which of them
/// were folded before the decision came.
pub fn check_amended(
    contracts: &ContractSet,
    letter: &LetterId,
    entity: Option<&str>,
    event: &[u8],
) -> Result<Vec<TableChange>, String> {
    let can_only_be_discarded = |why: &str| {
        format!(
            "{letter} {why}, so that nothing waited behind it and an event in its place would come out of turn: discard it, and let its service publish what is missing"
        )
    };
    let number = match letter.numbered {
        _ if letter.service == DECISIONS_SERVICE => {
            return Err(format!("{letter} is a decision: discard it, and decide anew"));
        }
        Numbered::ByStream(_) => {
            return Err(can_only_be_discarded("has no place among its service's events"));
        }
        Numbered::BySequence(number) => number,
    };
    let Some(entity) = entity else { return Err(can_only_be_discarded("names no entity that can be read")) };
    let decoded = contracts.decode(&letter.service, event);
    let changes = match decoded.outcome {
        Outcome::Changes(changes) => changes,
        Outcome::Unfit(reason) => return Err(reason),
        Outcome::UnknownType => {
            return Err(format!("its type is not one that the contract of {} mentions", letter.service));
        }
    };
    let is_numbered = contracts.numbering(&letter.service) == Numbering::Dense;
    if is_numbered && decoded.sequence != Some(number) {
        let found = decoded.sequence.map_or_else(|| "not usable".to_owned(), |found| found.to_string());
        return Err(format!("its sequence is {found}, but it takes the place of {letter}"));
    }
    if decoded.entity.as_deref() != Some(entity) {
        return Err(format!("it is about another entity than {letter}, which is about {entity:?}"));
    }
    Ok(changes)
}
