//! Read a file before anything of it is published: every line must be an event that the log can take.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, bail};
use prejoin_envelope::{EventHead, service_of_type};
use prejoin_event_log::{EventLog, PAYLOAD_BYTES_MAX};
use serde_json::value::RawValue;

use super::numbering::{Number, Numbering};

/// Problems shown before the rest is only counted.
const PROBLEMS_SHOWN: usize = 20;

/// Reads every line; returns how many there are, or everything that is wrong with them.
pub(super) async fn check_file(log: &dyn EventLog, path: &Path) -> anyhow::Result<u64> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("cannot open {shown}"))?;
    let mut reader = BufReader::new(file);
    let (mut number, mut line) = (0_u64, Vec::new());
    let mut problems = Problems::default();
    let mut numbers = Numbers::default();
    while tokio::task::block_in_place(|| reader.read_until(b'\n', &mut line))
        .with_context(|| format!("cannot read {shown}"))?
        > 0
    {
        number += 1;
        let text = line.trim_ascii();
        if !text.is_empty() {
            let checked = match check_line(text) {
                Ok(head) => numbers.check(log, &head).await?,
                Err(reason) => Err(reason),
            };
            if let Err(reason) = checked {
                problems.add(format!("{shown}:{number}: {reason}"));
            }
        }
        line.clear();
    }
    problems.into_result()?;
    Ok(number)
}

#[derive(Default)]
struct Problems {
    shown: Vec<String>,
    more: u64,
}

impl Problems {
    fn add(&mut self, problem: String) {
        match self.shown.len() < PROBLEMS_SHOWN {
            true => self.shown.push(problem),
            false => self.more += 1,
        }
    }

    fn into_result(mut self) -> anyhow::Result<()> {
        if self.more > 0 {
            self.shown.push(format!("… and {} more", self.more));
        }
        if self.shown.is_empty() {
            return Ok(());
        }
        bail!("{}\nNothing was imported. Mend these lines and import the file again", self.shown.join("\n"))
    }
}

/// Whether each service's sequences follow one another. After the first that does not, nothing can be said of its others.
#[derive(Default)]
struct Numbers {
    numbering: Numbering,
    broken: BTreeSet<String>,
}

impl Numbers {
    async fn check(&mut self, log: &dyn EventLog, head: &EventHead) -> anyhow::Result<Result<(), String>> {
        let service = service_of_type(&head.kind);
        if self.broken.contains(service) {
            return Ok(Ok(()));
        }
        match self.numbering.number(log, head).await? {
            Number::Known | Number::Next(_) => Ok(Ok(())),
            Number::Refused(reason) => {
                self.broken.insert(service.to_owned());
                Ok(Err(reason))
            }
        }
    }
}

/// The head of an event that the log can take, or why it is none.
fn check_line(line: &[u8]) -> Result<EventHead, String> {
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
    Ok(head)
}

fn has_sequence(line: &[u8]) -> bool {
    serde_json::from_slice::<BTreeMap<String, &RawValue>>(line)
        .is_ok_and(|event| event.contains_key("sequence"))
}

#[cfg(test)]
mod tests {
    use super::*;

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
