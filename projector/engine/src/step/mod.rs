//! One step in the making: each message judged, folded, parked or decided.
//!
//! The state at a position is what comes out when each service's events are folded first and the decisions on dead
//! letters are taken then, in their order. Events and decisions arrive in any order across services, so this keeps what
//! it needs to end there whatever comes first: decisions wait for their events, and an event that comes after decisions
//! on it is judged by what it would have been when each was taken.

mod case;
mod chain;
mod decide;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use prejoin_contract::{DECISIONS_SERVICE, Decoded, Outcome, TableChange};
use prejoin_envelope::Position;
use prejoin_state::Snapshot;

use self::chain::Chain;
use crate::dead_letters::{NewLetter, waiting_reason};
use crate::decision::Numbered;
use crate::fold::Fold;
use crate::indexes::Indexes;
use crate::intake::Intake;
use crate::{Definition, EngineError, Hole, Incoming, Progress, Settings, StepReport};

pub use self::case::check_amended;

/// A service and one of its entities.
type Entity = (Arc<str>, Arc<str>);

/// The changes of a step, how far it comes, and what it tells.
type Finished<'a> = (Fold<'a>, BTreeMap<Arc<str>, Progress>, StepReport);

pub(crate) struct Step<'a> {
    definition: &'a Definition,
    indexes: &'a Indexes,
    before: &'a dyn Snapshot,
    fold: Fold<'a>,
    progress: BTreeMap<Arc<str>, Progress>,
    /// Services that meet a hole: nothing after it is looked at.
    stopped: BTreeSet<Arc<str>>,
    /// The dead letters of entities that this step has to do with.
    chains: HashMap<Entity, Chain>,
    /// Entities from whose letters a decision took one.
    decided: BTreeSet<Entity>,
    /// The last decision of this step that let an entity's events go on.
    freed: HashMap<Entity, i64>,
    /// For each service the least number, not below the last one asked for, of an event on which a decision waits.
    awaited: HashMap<Arc<str>, Option<i64>>,
    /// Bytes of the letters that decisions have touched.
    decided_bytes: usize,
    decided_bytes_max: usize,
    report: StepReport,
}

impl<'a> Step<'a> {
    pub(crate) fn new(
        definition: &'a Definition,
        indexes: &'a Indexes,
        before: &'a dyn Snapshot,
        progress: &BTreeMap<Arc<str>, Progress>,
        settings: &Settings,
    ) -> Self {
        Step {
            definition,
            indexes,
            before,
            fold: Fold::new(definition, before),
            progress: progress.clone(),
            stopped: BTreeSet::new(),
            chains: HashMap::new(),
            decided: BTreeSet::new(),
            freed: HashMap::new(),
            awaited: HashMap::new(),
            decided_bytes: 0,
            decided_bytes_max: settings.decided_bytes_per_step,
            report: StepReport::default(),
        }
    }

