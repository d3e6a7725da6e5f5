//! The dead letters of one entity, in the order of its events: who is first, who may go on, who waits behind whom.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use prejoin_contract::Outcome;
use prejoin_model::{Row, Value, decode_row};
use prejoin_state::Space;

use super::{Entity, Step};
use crate::EngineError;
use crate::dead_letters::{self, payload_of, set_behind};
use crate::decision::Numbered;
use crate::decisions::{self, StoredDecision};
use crate::indexes::first_row_key;
use crate::keys::{equality_bytes, index_prefix, table_key};

/// The numbers of an entity's dead letters.
#[derive(Debug, Default)]
pub(super) struct Chain {
    /// Whether those from before the step are among them.
    is_whole: bool,
    pub(super) numbers: BTreeSet<i64>,
}

impl Step<'_> {
    /// The number of the first dead letter of an entity, if it has any.
    pub(super) fn first_letter(
        &self,
        service: &Arc<str>,
        entity: Option<&Arc<str>>,
    ) -> Result<Option<i64>, EngineError> {
        let Some(entity) = entity else { return Ok(None) };
        if self.progress.get(service).is_none_or(|progress| progress.dead_letters == 0) {
            return Ok(None);
        }
        let chain = self.chains.get(&(service.clone(), entity.clone()));
        if !chain.is_some_and(|chain| chain.is_whole) {
            let prefix = self.letters_prefix(service, entity);
            if let Some(row_key) = first_row_key(self.before, &prefix)? {
                return self.number_of_letter(&row_key).map(Some);
            }
        }
        Ok(chain.and_then(|chain| chain.numbers.first().copied()))
    }

    /// The dead letters of an entity, those from before the step included.
    pub(super) fn chain(&mut self, entity: &Entity) -> Result<&mut Chain, EngineError> {
        if !self.chains.get(entity).is_some_and(|chain| chain.is_whole) {
            let prefix = self.letters_prefix(&entity.0, &entity.1);
            let mut numbers = BTreeSet::new();
            for entry in self.before.scan(Space::Indexes, &prefix, &[]) {
                numbers.insert(self.number_of_letter(&entry?.0.slice(prefix.len()..))?);
            }
            let chain = self.chains.entry(entity.clone()).or_default();
            chain.numbers.extend(numbers);
            chain.is_whole = true;
        }
        Ok(self.chains.entry(entity.clone()).or_default())
    }

    /// Takes a letter away.
    pub(super) fn remove_letter(
        &mut self,
        service: &Arc<str>,
        numbered: Numbered,
        entity: Option<&Arc<str>>,
    ) -> Result<(), EngineError> {
        self.fold.remove(self.definition.dead_letters_table(), &dead_letters::key(service, numbered))?;
        let progress = self.service(service);
        progress.dead_letters = progress.dead_letters.saturating_sub(1);
        if let Some(entity) = entity {
            let entity = (service.clone(), entity.clone());
            self.chain(&entity)?.numbers.remove(&numbered.number());
            self.decided.insert(entity);
        }
        Ok(())
    }

    /// Folds the letters of an entity in their order, up to the first one that does not fit.
    pub(super) fn release(&mut self, entity: &Entity) -> Result<(), EngineError> {
        let service = &entity.0;
        self.decided.insert(entity.clone());
        while let Some(&number) = self.chain(entity)?.numbers.first() {
            let numbered = Numbered::BySequence(number.unsigned_abs());
            let row = self.letter(service, numbered)?.ok_or_else(|| lost(number))?;
            let payload = self.present_payload(service, numbered, &row)?;
            self.decided_bytes += payload.len();
            match self.definition.contracts.decode(service, &payload).outcome {
                Outcome::Unfit(_) => break,
                Outcome::UnknownType => self.service(service).unknown_types += 1,
                Outcome::Changes(changes) => {
                    for change in changes {
                        self.fold.apply(change)?;
                    }
                    self.service(service).events_applied += 1;
                }
            }
            self.report.released += 1;
            self.remove_letter(service, numbered, Some(&entity.1))?;
        }
        Ok(())
    }

    pub(super) fn letter(&mut self, service: &str, numbered: Numbered) -> Result<Option<Row>, EngineError> {
        let key = dead_letters::key(service, numbered);
        Ok(self.fold.get(self.definition.dead_letters_table(), &key)?.cloned())
    }

    /// The event that is to be folded for a letter: the last one that took its place, or the message itself.
    fn present_payload(&self, service: &str, numbered: Numbered, row: &Row) -> Result<Bytes, EngineError> {
        let decisions = self.decisions_on(service, numbered)?;
        match decisions.iter().rev().find_map(StoredDecision::amended) {
            Some(amended) => Ok(amended),
            None => payload_of(row),
        }
    }

    pub(super) fn decisions_on(
        &self,
        service: &str,
        numbered: Numbered,
    ) -> Result<Vec<StoredDecision>, EngineError> {
        let key = decisions::key_prefix(service, numbered);
        let rows = self.fold.rows_under(self.definition.decisions_table(), &key)?;
        Ok(rows.into_iter().map(StoredDecision::from_row).collect())
    }

    /// Once decisions have taken letters, the rest of their entities stand behind those that are first now. Once in a
    /// step: a thousand decisions on one entity cost no more than one.
    pub(super) fn line_up_letters(&mut self) -> Result<(), EngineError> {
        for entity in std::mem::take(&mut self.decided) {
            let numbers: Vec<i64> = self.chain(&entity)?.numbers.iter().copied().collect();
            let first = numbers.first().copied();
            for number in numbers {
                let numbered = Numbered::BySequence(number.unsigned_abs());
                let mut row = self.letter(&entity.0, numbered)?.ok_or_else(|| lost(number))?;
                set_behind(&mut row, first.filter(|&first| first != number));
                self.fold.put(self.definition.dead_letters_table(), row)?;
            }
        }
        Ok(())
    }

    fn letters_prefix(&self, service: &Arc<str>, entity: &Arc<str>) -> Vec<u8> {
        let index = dead_letters::entity_index(self.definition.dead_letters_table());
        let blocks = [Value::Text(service.clone()), Value::Text(entity.clone())];
        let values = equality_bytes(blocks.iter()).unwrap_or_default();
        index_prefix(self.indexes.id(index.table, &index.columns), &values)
    }

    /// The number of a letter from before the step.
    fn number_of_letter(&self, row_key: &[u8]) -> Result<i64, EngineError> {
        let table = self.definition.dead_letters_table();
        let key = table_key(self.definition.stored(table), row_key);
        let bytes = self.before.get(Space::Tables, &key)?;
        let row = bytes.map(|bytes| decode_row(self.definition.schema(table), &bytes)).transpose()?;
        let number = row.as_ref().and_then(dead_letters::number_of);
        number.ok_or_else(|| EngineError::Damaged("an index entry without its dead letter".to_owned()))
    }
}

fn lost(number: i64) -> EngineError {
    EngineError::Damaged(format!("the dead letter {number} is gone"))
}
