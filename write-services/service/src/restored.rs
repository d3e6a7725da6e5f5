//! A database that was put back from a copy, beside a log that went on: what it still wants to say and has said already
//! is forgotten, and what it says next is numbered behind what the log holds.

use std::collections::HashMap;
use std::time::Duration;

use prejoin_envelope::EventHead;
use prejoin_event_log::{BatchLimit, LogError, tail};
use prejoin_outbox::OutboxError;

use crate::context::Context;
use crate::database::{DatabaseError, Transaction};
use crate::error::ServiceError;
use crate::values;

/// What is read of the log at a time.
const SCAN: BatchLimit = BatchLimit { messages: 1000, bytes: 4 << 20 };
const SCAN_WAIT: Duration = Duration::from_secs(10);
/// Between looks at whether outbox and log agree.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A row of the outbox that is not known to be in the log: about to be published, parked, or waiting behind such a one.
struct Unsent {
    outbox_id: i64,
    /// The number that it has, if any.
    sequence: Option<i64>,
}

impl Context {
    /// Whether the log holds events of this service that its database has never numbered: it is older than the log.
    pub(crate) async fn is_behind_its_log(&self) -> Result<bool, ServiceError> {
        // The log first: this database gives out a number before the log can hold it.
        let log_last = match tail(self.log.as_ref(), self.service()).await {
            Err(LogError::NoStream { .. }) => 0,
            tail => tail.map_err(|source| self.log_failed(source))?.sequence(),
        };
        Ok(log_last > self.outbox.last_sequence().await?)
    }

    /// Forgets the events that the outbox of a restored copy still holds as unsent although they were published after
    /// the copy was taken, under the number that they have here or another one. Returns how many there were.
    pub async fn forget_published(&self) -> Result<u64, ServiceError> {
        let unsent = match self.unsent().await {
            Ok(unsent) if unsent.is_empty() => return Ok(0),
            unsent => unsent.map_err(|source| self.not_compared(source))?,
        };
        let published = self.published_elsewhere(&unsent).await?;
        self.forget(&published).await.map_err(|source| self.not_compared(source))
    }

    async fn unsent(&self) -> Result<HashMap<String, Unsent>, DatabaseError> {
        let mut tx = self.database.read().await?;
        let query = "SELECT event_id, outbox_id, sequence FROM prejoin_outbox
                      WHERE mark IN ('unsent', 'parked', 'waiting')
                         OR sequence > (SELECT sent_sequence FROM prejoin_outbox_meta)";
        let rows = tx.rows(query, &[]).await?;
        let unsent = rows.into_iter().map(|mut row| {
            let event_id = row.text()?;
            Ok((event_id, Unsent { outbox_id: row.integer()?, sequence: row.optional_integer()? }))
        });
        unsent.collect()
    }

    /// The rows whose events the log holds, but for those under the number that the row has: these are on their way.
    async fn published_elsewhere(&self, unsent: &HashMap<String, Unsent>) -> Result<Vec<i64>, ServiceError> {
        let service = self.service();
        let last = match tail(self.log.as_ref(), service).await {
            Err(LogError::NoStream { .. }) => return Ok(Vec::new()),
            tail => tail.map_err(|source| self.log_failed(source))?.stream_last,
        };
        let mut published = Vec::new();
        let mut reader = self.log.read(service, 0).await.map_err(|source| self.log_failed(source))?;
        let mut read_to = 0;
        while read_to < last {
            let messages =
                reader.next_batch(SCAN, SCAN_WAIT).await.map_err(|source| self.log_failed(source))?;
            if messages.is_empty() {
                let detail = format!("no message came although the stream goes on to {last}");
                let service = service.to_owned();
                return Err(self.log_failed(LogError::Interrupted { service, detail }).into());
            }
            for message in messages {
                read_to = message.stream_sequence;
                let Ok(head) = EventHead::parse(&message.payload) else { continue };
                let Some(row) = unsent.get(&head.id) else { continue };
                if head.sequence.is_none() || head.sequence != row.sequence.map(i64::cast_unsigned) {
                    published.push(row.outbox_id);
                }
            }
        }
        Ok(published)
    }

    async fn forget(&self, outbox_ids: &[i64]) -> Result<u64, DatabaseError> {
        if outbox_ids.is_empty() {
            return Ok(0);
        }
        let mut tx = self.database.begin().await?;
        // No relay gives out numbers meanwhile.
        tx.entity("SELECT last_sequence FROM prejoin_outbox_meta", &[]).await?;
        let mut forgotten = 0;
        for outbox_id in outbox_ids {
            forgotten += forget_row(&mut tx, *outbox_id).await?;
        }
        tx.commit().await?;
        Ok(forgotten)
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
                tokio::time::sleep(LOOK_EVERY).await;
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

    fn log_failed(&self, source: LogError) -> OutboxError {
        OutboxError::Log { service: self.service().to_owned(), source }
    }

    fn not_compared(&self, source: DatabaseError) -> ServiceError {
        let service = self.service().to_owned();
        OutboxError::Store { service, doing: "be compared with the log", source: Box::new(source) }.into()
    }
}

/// Forgets one row; what waited behind it goes on. How many there were.
async fn forget_row(tx: &mut Transaction, outbox_id: i64) -> Result<u64, DatabaseError> {
    let query = "DELETE FROM prejoin_outbox
                  WHERE outbox_id = ?
                    AND (mark IN ('unsent', 'parked', 'waiting')
                         OR sequence > (SELECT sent_sequence FROM prejoin_outbox_meta))";
    let forgotten = tx.execute(query, values![outbox_id]).await?;
    let query =
        "UPDATE prejoin_outbox SET mark = 'unsent', behind = NULL WHERE behind = ? AND mark = 'waiting'";
    tx.execute(query, values![outbox_id]).await?;
    Ok(forgotten)
}
