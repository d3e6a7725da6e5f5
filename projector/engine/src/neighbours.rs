//! Entries of a table asked for in the order of their keys, read from one scan as long as they lie close together.
//!
//! A look-up searches every level of the state, a scan opens an iterator over each. Whoever goes through a table in key order
//! often asks for ever greater keys of others: the lines of each order, the shipment of each.

use std::iter::Peekable;

use bytes::Bytes;
use prejoin_state::{Entries, Snapshot, Space, StateError};

/// So many keys one after the other, each greater than the one before, make a scan worth opening.
const RISING_MIN: u32 = 8;
/// So many keys found in one scan make up for opening the next one where keys leave a gap.
const FOUND_MIN: u32 = 64;
/// Entries passed over on the way to a key; if that is not enough, they lie too far apart.
const PASSED_OVER_MAX: usize = 16;

/// The way through one table.
#[derive(Default)]
pub(crate) struct Neighbours<'a> {
    /// How often in a row a greater key was asked for.
    rising: u32,
    asked: Vec<u8>,
    /// How many keys were found in the scan.
    found: u32,
    entries: Option<Peekable<Entries<'a>>>,
}

impl<'a> Neighbours<'a> {
    /// The scan from the first entry on that is not less than the key, within the table. Nothing if keys do not come in order,
    /// lie one under the other, or far apart: then what is asked for is better looked up by itself.
    pub(crate) fn at(
        &mut self,
        snapshot: &'a dyn Snapshot,
        table_prefix: &[u8],
        key: &[u8],
    ) -> Result<Option<&mut Peekable<Entries<'a>>>, StateError> {
        // Entries under what was asked for last may have been taken.
        let rises = key > &self.asked[..] && !key.starts_with(&self.asked);
        self.asked.clear();
        self.asked.extend_from_slice(key);
        if !rises {
            self.give_up();
            return Ok(None);
        }
        self.rising = self.rising.saturating_add(1);
        if self.rising < RISING_MIN {
            return Ok(None);
        }
        if self.entries.is_some() && !self.pass_over_less(key)? {
            if self.found < FOUND_MIN {
                self.give_up();
                return Ok(None);
            }
            self.entries = None;
        }
        if self.entries.is_none() {
            self.found = 0;
            self.entries = Some(snapshot.scan(Space::Tables, table_prefix, key).peekable());
        }
        self.found = self.found.saturating_add(1);
        Ok(self.entries.as_mut())
    }

    /// Whether what was asked for last came from a scan.
    pub(crate) fn are_read(&self) -> bool {
        self.entries.is_some()
    }

    fn give_up(&mut self) {
        self.rising = 0;
        self.entries = None;
    }

    /// False if that takes too long.
    fn pass_over_less(&mut self, key: &[u8]) -> Result<bool, StateError> {
        let Some(entries) = &mut self.entries else { return Ok(false) };
        for _ in 0..=PASSED_OVER_MAX {
            match entries.peek() {
                Some(Ok((next, _))) if next[..] < *key => drop(entries.next().transpose()?),
                Some(Err(_)) => return entries.next().transpose().map(|_| true),
                _ => return Ok(true),
            }
        }
        Ok(false)
    }
}

/// The next entry if its key is this one, and stays.
pub(crate) fn entry_at(entries: &mut Peekable<Entries<'_>>, key: &[u8]) -> Result<Option<Bytes>, StateError> {
    match entries.peek() {
        Some(Ok((found, value))) if found[..] == *key => Ok(Some(value.clone())),
        Some(Err(_)) => entries.next().transpose().map(|_| None),
        _ => Ok(None),
    }
}

/// Takes the entries whose keys begin with the prefix.
pub(crate) fn entries_under<'e>(
    entries: &'e mut Peekable<Entries<'_>>,
    prefix: &'e [u8],
) -> impl Iterator<Item = Result<Bytes, StateError>> + 'e {
    std::iter::from_fn(move || {
        let next = entries.next_if(|entry| match entry {
            Ok((key, _)) => key.starts_with(prefix),
            Err(_) => true,
        });
        next.map(|entry| entry.map(|(_, value)| value))
    })
}
