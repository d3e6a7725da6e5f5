//! Which number each event gets, and which are in the log already.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use prejoin_envelope::{EventHead, service_of_type};
use prejoin_event_log::{BatchLimit, EventLog, LogError, tail};

/// What is to become of an event.
pub(super) enum Number {
    /// It is in the log, or came before in the same file.
    Known,
    /// It is the next one of its service.
    Next(u64),
    /// Its own sequence is not that of the next one.
    Refused(String),
}

/// Numbers events in the order in which they are given, behind those in the log.
#[derive(Default)]
pub(super) struct Numbering {
    services: BTreeMap<String, Taken>,
}

/// What is taken of one service, the events numbered so far included.
#[derive(Default)]
struct Taken {
    last: u64,
    /// Who the events are.
    known: HashSet<u64>,
}

impl Numbering {
    pub(super) async fn number(&mut self, log: &dyn EventLog, head: &EventHead) -> Result<Number, LogError> {
        let service = service_of_type(&head.kind);
        let taken = match self.services.entry(service.to_owned()) {
            Entry::Occupied(taken) => taken.into_mut(),
            Entry::Vacant(free) => free.insert(Taken::in_log(log, service).await?),
        };
        Ok(taken.number(service, head))
    }
}

impl Taken {
    async fn in_log(log: &dyn EventLog, service: &str) -> Result<Self, LogError> {
        match tail(log, service).await {
            Ok(tail) => Ok(Taken { last: tail.sequence(), known: known_events(log, service).await? }),
            Err(LogError::NoStream { .. }) => Ok(Taken::default()),
            Err(error) => Err(error),
        }
    }

    fn number(&mut self, service: &str, head: &EventHead) -> Number {
        let identity = identity(head);
        if self.known.contains(&identity) {
            return Number::Known;
        }
        let next = self.last + 1;
        match head.sequence {
            Some(sequence) if sequence < next => Number::Refused(format!(
                "{service} {sequence} is taken already, by another event than {} of {}",
                head.id, head.source
            )),
            Some(sequence) if sequence > next => {
                Number::Refused(format!("{service} {sequence} follows {}: {next} is missing", self.last))
            }
            _ => {
                self.last = next;
                self.known.insert(identity);
                Number::Next(next)
            }
        }
    }
}

/// Who the events in a stream are.
async fn known_events(log: &dyn EventLog, service: &str) -> Result<HashSet<u64>, LogError> {
    let end = log.bounds(service).await?.last;
    let mut known = HashSet::new();
    let mut read = 0;
    let mut reader = log.read(service, 0).await?;
    while read < end {
        let limit = BatchLimit { messages: 8_192, bytes: 8 << 20 };
        let messages = reader.next_batch(limit, Duration::from_secs(5)).await?;
        if messages.is_empty() && log.bounds(service).await?.first > end {
            break;
        }
        for message in messages {
            read = message.stream_sequence;
            known.extend(EventHead::parse(&message.payload).ok().map(|head| identity(&head)));
        }
    }
    Ok(known)
}

/// CloudEvents: source and id together name an event.
fn identity(head: &EventHead) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&head.source, &head.id).hash(&mut hasher);
    hasher.finish()
}
