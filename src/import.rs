//! Bring a history into the event log: every line checked first, then published in order, each event once however
//! often it is imported.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use prejoin_envelope::{EventHead, message_id, service_of_type, subject};
use prejoin_event_log::{
    BatchLimit, EventLog, LogError, NewMessage, Numbered, OrderedPublisher, PAYLOAD_BYTES_MAX, tail,
};
use serde_json::value::RawValue;

/// Problems shown before the rest is only counted.
const PROBLEMS_SHOWN: usize = 20;
/// Events collected, over all services, before they are published.
const BATCH_EVENTS: usize = 4_096;

/// What an import did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Imported {
    pub published: u64,
    /// In the log already.
    pub known: u64,
}

/// Checks a file of one CloudEvents JSON object a line, then publishes it. Nothing is published if a line is wrong.
pub(crate) async fn import_file(
    log: Arc<dyn EventLog>,
    path: &Path,
    progress: impl Fn(u64, u64),
) -> anyhow::Result<Imported> {
    let lines = tokio::task::block_in_place(|| check_file(path))?;
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut import = Import::new(log);
    for (number, line) in (1_u64..).zip(BufReader::new(file).lines()) {
        let line = line.with_context(|| format!("cannot read {}", path.display()))?;
        if !line.trim().is_empty() {
            import.add(line.trim()).await.with_context(|| format!("{}:{number}", path.display()))?;
        }
        if number % 1_000 == 0 {
            progress(number, lines);
        }
    }
    let imported = import.finish().await?;
    progress(lines, lines);
    Ok(imported)
}

/// Reads every line; returns how many there are, or everything that is wrong with them.
fn check_file(path: &Path) -> anyhow::Result<u64> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut reader = BufReader::new(file);
    let (mut number, mut problems, mut line) = (0, Vec::new(), Vec::new());
    let mut problem_count = 0_usize;
    while reader.read_until(b'\n', &mut line).with_context(|| format!("cannot read {}", path.display()))? > 0
    {
        number += 1;
        if !line.trim_ascii().is_empty()
            && let Err(reason) = check_line(line.trim_ascii())
        {
            problem_count += 1;
            if problems.len() < PROBLEMS_SHOWN {
                problems.push(format!("{}:{number}: {reason}", path.display()));
            }
        }
        line.clear();
    }
    if problem_count > problems.len() {
        problems.push(format!("… and {} more", problem_count - problems.len()));
    }
    if !problems.is_empty() {
        bail!("{}\nNothing was imported. Mend these lines and import the file again", problems.join("\n"));
    }
    Ok(number)
}

fn check_line(line: &[u8]) -> Result<(), String> {
    if line.len() > PAYLOAD_BYTES_MAX {
        return Err(format!(
            "the event has {} bytes; the event log takes {PAYLOAD_BYTES_MAX} at most",
            line.len()
        ));
    }
    let head = EventHead::parse(line).map_err(|error| error.to_string())?;
    let service = service_of_type(&head.kind);
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-';
    if !head.kind.contains('.') || service.is_empty() || !service.bytes().all(plain) {
        return Err(format!(
            "the type {:?} does not begin with the name of a service and a dot, as orders.placed.v1 does",
            head.kind
        ));
    }
    if head.subject.as_deref().unwrap_or_default().is_empty() {
        return Err("the event has no subject: it names the entity that the event is about".to_owned());
    }
    if head.sequence.is_none() && has_sequence(line) {
        return Err("the sequence is not a whole number from 1: mend it, or leave it out and the import numbers the event".to_owned());
    }
    Ok(())
}

fn has_sequence(line: &[u8]) -> bool {
    serde_json::from_slice::<BTreeMap<String, &RawValue>>(line)
        .is_ok_and(|event| event.contains_key("sequence"))
}

/// Events on their way into the log, service by service.
pub(crate) struct Import {
    log: Arc<dyn EventLog>,
    services: BTreeMap<String, ServiceImport>,
    collected: usize,
    imported: Imported,
}

struct ServiceImport {
    publisher: OrderedPublisher,
    /// The last sequence in the log, collected events included.
    last: u64,
    /// Who the events in the log are, when the import began.
    known: HashSet<u64>,
    batch: Vec<Numbered>,
}

