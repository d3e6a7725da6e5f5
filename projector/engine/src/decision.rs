//! A decision on a dead letter, as an event of the service `prejoin` carries it: what the letter is called, and the
//! form of the event's `data`, version 1.

use std::fmt;
use std::str::FromStr;

use prejoin_contract::DECISIONS_SERVICE;
use prejoin_envelope::service_of_type;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

/// Which number names a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbered {
    /// The event's sequence in its service.
    BySequence(u64),
    /// The log's stream sequence: the message has no usable sequence, so it is outside of the service's events.
    ByStream(u64),
}

impl Numbered {
    pub(crate) fn number(self) -> i64 {
        let (Numbered::BySequence(number) | Numbered::ByStream(number)) = self;
        i64::try_from(number).unwrap_or(i64::MAX)
    }

    /// The word that tables have for it.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Numbered::BySequence(_) => "sequence",
            Numbered::ByStream(_) => "stream",
        }
    }
}

/// What a dead letter is called: `orders-831` by the event's sequence, `orders@57` by the stream sequence of a message
/// without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterId {
    pub service: String,
    pub numbered: Numbered,
}

impl fmt::Display for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.numbered {
            Numbered::BySequence(number) => write!(f, "{}-{number}", self.service),
            Numbered::ByStream(number) => write!(f, "{}@{number}", self.service),
        }
    }
}

impl FromStr for LetterId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} names no dead letter: write service-sequence, such as orders-831, or service@stream sequence for a message without a sequence, such as orders@57"
            )
        };
        let at = text.rfind(['-', '@']).ok_or_else(wrong)?;
        let (service, number) = (&text[..at], number(&text[at + 1..]).ok_or_else(wrong)?);
        if !is_service(service) {
            return Err(wrong());
        }
        let numbered = match text.as_bytes()[at] {
            b'-' => Numbered::BySequence(number),
            _ => Numbered::ByStream(number),
        };
        Ok(LetterId { service: service.to_owned(), numbered })
    }
}

/// Tells a dead letter's message from any other: 32 hexadecimal digits of its SHA-256.
pub fn digest_of(payload: &[u8]) -> String {
    Sha256::digest(payload)[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is to become of a dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// It is looked at again.
    Retry,
    /// Another event is folded in its place: a whole CloudEvents object.
    Amend { event: String },
    /// It is passed over.
    Discard { reason: String },
}

impl Choice {
    pub fn kind(&self) -> &'static str {
        match self {
            Choice::Retry => "retry",
            Choice::Amend { .. } => "amend",
            Choice::Discard { .. } => "discard",
        }
    }

    /// The event's `type`.
    pub fn event_type(&self) -> String {
        format!("{DECISIONS_SERVICE}.{}.v1", self.kind())
    }
}

/// A decision, with the digest of the message that it is about: under the letter's name there could be another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub letter: LetterId,
    pub digest: String,
    pub choice: Choice,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

#[derive(Serialize, Deserialize)]
struct Data {
    service: String,
    /// Of the event; a string, as in the envelope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sequence: Option<String>,
    /// Of a message that has no sequence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stream_sequence: Option<String>,
    digest: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event: Option<Box<RawValue>>,
}

impl Decision {
    /// Reads the message of a decision; nothing if it is of a type that is not known. Or says what is wrong with it.
    pub fn parse(payload: &[u8]) -> Result<Option<Decision>, String> {
        let message: Message<'_> = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
        let kind = message.kind.strip_suffix(".v1").and_then(|kind| kind.split_once('.'));
        let Some((_, kind @ ("retry" | "amend" | "discard"))) = kind else { return Ok(None) };
        if service_of_type(&message.kind) != DECISIONS_SERVICE {
            return Ok(None);
        }
        let data = message.data.ok_or("it has no data")?;
        let data: Data = serde_json::from_str(data.get()).map_err(|error| format!("its data: {error}"))?;
        let letter = letter(&data)?;
        if data.digest.len() != 32 || !data.digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("its digest is not 32 hexadecimal digits".to_owned());
        }
        let choice = match (kind, data.event, data.reason) {
            ("retry", ..) => Choice::Retry,
            ("amend", Some(event), _) if event.get().starts_with('{') => {
                Choice::Amend { event: event.get().to_owned() }
            }
            ("amend", ..) => return Err("it amends without an object in event".to_owned()),
            (_, _, Some(reason)) if !reason.trim().is_empty() && !reason.contains('\0') => {
                Choice::Discard { reason }
            }
            _ => return Err("it discards without a reason".to_owned()),
        };
        Ok(Some(Decision { letter, digest: data.digest, choice }))
    }

    /// The `data` of the event that carries this decision.
    pub fn to_data(&self) -> Result<Box<RawValue>, serde_json::Error> {
        let (sequence, stream_sequence) = match self.letter.numbered {
            Numbered::BySequence(number) => (Some(number.to_string()), None),
            Numbered::ByStream(number) => (None, Some(number.to_string())),
        };
        let (reason, event) = match &self.choice {
            Choice::Retry => (None, None),
            Choice::Amend { event } => (None, Some(RawValue::from_string(event.trim().to_owned())?)),
            Choice::Discard { reason } => (Some(reason.clone()), None),
        };
        let data = Data {
            service: self.letter.service.clone(),
            sequence,
            stream_sequence,
            digest: self.digest.clone(),
            reason,
            event,
        };
        serde_json::value::to_raw_value(&data)
    }
}

