//! Connections to one SQLite file, and statements on them.
//!
//! SQLite works in the thread that calls it. Most statements take less time than another thread takes to wake up, so each is
//! tried where it is asked for, for a moment; one that needs longer is begun anew on a thread that may be kept waiting.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::Statement;
use super::batch::{self, Batch, SqliteRows};
use super::budget::Budget;
use super::pool::{Place, Pool};
use super::settings::StoreSettings;
use crate::Error;
use crate::meaning::sqlite;

/// Statements that each connection keeps prepared.
const STATEMENTS_KEPT: usize = 128;
/// Pages of 4 KiB that each connection keeps.
const CACHE_KIB: i64 = -16_384;
/// For how long a statement may be tried in the thread that asks for it, which has others to answer.
const AT_ONCE: Duration = Duration::from_millis(1);
/// A store that is being recovered after a crash is locked for a moment.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Batches that a statement may be ahead of whoever takes its rows.
const BATCHES_AHEAD: usize = 1;

pub(super) struct Readers {
    path: PathBuf,
    pool: Arc<Pool<Arc<Reader>>>,
}

struct Reader {
    connection: Mutex<Connection>,
    budget: Arc<Budget>,
    interrupt: rusqlite::InterruptHandle,
}

/// A connection in use. It goes back to the others when it is dropped.
pub(super) struct Lease {
    reader: Arc<Reader>,
    /// Nothing only while it is dropped.
    place: Option<Place<Arc<Reader>>>,
}

impl Readers {
    pub(super) fn new(path: &Path, settings: &StoreSettings) -> Readers {
        Readers { path: path.to_owned(), pool: Arc::new(Pool::new(settings)) }
    }

    pub(super) async fn acquire(&self) -> Result<Lease, Error> {
        let (idle, place) = self.pool.take().await?;
        let reader = match idle {
            Some(reader) => reader,
            None => {
                let path = self.path.clone();
                Arc::new(blocking(move || Reader::open(&path)).await?)
            }
        };
        Ok(Lease { reader, place: Some(place) })
    }
}

impl Reader {
    fn open(path: &Path) -> Result<Reader, rusqlite::Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        connection.pragma_update(None, "cache_size", CACHE_KIB)?;
        let budget = Arc::new(Budget::default());
        let asked = Arc::clone(&budget);
        connection.progress_handler(Budget::STEPS, Some(move || !asked.goes_on()))?;
        sqlite::register(&connection)?;
        let interrupt = connection.get_interrupt_handle();
        Ok(Reader { connection: Mutex::new(connection), budget, interrupt })
    }

    /// The rows of a statement, if it takes but a moment and they fit into a batch.
    fn at_once(&self, statement: &Statement) -> Option<Batch> {
        let connection = match self.connection.try_lock() {
            Ok(connection) => connection,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        let mut first = None;
        let take = |batch, is_last: bool| {
            first = is_last.then_some(batch);
            is_last
        };
        let run = connection
            .busy_timeout(Duration::ZERO)
            .and_then(|()| self.budget.within(AT_ONCE, || batch::run(&connection, statement, take)));
        // Interrupted, kept waiting by others, or wrong: that is found out with more time.
        run.ok().and(first)
    }

    /// The rows of a statement, as they are taken.
    fn as_taken(
        &self,
        statement: &Statement,
        allowed: Duration,
        batches: &mpsc::Sender<Result<Batch, rusqlite::Error>>,
    ) {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let take = |batch, _| batches.blocking_send(Ok(batch)).is_ok();
        let run = connection
            .busy_timeout(BUSY_TIMEOUT)
            .and_then(|()| self.budget.within(allowed, || batch::run(&connection, statement, take)));
        if let Err(error) = run {
            // Nobody waits for it any more, or it is heard.
            let _ = batches.blocking_send(Err(error));
        }
    }
}

impl Lease {
    /// The rows as they come, of a statement that may work for a time. Those not taken are not read.
    pub(super) fn rows(&self, statement: Statement, allowed: Duration) -> SqliteRows {
        if let Some(rows) = self.reader.at_once(&statement) {
            return SqliteRows::ready(rows);
        }
        let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
        let reader = Arc::clone(&self.reader);
        spawn_blocking(move || reader.as_taken(&statement, allowed, &sender));
        SqliteRows::coming(receiver)
    }

    /// For what takes no time.
    pub(super) fn execute(&self, sql: &str) -> Result<(), rusqlite::Error> {
        let connection = self.reader.connection.lock().unwrap_or_else(PoisonError::into_inner);
        connection.prepare_cached(sql)?.raw_execute().map(drop)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(place) = self.place.take() else { return };
        if let Ok(connection) = self.reader.connection.try_lock() {
            return give_back(&self.reader, &connection, place);
        }
        // A statement is under way: the rest of its rows are not wanted any more.
        self.reader.interrupt.interrupt();
        let Ok(runtime) = Handle::try_current() else { return };
        let reader = Arc::clone(&self.reader);
        runtime.spawn_blocking(move || {
            let connection = reader.connection.lock().unwrap_or_else(PoisonError::into_inner);
            give_back(&reader, &connection, place);
        });
    }
}

/// Ends what was begun on a connection and leaves it to others.
fn give_back(reader: &Arc<Reader>, connection: &Connection, place: Place<Arc<Reader>>) {
    if connection.is_autocommit() || connection.execute_batch("ROLLBACK").is_ok() {
        place.give_back(Arc::clone(reader));
    }
}

async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, rusqlite::Error> + Send + 'static,
) -> Result<T, Error> {
    let done = spawn_blocking(act).await;
    Ok(done.map_err(|error| Error::unreadable(format!("something that ends its readers ({error})")))??)
}
