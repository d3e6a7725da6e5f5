//! What a service's handlers share: its database, its outbox, and how they answer.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use prejoin_envelope::EventHead;
use prejoin_event_log::{BatchLimit, EventLog, LogError, tail};
use prejoin_outbox::{Outbox, OutboxError, OutboxId, RelaySettings};

use crate::database::Database;
use crate::error::ServiceError;
use crate::metrics::Metrics;
use crate::{backup, idempotency, inbox};

/// Says which event an answer stands for: `Prejoin-Position: orders=831`.
pub const POSITION_HEADER: HeaderName = HeaderName::from_static("prejoin-position");

/// How long an answer waits for its event to reach the log, unless told otherwise.
const POSITION_WAIT: Duration = Duration::from_millis(250);
/// How long another service may take to answer what was asked of it by an event, unless told otherwise.
const ANSWER_WAIT: Duration = Duration::from_secs(30);
/// What is read of the log at a time, to compare it with a restored copy.
const SCAN: BatchLimit = BatchLimit { messages: 1000, bytes: 4 << 20 };
const SCAN_WAIT: Duration = Duration::from_secs(10);
/// Between looks at whether outbox and log agree.
const RECONCILE_LOOK_EVERY: Duration = Duration::from_millis(20);

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
        path: &Path,
        migrations: &[&'static str],
        log: Arc<dyn EventLog>,
    ) -> Result<Self, ServiceError> {
        let database = Database::open(service, path, migrations).await?;
        for tables in [idempotency::TABLE, inbox::TABLES] {
            let made = sqlx::raw_sql(tables).execute(database.writer()).await;
            made.map_err(|source| ServiceError::Database {
                service: service.to_owned(),
                path: path.to_owned(),
                doing: "be given its common tables",
                source,
            })?;
        }
        let outbox = Outbox::sqlite(service, database.writer().clone());
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

    /// Forgets the events that wait in the outbox of a restored copy although they were published after it was taken.
    /// Returns how many there were.
    pub async fn forget_published(&self) -> Result<u64, ServiceError> {
        let service = self.service();
        let waiting = match backup::unnumbered(self.database.reader()).await {
            Ok(waiting) if waiting.is_empty() => return Ok(0),
            waiting => waiting.map_err(|source| self.unreadable(source))?,
        };
        let log_failed = |source| OutboxError::Log { service: service.to_owned(), source };
        let last = match tail(self.log.as_ref(), service).await {
            Err(LogError::NoStream { .. }) => return Ok(0),
            tail => tail.map_err(log_failed)?.stream_last,
        };
        let mut published = Vec::new();
        let mut reader = self.log.read(service, 0).await.map_err(log_failed)?;
        let mut read_to = 0;
        while read_to < last {
            let messages = reader.next_batch(SCAN, SCAN_WAIT).await.map_err(log_failed)?;
            if messages.is_empty() {
                let detail = format!("no message came although the stream goes on to {last}");
                let service = service.to_owned();
                return Err(log_failed(LogError::Interrupted { service, detail }).into());
            }
            for message in messages {
                read_to = message.stream_sequence;
                let id = EventHead::parse(&message.payload).map(|head| head.id);
                published.extend(id.ok().filter(|id| waiting.contains(id)));
            }
        }
        let forgotten = backup::forget(self.database.writer(), &published).await;
        forgotten.map_err(|source| self.unreadable(source))
    }

    fn unreadable(&self, source: sqlx::Error) -> ServiceError {
        let service = self.service().to_owned();
        OutboxError::Store { service, doing: "be compared with the log", source }.into()
    }

    /// Brings the outbox into agreement with the log, and what it holds into the log, then closes the database; waits
    /// `up_to` at most for the log. Returns the sequence at which they agree, if they came that far.
    pub async fn reconcile(self, up_to: Duration) -> Result<Option<u64>, ServiceError> {
        let (stop, mut stopped) = tokio::sync::watch::channel(false);
        let relay = self.outbox.relay(self.log.clone(), self.relay_settings.clone());
        let relay = relay.run(async move {
            let _ = stopped.wait_for(|&stopped| stopped).await;
        });
        tokio::pin!(relay);
        let agreed = async {
            loop {
                let log_last = tail(self.log.as_ref(), self.service()).await.map(|tail| tail.sequence());
                let counts = self.outbox.counts().await?;
                let reached = self.outbox.last_sequence().await?;
                if counts.unsent == 0 && log_last.is_ok_and(|log_last| log_last == reached) {
                    return Ok::<_, ServiceError>(reached);
                }
                tokio::time::sleep(RECONCILE_LOOK_EVERY).await;
            }
        };
        let agreed = tokio::select! {
            ended = &mut relay => return ended.map(|()| None).map_err(ServiceError::from),
            agreed = tokio::time::timeout(up_to, agreed) => agreed,
        };
        stop.send_replace(true);
        relay.await?;
        self.database.close().await;
        match agreed {
            Ok(reached) => reached.map(Some),
            Err(_) => Ok(None),
        }
    }
}
