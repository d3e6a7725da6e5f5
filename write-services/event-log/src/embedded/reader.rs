//! One reader of one stream of the embedded log.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::time::Instant;

use super::blocking;
use super::file::LogFile;
use super::index::Stream;
use crate::port::{BatchLimit, LogError, LogReader, Message};

/// So often a reader beside the writing process looks whether the file has grown.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

pub(super) struct EmbeddedReader {
    log_file: Arc<LogFile>,
    service: String,
    stream: Arc<Stream>,
    /// Everything up to this stream sequence was handed out or is not wanted.
    after: u64,
    last: watch::Receiver<u64>,
    /// Another process writes the file: nobody tells us when something arrives.
    polls: bool,
}

impl EmbeddedReader {
    pub(super) fn new(
        log_file: Arc<LogFile>,
        service: &str,
        stream: Arc<Stream>,
        after: u64,
        polls: bool,
    ) -> Self {
        let last = stream.watch();
        EmbeddedReader { log_file, service: service.to_owned(), stream, after, last, polls }
    }

    /// Waits until something may have arrived, at most until the deadline. False when that has passed.
    async fn wait_for_more(&mut self, deadline: Option<Instant>) -> Result<bool, LogError> {
        if self.polls {
            let now = Instant::now();
            if deadline.is_some_and(|deadline| deadline <= now) {
                return Ok(false);
            }
            let next = now + POLL_INTERVAL;
            tokio::time::sleep_until(deadline.map_or(next, |deadline| deadline.min(next))).await;
            let log_file = Arc::clone(&self.log_file);
            blocking(move || log_file.refresh()).await?;
            return Ok(true);
        }
        let changed = self.last.changed();
        match deadline {
            None => Ok(changed.await.is_ok()),
            Some(deadline) => Ok(tokio::time::timeout_at(deadline, changed).await.is_ok()),
        }
    }

    fn closed(&self) -> LogError {
        LogError::Interrupted { service: self.service.clone(), detail: "the event log was closed".to_owned() }
    }
}

#[async_trait]
impl LogReader for EmbeddedReader {
    async fn next_batch(&mut self, limit: BatchLimit, wait: Duration) -> Result<Vec<Message>, LogError> {
        let deadline = Instant::now().checked_add(wait);
        loop {
            if *self.last.borrow_and_update() > self.after {
                let (log_file, stream, after) =
                    (Arc::clone(&self.log_file), Arc::clone(&self.stream), self.after);
                let messages = blocking(move || log_file.read(&stream, after, limit)).await?;
                // Nothing is awaited from here on: a cancelled call has handed out nothing.
                self.after = messages.last().map_or(after, |message| message.stream_sequence);
                return Ok(messages);
            }
            if self.log_file.closed.load(Ordering::Acquire) {
                return Err(self.closed());
            }
            if !self.wait_for_more(deadline).await? {
                return Ok(Vec::new());
            }
        }
    }
}
