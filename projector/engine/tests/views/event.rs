//! One line of a step to a message of the log: `users.registered u1 {name: "Ada"}`.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use prejoin_engine::Incoming;
use prejoin_envelope::Event;
use serde_json::value::RawValue;

/// When every event happened that does not say so.
const TIME: &str = "2026-01-01T12:00:00Z";

/// In the type of an event that no contract mentions.
const UNMENTIONED: &str = ".unmentioned";

/// A message with its service.
#[derive(Debug, Clone)]
pub(crate) struct Message(pub(crate) Incoming);

impl Message {
    pub(crate) fn service(&self) -> &Arc<str> {
        &self.0.service
    }

    /// Whether it is meant to be an event that no contract mentions: a misspelt one would test nothing.
    pub(crate) fn is_unmentioned(&self) -> bool {
        self.0.payload.windows(UNMENTIONED.len()).any(|window| window == UNMENTIONED.as_bytes())
    }
}

/// Counts each service's events and messages.
#[derive(Default)]
pub(crate) struct Numbers {
    events: BTreeMap<String, u64>,
    messages: BTreeMap<String, u64>,
}

impl Numbers {
    /// `service.kind[.vN] subject [@time] [{data}]`, or `raw service payload`: a message as it is, outside of the
    /// numbering.
    pub(crate) fn message(&mut self, line: &str) -> Message {
        if let Some(raw) = line.strip_prefix("raw ") {
            let (service, payload) = raw.split_once(' ').unwrap_or((raw, ""));
            return self.incoming(service, payload.as_bytes().to_vec());
        }
        let (kind, rest) = line.split_once(' ').unwrap_or_else(|| panic!("no subject: {line}"));
        let (subject, rest) = subject(rest.trim_start());
        let (time, data) = match rest.strip_prefix('@') {
            Some(rest) => rest.split_once(' ').unwrap_or((rest, "")),
            None => (TIME, rest),
        };
        let data = if data.trim().is_empty() { "{}".to_owned() } else { quote_names(data.trim()) };
        let service = kind.split_once('.').unwrap_or_else(|| panic!("no kind: {line}")).0;
        let sequence = self.events.entry(service.to_owned()).or_default();
        *sequence += 1;
        let event = Event {
            id: format!("{service}-{sequence}"),
            source: format!("/{service}"),
            kind: versioned(kind),
            subject,
            time: time.to_owned(),
            sequence: *sequence,
            data: RawValue::from_string(data).unwrap_or_else(|error| panic!("{error}: {line}")),
        };
        self.incoming(service, event.to_json())
    }

    /// A CloudEvent as JSON, which gets the next number of its service.
    pub(crate) fn cloud_event(&mut self, json: &str) -> Message {
        let mut event: serde_json::Map<String, serde_json::Value> = serde_json::from_str(json).unwrap();
        let kind = event["type"].as_str().unwrap();
        let service = kind.split_once('.').unwrap().0.to_owned();
        let sequence = self.events.entry(service.clone()).or_default();
        *sequence += 1;
        event.insert("sequence".to_owned(), sequence.to_string().into());
        self.incoming(&service, serde_json::to_vec(&event).unwrap())
    }

    fn incoming(&mut self, service: &str, payload: Vec<u8>) -> Message {
        let stream_sequence = self.messages.entry(service.to_owned()).or_default();
        *stream_sequence += 1;
        Message(Incoming {
            service: service.into(),
            stream_sequence: *stream_sequence,
            message_id: None,
            payload_hash: 0,
            payload: Bytes::from(payload),
        })
    }
}

/// A word, or a JSON string if it is more than a word.
fn subject(text: &str) -> (String, &str) {
    if !text.starts_with('"') {
        let (subject, rest) = text.split_once(' ').unwrap_or((text, ""));
        return (subject.to_owned(), rest.trim_start());
    }
    let end = string_end(text);
    (serde_json::from_str(&text[..end]).unwrap(), text[end..].trim_start())
}

/// Version 1 is understood.
fn versioned(kind: &str) -> String {
    let last = kind.rsplit('.').next().unwrap_or_default();
    let digits = last.strip_prefix('v').unwrap_or_default();
    match !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        true => kind.to_owned(),
        false => format!("{kind}.v1"),
    }
}

/// JSON whose members' names may be bare words: `{name: "Ada"}`.
fn quote_names(text: &str) -> String {
    let mut quoted = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let end = match first {
            '"' => string_end(rest),
            first if is_word(first) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            first => first.len_utf8(),
        };
        let (part, after) = rest.split_at(end);
        let names = is_word(first) && after.trim_start().starts_with(':');
        quoted.push_str(&if names { format!("\"{part}\"") } else { part.to_owned() });
        rest = after;
    }
    quoted
}

/// The length of the JSON string that the text begins with.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|&(_, c)| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    end.unwrap_or_else(|| panic!("a string without end: {text}")).0 + 1
}
