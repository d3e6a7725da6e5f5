//! An event as a command hands it over: what happened, to what, and when.

use jiff::Timestamp;
use prejoin_envelope::service_of_type;
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::error::OutboxError;
use crate::store::NewRow;

/// An event to be recorded. Its id is made when it is recorded; its number when it is about to be published.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// The event type, `orders.placed.v1`; begins with the service's name.
    pub kind: String,
    /// The key of the entity it is about; events of one entity stay in order.
    pub entity: String,
    /// JSON text, passed on as it is.
    pub data: Box<RawValue>,
    /// When it happened; the moment of recording if absent. Kept to the microsecond, as timestamptz does.
    pub time: Option<Timestamp>,
}

impl NewEvent {
    /// An event of this moment whose data is `data` as JSON.
    pub fn new(kind: &str, entity: &str, data: &impl Serialize) -> Result<Self, OutboxError> {
        let data = serde_json::value::to_raw_value(data)
            .map_err(|error| refused(kind, entity, format!("its data is not JSON: {error}")))?;
        Ok(NewEvent { kind: kind.to_owned(), entity: entity.to_owned(), data, time: None })
    }

    #[must_use]
    pub fn at(mut self, time: Timestamp) -> Self {
        self.time = Some(time);
        self
    }

    /// Fixes id and time, so that they are the same however often the event is published.
    pub(crate) fn into_row(self, service: &str) -> Result<NewRow, OutboxError> {
        if service_of_type(&self.kind) != service || !self.kind.contains('.') {
            let reason =
                format!("{service} records events of types {service}.<what happened>.v<version> only");
            return Err(refused(&self.kind, &self.entity, reason));
        }
        if !self.kind.split('.').all(is_word) {
            let reason =
                "an event type is words of letters, digits, - and _ with dots between them".to_owned();
            return Err(refused(&self.kind, &self.entity, reason));
        }
        if self.entity.contains('\0') {
            let reason =
                "PostgreSQL keeps no text with a NUL in it, so the key of an entity has none".to_owned();
            return Err(refused(&self.kind, &self.entity, reason));
        }
        let time = self.time.unwrap_or_else(Timestamp::now);
        Ok(NewRow {
            event_id: Uuid::now_v7().to_string(),
            time: time_text(time),
            kind: self.kind,
            entity: self.entity,
            data: self.data,
        })
    }
}

/// The type becomes part of a subject, and a subject that the log refuses would block those behind it.
fn is_word(word: &str) -> bool {
    let allowed = |character: char| character.is_alphanumeric() || matches!(character, '-' | '_');
    !word.is_empty() && word.chars().all(allowed)
}

/// RFC 3339 in UTC, to the microsecond.
fn time_text(time: Timestamp) -> String {
    let micros = Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time);
    micros.to_string()
}

fn refused(kind: &str, entity: &str, reason: String) -> OutboxError {
    OutboxError::Event { kind: kind.to_owned(), entity: entity.to_owned(), reason }
}
