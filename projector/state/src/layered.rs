//! A snapshot with a batch laid over it: the state as it will be when the batch is committed.

use std::cmp::Ordering;
use std::iter::Peekable;
use std::ops::Bound;

use bytes::Bytes;

use crate::{Batch, Entries, Entry, Snapshot, Space, StateError};

pub struct Layered<'a> {
    base: &'a dyn Snapshot,
    batch: &'a Batch,
}

impl<'a> Layered<'a> {
    pub fn new(base: &'a dyn Snapshot, batch: &'a Batch) -> Self {
        Layered { base, batch }
    }

    /// The entries, for as long as what it is made of lives.
    pub(crate) fn into_scan(self, space: Space, prefix: &[u8], from: &[u8]) -> Entries<'a> {
        let start = from.max(prefix);
        let owned_prefix = Bytes::copy_from_slice(prefix);
        let mut written = self
            .batch
            .space(space)
            .range::<[u8], _>((Bound::Included(start), Bound::Unbounded))
            .take_while(move |(key, _)| key.starts_with(&owned_prefix))
            .map(|(key, value)| (key.clone(), value.clone()))
            .peekable();
        let stored = self.base.scan(space, prefix, from);
        if written.peek().is_none() {
            return stored;
        }
        Box::new(Merge { stored: stored.peekable(), written })
    }
}

impl Snapshot for Layered<'_> {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StateError> {
        match self.batch.space(space).get(key) {
            Some(written) => Ok(written.clone()),
            None => self.base.get(space, key),
        }
    }

    fn scan<'a>(&'a self, space: Space, prefix: &[u8], from: &[u8]) -> Entries<'a> {
        Layered::new(self.base, self.batch).into_scan(space, prefix, from)
    }
}

struct Merge<'a, W: Iterator<Item = (Bytes, Option<Bytes>)>> {
    stored: Peekable<Entries<'a>>,
    written: Peekable<W>,
}

impl<W: Iterator<Item = (Bytes, Option<Bytes>)>> Iterator for Merge<'_, W> {
    type Item = Result<Entry, StateError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let order = match (self.stored.peek(), self.written.peek()) {
                (None, None) => return None,
                (Some(Err(_)), _) | (Some(_), None) => return self.stored.next(),
                (None, Some(_)) => Ordering::Greater,
                (Some(Ok((stored, _))), Some((written, _))) => stored.cmp(written),
            };
            if order == Ordering::Less {
                return self.stored.next();
            }
            if order == Ordering::Equal {
                self.stored.next();
            }
            if let Some((key, Some(value))) = self.written.next() {
                return Some(Ok((key, value)));
            }
        }
    }
}
