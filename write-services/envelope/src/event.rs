//! A CloudEvents 1.0 object, read from and written to structured JSON.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use thiserror::Error;

/// What is wrong with an envelope, in words for the person who sent it.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum EnvelopeError {
    #[error("not JSON: {0}")]
    NotJson(String),
    #[error("not a CloudEvents object: {0}")]
    NotAnEvent(String),
    #[error("specversion is {0:?}; only CloudEvents \"1.0\" is understood")]
    SpecVersion(String),
    #[error("the attribute {0:?} is empty; CloudEvents wants a non-empty string")]
    Empty(&'static str),
}

/// The attributes of an event without its data: what routing, numbering and parking need.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(expecting = "an object")]
pub struct EventHead {
    pub specversion: String,
    pub id: String,
    pub source: String,
    #[serde(rename = "type")]
    pub kind: String,
    /// The entity key within its service; events of one entity stay in order.
    #[serde(default)]
    pub subject: Option<String>,
    /// RFC 3339, as the sender wrote it.
    #[serde(default)]
    pub time: Option<String>,
    /// Dense per service: 1, 2, 3 … Read from a JSON number or a string of digits; absent when missing or unusable.
    #[serde(default, deserialize_with = "usable_sequence")]
    pub sequence: Option<u64>,
}

impl EventHead {
    /// Reads the attributes and checks those that CloudEvents requires.
    pub fn parse(payload: &[u8]) -> Result<Self, EnvelopeError> {
        let head: EventHead = serde_json::from_slice(payload).map_err(json_error)?;
        if !is_object(payload) {
            return Err(EnvelopeError::NotAnEvent("it is a JSON array, not an object".to_owned()));
        }
        head.check()?;
        Ok(head)
    }

    /// The sequence of a message, also where its other attributes are not as they should be: an event that cannot be
    /// applied still has its place among its service's events.
    pub fn sequence_of(payload: &[u8]) -> Option<u64> {
        let number: Number = serde_json::from_slice(payload).ok()?;
        number.sequence.filter(|_| is_object(payload))
    }

    fn check(&self) -> Result<(), EnvelopeError> {
        if self.specversion != "1.0" {
            return Err(EnvelopeError::SpecVersion(self.specversion.clone()));
        }
        for (name, value) in [("id", &self.id), ("source", &self.source), ("type", &self.kind)] {
            if value.is_empty() {
                return Err(EnvelopeError::Empty(name));
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Number {
    #[serde(default, deserialize_with = "usable_sequence")]
    sequence: Option<u64>,
}

/// Told from an array, whose elements would be taken for attributes.
fn is_object(payload: &[u8]) -> bool {
    payload.trim_ascii_start().starts_with(b"{")
}

/// An event to be written, with its data as JSON text that is passed on as it is.
#[derive(Debug, Clone)]
pub struct Event {
    pub id: String,
    pub source: String,
    pub kind: String,
    pub subject: String,
    /// RFC 3339.
    pub time: String,
    pub sequence: u64,
    pub data: Box<RawValue>,
}

#[derive(Serialize)]
struct Wire<'a> {
    specversion: &'static str,
    id: &'a str,
    source: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    subject: &'a str,
    time: &'a str,
    /// A string, as the CloudEvents `sequence` extension defines it: JSON numbers end at 2^53 for many readers.
    sequence: String,
    datacontenttype: &'static str,
    data: &'a RawValue,
}

impl Event {
    /// The structured JSON that goes into the event log.
    pub fn to_json(&self) -> Vec<u8> {
        let wire = Wire {
            specversion: "1.0",
            id: &self.id,
            source: &self.source,
            kind: &self.kind,
            subject: &self.subject,
            time: &self.time,
            sequence: self.sequence.to_string(),
            datacontenttype: "application/json",
            data: &self.data,
        };
        serde_json::to_vec(&wire).expect("strings and checked JSON always serialize")
    }
}

fn json_error(error: serde_json::Error) -> EnvelopeError {
    match error.classify() {
        serde_json::error::Category::Data => EnvelopeError::NotAnEvent(error.to_string()),
        _ => EnvelopeError::NotJson(error.to_string()),
    }
}

fn usable_sequence<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let raw = Option::<&RawValue>::deserialize(deserializer)?;
    Ok(raw.and_then(|raw| {
        let text = raw.get().trim_matches('"');
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|&sequence: &u64| digits && sequence > 0)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(sequence: &str) -> Result<EventHead, EnvelopeError> {
        EventHead::parse(
            format!(r#"{{"specversion":"1.0","id":"a","source":"/s","type":"s.k.v1","sequence":{sequence},"data":{{"sequence":9}}}}"#)
                .as_bytes(),
        )
    }

    #[test]
    fn sequence_is_read_from_numbers_and_digits_only() {
        for (text, expected) in [
            ("7", Some(7)),
            ("\"7\"", Some(7)),
            ("\"18446744073709551615\"", Some(u64::MAX)),
            ("0", None),
            ("-1", None),
            ("1.5", None),
            ("\"\"", None),
            ("null", None),
            ("[1]", None),
            ("18446744073709551616", None),
        ] {
            assert_eq!(head(text).unwrap().sequence, expected, "{text}");
        }
    }

    #[test]
    fn a_sequence_is_read_from_a_broken_envelope_too() {
        for (text, expected) in [
            (r#"{"sequence":"7"}"#, Some(7)),
            (r#"{"id":1,"id":2,"sequence":7,"data":{"sequence":9}}"#, Some(7)),
            (r#"{"sequence":"7","sequence":"8"}"#, None),
            (r#"{"sequence":"7""#, None),
            (r#"["7"]"#, None),
            ("{}", None),
            ("", None),
        ] {
            assert_eq!(EventHead::sequence_of(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn written_events_are_read_back() {
        let event = Event {
            id: "i".into(),
            source: "/orders".into(),
            kind: "orders.paid.v1".into(),
            subject: "10248".into(),
            time: "2026-01-01T00:00:00Z".into(),
            sequence: 3,
            data: RawValue::from_string("{\"n\":1.10}".into()).unwrap(),
        };
        let head = EventHead::parse(&event.to_json()).unwrap();
        assert_eq!((head.sequence, head.subject.as_deref()), (Some(3), Some("10248")));
        assert!(String::from_utf8(event.to_json()).unwrap().contains("{\"n\":1.10}"));
    }

    #[test]
    fn broken_envelopes_say_what_is_wrong() {
        let parse = |text: &str| EventHead::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(parse("{").starts_with("not JSON"));
        assert!(parse("[1]").starts_with("not a CloudEvents object"));
        assert!(
            parse("7").starts_with("not a CloudEvents object: invalid type: integer `7`, expected an object")
        );
        assert!(parse(r#"["1.0","a","/s","t"]"#).starts_with("not a CloudEvents object"));
        assert!(parse(r#"{"specversion":"1.0","id":"a","source":"/s"}"#).contains("type"));
        assert!(parse(r#"{"specversion":"0.3","id":"a","source":"/s","type":"t"}"#).contains("0.3"));
        assert!(parse(r#"{"specversion":"1.0","id":"","source":"/s","type":"t"}"#).contains("\"id\""));
    }
}
