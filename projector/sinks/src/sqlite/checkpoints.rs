//! Copying what was committed from the write-ahead log into the file, beside the writer, who would wait for the disk.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

/// Rows written that are worth the disk's time.
const ROWS_MIN: usize = 1_000;

/// While transactions follow close upon one another, some are always left to copy, and the log does not begin anew: once
/// it has so many pages, the writer copies the rest itself.
pub(super) const WRITER_PAGES: i64 = 16_384;

pub(super) struct Checkpoints {
    /// The thread ends when this is gone: nothing only while it is dropped.
    due: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    /// Written since the last one.
    rows: usize,
}

impl Checkpoints {
    pub(super) fn of(path: &Path) -> std::io::Result<Self> {
        let (due, is_due) = sync_channel(1);
        let path = path.to_owned();
        let thread = std::thread::Builder::new().name("prejoin-checkpoint".to_owned());
        let thread = thread.spawn(move || run(&path, &is_due))?;
        Ok(Checkpoints { due: Some(due), thread: Some(thread), rows: 0 })
    }

    pub(super) fn note_rows(&mut self, rows: usize) {
        self.rows += rows;
    }

    pub(super) fn note_commit(&mut self) {
        if self.rows >= ROWS_MIN {
            self.rows = 0;
            // One that is due already takes this along.
            let _ = self.due.as_ref().map(|due| due.try_send(()));
        }
    }
}

impl Drop for Checkpoints {
    /// Another file may take this one's place: nothing of this one may be touched then.
    fn drop(&mut self) {
        drop(self.due.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::debug!("the thread of checkpoints panicked");
        }
    }
}

fn run(path: &Path, is_due: &Receiver<()>) {
    let mut connection = None;
    while is_due.recv().is_ok() {
        match checkpoint(path, connection.take()) {
            Ok(opened) => connection = Some(opened),
            // The writer does it, later.
            Err(error) => tracing::debug!(path = %path.display(), %error, "no checkpoint"),
        }
    }
}

/// Nobody waits for it, and it for nobody.
fn checkpoint(path: &Path, opened: Option<Connection>) -> Result<Connection, rusqlite::Error> {
    let connection = match opened {
        Some(opened) => opened,
        None => {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let opened = Connection::open_with_flags(path, flags)?;
            opened.busy_timeout(Duration::ZERO)?;
            opened
        }
    };
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
    Ok(connection)
}
