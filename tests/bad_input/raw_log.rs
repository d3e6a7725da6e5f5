//! Messages put into a home's embedded log as they are, past everything that would have checked them.

use prejoin_event_log::{EmbeddedLog, EventLog, LogError, NewMessage};
use serde_json::{Value, json};

use crate::support::{Home, block_on};

pub(crate) struct RawLog {
    log: EmbeddedLog,
}

impl RawLog {
    /// Opens the log that a projector of this home reads. No process may work on the home meanwhile.
    pub(crate) fn open(home: &Home) -> RawLog {
        std::fs::create_dir_all(home.data()).expect("the data directory can be made");
        let log = EmbeddedLog::open(home.data().join("event-log")).expect("the log can be opened");
        RawLog { log }
    }

    /// Puts a message at the end of a service's stream; returns its stream sequence.
    pub(crate) fn put(&self, service: &str, payload: impl Into<Vec<u8>>) -> u64 {
        self.send(service, &format!("{service}.raw.1"), None, payload.into()).expect("the log takes it")
    }

    pub(crate) fn send(
        &self,
        service: &str,
        subject: &str,
        message_id: Option<&str>,
        payload: Vec<u8>,
    ) -> Result<u64, LogError> {
        block_on(async {
            self.log.ensure_stream(service).await?;
            let message_id = message_id.map(str::to_owned);
            let message = NewMessage { subject: subject.to_owned(), message_id, payload: payload.into() };
            Ok(self.log.send(service, message, None).await?.await?.stream_sequence)
        })
    }

    /// The last stream sequence of a service.
    pub(crate) fn last(&self, service: &str) -> u64 {
        block_on(self.log.bounds(service)).map_or(0, |bounds| bounds.last)
    }
}

/// A sound event.
pub(crate) fn event(kind: &str, sequence: u64, subject: &str, data: &Value) -> String {
    let service = kind.split('.').next().unwrap_or_default();
    json!({ "specversion": "1.0", "id": format!("{service}-{sequence}"), "source": format!("/{service}"), "type": kind,
        "subject": subject, "time": "2026-01-31T09:00:00Z", "sequence": sequence.to_string(), "data": data })
    .to_string()
}

pub(crate) fn order_placed(sequence: u64, order: &str) -> String {
    let data = json!({ "order_id": order, "customer_id": "u1", "total_cents": 500, "placed_at": "2026-01-31T09:00:00Z",
        "lines": [{ "product_id": "p1", "quantity": 1, "unit_price_cents": 500, "discount_percent": 0 }] });
    event("orders.placed.v1", sequence, order, &data)
}

pub(crate) fn order_shipped(sequence: u64, order: &str) -> String {
    event(
        "orders.shipped.v1",
        sequence,
        order,
        &json!({ "order_id": order, "shipped_at": "2026-01-31T10:00:00Z" }),
    )
}

pub(crate) fn user_registered(sequence: u64, user: &str, name: &str) -> String {
    event("users.registered.v1", sequence, user, &json!({ "user_id": user, "name": name }))
}