impl Import {
    pub(crate) fn new(log: Arc<dyn EventLog>) -> Self {
        Import { log, services: BTreeMap::new(), collected: 0, imported: Imported::default() }
    }

    /// Takes one event. One without a sequence is given the next one of its service; one that the log has is passed
    /// over.
    pub(crate) async fn add(&mut self, line: &str) -> anyhow::Result<()> {
        let head = EventHead::parse(line.as_bytes())?;
        let service = service_of_type(&head.kind).to_owned();
        if !self.services.contains_key(&service) {
            let begun = ServiceImport::begin(&self.log, &service).await?;
            self.services.insert(service.clone(), begun);
        }
        let Some(import) = self.services.get_mut(&service) else { return Ok(()) };
        if import.known.contains(&identity(&head)) {
            self.imported.known += 1;
            return Ok(());
        }
        let next = import.last + 1;
        let payload = match head.sequence {
            None => numbered(line, next),
            Some(sequence) if sequence == next => line.to_owned(),
            Some(sequence) if sequence < next => {
                bail!(
                    "{service} {sequence} is in the log already, as another event than {} of {}",
                    head.id,
                    head.source
                )
            }
            Some(sequence) => bail!("{service} {sequence} follows {}: {next} is missing", import.last),
        };
        import.last = next;
        import.batch.push(Numbered {
            sequence: next,
            message: NewMessage {
                subject: subject(&head.kind, head.subject.as_deref().unwrap_or_default()),
                message_id: Some(message_id(&service, next)),
                payload: Bytes::from(payload),
            },
        });
        self.collected += 1;
        if self.collected >= BATCH_EVENTS {
            self.publish().await?;
        }
        Ok(())
    }

    pub(crate) async fn finish(mut self) -> anyhow::Result<Imported> {
        self.publish().await?;
        Ok(self.imported)
    }

    async fn publish(&mut self) -> anyhow::Result<()> {
        for import in self.services.values_mut() {
            let batch = std::mem::take(&mut import.batch);
            import.publisher.publish(&batch).await?;
            self.imported.published += batch.len() as u64;
        }
        self.collected = 0;
        Ok(())
    }
}

impl ServiceImport {
    async fn begin(log: &Arc<dyn EventLog>, service: &str) -> anyhow::Result<Self> {
        log.ensure_stream(service).await?;
        Ok(ServiceImport {
            publisher: OrderedPublisher::new(log.clone(), service),
            last: tail(log.as_ref(), service).await?.sequence(),
            known: known_events(log.as_ref(), service).await?,
            batch: Vec::new(),
        })
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

/// The event with its sequence written in front of its other attributes, which stay as they are.
fn numbered(line: &str, sequence: u64) -> String {
    let attributes = line.trim_start().strip_prefix('{').unwrap_or(line);
    format!("{{\"sequence\":\"{sequence}\",{}", attributes.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbering_leaves_the_rest_as_it_was() {
        let line = r#" { "specversion":"1.0","id":"a","source":"/s","type":"s.k.v1","data":{"n":1.10}}"#;
        let numbered = numbered(line, 7);
        assert_eq!(EventHead::parse(numbered.as_bytes()).unwrap().sequence, Some(7));
        assert!(numbered.ends_with(r#""data":{"n":1.10}}"#));
    }

    #[test]
    fn lines_that_cannot_be_imported_say_why() {
        let check = |line: &str| check_line(line.as_bytes()).unwrap_err();
        assert!(check("{").contains("not JSON"));
        assert!(
            check(r#"{"specversion":"1.0","id":"a","source":"/s","type":"placed","subject":"1"}"#)
                .contains("name of a service")
        );
        assert!(
            check(r#"{"specversion":"1.0","id":"a","source":"/s","type":"o.placed"}"#).contains("no subject")
        );
        assert!(
            check(
                r#"{"specversion":"1.0","id":"a","source":"/s","type":"o.p","subject":"1","sequence":"x"}"#
            )
            .contains("whole number")
        );
        assert!(check(&format!("{{\"a\":\"{}\"}}", "x".repeat(PAYLOAD_BYTES_MAX))).contains("bytes"));
    }
}