    pub(crate) fn finish(mut self) -> Result<Finished<'a>, EngineError> {
        self.line_up_letters()?;
        Ok((self.fold, self.progress, self.report))
    }

    pub(crate) fn take(
        &mut self,
        message: &Incoming,
        decoded: Decoded,
        limit: Option<&Position>,
    ) -> Result<(), EngineError> {
        if self.stopped.contains(&message.service) {
            return Ok(());
        }
        let is_decision = &*message.service == DECISIONS_SERVICE;
        if is_decision && self.decided_bytes > self.decided_bytes_max {
            self.report.deferred.push(message.clone());
            return Ok(());
        }
        let numbering = self.definition.contracts.numbering(&message.service);
        let applied = self.sequence(&message.service);
        let limit = limit.map(|limit| limit.get(&message.service));
        let intake = Intake::decide(numbering, decoded.sequence, message.stream_sequence, applied, limit);
        match intake {
            Intake::Duplicate => *self.report.duplicates.entry(message.service.clone()).or_default() += 1,
            Intake::Deferred => self.report.deferred.push(message.clone()),
            Intake::Hole { expected, found } => {
                self.stopped.insert(message.service.clone());
                self.report.holes.push(Hole { service: message.service.clone(), expected, found });
            }
            Intake::Unnumbered => self.take_unnumbered(message, &decoded)?,
            Intake::Next(number) => {
                match is_decision {
                    true => self.take_decision(message, &decoded, number)?,
                    false => self.take_event(message, decoded, number)?,
                }
                self.advance(message, number);
            }
        }
        Ok(())
    }

    fn take_event(&mut self, message: &Incoming, decoded: Decoded, number: u64) -> Result<(), EngineError> {
        if self.is_awaited(&message.service, number)? {
            return self.take_decided(message, decoded, number);
        }
        let behind = self.first_letter(&message.service, decoded.entity.as_ref())?;
        match (decoded.outcome, behind) {
            (Outcome::UnknownType, _) => self.count_unknown(&message.service),
            (Outcome::Unfit(reason), behind) => {
                self.park(message, number, decoded.entity.as_ref(), &reason, behind)?;
            }
            (Outcome::Changes(_), Some(behind)) => {
                let reason = waiting_reason(behind);
                self.park(message, number, decoded.entity.as_ref(), &reason, Some(behind))?;
            }
            (Outcome::Changes(changes), None) => self.apply(&message.service, changes)?,
        }
        Ok(())
    }

    /// Read again after a restart, the same message takes the same place: it is counted once.
    fn take_unnumbered(&mut self, message: &Incoming, decoded: &Decoded) -> Result<(), EngineError> {
        let numbered = Numbered::ByStream(message.stream_sequence);
        let reason = match &decoded.outcome {
            Outcome::Unfit(reason) => reason.clone(),
            _ => "has no usable sequence: number the events 1, 2, 3 … in the attribute sequence, or set sequence = \"stream\" \
                  in the contract if the service does not number them"
                .to_owned(),
        };
        if self.is_discarded(message, numbered, &reason)? {
            return Ok(());
        }
        let letter = NewLetter {
            service: &message.service,
            numbered,
            entity: decoded.entity.as_deref(),
            payload: &message.payload,
            reason: &reason,
            behind: None,
            blocks: false,
        };
        if self.fold.put_new(self.definition.dead_letters_table(), letter.into_row())? {
            self.count_parked(&message.service, numbered, reason);
        }
        Ok(())
    }

    fn park(
        &mut self,
        message: &Incoming,
        number: u64,
        entity: Option<&Arc<str>>,
        reason: &str,
        behind: Option<i64>,
    ) -> Result<(), EngineError> {
        let numbered = Numbered::BySequence(number);
        // A decision that cannot be read must not hold up others on the same letter.
        let blocks = &*message.service != DECISIONS_SERVICE;
        let letter = NewLetter {
            service: &message.service,
            numbered,
            entity: entity.map(|entity| &**entity),
            payload: &message.payload,
            reason,
            behind,
            blocks,
        };
        self.fold.put(self.definition.dead_letters_table(), letter.into_row())?;
        if let Some(entity) = entity.filter(|_| blocks) {
            let chain = self.chains.entry((message.service.clone(), entity.clone())).or_default();
            chain.numbers.insert(numbered.number());
        }
        self.count_parked(&message.service, numbered, reason.to_owned());
        Ok(())
    }

    fn apply(&mut self, service: &Arc<str>, changes: Vec<TableChange>) -> Result<(), EngineError> {
        for change in changes {
            self.fold.apply(change)?;
        }
        self.report.applied += 1;
        self.service(service).events_applied += 1;
        Ok(())
    }

    fn advance(&mut self, message: &Incoming, number: u64) {
        let progress = self.service(&message.service);
        progress.sequence = number;
        progress.stream_sequence = message.stream_sequence;
        progress.message_id.clone_from(&message.message_id);
        progress.payload_hash = message.payload_hash;
    }

    fn count_unknown(&mut self, service: &Arc<str>) {
        self.report.unknown_types += 1;
        self.service(service).unknown_types += 1;
    }

    fn count_parked(&mut self, service: &Arc<str>, numbered: Numbered, reason: String) {
        self.service(service).dead_letters += 1;
        self.report.dead_letters.push((service.clone(), numbered.number(), reason));
    }

    /// The last sequence of a service that is taken.
    fn sequence(&self, service: &str) -> u64 {
        self.progress.get(service).map_or(0, |progress| progress.sequence)
    }

    fn service(&mut self, service: &Arc<str>) -> &mut Progress {
        self.progress.entry(service.clone()).or_default()
    }
}
