//! The log's content: every service's messages in their order.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::oracle::{Ends, Oracle};
use crate::support::Ended;

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Streams(pub(crate) BTreeMap<String, Vec<String>>);

impl Streams {
    /// What `prejoin events tail` printed.
    pub(crate) fn printed(tail: &Ended) -> Streams {
        let mut streams = Streams::default();
        for line in tail.stdout.lines() {
            let event: Value = serde_json::from_str(line).unwrap_or_else(|error| {
                panic!("the log holds {line:?}, which is not JSON ({error})");
            });
            let kind = event["type"].as_str().unwrap_or_else(|| panic!("an event without a type: {line}"));
            let service = kind.split('.').next().unwrap_or_default();
            streams.add(service, line.to_owned());
        }
        streams
    }

    pub(crate) fn add(&mut self, service: &str, payload: String) {
        self.0.entry(service.to_owned()).or_default().push(payload);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    pub(crate) fn fold(&self) -> Oracle {
        Oracle::fold(&self.0, None)
    }

    pub(crate) fn fold_to(&self, ends: &Ends) -> Oracle {
        Oracle::fold(&self.0, Some(ends))
    }

    /// Fails unless every event is there once: `Oracle` itself sees to it that none is missing.
    pub(crate) fn assert_dense(&self) {
        let oracle = self.fold();
        assert_eq!(oracle.repeated, 0, "events are in the log twice");
        assert_eq!(oracle.dead_letters.len(), 0, "events do not fit: {:?}", oracle.dead_letters);
        for (service, messages) in &self.0 {
            assert_eq!(
                oracle.ends.get(service),
                Some(&(messages.len() as u64)),
                "{service} is not 1, 2, 3 …"
            );
        }
    }
}
