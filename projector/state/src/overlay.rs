//! A state that begins as another one's snapshot and keeps its own writes in memory: to try something that must not
//! touch the state it is tried on.

use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;

use crate::{Batch, Entries, Layered, Snapshot, Space, State, StateError};

pub struct OverlayState {
    base: Arc<dyn Snapshot>,
    written: RwLock<Arc<Batch>>,
}

impl OverlayState {
    pub fn new(base: Arc<dyn Snapshot>) -> Self {
        OverlayState { base, written: RwLock::default() }
    }
}

struct OverlaySnapshot {
    base: Arc<dyn Snapshot>,
    written: Arc<Batch>,
}

impl State for OverlayState {
    fn snapshot(&self) -> Box<dyn Snapshot> {
        let written = self.written.read().unwrap_or_else(PoisonError::into_inner).clone();
        Box::new(OverlaySnapshot { base: self.base.clone(), written })
    }

    fn commit(&self, batch: Batch) -> Result<(), StateError> {
        let mut written = self.written.write().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut written).append(batch);
        Ok(())
    }

    /// What is written here never reaches a disk.
    fn sync(&self) -> Result<(), StateError> {
        Ok(())
    }
}

impl Snapshot for OverlaySnapshot {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StateError> {
        Layered::new(self.base.as_ref(), &self.written).get(space, key)
    }

    fn scan<'a>(&'a self, space: Space, prefix: &[u8], from: &[u8]) -> Entries<'a> {
        Layered::new(self.base.as_ref(), &self.written).into_scan(space, prefix, from)
    }
}
