//! The embedded log: the port's promises in one process on one file.
//!
//! The file is only appended to. A message is acknowledged once it is synced; one thread writes, and whatever arrives
//! during one sync goes into the next. Readers read the file, so that nothing but eight bytes per message and the ids
//! of the last two minutes is kept in memory.

mod file;
mod format;
mod index;
mod reader;
mod recent;
mod scan;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use async_trait::async_trait;
use tokio::sync::{Semaphore, mpsc, oneshot};

use self::file::{LogFile, io_error, not_a_log};
use self::format::{Frame, HEADER_BYTES, Kind, header};
use self::index::Stream;
use self::reader::EmbeddedReader;
use self::recent::RecentIds;
use self::writer::{Action, Command, Last, Writer};
use crate::limits::{check_message, check_service};
use crate::port::{
    Ack, BatchLimit, Bounds, EventLog, ExpectedEnd, LogError, LogReader, Message, NewMessage, PendingAck,
};

/// So much may wait for the writer before `send` waits too.
const WAITING_KIB_MAX: u32 = 64 * 1024;
const WAITING_COMMANDS_MAX: usize = 16 * 1024;

/// An event log in one file. Dropping it finishes what was sent and frees the file.
pub struct EmbeddedLog {
    log_file: Arc<LogFile>,
    /// Absent when the log was opened for reading.
    writing: Option<Writing>,
}

struct Writing {
    commands: mpsc::Sender<Command>,
    room: Arc<Semaphore>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl EmbeddedLog {
    /// Opens or creates the log's file and takes it for this process. Blocks while it scans and verifies the file: up
    /// to a second for a million events.
    ///
    /// Incomplete messages at the end, which a crash left and which were never acknowledged, are cut off with a warning.
    ///
    /// # Errors
    /// `Unavailable` when another process holds the file or it cannot be read; `Damaged` when bytes are unreadable that had
    /// been acknowledged, or the file is of another kind.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, LogError> {
        let path = path.as_ref();
        let file = open_locked(path)?;
        let mut summary = Summary::default();
        let opened = LogFile::scan_all(path, file, &mut |frame| summary.note(frame))?;
        if let Some((offset, reason)) = &opened.torn {
            cut(&opened.log_file, *offset, reason)?;
        }
        let log_file = Arc::new(opened.log_file);
        let writer = Writer::new(Arc::clone(&log_file), summary.last, summary.recent, summary.last_time_ns);
        let (commands, receiver) = mpsc::channel(WAITING_COMMANDS_MAX);
        let thread = std::thread::Builder::new()
            .name("event-log-writer".to_owned())
            .spawn(move || writer.run(receiver))
            .map_err(|error| {
                LogError::Unavailable(format!("cannot start the event log's writer: {error}"))
            })?;
        let room = Arc::new(Semaphore::new(WAITING_KIB_MAX as usize));
        let writing = Some(Writing { commands, room, thread: Mutex::new(Some(thread)) });
        Ok(EmbeddedLog { log_file, writing })
    }

    /// Opens the log's file for reading, beside the process that writes it. What is appended becomes visible within a
    /// tenth of a second. Blocks like `open`. `send` and the creation of streams are `Denied`.
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Self, LogError> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|error| io_error(path, "open", &error))?;
        let opened = LogFile::scan_all(path, file, &mut |_| {})?;
        Ok(EmbeddedLog { log_file: Arc::new(opened.log_file), writing: None })
    }

    fn writing(&self) -> Result<&Writing, LogError> {
        self.writing.as_ref().ok_or_else(|| {
            LogError::Denied(format!("{} was opened for reading only", self.log_file.path.display()))
        })
    }

    async fn stream(&self, service: &str) -> Result<Arc<Stream>, LogError> {
        if self.writing.is_none() {
            let log_file = Arc::clone(&self.log_file);
            blocking(move || log_file.refresh()).await?;
        }
        self.log_file.index.stream(service).ok_or_else(|| LogError::NoStream { service: service.to_owned() })
    }

    async fn hand_over(&self, service: &str, action: Action, bytes: usize) -> Result<(), LogError> {
        let writing = self.writing()?;
        let kib = u32::try_from(bytes / 1024 + 1).unwrap_or(WAITING_KIB_MAX).min(WAITING_KIB_MAX);
        let room = Arc::clone(&writing.room).acquire_many_owned(kib).await.map_err(|_| self.closed())?;
        let command = Command { service: service.to_owned(), action, room: Some(room) };
        writing.commands.send(command).await.map_err(|_| self.closed())
    }

    async fn append(
        &self,
        service: &str,
        message: NewMessage,
        expected: Option<ExpectedEnd>,
    ) -> Result<PendingAck, LogError> {
        check_message(service, &message)?;
        let bytes = message.payload.len();
        let (done, outcome) = oneshot::channel();
        self.hand_over(service, Action::Append { message, expected, done }, bytes).await?;
        let closed = self.closed();
        Ok(Box::pin(async move { outcome.await.unwrap_or(Err::<Ack, _>(closed)) }))
    }

    fn closed(&self) -> LogError {
        LogError::Unavailable(format!("{} was closed", self.log_file.path.display()))
    }
}

impl Drop for EmbeddedLog {
    fn drop(&mut self) {
        let Some(Writing { commands, thread, .. }) = self.writing.take() else { return };
        drop(commands);
        let thread = thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!(path = %self.log_file.path.display(), "the event log's writer panicked");
        }
        self.log_file.close();
        // Readers may still hold the file; it is free for the next writer all the same.
        if let Err(error) = self.log_file.file.unlock() {
            tracing::warn!(path = %self.log_file.path.display(), %error, "cannot release the event log's lock");
        }
    }
}

