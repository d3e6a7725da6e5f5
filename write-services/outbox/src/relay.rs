//! The relay: carries what is recorded to the log, and keeps both in agreement.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use prejoin_event_log::{EventLog, OrderedPublisher, PublishProblem, Window as PublisherWindow};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::error::OutboxError;
use crate::outbox::Shared;
use crate::publish::{Failure, Sent, publish};
use crate::reconcile::{compare_from, reconcile};
use crate::settings::RelaySettings;
use crate::store::{KeepRows, OutboxId, RelayStore, Window, WindowLimit};

/// After the start, this many of the last rows are compared with the log: it loses its end or nothing.
const RECHECK_ROWS: u64 = 8;
/// Forgetting old rows keeps the relay from its work; the rest goes next time.
const CLEAN_UPS_MAX: usize = 100;
/// How long publishing again waits for the turn.
const TURN_WAIT: Duration = Duration::from_secs(2);

/// Carries one outbox to one log.
pub struct Relay {
    outbox: Arc<Shared>,
    log: Arc<dyn EventLog>,
    settings: RelaySettings,
}

/// What publishing again found and did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Republished {
    /// Events that the log held as they are in the database.
    pub in_log: u64,
    /// Events that had a sequence, and that the log lacked.
    pub published: u64,
}

/// What is under way between database and log.
struct Line {
    publisher: OrderedPublisher,
    /// The last sequence that was taken out of the database.
    taken: u64,
    /// Published, and not yet marked.
    sent: Sent,
    /// How many rows the next batch may have.
    batch_rows: usize,
}

/// Whether the relay has been asked to stop.
type Stop = watch::Receiver<bool>;

impl Relay {
    pub(crate) fn new(outbox: Arc<Shared>, log: Arc<dyn EventLog>, settings: RelaySettings) -> Self {
        Relay { outbox, log, settings }
    }

