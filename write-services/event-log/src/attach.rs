//! Compare the log with what was processed, before reading goes on: when a reader attaches and after every reconnect.
//!
//! `decide` is a pure function of the stored position and of facts about the log. The verifier then judges the
//! messages that follow, one by one. Neither ever skips an event or moves a position to where the log happens to be.

use prejoin_envelope::EventHead;

use crate::identity::{ids_agree, payload_hash};
use crate::port::{Bounds, EventLog, LogError, LogReader, Message};
use crate::tail::tail;

/// What a reader stores together with the state that it derived: the last numbered message it has processed.
///
/// Messages without a usable sequence do not count: the position stays at the last message that has one, and such
/// messages after it are seen again (they are known by their stream sequence).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Processed {
    /// The event's own dense sequence, or the stream sequence when events have none. 0: nothing processed yet.
    pub sequence: u64,
    /// Where the message lay in the stream. With a dense sequence only a hint.
    pub stream_sequence: u64,
    pub message_id: Option<String>,
    /// `payload_hash` of its payload.
    pub payload_hash: u64,
    /// Whether the service numbers its events itself; otherwise the stream sequence serves as sequence.
    pub dense: bool,
}

impl Processed {
    /// Nothing processed yet.
    pub fn nothing(dense: bool) -> Self {
        Processed { sequence: 0, stream_sequence: 0, message_id: None, payload_hash: 0, dense }
    }

    /// Whether this is the message that was processed last, wherever it lies.
    fn is(&self, message: &Message) -> bool {
        ids_agree(self.message_id.as_deref(), message.message_id.as_deref())
            && self.payload_hash == payload_hash(&message.payload)
    }
}

/// What the log says about a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    pub bounds: Bounds,
    /// The message at the position's stream sequence, if retained.
    pub at_position: Option<Message>,
    /// The dense sequence of the last numbered event, 0 if there is none. Looked at only when the message at the
    /// position is not the one processed.
    pub log_last: u64,
}

/// How to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attachment {
    /// The log continues what was processed: read after this stream sequence.
    ReadAfter(u64),
    /// The stream was renumbered: read from the first retained message; the verifier drops what is applied already.
    Rescan,
    /// The log is shorter than what was processed. Attach again every so often; the text says what for.
    Wait(String),
    /// The log contradicts what was processed, or no longer holds what comes next. A person must decide.
    Refuse(String),
}

/// Compares the log with what was processed. Pure.
pub fn decide(service: &str, processed: &Processed, facts: &Facts) -> Attachment {
    if processed.dense {
        decide_dense(service, processed, facts)
    } else {
        decide_by_stream(service, processed, facts)
    }
}

fn decide_dense(service: &str, processed: &Processed, facts: &Facts) -> Attachment {
    if processed.sequence == 0 {
        // The verifier refuses the first event if it is not number 1.
        return Attachment::ReadAfter(0);
    }
    match &facts.at_position {
        Some(message) if processed.is(message) => Attachment::ReadAfter(processed.stream_sequence),
        // Everything was removed by the retention limits, and nothing came since.
        None if empty(facts.bounds) && facts.bounds.last == processed.stream_sequence => {
            Attachment::ReadAfter(processed.stream_sequence)
        }
        _ if facts.log_last < processed.sequence => Attachment::Wait(format!(
            "{service} was processed up to {}, but the event log ends at {}: waiting for the service to publish the missing events again",
            processed.sequence, facts.log_last
        )),
        _ => Attachment::Rescan,
    }
}

fn decide_by_stream(service: &str, processed: &Processed, facts: &Facts) -> Attachment {
    let (position, Bounds { first, last }) = (processed.stream_sequence, facts.bounds);
    if position > last {
        return Attachment::Refuse(format!(
            "the stream of {service} ends at {last}, but it was processed up to {position}: it lost messages or was made anew, and its events carry no sequence by which they could be recognised. Restore the stream, or rebuild what was derived from it"
        ));
    }
    if position + 1 < first && !(empty(facts.bounds) && position == last) {
        return Attachment::Refuse(format!(
            "the stream of {service} keeps messages from {first} on, but {} is the next one to be processed: it is no longer retained. Restore the stream, or rebuild from a history that is complete",
            position + 1
        ));
    }
    match &facts.at_position {
        Some(message) if position > 0 && !processed.is(message) => Attachment::Refuse(format!(
            "the stream of {service} holds another message at {position} (id {}) than the one that was processed (id {}): it was made anew, and its events carry no sequence by which they could be recognised",
            message.message_id.as_deref().unwrap_or("none"),
            processed.message_id.as_deref().unwrap_or("none"),
        )),
        _ => Attachment::ReadAfter(position),
    }
}

