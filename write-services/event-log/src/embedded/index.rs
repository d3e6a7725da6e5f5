//! Where every message lies in the file: eight bytes of memory per message, and a signal per stream.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

use super::format::{Frame, Kind};

/// One service's stream. Its sequences are dense: the message with stream sequence `n` is the `n`th offset.
pub(super) struct Stream {
    offsets: RwLock<Vec<u64>>,
    /// The last stream sequence; closed streams send no more changes.
    last: watch::Sender<u64>,
}

impl Stream {
    fn new() -> Self {
        Stream { offsets: RwLock::default(), last: watch::Sender::new(0) }
    }

    pub(super) fn last(&self) -> u64 {
        *self.last.borrow()
    }

    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.last.subscribe()
    }

    /// The file offsets of the messages after a stream sequence, at most so many.
    pub(super) fn offsets_after(&self, after: u64, count_max: usize) -> Vec<u64> {
        let offsets = self.offsets.read().unwrap_or_else(PoisonError::into_inner);
        let from = usize::try_from(after).unwrap_or(usize::MAX).min(offsets.len());
        let to = from.saturating_add(count_max).min(offsets.len());
        offsets[from..to].to_vec()
    }

    /// Makes further messages readable.
    pub(super) fn extend(&self, more: &[u64]) {
        let mut offsets = self.offsets.write().unwrap_or_else(PoisonError::into_inner);
        offsets.extend_from_slice(more);
        let last = offsets.len() as u64;
        drop(offsets);
        self.last.send_replace(last);
    }
}

/// All streams of a file.
#[derive(Default)]
pub(super) struct Index {
    streams: RwLock<HashMap<String, Arc<Stream>>>,
}

impl Index {
    pub(super) fn stream(&self, service: &str) -> Option<Arc<Stream>> {
        self.streams.read().unwrap_or_else(PoisonError::into_inner).get(service).cloned()
    }

    pub(super) fn create(&self, service: &str) -> Arc<Stream> {
        let mut streams = self.streams.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(streams.entry(service.to_owned()).or_insert_with(|| Arc::new(Stream::new())))
    }

    /// Wakes every reader, so that it sees that the log was closed.
    pub(super) fn wake_all(&self) {
        for stream in self.streams.read().unwrap_or_else(PoisonError::into_inner).values() {
            stream.last.send_modify(|_| {});
        }
    }
}

/// Collects scanned frames per stream, then makes them readable at once.
#[derive(Default)]
pub(super) struct Additions {
    streams: HashMap<String, Addition>,
}

struct Addition {
    stream: Arc<Stream>,
    last: u64,
    offsets: Vec<u64>,
}

impl Additions {
    /// Notes a frame. Refuses one that does not follow the stream's last.
    pub(super) fn note(&mut self, index: &Index, offset: u64, frame: &Frame<'_>) -> Result<(), String> {
        if !self.streams.contains_key(frame.service) {
            let stream = match (index.stream(frame.service), frame.kind) {
                (Some(stream), _) => stream,
                (None, Kind::StreamCreated) => index.create(frame.service),
                (None, Kind::Message) => {
                    return Err(format!("a message of {}, which has no stream", frame.service));
                }
            };
            let addition = Addition { last: stream.last(), stream, offsets: Vec::new() };
            self.streams.insert(frame.service.to_owned(), addition);
        }
        let addition = self.streams.get_mut(frame.service).expect("it was inserted");
        if frame.kind == Kind::StreamCreated {
            return Ok(());
        }
        if frame.stream_sequence != addition.last + 1 {
            return Err(format!(
                "the message {} of {} follows {}",
                frame.stream_sequence, frame.service, addition.last
            ));
        }
        addition.last += 1;
        addition.offsets.push(offset);
        Ok(())
    }

    pub(super) fn publish(self) {
        for addition in self.streams.into_values() {
            if !addition.offsets.is_empty() {
                addition.stream.extend(&addition.offsets);
            }
        }
    }
}
