//! The log's file as readers see it: open, scan, read messages by offset.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;

use super::format::{Decoded, FRAME_HEAD_BYTES, Frame, HEADER_BYTES, check_header, decode};
use super::index::{Additions, Index, Stream};
use super::scan::{Damage, ScanEnd, judge, read_up_to, scan};
use crate::port::{BatchLimit, LogError, Message};

/// Messages that lie further apart than this are read one by one rather than with what lies between.
const GAP_BYTES_MAX: u64 = 64 * 1024;
const CHUNK_BYTES_MIN: u64 = 64 * 1024;
const CHUNK_BYTES_MAX: u64 = 2 * 1024 * 1024;
/// Read beyond the beginning of a chunk's last message; a longer one is read by itself.
const LAST_MESSAGE_BYTES: u64 = 4 * 1024;
const OFFSETS_PER_LOOK_UP: usize = 16 * 1024;

/// What the log, its writer and its readers share.
pub(super) struct LogFile {
    pub(super) path: PathBuf,
    pub(super) file: File,
    pub(super) index: Index,
    /// Everything before it is whole frames; beyond it may be a write under way.
    end: AtomicU64,
    pub(super) closed: AtomicBool,
    /// One scan of what another process appended at a time.
    refreshing: Mutex<()>,
}

/// What scanning the whole file gave.
pub(super) struct Opened {
    pub(super) log_file: LogFile,
    /// Unreadable bytes at the end that were never acknowledged, and why they are unreadable.
    pub(super) torn: Option<(u64, String)>,
}

