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
        Ok(Reader { connection: Mutex::new(connection), budget })
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
        if batches.is_closed() {
            return;
        }
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
        // A statement is under way, or about to be: the rest of its rows are not wanted any more.
        self.reader.budget.end();
        let Ok(runtime) = Handle::try_current() else { return };
        let reader = Arc::clone(&self.reader);
        runtime.spawn_blocking(move || {
            let connection = reader.connection.lock().unwrap_or_else(PoisonError::into_inner);
            reader.budget.begin_anew();
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

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;
    use crate::store::Parameter;
    use crate::store::batch::SqliteRow;

    /// More numbers than anybody waits for, and a sum of many of them.
    const ENDLESS: &str = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    const LONG: &str =
        "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n LIMIT $1) SELECT sum(i) FROM n";

    fn readers(connections_max: u32) -> (tempfile::TempDir, Readers) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("views.sqlite");
        Connection::open(&path)
            .unwrap()
            .execute_batch("CREATE TABLE t (i); INSERT INTO t VALUES (7)")
            .unwrap();
        let settings = StoreSettings { connections_max, ..StoreSettings::default() };
        (directory, Readers::new(&path, &settings))
    }

    async fn next(rows: &mut SqliteRows) -> Option<Result<SqliteRow, rusqlite::Error>> {
        poll_fn(|context| rows.poll_next(context)).await
    }

    async fn first(
        lease: &Lease,
        statement: impl Into<Statement>,
        allowed: Duration,
    ) -> Result<String, String> {
        let mut rows = lease.rows(statement.into(), allowed);
        match next(&mut rows).await {
            Some(Ok(row)) => Ok(row.text(0).unwrap().unwrap().to_owned()),
            Some(Err(error)) => Err(error.to_string()),
            None => Err("no row".to_owned()),
        }
    }

    #[tokio::test]
    async fn a_statement_that_needs_time_gets_it_up_to_what_is_allowed() {
        let (_directory, readers) = readers(1);
        let lease = readers.acquire().await.unwrap();
        let day = Duration::from_secs(86_400);
        let long = Statement { sql: LONG.to_owned(), parameters: vec![Parameter::Integer(300_000)] };
        assert_eq!(first(&lease, long, day).await.unwrap(), "45000150000");
        let endless = format!("SELECT sum(i) FROM ({ENDLESS})");
        assert_eq!(first(&lease, endless, Duration::from_millis(20)).await.unwrap_err(), "interrupted");
        // Nothing of it is left to the next.
        assert_eq!(first(&lease, "SELECT i FROM t", day).await.unwrap(), "7");
    }

    #[tokio::test]
    async fn rows_that_nobody_takes_hold_no_connection() {
        let (_directory, readers) = readers(1);
        for _ in 0..3 {
            let lease = readers.acquire().await.unwrap();
            lease.execute("BEGIN").unwrap();
            assert_eq!(first(&lease, ENDLESS, Duration::from_secs(86_400)).await.unwrap(), "1");
            let never = format!("SELECT sum(i) FROM ({ENDLESS})");
            drop(lease.rows(never.into(), Duration::from_secs(86_400)));
        }
        let lease = readers.acquire().await.unwrap();
        lease.execute("BEGIN").expect("the transaction before was ended");
    }
}
