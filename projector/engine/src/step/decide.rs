//! Where decisions and events meet: a decision that finds its event parked, one that waits for it, and an event on
//! which decisions wait.

use std::sync::Arc;

use prejoin_contract::{DECISIONS_SERVICE, Decoded, Outcome};
use prejoin_model::{Row, Value, decode_row};
use prejoin_state::Space;

use super::case::{Case, FreeSince, Own};
use super::{Entity, Step};
use crate::dead_letters::{self, blocked_entity, payload_of, set_reason, waiting_reason};
use crate::decision::{Choice, Decision, LetterId, Numbered};
use crate::decisions::{self, DecisionOutcome, StoredDecision};
use crate::keys::{equality_bytes, index_prefix, table_key};
use crate::{EngineError, Incoming};

impl Step<'_> {
    pub(super) fn take_decision(
        &mut self,
        message: &Incoming,
        decoded: &Decoded,
        number: u64,
    ) -> Result<(), EngineError> {
        let parsed = match &decoded.outcome {
            Outcome::Unfit(reason) => Err(reason.clone()),
            _ => Decision::parse(&message.payload).map_err(|reason| format!("is no decision: {reason}")),
        };
        match parsed {
            Ok(Some(decision)) => self.decide(&decision, number)?,
            Ok(None) => self.count_unknown(&message.service),
            Err(reason) => self.park(message, number, decoded.entity.as_ref(), &storable(&reason), None)?,
        }
        Ok(())
    }

    fn decide(&mut self, decision: &Decision, number: u64) -> Result<(), EngineError> {
        let stored = StoredDecision::new(number, decision);
        let (outcome, frees) = match self.letter(&decision.letter.service, decision.letter.numbered)? {
            Some(row) => self.decide_letter(decision, &stored, row)?,
            None if self.is_to_come(decision)? => {
                self.await_event(&decision.letter);
                (DecisionOutcome::Waiting, None)
            }
            None => (DecisionOutcome::NoLetter, None),
        };
        self.report.decisions += 1;
        match outcome {
            DecisionOutcome::Waiting => self.report.decisions_waiting += 1,
            DecisionOutcome::Discarded | DecisionOutcome::Amended | DecisionOutcome::Retried => {}
            _ => self.report.decisions_without_effect += 1,
        }
        self.service(&DECISIONS_SERVICE.into()).events_applied += 1;
        self.put_decision(stored, &outcome, frees.as_deref())
    }

    /// Whether a letter of that name may yet be parked.
    fn is_to_come(&self, decision: &Decision) -> Result<bool, EngineError> {
        let LetterId { service, numbered } = &decision.letter;
        match numbered {
            // A decision on a decision that was not taken would wait for itself.
            Numbered::BySequence(_) if service == DECISIONS_SERVICE => Ok(false),
            Numbered::BySequence(number) => Ok(*number > self.sequence(service)),
            Numbered::ByStream(_) => {
                let earlier = self.decisions_on(service, *numbered)?;
                Ok(!earlier.iter().any(StoredDecision::has_discarded))
            }
        }
    }

    /// A decision whose event is parked. What it lets go on is folded.
    fn decide_letter(
        &mut self,
        decision: &Decision,
        stored: &StoredDecision,
        mut row: Row,
    ) -> Result<(DecisionOutcome, Option<Arc<str>>), EngineError> {
        let LetterId { service, numbered } = &decision.letter;
        let payload = payload_of(&row)?;
        self.decided_bytes += payload.len();
        let entity = blocked_entity(&row);
        let mut case = self.case_of(decision, &payload, entity.clone(), dead_letters::reason_of(&row))?;
        let was_resolved = case.is_resolved();
        let outcome = case.take(&self.definition.contracts, stored, None)?;
        let frees = entity.clone().filter(|_| case.is_resolved() && !was_resolved);
        let service: Arc<str> = service.as_str().into();
        if outcome == DecisionOutcome::Discarded {
            self.remove_letter(&service, *numbered, entity.as_ref())?;
        } else {
            let reason = match (&outcome, dead_letters::behind_of(&row)) {
                (DecisionOutcome::Amended, Some(behind)) => Some(waiting_reason(behind)),
                (DecisionOutcome::Unfit(reason), _) if decision.choice == Choice::Retry => {
                    Some(reason.clone())
                }
                _ => None,
            };
            if let Some(reason) = reason {
                set_reason(&mut row, &reason);
                self.fold.put(self.definition.dead_letters_table(), row)?;
            }
        }
        let Some(entity) = entity else { return Ok((outcome, None)) };
        let entity = (service, entity);
        if let Some(frees) = &frees {
            self.note_freed(&entity.0, frees, stored.number());
        }
        // The row of this decision has to say what takes the letter's place.
        self.put_decision(stored.clone(), &outcome, frees.as_deref())?;
        self.release(&entity)?;
        let has_left = outcome == DecisionOutcome::Behind && self.letter(&entity.0, *numbered)?.is_none();
        Ok((if has_left { DecisionOutcome::Retried } else { outcome }, frees))
    }

    fn case_of<'p>(
        &self,
        decision: &Decision,
        payload: &'p [u8],
        entity: Option<Arc<str>>,
        reason: &str,
    ) -> Result<Case<'p>, EngineError> {
        let LetterId { service, numbered } = &decision.letter;
        let outcome = self.definition.contracts.decode(service, payload).outcome;
        let own = match outcome {
            Outcome::Unfit(reason) => Own::Unfit(reason),
            // One that holds nobody up has no place to be folded in.
            _ if entity.is_none() => Own::Unfit(reason.to_owned()),
            outcome => outcome.into(),
        };
        let amended = self.decisions_on(service, *numbered)?.iter().rev().find_map(StoredDecision::amended);
        let amended = amended.map(|event| (event, Vec::new()));
        Ok(Case { letter: decision.letter.clone(), entity, payload, own, amended, is_discarded: false })
    }

    /// An event on which decisions wait: each is taken as if the event had been there before it.
    pub(super) fn take_decided(
        &mut self,
        message: &Incoming,
        decoded: Decoded,
        number: u64,
    ) -> Result<(), EngineError> {
        let numbered = Numbered::BySequence(number);
        let (service, entity) = (&message.service, decoded.entity);
        let behind = self.first_letter(service, entity.as_ref())?;
        let free_since = match (&entity, behind) {
            (_, Some(_)) => None,
            (None, None) => Some(0),
            (Some(entity), None) => Some(self.freed(service, entity)?),
        };
        let letter = LetterId { service: service.to_string(), numbered };
        let (payload, own) = (&message.payload, decoded.outcome.into());
        let mut case =
            Case { letter, entity: entity.clone(), payload, own, amended: None, is_discarded: false };
        self.take_waiting(&mut case, free_since)?;
        if case.is_discarded {
            self.report.discarded += 1;
            return Ok(());
        }
        let own_reason = match &case.own {
            Own::Unfit(reason) if case.amended.is_none() => Some(reason.clone()),
            _ => None,
        };
        let changes = match (case.amended, case.own) {
            (Some((_, changes)), _) | (None, Own::Fits(changes)) => Some(changes),
            (None, Own::Unknown | Own::Unfit(_)) => None,
        };
        match (own_reason, behind, changes) {
            (Some(reason), behind, _) => self.park(message, number, entity.as_ref(), &reason, behind),
            (None, Some(behind), Some(_)) => {
                self.park(message, number, entity.as_ref(), &waiting_reason(behind), Some(behind))
            }
            (None, None, Some(changes)) => self.apply(service, changes),
            (None, _, None) => {
                self.count_unknown(service);
                Ok(())
            }
        }
    }

    /// Takes the decisions that wait for an event, in their order.
    fn take_waiting(&mut self, case: &mut Case<'_>, free_since: FreeSince) -> Result<(), EngineError> {
        let service: Arc<str> = case.letter.service.as_str().into();
        self.decided_bytes += case.payload.len();
        for decision in self.decisions_on(&service, case.letter.numbered)? {
            if !decision.is_waiting() {
                continue;
            }
            let was_resolved = case.is_resolved();
            let outcome = case.take(&self.definition.contracts, &decision, free_since)?;
            let frees = case.entity.clone().filter(|_| case.is_resolved() && !was_resolved);
            if let Some(entity) = &frees {
                self.note_freed(&service, entity, decision.number());
            }
            self.put_decision(decision, &outcome, frees.as_deref())?;
        }
        Ok(())
    }

    /// Whether a message without a number is passed over, now or since it was first seen.
    pub(super) fn is_discarded(
        &mut self,
        message: &Incoming,
        numbered: Numbered,
        reason: &str,
    ) -> Result<bool, EngineError> {
        if self.sequence(DECISIONS_SERVICE) == 0 {
            return Ok(false);
        }
        let letter = LetterId { service: message.service.to_string(), numbered };
        let own = Own::Unfit(reason.to_owned());
        let payload = &message.payload;
        let mut case = Case { letter, entity: None, payload, own, amended: None, is_discarded: false };
        self.take_waiting(&mut case, Some(0))?;
        self.report.discarded += u64::from(case.is_discarded);
        let digest = crate::decision::digest_of(payload);
        let decisions = self.decisions_on(&message.service, numbered)?;
        Ok(decisions.iter().any(|decision| decision.has_discarded() && decision.digest() == digest))
    }

    /// Whether a decision waits for the next event of a service.
    pub(super) fn is_awaited(&mut self, service: &Arc<str>, number: u64) -> Result<bool, EngineError> {
        if self.sequence(DECISIONS_SERVICE) == 0 {
            return Ok(false);
        }
        let wanted = Numbered::BySequence(number).number();
        let known = self.awaited.get(service).copied();
        if let Some(known) = known.filter(|next| next.is_none_or(|next| next >= wanted)) {
            return Ok(known == Some(wanted));
        }
        let from = decisions::key_prefix(service, Numbered::BySequence(number));
        let next = self.fold.first_from(self.definition.decisions_table(), &from[..2], &from)?;
        let next = next.map(|row| StoredDecision::from_row(row).letter_number());
        self.awaited.insert(service.clone(), next);
        Ok(next == Some(wanted))
    }

    fn await_event(&mut self, letter: &LetterId) {
        if let (Some(next), Numbered::BySequence(_)) =
            (self.awaited.get_mut(letter.service.as_str()), letter.numbered)
        {
            let number = letter.numbered.number();
            *next = Some(next.map_or(number, |next| next.min(number)));
        }
    }

    fn put_decision(
        &mut self,
        decision: StoredDecision,
        outcome: &DecisionOutcome,
        frees: Option<&str>,
    ) -> Result<(), EngineError> {
        let row = decision.with_outcome(outcome, frees).into_row();
        self.fold.put(self.definition.decisions_table(), row)
    }

    fn note_freed(&mut self, service: &Arc<str>, entity: &Arc<str>, decision: i64) {
        let freed = self.freed.entry((service.clone(), entity.clone())).or_default();
        *freed = decision.max(*freed);
    }

    /// The last decision that let an entity's events go on, 0 if there is none.
    fn freed(&self, service: &Arc<str>, entity: &Arc<str>) -> Result<i64, EngineError> {
        let table = self.definition.decisions_table();
        let index = decisions::frees_index(table);
        let values = [Value::Text(service.clone()), Value::Text(entity.clone())];
        let values = equality_bytes(values.iter()).unwrap_or_default();
        let prefix = index_prefix(self.indexes.id(table, &index.columns), &values);
        let entity: Entity = (service.clone(), entity.clone());
        let mut last = self.freed.get(&entity).copied().unwrap_or(0);
        for entry in self.before.scan(Space::Indexes, &prefix, &[]) {
            let key = table_key(self.definition.stored(table), &entry?.0[prefix.len()..]);
            let Some(bytes) = self.before.get(Space::Tables, &key)? else { continue };
            let row = decode_row(self.definition.schema(table), &bytes)?;
            last = last.max(StoredDecision::from_row(row).number());
        }
        Ok(last)
    }
}

/// Text without U+0000, which no store takes.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