fn empty(bounds: Bounds) -> bool {
    bounds.first > bounds.last
}

/// Gathers the facts from the log and decides.
pub async fn attach(
    log: &dyn EventLog,
    service: &str,
    processed: &Processed,
) -> Result<Attachment, LogError> {
    let bounds = match log.bounds(service).await {
        Err(LogError::NoStream { .. }) => return Ok(no_stream(service, processed)),
        bounds => bounds?,
    };
    let position = processed.stream_sequence;
    let at_position = match position {
        1.. if position >= bounds.first && position <= bounds.last => log.get(service, position).await?,
        _ => None,
    };
    let continues = at_position.as_ref().is_some_and(|message| processed.is(message));
    let log_last = match continues || !processed.dense || processed.sequence == 0 {
        true => 0,
        false => tail(log, service).await?.sequence(),
    };
    Ok(decide(service, processed, &Facts { bounds, at_position, log_last }))
}

fn no_stream(service: &str, processed: &Processed) -> Attachment {
    match processed {
        Processed { sequence: 0, .. } => {
            Attachment::Wait(format!("the event log has no stream for {service} yet"))
        }
        Processed { dense: true, sequence, .. } => Attachment::Wait(format!(
            "{service} was processed up to {sequence}, but the event log has no stream for it: waiting for the service to publish its events again"
        )),
        Processed { sequence, .. } => Attachment::Refuse(format!(
            "the stream of {service} is gone, but it was processed up to {sequence}, and its events carry no sequence by which they could be recognised"
        )),
    }
}

/// An attached reader, or why there is none.
pub enum Attached {
    /// Read on; pass every message through the verifier.
    Reading {
        reader: Box<dyn LogReader>,
        verifier: Verifier,
    },
    /// Attach again every so often.
    Waiting(String),
    Refused(String),
}

/// Attaches and opens the reader. The comparison is repeated once the reader is open: a stream that is made anew in
/// between ends the reader, so that it cannot go on in another stream than the one compared.
pub async fn attach_and_read(
    log: &dyn EventLog,
    service: &str,
    processed: &Processed,
) -> Result<Attached, LogError> {
    let attachment = attach(log, service, processed).await?;
    let after = match &attachment {
        Attachment::ReadAfter(after) => *after,
        Attachment::Rescan => 0,
        Attachment::Wait(reason) => return Ok(Attached::Waiting(reason.clone())),
        Attachment::Refuse(reason) => return Ok(Attached::Refused(reason.clone())),
    };
    let reader = log.read(service, after).await?;
    if attach(log, service, processed).await? != attachment {
        let detail = "the stream changed while the reader attached".to_owned();
        return Err(LogError::Interrupted { service: service.to_owned(), detail });
    }
    let mut verifier = Verifier::new(service, processed.clone());
    verifier.is_compared = attachment != Attachment::Rescan;
    Ok(Attached::Reading { reader, verifier })
}

/// What to do with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It was applied before.
    Drop,
    /// It is the next one, or has no usable sequence (which parks it under its stream sequence).
    Apply,
    /// It contradicts what was processed, or an event before it is missing; nothing after it may be applied.
    Refuse(String),
}

/// Judges messages in reading order, from a position on.
#[derive(Debug, Clone)]
pub struct Verifier {
    service: String,
    processed: Processed,
    /// The last message passed as `Apply`, if it came after `processed`; the hash is taken only when it is asked for.
    last_applied: Option<(u64, Message)>,
    /// Whether the log is known to continue what was processed.
    is_compared: bool,
}

impl Verifier {
    pub fn new(service: &str, processed: Processed) -> Self {
        Verifier { service: service.to_owned(), processed, last_applied: None, is_compared: true }
    }

    /// Judges a message, reading its sequence from the payload when the service numbers its events.
    pub fn check(&mut self, message: &Message) -> Verdict {
        let sequence = match self.processed.dense {
            true => EventHead::sequence_of(&message.payload),
            false => None,
        };
        self.check_numbered(message, sequence)
    }

    /// The same for a caller that has decoded the event: `sequence` is the event's own, if usable. It is ignored when
    /// the service does not number its events.
    pub fn check_numbered(&mut self, message: &Message, sequence: Option<u64>) -> Verdict {
        let sequence = match self.processed.dense {
            true => sequence,
            false => Some(message.stream_sequence),
        };
        let Some(sequence) = sequence else { return Verdict::Apply };
        let known = self.sequence();
        if sequence > known && sequence - known == 1 {
            self.is_compared = true;
            self.last_applied = Some((sequence, message.clone()));
            return Verdict::Apply;
        }
        if sequence > known {
            return Verdict::Refuse(self.missing(known, sequence, message.stream_sequence));
        }
        if sequence == known && !self.is_last(message) {
            return Verdict::Refuse(self.contradiction(sequence, message));
        }
        if sequence == known && self.last_applied.is_none() {
            self.is_compared = true;
            // Seen again elsewhere: the hint follows, so that the next attachment finds it at once.
            self.processed.stream_sequence = message.stream_sequence;
        }
        Verdict::Drop
    }

