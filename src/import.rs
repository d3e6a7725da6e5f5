//! Bring a history into the event log: every line checked first, then published in order, each event once however
//! often it is imported.

mod check;
mod numbering;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use bytes::Bytes;
use prejoin_envelope::{EventHead, message_id, service_of_type, subject};
use prejoin_event_log::{EventLog, NewMessage, Numbered, OrderedPublisher};

use self::numbering::{Number, Numbering};

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
    let lines = check::check_file(log.as_ref(), path).await?;
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

/// Events on their way into the log, service by service.
pub(crate) struct Import {
    log: Arc<dyn EventLog>,
    numbering: Numbering,
    services: BTreeMap<String, ServiceImport>,
    collected: usize,
    imported: Imported,
}

struct ServiceImport {
    publisher: OrderedPublisher,
    batch: Vec<Numbered>,
}

impl Import {
    pub(crate) fn new(log: Arc<dyn EventLog>) -> Self {
        Import {
            log,
            numbering: Numbering::default(),
            services: BTreeMap::new(),
            collected: 0,
            imported: Imported::default(),
        }
    }

    /// Takes one event. One without a sequence is given the next one of its service; one that the log has is passed
    /// over.
    pub(crate) async fn add(&mut self, line: &str) -> anyhow::Result<()> {
        let head = EventHead::parse(line.as_bytes())?;
        let sequence = match self.numbering.number(self.log.as_ref(), &head).await? {
            Number::Known => {
                self.imported.known += 1;
                return Ok(());
            }
            Number::Refused(reason) => return Err(anyhow!(reason)),
            Number::Next(sequence) => sequence,
        };
        let payload = if head.sequence.is_none() { numbered(line, sequence) } else { line.to_owned() };
        let service = service_of_type(&head.kind);
        let message = NewMessage {
            subject: subject(&head.kind, head.subject.as_deref().unwrap_or_default()),
            message_id: Some(message_id(service, sequence)),
            payload: Bytes::from(payload),
        };
        if !self.services.contains_key(service) {
            self.log.ensure_stream(service).await?;
            let publisher = OrderedPublisher::new(self.log.clone(), service);
            self.services.insert(service.to_owned(), ServiceImport { publisher, batch: Vec::new() });
        }
        if let Some(import) = self.services.get_mut(service) {
            import.batch.push(Numbered { sequence, message });
        }
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
}
