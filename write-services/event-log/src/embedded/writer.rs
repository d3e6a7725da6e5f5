//! The one thread that writes: it takes what has arrived as a group, writes it, syncs it, and acknowledges.

use std::collections::HashMap;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::file::LogFile;
use super::format::{Frame, Kind, encode};
use super::index::Additions;
use super::recent::RecentIds;
use crate::port::{Ack, ExpectedEnd, LogError, NewMessage};

/// A group is closed at this size; what arrives later goes into the next.
const GROUP_BYTES_MAX: usize = 4 * 1024 * 1024;
const GROUP_COMMANDS_MAX: usize = 8 * 1024;

/// What the writer is asked to do.
pub(super) struct Command {
    pub(super) service: String,
    pub(super) action: Action,
    /// Counts the command's bytes towards what may be waiting; given back once it is written.
    pub(super) room: Option<OwnedSemaphorePermit>,
}

pub(super) enum Action {
    CreateStream {
        done: oneshot::Sender<Result<(), LogError>>,
    },
    Append {
        message: NewMessage,
        expected: Option<ExpectedEnd>,
        done: oneshot::Sender<Result<Ack, LogError>>,
    },
}

pub(super) struct Writer {
    log_file: Arc<LogFile>,
    /// The end of each stream, the group's messages included.
    last: HashMap<String, Last>,
    recent: RecentIds,
    last_time_ns: u64,
    /// Why the file takes no more writes. A failed write or sync leaves its end unknown until it is scanned again.
    failure: Option<String>,
    group: Vec<u8>,
}

/// A stream's last message.
#[derive(Default)]
pub(super) struct Last {
    stream_sequence: u64,
    /// Empty if it has none.
    message_id: String,
}

impl Last {
    /// Notes the next message; returns its stream sequence.
    fn follow(&mut self, message_id: Option<&str>) -> u64 {
        self.note(self.stream_sequence + 1, message_id);
        self.stream_sequence
    }

    pub(super) fn note(&mut self, stream_sequence: u64, message_id: Option<&str>) {
        self.stream_sequence = stream_sequence;
        self.message_id.clear();
        self.message_id.push_str(message_id.unwrap_or_default());
    }

    fn check(&self, service: &str, expected: &ExpectedEnd) -> Result<(), LogError> {
        let id_holds = expected.message_id.as_ref().is_none_or(|id| *id == self.message_id);
        if expected.stream_sequence == self.stream_sequence && id_holds {
            return Ok(());
        }
        Err(LogError::WrongLastSequence {
            service: service.to_owned(),
            expected: expected.stream_sequence,
            detail: format!("it ends at {} with the message id {:?}", self.stream_sequence, self.message_id),
        })
    }
}

/// An answer that waits for the group's sync.
enum Answer {
    Created(oneshot::Sender<Result<(), LogError>>),
    Appended(oneshot::Sender<Result<Ack, LogError>>, Ack),
}

impl Writer {
    pub(super) fn new(
        log_file: Arc<LogFile>,
        last: HashMap<String, Last>,
        recent: RecentIds,
        last_time_ns: u64,
    ) -> Self {
        Writer { log_file, last, recent, last_time_ns, failure: None, group: Vec::new() }
    }