    /// Whether the log is known to continue what was processed: at once if the message at the position was found,
    /// after a rescan once the scan has come by it.
    pub fn is_compared(&self) -> bool {
        self.is_compared
    }

    /// The sequence up to which everything was applied.
    pub fn sequence(&self) -> u64 {
        self.last_applied.as_ref().map_or(self.processed.sequence, |(sequence, _)| *sequence)
    }

    /// The position to be stored once every message passed as `Apply` so far is applied.
    pub fn processed(&self) -> Processed {
        match &self.last_applied {
            None => self.processed.clone(),
            Some((sequence, message)) => Processed {
                sequence: *sequence,
                stream_sequence: message.stream_sequence,
                message_id: message.message_id.clone(),
                payload_hash: payload_hash(&message.payload),
                dense: self.processed.dense,
            },
        }
    }

    fn is_last(&self, message: &Message) -> bool {
        match &self.last_applied {
            None => self.processed.is(message),
            Some((_, last)) => {
                last.payload == message.payload
                    && ids_agree(last.message_id.as_deref(), message.message_id.as_deref())
            }
        }
    }

    fn missing(&self, known: u64, sequence: u64, at: u64) -> String {
        let (service, next, before) = (&self.service, known + 1, sequence - 1);
        let missing = match before - next {
            0 => format!("{next} is"),
            _ => format!("{next} to {before} are"),
        };
        format!(
            "{service} {sequence} lies at stream sequence {at}, but {service} {next} is the next one to be processed: {missing} missing or no longer retained. Publish what is missing again, or rebuild from a history that is complete"
        )
    }

