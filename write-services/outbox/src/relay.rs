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
use crate::reconcile::reconcile;
use crate::settings::RelaySettings;
use crate::store::{KeepRows, OutboxId, OutboxRow, Window, WindowLimit};

/// After the start, this many of the last rows are compared with the log: it loses its end or nothing.
const RECHECK_ROWS: u64 = 8;
/// Forgetting old rows keeps the relay from its work; the rest goes next time.
const CLEAN_UPS_MAX: usize = 100;

/// Carries one outbox to one log.
pub struct Relay {
    outbox: Arc<Shared>,
    log: Arc<dyn EventLog>,
    settings: RelaySettings,
}

/// Whether the relay has been asked to stop.
type Stop = watch::Receiver<bool>;

impl Relay {
    pub(crate) fn new(outbox: Arc<Shared>, log: Arc<dyn EventLog>, settings: RelaySettings) -> Self {
        Relay { outbox, log, settings }
    }

    /// Works until `shutdown`, then finishes the window that is on its way. Failures that pass are waited out and
    /// logged; what somebody must decide or repair ends it with an error.
    ///
    /// Dropping the future at any point loses and doubles nothing.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), OutboxError> {
        let (stopping, stop) = watch::channel(false);
        let work = self.work(stop);
        tokio::pin!(work, shutdown);
        tokio::select! {
            ended = &mut work => return ended,
            () = &mut shutdown => {}
        }
        stopping.send_replace(true);
        work.await
    }

    async fn work(&self, mut stop: Stop) -> Result<(), OutboxError> {
        let _active = tokio::select! {
            active = self.outbox.active.lock() => active,
            _ = stop.wait_for(|&stop| stop) => return Ok(()),
        };
        let mut pace = Pace::new(&self.settings);
        let mut check_rows = self.settings.check_rows;
        while !*stop.borrow() {
            match self.carry(&mut stop, check_rows, &mut pace).await {
                Ok(()) => break,
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

    /// Brings database and log into agreement, then publishes window by window until something fails.
    async fn carry(&self, stop: &mut Stop, check_rows: u64, pace: &mut Pace) -> Result<(), OutboxError> {
        self.reconcile(check_rows).await?;
        let mut reconcile_at = Instant::now() + self.settings.reconcile_every;
        let mut publisher = self.publisher();
        let mut sent = Sent::default();
        loop {
            // Once asked to stop, it sends one more window: what the last commands recorded.
            let stopping = *stop.borrow();
            let window = self.advance(std::mem::take(&mut sent), self.limit()).await?;
            if !window.rows.is_empty() {
                sent = self.publish(&mut publisher, &window.rows).await?;
                pace.made_progress(self.service());
            } else if window.parked.is_empty() && !stopping {
                self.wait_for_work(stop, reconcile_at).await;
            }
            let due = Instant::now() >= reconcile_at;
            if stopping || due {
                self.advance(std::mem::take(&mut sent), self.nothing()).await?;
            }
            if stopping {
                return Ok(());
            }
            if due {
                self.reconcile(RECHECK_ROWS).await?;
                self.clean_up().await?;
                reconcile_at = Instant::now() + self.settings.reconcile_every;
            }
        }
    }

    /// Publishes a window and returns what is to be marked as sent; on a failure, marks what got through first.
    async fn publish(
        &self,
        publisher: &mut OrderedPublisher,
        rows: &[OutboxRow],
    ) -> Result<Sent, OutboxError> {
        let published = publish(publisher, self.service(), rows).await;
        self.outbox.waiters.reached(published.sent.rows.iter().copied());
        let Some(failure) = published.failure else { return Ok(published.sent) };
        self.advance(published.sent, self.nothing()).await?;
        match failure {
            Failure::TooLarge { row, reason } if self.outbox.store.park(row, &reason).await? => {
                self.report_parked(&[(row, reason)]);
                Ok(Sent::default())
            }
            Failure::TooLarge { reason: detail, .. } => Err(self.overtaken(detail)),
            Failure::Other(PublishProblem::Log(source)) => {
                Err(OutboxError::Log { service: self.service().to_owned(), source })
            }
            Failure::Other(problem) => Err(self.overtaken(problem.to_string())),
        }
    }

    /// Marks rows as sent and takes the next window, then tells those who came to wait in between.
    async fn advance(&self, sent: Sent, limit: WindowLimit) -> Result<Window, OutboxError> {
        let window = self.outbox.store.advance(&sent.runs, limit).await?;
        self.outbox.waiters.reached(sent.rows);
        self.report_parked(&window.parked);
        Ok(window)
    }

    async fn reconcile(&self, check_rows: u64) -> Result<(), OutboxError> {
        reconcile(self.outbox.store.as_ref(), self.log.as_ref(), check_rows).await
    }

    /// Only ever right after the log was seen to hold the last rows.
    async fn clean_up(&self) -> Result<(), OutboxError> {
        let keep = KeepRows { age: self.settings.keep_for, rows: self.settings.keep_rows };
        let mut forgotten = 0;
        for _ in 0..CLEAN_UPS_MAX {
            let rows = self.outbox.store.clean_up(keep).await?;
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

    fn limit(&self) -> WindowLimit {
        WindowLimit {
            rows: self.settings.window_messages,
            bytes: self.settings.window_bytes,
            event_bytes_max: self.settings.event_bytes_max,
        }
    }

    fn nothing(&self) -> WindowLimit {
        WindowLimit { rows: 0, ..self.limit() }
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
