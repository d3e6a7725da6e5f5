//! The bytes of one event become changes of tables, or a reason why not.

use std::sync::Arc;

use prejoin_envelope::{EventHead, service_of_type};
use prejoin_model::{Row, TableId, Value, to_text};

use crate::payload::Envelope;
use crate::rule::Kind;
use crate::{ContractSet, cast, fold, payload};

/// An event as the contracts see it. What can be read is there, whatever the outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// The key of the entity that the event is about: its `subject`. Where the contract reads it as another type than
    /// text it has that type's text, so that one entity has one key. U+FFFD stands for U+0000, which stores refuse.
    pub entity: Option<Arc<str>>,
    /// The event's own number; absent when it is missing or unusable.
    pub sequence: Option<u64>,
    pub outcome: Outcome,
}

/// What else an event says of itself, as far as it can be read: for the person who looks at a dead letter. None of the
/// texts holds U+0000, which stores refuse: U+FFFD stands in its place.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Head {
    pub id: Option<String>,
    /// The attribute `type`.
    pub kind: Option<String>,
    /// RFC 3339, as the sender wrote it.
    pub time: Option<String>,
}

impl Head {
    /// Never fails: what cannot be read is absent.
    pub fn read(payload: &[u8]) -> Head {
        match payload::parse(payload) {
            Ok(root) => Head::of(&Envelope::read(&root)),
            Err(_) => EventHead::parse(payload)
                .map_or_else(|_| Head::default(), |head| Head::of(&Envelope::of_head(&head))),
        }
    }

    fn of(envelope: &Envelope<'_>) -> Head {
        Head {
            id: envelope.id.map(storable),
            kind: envelope.kind.map(storable),
            time: envelope.time.map(storable),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// In the order in which they are to be applied.
    Changes(Vec<TableChange>),
    /// A type of this service that its contract does not mention: to be counted and passed over.
    UnknownType,
    /// A dead letter, with the reason for the person who looks at it.
    Unfit(String),
}

#[derive(Debug, Clone, PartialEq)]
pub enum TableChange {
    /// Sets the named columns of the row with this key; creates it, other columns NULL, if it is missing.
    Upsert {
        table: TableId,
        /// In key order, never NULL.
        key: Vec<Value>,
        /// Columns by index, none of them in the key, each once.
        set: Vec<(usize, Value)>,
    },
    /// Deletes every row whose key begins with these values.
    Delete { table: TableId, key_prefix: Vec<Value> },
    /// These rows take the place of every row whose key begins with the prefix. Their keys begin with it and differ.
    Replace { table: TableId, key_prefix: Vec<Value>, rows: Vec<Row> },
}

impl ContractSet {
    /// Decodes an event from the stream of a service. Never fails: what does not fit is an outcome.
    pub fn decode(&self, service: &str, payload: &[u8]) -> Decoded {
        let root = match payload::parse(payload) {
            Ok(root) => root,
            Err(reason) => return self.decode_head(service, payload, reason),
        };
        let envelope = Envelope::read(&root);
        let kind = self.kind(service, &envelope);
        let subject = kind.and_then(|kind| read_subject(&envelope, kind));
        let outcome = self.outcome(service, payload, &envelope, kind, subject.as_ref());
        decoded(&envelope, envelope.number(payload), subject, outcome)
    }

    /// For a payload that cannot be parsed as a whole: its data may be at fault, and the head readable.
    #[cold]
    fn decode_head(&self, service: &str, payload: &[u8], reason: String) -> Decoded {
        let head = EventHead::parse(payload).ok();
        let envelope = head.as_ref().map(Envelope::of_head).unwrap_or_default();
        let subject = self.kind(service, &envelope).and_then(|kind| read_subject(&envelope, kind));
        decoded(&envelope, envelope.number(payload), subject, Outcome::Unfit(reason))
    }

    fn kind(&self, service: &str, envelope: &Envelope<'_>) -> Option<&Kind> {
        self.contract(service)?.kinds.get(envelope.kind?)
    }

    fn outcome(
        &self,
        service: &str,
        payload: &[u8],
        envelope: &Envelope<'_>,
        kind: Option<&Kind>,
        subject: Option<&Value>,
    ) -> Outcome {
        if let Some(reason) = envelope.refusal(payload) {
            return Outcome::Unfit(reason);
        }
        let name = envelope.kind.unwrap_or_default();
        let owner = service_of_type(name);
        if owner != service {
            return Outcome::Unfit(format!(
                "type {name} belongs to the service {owner}, but the message is in the stream of {service}"
            ));
        }
        let Some(kind) = kind else { return Outcome::UnknownType };
        match fold::changes(&self.tables, kind, envelope, subject) {
            Ok(changes) => Outcome::Changes(changes),
            Err(reason) => Outcome::Unfit(reason),
        }
    }
}

fn read_subject(envelope: &Envelope<'_>, kind: &Kind) -> Option<Value> {
    let subject = envelope.subject.filter(|subject| !subject.is_empty())?;
    cast::from_string(kind.entity, subject).ok()
}

fn decoded(
    envelope: &Envelope<'_>,
    sequence: Option<u64>,
    subject: Option<Value>,
    outcome: Outcome,
) -> Decoded {
    let entity = match subject {
        Some(Value::Text(text)) => Some(text),
        Some(value) => to_text(&value).map(Arc::from),
        None => envelope.subject.map(|subject| storable(subject).into()),
    };
    Decoded {
        entity,
        sequence,
        outcome: match outcome {
            Outcome::Unfit(reason) => Outcome::Unfit(storable(&reason)),
            outcome => outcome,
        },
    }
}

/// Text without U+0000: no store takes it, and a dead letter has to be stored.
fn storable(text: &str) -> String {
    match text.contains('\0') {
        true => text.replace('\0', "\u{fffd}"),
        false => text.to_owned(),
    }
}