fn letter(data: &Data) -> Result<LetterId, String> {
    if !is_service(&data.service) {
        return Err(format!("{:?} is not the name of a service", data.service));
    }
    let numbered = match (&data.sequence, &data.stream_sequence) {
        (Some(sequence), None) => number(sequence).map(Numbered::BySequence),
        (None, Some(sequence)) => number(sequence).map(Numbered::ByStream),
        _ => None,
    };
    let numbered = numbered
        .ok_or("it names no event: it takes either sequence or stream_sequence, a whole number from 1")?;
    Ok(LetterId { service: data.service.clone(), numbered })
}

fn is_service(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    !name.is_empty() && name.len() <= 63 && name.bytes().all(plain)
}

/// A whole number from 1 that tables can hold.
fn number(digits: &str) -> Option<u64> {
    let number: i64 = digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    u64::try_from(number).ok().filter(|&number| number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: &str, data: &str) -> String {
        format!(r#"{{"specversion":"1.0","id":"a","source":"/o","type":"{kind}","data":{data}}}"#)
    }

    #[test]
    fn written_decisions_are_read_back() {
        let digest = digest_of(b"x");
        for choice in [
            Choice::Retry,
            Choice::Amend { event: r#"{"a":1.10}"#.to_owned() },
            Choice::Discard { reason: "noise".to_owned() },
        ] {
            for name in ["orders-831", "orders@57"] {
                let letter: LetterId = name.parse().unwrap();
                assert_eq!(letter.to_string(), name);
                let decision = Decision { letter, digest: digest.clone(), choice: choice.clone() };
                let written = message(&choice.event_type(), decision.to_data().unwrap().get());
                assert_eq!(Decision::parse(written.as_bytes()), Ok(Some(decision)));
            }
        }
    }

    #[test]
    fn what_is_no_decision_says_why() {
        let digest = digest_of(b"x");
        for (kind, data, expected) in [
            ("prejoin.retry.v1", "7".to_owned(), "its data"),
            ("prejoin.retry.v1", "null".to_owned(), "no data"),
            ("prejoin.retry.v1", format!(r#"{{"service":"orders","digest":"{digest}"}}"#), "names no event"),
            (
                "prejoin.retry.v1",
                format!(r#"{{"service":"o","sequence":"0","digest":"{digest}"}}"#),
                "names no event",
            ),
            (
                "prejoin.retry.v1",
                format!(r#"{{"service":"O","sequence":"1","digest":"{digest}"}}"#),
                "not the name",
            ),
            ("prejoin.retry.v1", r#"{"service":"o","sequence":"1","digest":"x"}"#.to_owned(), "digest"),
            (
                "prejoin.discard.v1",
                format!(r#"{{"service":"o","sequence":"1","digest":"{digest}"}}"#),
                "reason",
            ),
            (
                "prejoin.amend.v1",
                format!(r#"{{"service":"o","sequence":"1","digest":"{digest}","event":[]}}"#),
                "object",
            ),
        ] {
            let reason = Decision::parse(message(kind, &data).as_bytes()).unwrap_err();
            assert!(reason.contains(expected), "{data}: {reason}");
        }
        for kind in ["prejoin.retry.v2", "prejoin.doubt.v1", "orders.retry.v1"] {
            assert_eq!(Decision::parse(message(kind, "{}").as_bytes()), Ok(None), "{kind}");
        }
    }

    #[test]
    fn names_that_are_none_are_refused() {
        for text in
            ["", "orders", "orders-", "orders-0", "orders-x", "-1", "Orders-1", "orders-+1", "orders@1@"]
        {
            assert!(text.parse::<LetterId>().is_err(), "{text}");
        }
    }
}
