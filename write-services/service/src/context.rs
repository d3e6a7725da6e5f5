//! What a service's handlers share: its database, its outbox, and how they answer.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use prejoin_event_log::EventLog;
use prejoin_outbox::{Outbox, OutboxId, RelaySettings};

use crate::database::{Address, Database, Migrations};
use crate::error::ServiceError;
use crate::metrics::Metrics;

/// Says which event an answer stands for: `Prejoin-Position: orders=831`.
pub const POSITION_HEADER: HeaderName = HeaderName::from_static("prejoin-position");

/// How long an answer waits for its event to reach the log, unless told otherwise.
const POSITION_WAIT: Duration = Duration::from_millis(250);
/// How long another service may take to answer what was asked of it by an event, unless told otherwise.
const ANSWER_WAIT: Duration = Duration::from_secs(30);
/// One service at work.
#[derive(Clone)]
pub struct Context {
    pub database: Database,
    pub outbox: Outbox,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) relay_settings: RelaySettings,
    position_wait: Duration,
    answer_wait: Duration,
    pub(crate) metrics: Arc<Metrics>,
}

impl Context {
    /// Opens the service's database with its outbox. Nothing is published before [`Context::run`].
    pub async fn open(
        service: &str,
        address: &Address,
        migrations: &[Migrations],
        log: Arc<dyn EventLog>,
    ) -> Result<Self, ServiceError> {
        let database = Database::open(service, address, migrations).await?;
        let outbox = database.outbox(service);
        outbox.migrate().await?;
        let relay_settings = RelaySettings::default();
        Ok(Context {
            database,
            outbox,
            log,
            relay_settings,
            position_wait: POSITION_WAIT,
            answer_wait: ANSWER_WAIT,
            metrics: Arc::default(),
        })
    }

    #[must_use]
    pub fn with_relay_settings(mut self, settings: RelaySettings) -> Self {
        self.relay_settings = settings;
        self
    }

    /// Replaces how long an answer waits for its position.
    #[must_use]
    pub fn with_position_wait(mut self, wait: Duration) -> Self {
        self.position_wait = wait;
        self
    }

    /// Replaces how long the service waits for another one's answer.
    #[must_use]
    pub fn with_answer_wait(mut self, wait: Duration) -> Self {
        self.answer_wait = wait;
        self
    }

    /// How long the service waits for another one's answer.
    pub fn answer_wait(&self) -> Duration {
        self.answer_wait
    }

    pub fn service(&self) -> &str {
        self.outbox.service()
    }

    /// Adds the position of a committed event to an answer, if the event reaches the log within a short wait.
    pub async fn with_position(&self, recorded: OutboxId, mut response: Response) -> Response {
        // The command is done; that its position is not known must not make it look failed.
        let waited = self.outbox.wait_until_sent(recorded, self.position_wait).await;
        let reached = waited.unwrap_or_else(|error| {
            tracing::warn!(service = self.service(), %error, "an answer goes out without its position");
            None
        });
        let position = reached.map(|sequence| format!("{}={sequence}", self.service()));
        if let Some(value) = position.and_then(|text| HeaderValue::try_from(text).ok()) {
            response.headers_mut().insert(POSITION_HEADER, value);
        }
        response
    }
}
