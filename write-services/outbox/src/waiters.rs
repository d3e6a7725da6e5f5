//! Commands that wait for their event to reach the log.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::store::OutboxId;

#[derive(Debug, Default)]
pub(crate) struct Waiters(Mutex<HashMap<OutboxId, Vec<oneshot::Sender<u64>>>>);

impl Waiters {
    pub(crate) fn wait_for(&self, row: OutboxId) -> oneshot::Receiver<u64> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.lock();
        // Those who gave up leave their senders behind; they go when the next one comes.
        waiting.retain(|_, senders| {
            senders.retain(|sender| !sender.is_closed());
            !senders.is_empty()
        });
        waiting.entry(row).or_default().push(sender);
        receiver
    }

    pub(crate) fn reached(&self, rows: impl IntoIterator<Item = (OutboxId, u64)>) {
        let mut waiting = self.lock();
        if waiting.is_empty() {
            return;
        }
        for (row, sequence) in rows {
            for sender in waiting.remove(&row).into_iter().flatten() {
                // A receiver that gave up does not need to know.
                let _ = sender.send(sequence);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<OutboxId, Vec<oneshot::Sender<u64>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
