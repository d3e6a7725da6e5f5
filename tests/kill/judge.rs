//! What a view must hold at a position, by a fold of the log that goes on where it stands.

use std::collections::BTreeMap;

use crate::oracle::{Ends, Oracle, Rows};
use crate::streams::Streams;

/// The log as far as one view has come.
#[derive(Default)]
pub(crate) struct Judge {
    oracle: Oracle,
    /// Messages taken of each stream.
    taken: BTreeMap<String, usize>,
}

impl Judge {
    /// The rows of a view at a position, which the log must reach.
    pub(crate) fn rows(&mut self, streams: &Streams, view: &str, position: &Ends) -> Rows {
        self.go_to(streams, position);
        self.oracle.rows(view)
    }

    /// A position before the one where it stands makes it begin anew.
    fn go_to(&mut self, streams: &Streams, position: &Ends) {
        let is_before = |(service, end): (&String, &u64)| position.get(service).unwrap_or(&0) < end;
        if self.oracle.ends.iter().any(is_before) {
            *self = Judge::default();
        }
        for (service, end) in position {
            let messages = streams.0.get(service).map_or(&[][..], Vec::as_slice);
            let taken = self.taken.entry(service.clone()).or_default();
            while self.oracle.ends.get(service).unwrap_or(&0) < end {
                let message = messages.get(*taken);
                let message =
                    message.unwrap_or_else(|| panic!("the log of {service} does not reach {position:?}"));
                *taken += 1;
                self.oracle.take(service, *taken as u64, message);
            }
        }
    }
}