impl LogFile {
    /// Scans an open file with a complete header. `on_frame` sees every frame.
    pub(super) fn scan_all(
        path: &Path,
        file: File,
        on_frame: &mut dyn FnMut(&Frame<'_>),
    ) -> Result<Opened, LogError> {
        let mut header = [0; HEADER_BYTES];
        let to_error = |error: io::Error| io_error(path, "read", &error);
        read_up_to(&file, &mut header, 0).map_err(to_error)?;
        check_header(&header).map_err(|reason| not_a_log(path, &reason))?;
        let to = file.metadata().map_err(to_error)?.len();
        let log_file = LogFile {
            path: path.to_owned(),
            file,
            index: Index::default(),
            end: AtomicU64::new(HEADER_BYTES as u64),
            closed: AtomicBool::new(false),
            refreshing: Mutex::default(),
        };
        let torn = log_file.scan_from(HEADER_BYTES as u64, to, on_frame)?;
        Ok(Opened { log_file, torn })
    }

    /// Scans `from..to` and makes its frames readable. Returns a torn tail; damage is an error.
    fn scan_from(
        &self,
        from: u64,
        to: u64,
        on_frame: &mut dyn FnMut(&Frame<'_>),
    ) -> Result<Option<(u64, String)>, LogError> {
        let to_error = |error: io::Error| io_error(&self.path, "read", &error);
        let mut additions = Additions::default();
        let mut note = |offset: u64, frame: &Frame<'_>| {
            additions.note(&self.index, offset, frame)?;
            on_frame(frame);
            Ok(())
        };
        let end = scan(&self.file, from, to, &mut note).map_err(to_error)?;
        let torn = match end {
            ScanEnd::Clean => None,
            ScanEnd::Bad { offset, reason } => match judge(&self.file, offset, to).map_err(to_error)? {
                Damage::TornTail => Some((offset, reason)),
                Damage::Middle { next_good } => {
                    return Err(
                        self.damaged(offset, &format!("{reason}, yet whole messages follow at {next_good}"))
                    );
                }
            },
        };
        additions.publish();
        self.end.store(torn.as_ref().map_or(to, |(offset, _)| *offset), Ordering::Release);
        Ok(torn)
    }

    /// Takes in what another process appended since. An incomplete last frame is left for the next time.
    pub(super) fn refresh(&self) -> Result<(), LogError> {
        let _one = self.refreshing.lock().unwrap_or_else(PoisonError::into_inner);
        let from = self.end();
        let to = self.file.metadata().map_err(|error| io_error(&self.path, "read", &error))?.len();
        if to < from {
            return Err(self.damaged(to, "the file became shorter while it was read"));
        }
        if to > from {
            self.scan_from(from, to, &mut |_| {})?;
        }
        Ok(())
    }

    pub(super) fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    /// Called by the writer once everything before is synced.
    pub(super) fn set_end(&self, end: u64) {
        self.end.store(end, Ordering::Release);
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.index.wake_all();
    }

    /// The messages after a stream sequence, within the limit; at least one if there is one.
    pub(super) fn read(
        &self,
        stream: &Stream,
        after: u64,
        limit: BatchLimit,
    ) -> Result<Vec<Message>, LogError> {
        let mut messages = Vec::new();
        let mut bytes = 0;
        loop {
            let count_max = limit.messages.max(1).saturating_sub(messages.len()).min(OFFSETS_PER_LOOK_UP);
            let offsets = stream.offsets_after(after + messages.len() as u64, count_max);
            let mut rest = offsets.as_slice();
            if rest.is_empty() {
                return Ok(messages);
            }
            while !rest.is_empty() {
                let (chunk, chunk_offset) =
                    self.read_chunk(rest, limit.bytes.saturating_sub(bytes) as u64)?;
                let mut taken = 0;
                for &offset in rest {
                    let Some(message) = self.message_in(&chunk, chunk_offset, offset)? else { break };
                    bytes += message.payload.len();
                    if bytes > limit.bytes && !messages.is_empty() {
                        return Ok(messages);
                    }
                    messages.push(message);
                    taken += 1;
                }
                if taken == 0 {
                    return Err(self.damaged(rest[0], "the message cannot be read any more"));
                }
                rest = &rest[taken..];
            }
        }
    }

    /// Reads what holds the first of these messages as a whole, and as many more as lie close behind it.
    fn read_chunk(&self, offsets: &[u64], bytes_wanted: u64) -> Result<(Bytes, u64), LogError> {
        let (start, end) = (offsets[0], self.end());
        let span = bytes_wanted.saturating_mul(2).clamp(CHUNK_BYTES_MIN, CHUNK_BYTES_MAX);
        let mut last = start;
        for &offset in offsets {
            if offset - last > GAP_BYTES_MAX || offset - start > span {
                break;
            }
            last = offset;
        }
        let chunk = self.read_bytes(start, (last + LAST_MESSAGE_BYTES).min(end))?;
        match decode(&chunk, start) {
            Decoded::Incomplete { frame_bytes } => {
                let head = self.read_bytes(start, (start + frame_bytes as u64).min(end))?;
                match decode(&head, start) {
                    Decoded::Incomplete { frame_bytes } if frame_bytes > FRAME_HEAD_BYTES => {
                        Ok((self.read_bytes(start, (start + frame_bytes as u64).min(end))?, start))
                    }
                    _ => Ok((head, start)),
                }
            }
            _ => Ok((chunk, start)),
        }
    }

    fn read_bytes(&self, from: u64, to: u64) -> Result<Bytes, LogError> {
        let mut bytes = vec![0; usize::try_from(to.saturating_sub(from)).unwrap_or(0)];
        let read =
            read_up_to(&self.file, &mut bytes, from).map_err(|error| io_error(&self.path, "read", &error))?;
        bytes.truncate(read);
        Ok(bytes.into())
    }

    /// The message at an offset, or nothing if the chunk does not hold the whole of it.
    fn message_in(&self, chunk: &Bytes, chunk_offset: u64, offset: u64) -> Result<Option<Message>, LogError> {
        let at = usize::try_from(offset - chunk_offset).unwrap_or(usize::MAX);
        let Some(bytes) = chunk.get(at..).filter(|bytes| !bytes.is_empty()) else { return Ok(None) };
        match decode(bytes, offset) {
            Decoded::Frame { frame, .. } => Ok(Some(Message {
                stream_sequence: frame.stream_sequence,
                subject: frame.subject.to_owned(),
                message_id: frame.message_id.map(str::to_owned),
                payload: chunk.slice_ref(frame.payload),
                time: UNIX_EPOCH + Duration::from_nanos(frame.time_ns),
            })),
            Decoded::Incomplete { .. } => Ok(None),
            Decoded::Bad(reason) => Err(self.damaged(offset, reason)),
        }
    }

    fn damaged(&self, offset: u64, reason: &str) -> LogError {
        LogError::Damaged(format!(
            "the event log {} is damaged at byte {offset}: {reason}. Restore the file from a backup, or have the services publish into a new one; what lies before that byte is readable",
            self.path.display()
        ))
    }
}

pub(super) fn not_a_log(path: &Path, reason: &str) -> LogError {
    LogError::Damaged(format!("{} cannot be used as event log: {reason}", path.display()))
}

pub(super) fn io_error(path: &Path, what: &str, error: &io::Error) -> LogError {
    let text = format!("cannot {what} {}: {error}", path.display());
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => LogError::Denied(text),
        _ => LogError::Unavailable(text),
    }
}