    fn contradiction(&self, sequence: u64, message: &Message) -> String {
        let last = self.processed();
        format!(
            "the event log holds another event as {service} {sequence} than the one that was processed: id {} with payload hash {:016x} at stream sequence {}, processed was id {} with payload hash {:016x}. The stream or the service's database is an older or another copy; rebuild from the log if the log is right",
            message.message_id.as_deref().unwrap_or("none"),
            payload_hash(&message.payload),
            message.stream_sequence,
            last.message_id.as_deref().unwrap_or("none"),
            last.payload_hash,
            service = self.service,
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn message(stream_sequence: u64, sequence: Option<u64>, variant: &str) -> Message {
        let sequence = sequence.map_or("null".to_owned(), |sequence| sequence.to_string());
        let payload = format!(
            r#"{{"specversion":"1.0","id":"{sequence}{variant}","source":"/s","type":"s.k","sequence":{sequence}}}"#
        );
        Message {
            stream_sequence,
            subject: "s.k.1".to_owned(),
            message_id: Some(format!("s-{sequence}")),
            payload: payload.into(),
            time: SystemTime::UNIX_EPOCH,
        }
    }

    /// Event 10 was processed, at stream sequence 20 (or 10 where that is the sequence).
    fn processed(dense: bool) -> Processed {
        let stream_sequence = if dense { 20 } else { 10 };
        let Message { message_id, payload, .. } = message(stream_sequence, Some(10), "");
        Processed { sequence: 10, stream_sequence, message_id, payload_hash: payload_hash(&payload), dense }
    }

    fn name(attachment: Attachment) -> String {
        match attachment {
            Attachment::ReadAfter(after) => format!("read after {after}"),
            Attachment::Rescan => "rescan".to_owned(),
            Attachment::Wait(_) => "wait".to_owned(),
            Attachment::Refuse(_) => "refuse".to_owned(),
        }
    }

    #[test]
    fn dense_sequences_decide_and_places_are_hints() {
        let same = || Some(message(20, Some(10), ""));
        let other = || Some(message(20, Some(12), ""));
        for (what, first, last, at_position, log_last, expected) in [
            ("the log continues", 1, 30, same(), 0, "read after 20"),
            ("it ends at the position", 1, 20, same(), 0, "read after 20"),
            ("it lost its tail", 1, 15, None, 7, "wait"),
            ("it was made anew", 1, 0, None, 0, "wait"),
            ("it was refilled in part, others lie there", 1, 25, other(), 9, "wait"),
            ("it was refilled, others lie there", 1, 25, other(), 13, "rescan"),
            ("it was refilled without what had no sequence", 1, 12, None, 12, "rescan"),
            ("it keeps later ones only", 25, 30, None, 15, "rescan"),
            ("all was removed by its limits", 21, 20, None, 0, "read after 20"),
        ] {
            let facts = Facts { bounds: Bounds { first, last }, at_position, log_last };
            assert_eq!(name(decide("s", &processed(true), &facts)), expected, "{what}");
        }
        let facts = Facts { bounds: Bounds { first: 5, last: 9 }, at_position: None, log_last: 9 };
        assert_eq!(name(decide("s", &Processed::nothing(true), &facts)), "read after 0");
    }

    #[test]
    fn without_a_dense_sequence_every_mismatch_is_refused() {
        let same = || Some(message(10, Some(10), ""));
        for (what, first, last, at_position, expected) in [
            ("the log continues", 1, 30, same(), "read after 10"),
            ("it ends at the position", 1, 10, same(), "read after 10"),
            ("the position is the last that was removed", 11, 30, None, "read after 10"),
            ("all was removed by its limits", 11, 10, None, "read after 10"),
            ("it lost its tail", 1, 9, None, "refuse"),
            ("it was made anew", 1, 0, None, "refuse"),
            ("another lies there", 1, 30, Some(message(10, Some(10), "x")), "refuse"),
            ("the next is no longer retained", 12, 30, None, "refuse"),
        ] {
            let facts = Facts { bounds: Bounds { first, last }, at_position, log_last: 0 };
            assert_eq!(name(decide("s", &processed(false), &facts)), expected, "{what}");
        }
        for (first, last, expected) in [(1, 0, "read after 0"), (1, 9, "read after 0"), (3, 9, "refuse")] {
            let facts = Facts { bounds: Bounds { first, last }, at_position: None, log_last: 0 };
            assert_eq!(name(decide("s", &Processed::nothing(false), &facts)), expected, "{first} to {last}");
        }
    }

    #[test]
    fn the_verifier_drops_what_is_applied_and_goes_on_with_the_next() {
        let mut verifier = Verifier::new("s", processed(true));
        assert_eq!(verifier.check(&message(1, Some(9), "")), Verdict::Drop);
        assert_eq!(verifier.check(&message(2, Some(10), "")), Verdict::Drop);
        assert_eq!(
            verifier.processed(),
            Processed { stream_sequence: 2, ..processed(true) },
            "the hint follows"
        );
        assert_eq!(verifier.check(&message(3, None, "")), Verdict::Apply);
        assert_eq!(verifier.sequence(), 10, "no sequence, no advance");
        let eleventh = message(4, Some(11), "");
        assert_eq!(verifier.check(&eleventh), Verdict::Apply);
        let position = verifier.processed();
        assert_eq!((position.sequence, position.stream_sequence), (11, 4));
        assert_eq!(position.payload_hash, payload_hash(&eleventh.payload));
        assert_eq!(verifier.check(&message(5, Some(11), "")), Verdict::Drop, "delivered twice");
        assert_eq!(verifier.check(&message(6, Some(12), "")), Verdict::Apply);
    }

    #[test]
    fn the_verifier_refuses_contradictions_and_holes() {
        let refusal = |processed: Processed, message: Message| {
            let mut verifier = Verifier::new("s", processed.clone());
            let Verdict::Refuse(reason) = verifier.check(&message) else {
                panic!("{message:?} is not refused")
            };
            assert_eq!(verifier.processed(), processed, "a refusal moves nothing");
            reason
        };
        assert!(refusal(processed(true), message(20, Some(10), "x")).contains("another event as s 10"));
        assert!(refusal(processed(true), message(21, Some(12), "")).contains("11 is missing"));
        assert!(refusal(Processed::nothing(true), message(1, Some(2), "")).contains("1 is missing"));
        assert!(refusal(processed(false), message(12, None, "")).contains("11 is missing"));
        let mut verifier = Verifier::new("s", processed(true));
        assert_eq!(verifier.check(&message(21, Some(11), "")), Verdict::Apply);
        assert!(matches!(verifier.check(&message(22, Some(11), "x")), Verdict::Refuse(_)));
    }

    #[test]
    fn without_a_dense_sequence_the_place_is_the_sequence() {
        let mut verifier = Verifier::new("s", Processed::nothing(false));
        assert_eq!(verifier.check(&message(1, Some(77), "")), Verdict::Apply);
        assert_eq!(verifier.check(&message(2, None, "")), Verdict::Apply);
        assert_eq!(verifier.check(&message(1, Some(77), "")), Verdict::Drop);
        assert_eq!(verifier.sequence(), 2);
    }
}
