//! The bytes of an event: parsed once, its envelope read with the rules of `prejoin_envelope::EventHead`.

use prejoin_envelope::EventHead;
use sonic_rs::{Deserializer, JsonContainerTrait, JsonValueTrait, Value as Node};

/// How deep arrays and objects may lie in one another.
const DEPTH_MAX: usize = 128;

/// Parses a payload; or says why it is not JSON.
pub(crate) fn parse(payload: &[u8]) -> Result<Node, String> {
    let text = std::str::from_utf8(payload).map_err(|error| {
        head_error(payload)
            .unwrap_or_else(|| format!("not JSON: after {} bytes it is not UTF-8", error.valid_up_to()))
    })?;
    if is_deeper_than(text.as_bytes(), DEPTH_MAX) {
        return Err(format!("not JSON that can be read: it lies more than {DEPTH_MAX} levels deep"));
    }
    let mut parser = Deserializer::from_str(text).use_rawnumber();
    let parsed = parser.deserialize::<Node>().and_then(|root| parser.end().map(|()| root));
    parsed.map_err(|error| {
        // The parser's text goes on with an excerpt.
        let detail = error.to_string();
        let detail = detail.lines().next().unwrap_or("");
        head_error(payload).unwrap_or_else(|| format!("not JSON: {detail}"))
    })
}

fn is_deeper_than(text: &[u8], limit: usize) -> bool {
    // `[` and `{` differ in one bit. This count is an upper bound of the depth, and fast: what a byte can count to is
    // counted in bytes.
    let opened_in = |part: &[u8]| part.iter().map(|&byte| u8::from(byte | 0x20 == b'{')).sum::<u8>();
    let opened: usize = text.chunks(usize::from(u8::MAX)).map(|part| usize::from(opened_in(part))).sum();
    opened > limit && depth(text) > limit
}

fn depth(text: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for &byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The attributes of an event and its data, as far as they can be read.
#[derive(Debug, Default)]
pub(crate) struct Envelope<'n> {
    specversion: Option<&'n str>,
    pub(crate) id: Option<&'n str>,
    pub(crate) source: Option<&'n str>,
    pub(crate) kind: Option<&'n str>,
    pub(crate) subject: Option<&'n str>,
    pub(crate) time: Option<&'n str>,
    pub(crate) sequence: Option<u64>,
    pub(crate) data: Option<&'n Node>,
    /// An attribute stands twice, or is of another type than it should be.
    malformed: bool,
}

impl<'n> Envelope<'n> {
    pub(crate) fn read(root: &'n Node) -> Self {
        let mut envelope = Envelope::default();
        let Some(members) = root.as_object() else {
            return Envelope { malformed: true, ..envelope };
        };
        let mut has_sequence = false;
        for (name, value) in members.iter() {
            let malformed = match name {
                "specversion" => required(&mut envelope.specversion, value),
                "id" => required(&mut envelope.id, value),
                "source" => required(&mut envelope.source, value),
                "type" => required(&mut envelope.kind, value),
                "subject" => optional(&mut envelope.subject, value),
                "time" => optional(&mut envelope.time, value),
                "sequence" => {
                    envelope.sequence = usable_sequence(value);
                    std::mem::replace(&mut has_sequence, true)
                }
                "data" => {
                    envelope.data = Some(value);
                    false
                }
                _ => false,
            };
            envelope.malformed |= malformed;
        }
        envelope
    }

    pub(crate) fn of_head(head: &'n EventHead) -> Self {
        Envelope {
            specversion: Some(&head.specversion),
            id: Some(&head.id),
            source: Some(&head.source),
            kind: Some(&head.kind),
            subject: head.subject.as_deref(),
            time: head.time.as_deref(),
            sequence: head.sequence,
            ..Envelope::default()
        }
    }

    fn is_sound(&self) -> bool {
        let filled = |value: Option<&str>| value.is_some_and(|value| !value.is_empty());
        !self.malformed
            && self.specversion == Some("1.0")
            && filled(self.id)
            && filled(self.source)
            && filled(self.kind)
    }

    /// The event's number. Whoever reads the log judges messages by it before they come here, so what is malformed
    /// has the one that everybody reads in it.
    pub(crate) fn number(&self, payload: &[u8]) -> Option<u64> {
        if self.is_sound() { self.sequence } else { EventHead::sequence_of(payload) }
    }

