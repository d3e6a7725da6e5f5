//! The message ids of the last two minutes, by which a repeated message is recognised.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// As JetStream's default.
pub(super) const WINDOW_NS: u64 = 120 * 1_000_000_000;

/// Bounds the memory of an import: beyond it, the oldest ids of the window are forgotten.
const IDS_MAX: usize = 512 * 1024;

type Id = (Arc<str>, Arc<str>);

/// Ids of all streams, oldest first.
#[derive(Default)]
pub(super) struct RecentIds {
    services: HashMap<Arc<str>, HashMap<Arc<str>, u64>>,
    by_time: VecDeque<(u64, Id)>,
}

impl RecentIds {
    /// The stream sequence under which the id was stored within the window.
    pub(super) fn find(&mut self, service: &str, message_id: &str, now_ns: u64) -> Option<u64> {
        self.forget(now_ns);
        self.services.get(service)?.get(message_id).copied()
    }

    pub(super) fn note(&mut self, service: &str, message_id: &str, stream_sequence: u64, time_ns: u64) {
        let service = match self.services.get_key_value(service) {
            Some((known, _)) => Arc::clone(known),
            None => Arc::from(service),
        };
        let message_id: Arc<str> = Arc::from(message_id);
        let ids = self.services.entry(Arc::clone(&service)).or_default();
        ids.insert(Arc::clone(&message_id), stream_sequence);
        self.by_time.push_back((time_ns, (service, message_id)));
        self.forget(time_ns);
    }

    fn forget(&mut self, now_ns: u64) {
        while let Some((time_ns, _)) = self.by_time.front() {
            if self.by_time.len() <= IDS_MAX && time_ns.saturating_add(WINDOW_NS) > now_ns {
                return;
            }
            let Some((_, (service, message_id))) = self.by_time.pop_front() else { return };
            if let Some(ids) = self.services.get_mut(&service) {
                ids.remove(&message_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_NS: u64 = 1_000_000_000;

    #[test]
    fn ids_are_known_for_two_minutes_in_their_stream() {
        let mut recent = RecentIds::default();
        recent.note("orders", "a", 1, 0);
        assert_eq!(recent.find("orders", "a", 119 * SECOND_NS), Some(1));
        assert_eq!(recent.find("users", "a", 0), None);
        assert_eq!(recent.find("orders", "a", 120 * SECOND_NS), None);
        recent.note("orders", "a", 2, 121 * SECOND_NS);
        assert_eq!(recent.find("orders", "a", 122 * SECOND_NS), Some(2));
    }

    #[test]
    fn memory_is_bounded() {
        let mut recent = RecentIds::default();
        for sequence in 0..=IDS_MAX as u64 {
            recent.note("orders", &sequence.to_string(), sequence, 0);
        }
        assert_eq!(recent.by_time.len(), IDS_MAX);
        assert_eq!(recent.find("orders", "0", 0), None);
        assert_eq!(recent.find("orders", "1", 0), Some(1));
    }
}
