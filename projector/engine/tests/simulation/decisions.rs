//! Decisions on dead letters as an operator could take them: sound ones, hasty ones, wrong ones.

use bytes::Bytes;
use prejoin_engine::{Choice, Decision, LetterId, Numbered, digest_of};
use serde_json::{Value, json};

use crate::random::Random;
use crate::shop::Event;

/// A decision's event as the log holds it, and what the oracle is told of it.
#[derive(Debug, Clone)]
pub(crate) struct Decided {
    pub(crate) sequence: u64,
    /// The letter's service and sequence.
    pub(crate) of: (&'static str, u64),
    pub(crate) what: What,
    /// Whether the decision names the message that is there.
    pub(crate) names_message: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum What {
    Retry,
    Discard,
    Amend(Box<Event>),
    /// It cannot be read, and becomes a dead letter itself.
    Nonsense,
}

impl Decided {
    pub(crate) fn kind(&self) -> &'static str {
        match self.what {
            What::Retry => "retry",
            What::Amend(_) => "amend",
            What::Discard | What::Nonsense => "discard",
        }
    }

    /// What the decision is about, as the event's subject names it.
    pub(crate) fn letter(&self) -> String {
        format!("{}-{}", self.of.0, self.of.1)
    }

    pub(crate) fn to_json(&self, message: &[u8]) -> Bytes {
        let choice = match &self.what {
            What::Retry => Choice::Retry,
            What::Discard | What::Nonsense => Choice::Discard { reason: "noise".to_owned() },
            What::Amend(event) => {
                Choice::Amend { event: String::from_utf8(event.to_json().to_vec()).unwrap() }
            }
        };
        let letter = LetterId { service: self.of.0.to_owned(), numbered: Numbered::BySequence(self.of.1) };
        let digest = if self.names_message { digest_of(message) } else { digest_of(b"another") };
        let kind = choice.event_type();
        let data = Decision { letter, digest, choice }.to_data().unwrap();
        let data: Value = match self.what {
            What::Nonsense => Value::Null,
            _ => serde_json::from_str(data.get()).unwrap(),
        };
        json!({
            "specversion": "1.0", "id": format!("prejoin-{}", self.sequence), "source": "/sim", "type": kind,
            "subject": self.letter(), "sequence": self.sequence.to_string(), "data": data,
        })
        .to_string()
        .into()
    }
}

/// A decision on one of the events that there are, or on one that there is not.
pub(crate) fn decision(sequence: u64, events: &[Event], random: &mut Random) -> Decided {
    let unfit = |event: &&Event| event.is_unfit();
    let entities: Vec<&str> = events.iter().filter(unfit).map(|event| event.id.as_str()).collect();
    let of_those: Vec<&Event> = match random.below(8) {
        0 => events.iter().collect(),
        1..=4 => events.iter().filter(unfit).collect(),
        _ => events.iter().filter(|event| entities.contains(&event.id.as_str())).collect(),
    };
    let Some(&event) = of_those.get(random.below(of_those.len().max(1))) else {
        let what = if random.below(2) == 0 { What::Retry } else { What::Nonsense };
        return Decided { sequence, of: ("users", 1_000), what, names_message: true };
    };
    let what = match random.below(16) {
        0..=4 => What::Discard,
        5..=11 => What::Amend(Box::new(amended(event, random))),
        12..=14 => What::Retry,
        _ => What::Nonsense,
    };
    Decided { sequence, of: (event.service, event.sequence), what, names_message: random.below(12) > 0 }
}

/// A decision on an earlier decision, whether that could be read or not.
pub(crate) fn on_decision(sequence: u64, earlier: &Decided, random: &mut Random) -> Decided {
    let what = if random.below(4) == 0 { What::Retry } else { What::Discard };
    Decided { sequence, of: ("prejoin", earlier.sequence), what, names_message: true }
}

/// Mostly one that fits in the event's place.
fn amended(event: &Event, random: &mut Random) -> Event {
    let mut amended = event.clone();
    let amount = random.pick(&[5, 11, 70]);
    if event.kind == "placed.v1" {
        amended.data["amount"] = amount.into();
    }
    match random.below(12) {
        0 => amended.data["amount"] = "more".into(),
        1 => amended.sequence += 1,
        2 => {
            amended.id = "o99".to_owned();
            amended.data["id"] = "o99".into();
        }
        3 => amended.kind = "rained.v1",
        _ => {}
    }
    amended
}