#[async_trait]
impl EventLog for EmbeddedLog {
    async fn ensure_stream(&self, service: &str) -> Result<(), LogError> {
        self.writing()?;
        if self.log_file.index.stream(service).is_some() {
            return Ok(());
        }
        check_service(service)?;
        let (done, outcome) = oneshot::channel();
        self.hand_over(service, Action::CreateStream { done }, 0).await?;
        outcome.await.unwrap_or_else(|_| Err(self.closed()))
    }

    async fn send(
        &self,
        service: &str,
        message: NewMessage,
        expected_last: Option<u64>,
    ) -> Result<PendingAck, LogError> {
        let expected = expected_last.map(|stream_sequence| ExpectedEnd { stream_sequence, message_id: None });
        self.append(service, message, expected).await
    }

    async fn send_after(
        &self,
        service: &str,
        message: NewMessage,
        expected: ExpectedEnd,
    ) -> Result<PendingAck, LogError> {
        self.append(service, message, Some(expected)).await
    }

    async fn bounds(&self, service: &str) -> Result<Bounds, LogError> {
        Ok(Bounds { first: 1, last: self.stream(service).await?.last() })
    }

    async fn get(&self, service: &str, stream_sequence: u64) -> Result<Option<Message>, LogError> {
        let stream = self.stream(service).await?;
        if stream_sequence == 0 || stream_sequence > stream.last() {
            return Ok(None);
        }
        let log_file = Arc::clone(&self.log_file);
        let one = BatchLimit { messages: 1, bytes: 1 };
        let mut messages = blocking(move || log_file.read(&stream, stream_sequence - 1, one)).await?;
        Ok(messages.pop())
    }

    async fn read(&self, service: &str, after: u64) -> Result<Box<dyn LogReader>, LogError> {
        let stream = self.stream(service).await?;
        if after > stream.last() {
            let detail = format!("its stream ends at {}, before the position {after}", stream.last());
            return Err(LogError::Interrupted { service: service.to_owned(), detail });
        }
        let polls = self.writing.is_none();
        Ok(Box::new(EmbeddedReader::new(Arc::clone(&self.log_file), service, stream, after, polls)))
    }
}

/// What the writer must know of the messages that the file holds.
#[derive(Default)]
struct Summary {
    last: HashMap<String, Last>,
    recent: RecentIds,
    last_time_ns: u64,
    now_ns: Option<u64>,
}

impl Summary {
    fn note(&mut self, frame: &Frame<'_>) {
        if !self.last.contains_key(frame.service) {
            self.last.insert(frame.service.to_owned(), Last::default());
        }
        if let (Kind::Message, Some(last)) = (frame.kind, self.last.get_mut(frame.service)) {
            last.note(frame.stream_sequence, frame.message_id);
        }
        self.last_time_ns = frame.time_ns.max(self.last_time_ns);
        let now_ns = *self.now_ns.get_or_insert_with(|| {
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            u64::try_from(since.unwrap_or_default().as_nanos()).unwrap_or(u64::MAX)
        });
        if let (Kind::Message, Some(message_id)) = (frame.kind, frame.message_id)
            && frame.time_ns.saturating_add(recent::WINDOW_NS) > now_ns
        {
            self.recent.note(frame.service, message_id, frame.stream_sequence, frame.time_ns);
        }
    }
}

fn open_locked(path: &Path) -> Result<File, LogError> {
    let to_error = |what: &'static str| move |error: std::io::Error| io_error(path, what, &error);
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        fs::create_dir_all(directory).map_err(to_error("create the directory of"))?;
    }
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(false).open(path);
    let file = file.map_err(to_error("open"))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(LogError::Unavailable(format!(
                "{} is in use by another process, and only one at a time may write it. Stop that one, or use NATS",
                path.display()
            )));
        }
        Err(TryLockError::Error(error)) => return Err(to_error("lock")(error)),
    }
    write_header_if_new(path, &file)?;
    Ok(file)
}

/// Begins a new file; also one whose header a crash left incomplete.
fn write_header_if_new(path: &Path, file: &File) -> Result<(), LogError> {
    let to_error = |what: &'static str| move |error: std::io::Error| io_error(path, what, &error);
    let length = file.metadata().map_err(to_error("read"))?.len();
    if length >= HEADER_BYTES as u64 {
        return Ok(());
    }
    let mut begun = [0; HEADER_BYTES];
    let read = scan::read_up_to(file, &mut begun, 0).map_err(to_error("read"))?;
    if begun[..read] != header()[..read] {
        return Err(not_a_log(path, "it does not begin as an event log of Prejoin does"));
    }
    file.write_all_at(&header(), 0).and_then(|()| file.sync_all()).map_err(to_error("write"))?;
    let directory = match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    };
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(to_error("sync the directory of"))
}

fn cut(log_file: &LogFile, offset: u64, reason: &str) -> Result<(), LogError> {
    let path = log_file.path.as_path();
    let length = log_file.file.metadata().map_err(|error| io_error(path, "read", &error))?.len();
    let bytes = length - offset;
    tracing::warn!(path = %path.display(), offset, bytes, reason, "the event log's end was torn by a crash; it is cut off");
    let cut = log_file.file.set_len(offset).and_then(|()| log_file.file.sync_all());
    cut.map_err(|error| io_error(path, "cut the torn end of", &error))
}

/// Runs file I/O off the threads that drive tasks.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LogError> + Send + 'static,
) -> Result<T, LogError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => Err(LogError::Unavailable(format!("reading the event log was stopped: {error}"))),
    }
}
