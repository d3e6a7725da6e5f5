//! What has arrived and waits for the next step: bounded, one lane per service, each in reading order.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use prejoin_engine::Incoming;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};

/// Messages of one service in reading order.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub service: Arc<str>,
    pub messages: Vec<Incoming>,
    /// The stream sequence up to which the stream has been read, dropped messages included.
    pub read_to: u64,
    /// Messages dropped because they were applied before.
    pub duplicates: u64,
}

/// What waits between a source and the loop, in KiB. Not a number of batches: a source that is never behind reads few
/// messages at a time, and what comes during a long step is for the next one, all of it.
const LANE_KIB_MAX: u32 = 16 * 1024;
/// What a message takes beside its payload, at most.
const MESSAGE_BYTES: usize = 256;

/// Messages that have arrived, and the room that they take in their lane.
type Waiting = (Arrived, OwnedSemaphorePermit);

/// The end of a lane that a source writes to.
pub(crate) struct LaneSender {
    batches: mpsc::UnboundedSender<Waiting>,
    room: Arc<Semaphore>,
    notify: Arc<Notify>,
}

/// The loop is gone.
pub(crate) struct Closed;

impl LaneSender {
    /// Waits for room.
    pub(crate) async fn send(&self, batch: Arrived) -> Result<(), Closed> {
        let room = self.room.clone().acquire_many_owned(batch.kib()).await.map_err(|_| Closed)?;
        self.batches.send((batch, room)).map_err(|_| Closed)?;
        self.notify.notify_one();
        Ok(())
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.batches.is_closed()
    }
}

impl Arrived {
    /// As much as there is room for at most.
    fn kib(&self) -> u32 {
        let bytes: usize = self.messages.iter().map(|message| message.payload.len() + MESSAGE_BYTES).sum();
        u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX).min(LANE_KIB_MAX)
    }
}

struct Lane {
    receiver: mpsc::UnboundedReceiver<Waiting>,
    /// Given back by a step that was not to go so far.
    given_back: VecDeque<Arrived>,
}

#[derive(Default)]
pub(crate) struct Queue {
    lanes: BTreeMap<Arc<str>, Lane>,
    notify: Arc<Notify>,
}

impl Queue {
    pub(crate) fn add_lane(&mut self, service: Arc<str>) -> LaneSender {
        let (batches, receiver) = mpsc::unbounded_channel();
        self.lanes.insert(service, Lane { receiver, given_back: VecDeque::new() });
        let room = Arc::new(Semaphore::new(LANE_KIB_MAX as usize));
        LaneSender { batches, room, notify: self.notify.clone() }
    }

    /// Waits until something has arrived in an open lane. Cancelling loses nothing.
    pub(crate) async fn arrived(&self, is_open: impl Fn(&str) -> bool) {
        while !self.has_arrived(&is_open) {
            self.notify.notified().await;
        }
    }

    /// Whether anything has arrived in an open lane.
    pub(crate) fn has_arrived(&self, is_open: impl Fn(&str) -> bool) -> bool {
        self.lanes.iter().any(|(service, lane)| is_open(service) && !lane.is_empty())
    }

    /// What has arrived in open lanes, up to the caps, a batch of each lane in turn; at least one if there is any.
    pub(crate) fn take(
        &mut self,
        events_max: usize,
        bytes_max: usize,
        is_open: impl Fn(&str) -> bool,
    ) -> Vec<Arrived> {
        let (mut events, mut bytes, mut taken) = (0, 0, Vec::new());
        loop {
            let before = taken.len();
            for (_, lane) in self.lanes.iter_mut().filter(|(service, _)| is_open(service)) {
                if events >= events_max || bytes >= bytes_max {
                    return taken;
                }
                let Some(batch) = lane.next() else { continue };
                events += batch.messages.len();
                bytes += batch.messages.iter().map(|message| message.payload.len()).sum::<usize>();
                taken.push(batch);
            }
            if taken.len() == before {
                return taken;
            }
        }
    }

    /// Puts messages back in front of their lanes, in their order; `read_to` as their batches had it.
    pub(crate) fn give_back(&mut self, messages: Vec<Incoming>, read_to: &BTreeMap<Arc<str>, u64>) {
        let mut by_service: BTreeMap<Arc<str>, Vec<Incoming>> = BTreeMap::new();
        for message in messages {
            by_service.entry(message.service.clone()).or_default().push(message);
        }
        for (service, messages) in by_service {
            let read_to = read_to.get(&service).copied().unwrap_or(0);
            if let Some(lane) = self.lanes.get_mut(&service) {
                lane.given_back.push_front(Arrived { service, messages, read_to, duplicates: 0 });
            }
        }
    }
}

impl Lane {
    fn is_empty(&self) -> bool {
        self.given_back.is_empty() && self.receiver.is_empty()
    }

    fn next(&mut self) -> Option<Arrived> {
        let next = self.given_back.pop_front();
        next.or_else(|| self.receiver.try_recv().ok().map(|(arrived, _room)| arrived))
    }
}