    /// Works until `shutdown`, then finishes the window that is on its way, and a batch of what was recorded before, even
    /// if it was asked to stop before it began. Failures that pass are waited out and
    /// logged; what somebody must decide or repair ends it with an error.
    ///
    /// Dropping the future at any point loses and doubles nothing.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), OutboxError> {
        let (stopping, stop) = watch::channel(false);
        let work = self.work(stop);
        tokio::pin!(work, shutdown);
        tokio::select! {
            // The work first: what has not begun when it is asked to stop would publish nothing.
            biased;
            ended = &mut work => return ended,
            () = &mut shutdown => {}
        }
        stopping.send_replace(true);
        work.await
    }

    /// Compares every row from `first` on with the log and publishes again, under the same sequences, what the log
    /// lacks at its end. Needs the turn: no other relay may be at work. Returns at the first failure; calling it again
    /// goes on.
    ///
    /// Refuses when the database no longer has all those rows, and when the log holds other events or a hole among
    /// them: what lies before the end of a stream cannot be put right by appending to it.
    pub async fn republish_from(self, first: u64) -> Result<Republished, OutboxError> {
        let _active = self.outbox.active.lock().await;
        let mut store = self.outbox.store.relay_store();
        // Of a relay that was just killed, the database may not know yet.
        let give_up_at = Instant::now() + TURN_WAIT;
        while !store.claim().await? {
            if Instant::now() >= give_up_at {
                return Err(
                    self.overtaken("another relay is at work on this outbox: stop it first".to_owned())
                );
            }
            tokio::time::sleep(self.settings.poll).await;
        }
        let republished = self.complete_from(store.as_mut(), first.max(1)).await?;
        store.release().await?;
        Ok(republished)
    }

    async fn complete_from(
        &self,
        store: &mut dyn RelayStore,
        first: u64,
    ) -> Result<Republished, OutboxError> {
        let compared = compare_from(self.service(), store, self.log.as_ref(), first).await?;
        self.reconcile(store, self.settings.check_rows).await?;
        let mut line = self.line();
        let mut pace = Pace::new(&self.settings);
        let mut batch = self.advance(store, &mut line).await?;
        while !batch.is_idle() || !line.sent.runs.is_empty() {
            batch = self.send(store, &mut line, batch, &mut pace).await?;
        }
        Ok(Republished { in_log: compared.in_log, published: compared.missing })
    }

    async fn work(&self, mut stop: Stop) -> Result<(), OutboxError> {
        let _active = tokio::select! {
            biased;
            active = self.outbox.active.lock() => active,
            _ = stop.wait_for(|&stop| stop) => return Ok(()),
        };
        let mut store = self.outbox.store.relay_store();
        let mut pace = Pace::new(&self.settings);
        let mut check_rows = self.settings.check_rows;
        while !*stop.borrow() {
            let carried = match self.stand_by(store.as_mut(), &mut stop).await {
                Ok(true) => self.carry(store.as_mut(), &mut stop, check_rows, &mut pace).await,
                other => other.map(drop),
            };
            match carried {
                Ok(()) => {
                    // It is given back anyway when this ends, only later.
                    let _ = store.release().await;
                    break;
                }
                Err(error) if error.is_final() => {
                    tracing::error!(service = self.service(), %error, "the relay stopped");
                    return Err(error);
                }
                Err(error) => pace.wait_out(self.service(), &error, &mut stop).await,
            }
            check_rows = check_rows.min(RECHECK_ROWS);
        }
        Ok(())
    }

    /// Waits for the turn; without it when asked to stop.
    async fn stand_by(&self, store: &mut dyn RelayStore, stop: &mut Stop) -> Result<bool, OutboxError> {
        let mut said = false;
        while !store.claim().await? {
            if !std::mem::replace(&mut said, true) {
                tracing::info!(service = self.service(), "another relay is at work; this one stands by");
            }
            tokio::select! {
                () = tokio::time::sleep(self.settings.poll) => {}
                _ = stop.wait_for(|&stop| stop) => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Brings database and log into agreement, then publishes batch by batch until something fails. While one batch is
    /// on its way, the one before it is marked as sent and the one after it numbered.
    async fn carry(
        &self,
        store: &mut dyn RelayStore,
        stop: &mut Stop,
        check_rows: u64,
        pace: &mut Pace,
    ) -> Result<(), OutboxError> {
        self.reconcile(store, check_rows).await?;
        let mut reconcile_at = Instant::now() + self.settings.reconcile_every;
        let mut line = self.line();
        let mut batch = self.advance(store, &mut line).await?;
        loop {
            // Once asked to stop, it sends one more batch: what the last commands recorded.
            let stopping = *stop.borrow();
            if batch.is_idle() && line.sent.runs.is_empty() && !stopping {
                self.wait_for_work(stop, reconcile_at).await;
            }
            batch = self.send(store, &mut line, batch, pace).await?;
            if stopping {
                self.send(store, &mut line, batch, pace).await?;
                self.settle(store, &mut line).await?;
                return Ok(());
            }
            if Instant::now() >= reconcile_at {
                self.settle(store, &mut line).await?;
                self.check(store).await?;
                reconcile_at = Instant::now() + self.settings.reconcile_every;
                // The check may have given other numbers, or marked sent rows as unsent.
                line.taken = 0;
                batch = self.advance(store, &mut line).await?;
            }
        }
    }

    /// Publishes a batch and returns the next one.
    async fn send(
        &self,
        store: &mut dyn RelayStore,
        line: &mut Line,
        batch: Window,
        pace: &mut Pace,
    ) -> Result<Window, OutboxError> {
        let Some(last) = batch.rows.last() else { return self.advance(store, line).await };
        line.taken = last.event.sequence;
        line.batch_rows = self.next_batch_rows(line.batch_rows, batch.rows.len());
        let (sent, limit) = (std::mem::take(&mut line.sent), self.limit(line.batch_rows));
        let (published, next) = tokio::join!(
            publish(&mut line.publisher, self.service(), &batch.rows),
            self.mark_and_number(store, sent, line.taken, limit),
        );
        self.outbox.waiters.reached(published.sent.rows.iter().copied());
        line.sent = published.sent;
        match published.failure {
            None => {
                pace.made_progress(self.service());
                next
            }
            Some(failure) => {
                self.settle(store, line).await?;
                self.give_way(store, failure).await?;
                // A parked row gave its number to the next one.
                line.taken = 0;
                self.advance(store, line).await
            }
        }
    }

    /// Parks the row that the log cannot take; any other failure is handed on.
    async fn give_way(&self, store: &mut dyn RelayStore, failure: Failure) -> Result<(), OutboxError> {
        match failure {
            Failure::TooLarge { row, reason } if store.park(row, &reason).await? => {
                self.report_parked(&[(row, reason)]);
                Ok(())
            }
            Failure::TooLarge { reason: detail, .. } => Err(self.overtaken(detail)),
            Failure::Other(PublishProblem::Log(source)) => {
                Err(OutboxError::Log { service: self.service().to_owned(), source })
            }
            Failure::Other(problem) => Err(self.overtaken(problem.to_string())),
        }
    }

    /// Marks what was sent and takes the next batch.
    async fn advance(&self, store: &mut dyn RelayStore, line: &mut Line) -> Result<Window, OutboxError> {
        let sent = std::mem::take(&mut line.sent);
        self.mark_and_number(store, sent, line.taken, self.limit(line.batch_rows)).await
    }

    /// Marks what was sent.
    async fn settle(&self, store: &mut dyn RelayStore, line: &mut Line) -> Result<(), OutboxError> {
        let sent = std::mem::take(&mut line.sent);
        self.mark_and_number(store, sent, line.taken, self.limit(0)).await.map(drop)
    }

    /// Afterwards tells those who came to wait since the rows were published.
    async fn mark_and_number(
        &self,
        store: &mut dyn RelayStore,
        sent: Sent,
        taken: u64,
        limit: WindowLimit,
    ) -> Result<Window, OutboxError> {
        let window = store.advance(&sent.runs, taken, limit).await?;
        self.outbox.waiters.reached(sent.rows);
        self.report_parked(&window.parked);
        Ok(window)
    }

    async fn reconcile(&self, store: &mut dyn RelayStore, check_rows: u64) -> Result<(), OutboxError> {
        reconcile(self.service(), store, self.log.as_ref(), check_rows).await
    }

    /// Whether it is still this relay's turn, and the log still holds what was sent.
    async fn check(&self, store: &mut dyn RelayStore) -> Result<(), OutboxError> {
        if !store.claim().await? {
            return Err(self.overtaken("another relay has taken the turn".to_owned()));
        }
        self.reconcile(store, RECHECK_ROWS).await?;
        self.clean_up(store).await
    }

    /// Only ever right after the log was seen to hold the last rows.
    async fn clean_up(&self, store: &mut dyn RelayStore) -> Result<(), OutboxError> {
        let keep = KeepRows { age: self.settings.keep_for, rows: self.settings.keep_rows };
        let mut forgotten = 0;
        for _ in 0..CLEAN_UPS_MAX {
            let rows = store.clean_up(keep).await?;
            forgotten += rows;
            if rows == 0 {
                break;
            }
        }
        if forgotten > 0 {
            tracing::debug!(service = self.service(), forgotten, "forgot rows that were sent long ago");
        }
        Ok(())
    }

    async fn wait_for_work(&self, stop: &mut Stop, reconcile_at: Instant) {
        let wake_at = reconcile_at.min(Instant::now() + self.settings.poll);
        tokio::select! {
            () = self.outbox.recorded.notified() => {}
            _ = stop.changed() => {}
            () = sleep_until(wake_at) => {}
        }
    }
}

impl Relay {
    fn service(&self) -> &str {
        self.outbox.store.service()
    }

    fn publisher(&self) -> OrderedPublisher {
        let window =
            PublisherWindow { messages: self.settings.window_messages, bytes: self.settings.window_bytes };
        OrderedPublisher::new(Arc::clone(&self.log), self.service()).with_window(window)
    }

    fn line(&self) -> Line {
        let batch_rows = self.next_batch_rows(0, 0);
        Line { publisher: self.publisher(), taken: 0, sent: Sent::default(), batch_rows }
    }

    /// Behind a full batch there is more: the larger the batches, the less is done for each row, and the more rarely the
    /// window runs empty. The first ones are small, since nothing is on its way while they are numbered.
    fn next_batch_rows(&self, batch_rows: usize, found: usize) -> usize {
        let least = self.settings.window_messages.clamp(1, self.settings.batch_rows.max(1));
        match found >= batch_rows {
            true => batch_rows.saturating_mul(4).clamp(least, self.settings.batch_rows.max(1)),
            false => least,
        }
    }

    fn limit(&self, rows: usize) -> WindowLimit {
        let RelaySettings { window_bytes: bytes, event_bytes_max, .. } = self.settings;
        WindowLimit { rows, bytes, event_bytes_max }
    }

    fn overtaken(&self, detail: String) -> OutboxError {
        OutboxError::Overtaken { service: self.service().to_owned(), detail }
    }

    fn report_parked(&self, parked: &[(OutboxId, String)]) {
        for (row, reason) in parked {
            tracing::error!(
                service = self.service(),
                row = row.0,
                "an event is parked in the outbox: {reason}"
            );
        }
    }
}

/// How long to wait after failures, and how loudly to speak of them.
struct Pace {
    min: Duration,
    max: Duration,
    /// The next pause; nothing went wrong lately if there is none.
    pause: Option<Duration>,
    last_error: String,
}

impl Pace {
    fn new(settings: &RelaySettings) -> Self {
        let RelaySettings { back_off_min: min, back_off_max: max, .. } = *settings;
        Pace { min, max, pause: None, last_error: String::new() }
    }

    async fn wait_out(&mut self, service: &str, error: &OutboxError, stop: &mut Stop) {
        let pause = self.pause.unwrap_or(self.min);
        let text = error.to_string();
        if text == self.last_error {
            tracing::debug!(service, error = text, "the relay still waits");
        } else {
            tracing::warn!(service, error = text, "the relay waits and tries again");
        }
        self.last_error = text;
        self.pause = Some((pause * 2).min(self.max));
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stop.wait_for(|&stop| stop) => {}
        }
    }

    fn made_progress(&mut self, service: &str) {
        if self.pause.take().is_some() {
            tracing::info!(service, "the relay publishes again");
            self.last_error.clear();
        }
    }
}
