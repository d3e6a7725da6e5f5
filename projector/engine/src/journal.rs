//! The journal: what each commit made stale, kept within a byte cap so that sinks can follow.

use std::ops::RangeInclusive;

use prejoin_envelope::Position;
use prejoin_state::{Batch, Snapshot, Space};

use crate::EngineError;
use crate::keys::{journal_key, meta};
use crate::stored::{StoredJournalBounds, StoredJournalEntry, from_bytes, to_bytes};

/// The commits that the journal reaches back over.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Journal {
    bounds: StoredJournalBounds,
}

impl Journal {
    pub(crate) fn open(snapshot: &dyn Snapshot) -> Result<Self, EngineError> {
        let bounds = match snapshot.get(Space::Meta, meta::JOURNAL)? {
            Some(bytes) => from_bytes("the journal's bounds", &bytes)?,
            None => StoredJournalBounds { first: 1, last: 0, bytes: 0 },
        };
        Ok(Journal { bounds })
    }

    /// The last commit; 0 if there was none.
    pub(crate) fn last(&self) -> u64 {
        self.bounds.last
    }

    /// The oldest commit whose entry is kept.
    pub(crate) fn first(&self) -> u64 {
        self.bounds.first
    }

    /// Adds the entry of the next commit and drops the oldest ones while the journal is larger than `bytes_max`, but
    /// none after the commit `needed_after`. The newest entry always stays: it is where sinks stand.
    pub(crate) fn append(
        &mut self,
        before: &dyn Snapshot,
        entry: &StoredJournalEntry,
        bytes_max: u64,
        needed_after: Option<u64>,
        batch: &mut Batch,
    ) -> Result<(), EngineError> {
        let bytes = to_bytes(entry);
        self.bounds.last += 1;
        self.bounds.bytes += bytes.len() as u64;
        batch.put(Space::Journal, journal_key(self.bounds.last).to_vec(), bytes);
        if self.bounds.bytes > bytes_max {
            self.trim(before, bytes_max, needed_after, batch)?;
        }
        batch.put(Space::Meta, meta::JOURNAL, to_bytes(&self.bounds));
        Ok(())
    }

    fn trim(
        &mut self,
        before: &dyn Snapshot,
        bytes_max: u64,
        needed_after: Option<u64>,
        batch: &mut Batch,
    ) -> Result<(), EngineError> {
        for entry in before.scan(Space::Journal, &[], &journal_key(self.bounds.first)) {
            let is_needed = needed_after.is_some_and(|after| self.bounds.first > after);
            if self.bounds.bytes <= bytes_max || is_needed {
                break;
            }
            let (key, value) = entry?;
            self.bounds.bytes -= value.len() as u64;
            self.bounds.first += 1;
            batch.remove(Space::Journal, key);
        }
        Ok(())
    }
}

/// The entries after a commit, oldest first.
pub(crate) fn entries_after<'a>(
    snapshot: &'a dyn Snapshot,
    commit: u64,
) -> impl Iterator<Item = Result<StoredJournalEntry, EngineError>> + 'a {
    let entries = snapshot.scan(Space::Journal, &[], &journal_key(commit + 1));
    entries.map(|entry| from_bytes("a journal entry", &entry?.1))
}

/// The first and the last commit whose position is exactly this one, as far as the journal reaches back.
pub(crate) fn commits_at(
    snapshot: &dyn Snapshot,
    position: &Position,
) -> Result<Option<RangeInclusive<u64>>, EngineError> {
    let mut found = None;
    for entry in snapshot.scan(Space::Journal, &[], &[]) {
        let (key, value) = entry?;
        let entry: StoredJournalEntry = from_bytes("a journal entry", &value)?;
        if position_of(entry.position) == *position {
            let number = key[..].try_into().map(u64::from_be_bytes);
            let number =
                number.map_err(|_| EngineError::Damaged("a journal key is not a number".to_owned()))?;
            found = Some(found.map_or(number, |first: RangeInclusive<u64>| *first.start())..=number);
        }
    }
    Ok(found)
}

pub(crate) fn position_of(pairs: Vec<(String, u64)>) -> Position {
    pairs.into_iter().collect()
}

pub(crate) fn pairs_of(position: &Position) -> Vec<(String, u64)> {
    position.iter().map(|(service, sequence)| (service.to_owned(), sequence)).collect()
}