    /// Runs until every sender is gone and everything they sent is answered.
    pub(super) fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        while let Some(first) = commands.blocking_recv() {
            self.write_group(first, &mut commands);
        }
        self.log_file.close();
    }

    fn write_group(&mut self, first: Command, commands: &mut mpsc::Receiver<Command>) {
        let group_start = self.log_file.end();
        let time_ns = self.now_ns();
        let mut additions = Additions::default();
        let mut answers = Vec::new();
        let mut rooms = Vec::new();
        let mut next = Some(first);
        self.group.clear();
        while let Some(command) = next {
            if let Some(answer) =
                self.take(command.service, command.action, group_start, time_ns, &mut additions)
            {
                answers.push(answer);
            }
            rooms.extend(command.room);
            let full = self.group.len() >= GROUP_BYTES_MAX || answers.len() >= GROUP_COMMANDS_MAX;
            next = if full { None } else { commands.try_recv().ok() };
        }
        self.commit(group_start);
        drop(rooms);
        if self.failure.is_none() {
            additions.publish();
        }
        for answer in answers {
            // A caller that no longer waits has chosen not to know.
            match answer {
                Answer::Created(done) => drop(done.send(self.unless_failed(()))),
                Answer::Appended(done, ack) => drop(done.send(self.unless_failed(ack))),
            }
        }
    }

    /// Adds a command to the group. A refusal is answered at once.
    fn take(
        &mut self,
        service: String,
        action: Action,
        group_start: u64,
        time_ns: u64,
        additions: &mut Additions,
    ) -> Option<Answer> {
        match action {
            Action::CreateStream { done } => {
                if !self.last.contains_key(&service) {
                    self.push(&created(&service, time_ns, group_start), group_start, additions);
                    self.last.insert(service, Last::default());
                }
                Some(Answer::Created(done))
            }
            Action::Append { message, expected, done } => {
                match self.append(&service, &message, expected.as_ref(), group_start, time_ns, additions) {
                    Ok(ack) => Some(Answer::Appended(done, ack)),
                    Err(refusal) => {
                        drop(done.send(Err(refusal)));
                        None
                    }
                }
            }
        }
    }

    /// Holds the expectation against the stream first, then recognises a repetition: the order JetStream uses.
    fn append(
        &mut self,
        service: &str,
        message: &NewMessage,
        expected: Option<&ExpectedEnd>,
        group_start: u64,
        time_ns: u64,
        additions: &mut Additions,
    ) -> Result<Ack, LogError> {
        let Some(last) = self.last.get_mut(service) else {
            return Err(LogError::NoStream { service: service.to_owned() });
        };
        if let Some(expected) = expected {
            last.check(service, expected)?;
        }
        let message_id = message.message_id.as_deref();
        if let Some(stream_sequence) = message_id.and_then(|id| self.recent.find(service, id, time_ns)) {
            return Ok(Ack { stream_sequence, duplicate: true });
        }
        let stream_sequence = last.follow(message_id);
        let frame = Frame {
            kind: Kind::Message,
            service,
            stream_sequence,
            time_ns,
            group_start,
            message_id,
            subject: &message.subject,
            payload: &message.payload,
        };
        self.push(&frame, group_start, additions);
        if let Some(message_id) = message_id {
            self.recent.note(service, message_id, stream_sequence, time_ns);
        }
        Ok(Ack { stream_sequence, duplicate: false })
    }

    fn push(&mut self, frame: &Frame<'_>, group_start: u64, additions: &mut Additions) {
        let offset = group_start + self.group.len() as u64;
        encode(frame, offset, &mut self.group);
        if let Err(reason) = additions.note(&self.log_file.index, offset, frame) {
            // Readers could not find the message: nothing may be acknowledged any more.
            self.failure.get_or_insert(reason);
        }
    }

    /// Writes and syncs the group; on failure the log takes no more.
    fn commit(&mut self, group_start: u64) {
        if self.group.is_empty() || self.failure.is_some() {
            return;
        }
        let file = &self.log_file.file;
        let written = file.write_all_at(&self.group, group_start).and_then(|()| file.sync_data());
        match written {
            Ok(()) => self.log_file.set_end(group_start + self.group.len() as u64),
            Err(error) => {
                let path = self.log_file.path.display();
                tracing::error!(%path, %error, "writing the event log failed; it takes no more until it is opened again");
                self.failure = Some(format!(
                    "writing {path} failed: {error}. Make room or repair the disk, then start again"
                ));
            }
        }
        if self.group.capacity() > 2 * GROUP_BYTES_MAX {
            self.group = Vec::new();
        }
    }

    fn unless_failed<T>(&self, answer: T) -> Result<T, LogError> {
        match &self.failure {
            None => Ok(answer),
            Some(reason) => Err(LogError::Unavailable(reason.clone())),
        }
    }

    /// Log times never fall, whatever the clock does.
    fn now_ns(&mut self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.last_time_ns = self.last_time_ns.max(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX));
        self.last_time_ns
    }
}

fn created(service: &str, time_ns: u64, group_start: u64) -> Frame<'_> {
    Frame {
        kind: Kind::StreamCreated,
        service,
        stream_sequence: 0,
        time_ns,
        group_start,
        message_id: None,
        subject: "",
        payload: b"",
    }
}