    /// What is wrong with the envelope, in the words of `EventHead`; nothing if all is well.
    pub(crate) fn refusal(&self, payload: &[u8]) -> Option<String> {
        if self.is_sound() {
            return None;
        }
        Some(head_error(payload).unwrap_or_else(|| {
            "not a CloudEvents object: it takes the attributes specversion, id, source and type, each once".into()
        }))
    }
}

/// Fills the slot; whether the attribute is not as it should be.
fn required<'n>(slot: &mut Option<&'n str>, value: &'n Node) -> bool {
    let text = value.as_str();
    slot.replace(text.unwrap_or_default()).is_some() || text.is_none()
}

fn optional<'n>(slot: &mut Option<&'n str>, value: &'n Node) -> bool {
    let repeated = slot.is_some();
    *slot = value.as_str();
    repeated || (slot.is_none() && !value.is_null())
}

/// A sequence from a JSON number or a string of digits; nothing if it is 0, no whole number, or too great.
fn usable_sequence(value: &Node) -> Option<u64> {
    let positive = |digits: &str| {
        let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|&sequence: &u64| all_digits && sequence > 0)
    };
    match value.as_str() {
        Some(text) => positive(text),
        None => positive(value.as_raw_number()?.as_str()),
    }
}

fn head_error(payload: &[u8]) -> Option<String> {
    EventHead::parse(payload).err().map(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_depth_counts_not_brackets_in_strings() {
        assert_eq!(depth(br#"{"a":["[[[[\"[[",{}]}"#), 3);
        assert!(!is_deeper_than("[]".repeat(200).as_bytes(), 128));
        assert!(is_deeper_than("[".repeat(129).as_bytes(), 128));
        assert!(parse(format!("{}1{}", "[".repeat(128), "]".repeat(128)).as_bytes()).is_ok());
        assert!(parse("[".repeat(1_000_000).as_bytes()).unwrap_err().contains("128 levels"));
    }

    /// Where both readers accept an event they see the same head, and they refuse the same with the same words.
    #[test]
    fn the_envelope_is_read_as_event_head_reads_it() {
        let required = r#""specversion":"1.0","id":"a","source":"/s","type":"s.k.v1""#;
        let mut payloads: Vec<String> = [
            "7",
            "\"7\"",
            "0",
            "-1",
            "1.5",
            "\"\"",
            "\"x\"",
            "null",
            "[1]",
            "{}",
            "18446744073709551615",
            "18446744073709551616",
            "\"007\"",
            "true",
            "\"+7\"",
        ]
        .iter()
        .map(|sequence| format!(r#"{{{required},"sequence":{sequence},"data":{{"sequence":9}}}}"#))
        .collect();
        payloads.extend([
            format!("{{{required}}}"),
            format!(r#"{{{required},"subject":null,"time":null}}"#),
            format!(r#"{{{required},"subject":"x","time":"y"}}"#),
            format!(r#"{{{required},"subject":7}}"#),
            format!(r#"{{{required},"id":"b"}}"#),
            format!(r#"{{{required},"data":1,"data":2}}"#),
            r#"{"specversion":"1.0","id":"a","source":"/s"}"#.into(),
            r#"{"specversion":"0.3","id":"a","source":"/s","type":"t"}"#.into(),
            r#"{"specversion":"1.0","id":"","source":"/s","type":"t"}"#.into(),
            r#"{"specversion":"1.0","id":null,"source":"/s","type":"t"}"#.into(),
            r#"{"specversion":1.0,"id":"a","source":"/s","type":"t"}"#.into(),
            "[1]".into(),
            "{".into(),
            "".into(),
            "null".into(),
            "{} x".into(),
        ]);
        for payload in &payloads {
            let head = EventHead::parse(payload.as_bytes());
            let root = parse(payload.as_bytes());
            let envelope = root.as_ref().map(Envelope::read);
            let refusal = match &envelope {
                Ok(envelope) => envelope.refusal(payload.as_bytes()),
                Err(reason) => Some((*reason).clone()),
            };
            assert_eq!(refusal, head.as_ref().err().map(ToString::to_string), "{payload}");
            if let (Ok(head), Ok(envelope)) = (&head, &envelope) {
                assert_eq!(envelope.sequence, head.sequence, "{payload}");
                assert_eq!((envelope.id, envelope.kind), (Some(&*head.id), Some(&*head.kind)), "{payload}");
                assert_eq!(envelope.subject, head.subject.as_deref(), "{payload}");
                assert_eq!(envelope.time, head.time.as_deref(), "{payload}");
            }
        }
    }
}
