//! The view store's file: read-only connections, and snapshots in which everything is of one moment.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::pool::PoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use sqlx::{ConnectOptions, Row, Sqlite, SqliteConnection, Transaction};

use crate::Error;

const CONNECTIONS_MAX: u32 = 4;
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// Rows that SQLite's thread may be ahead of the answer.
const ROWS_AHEAD: usize = 256;
/// The layouts of the store that this version reads. What it reads of them is the same.
const FORMATS: std::ops::RangeInclusive<i64> = 1..=2;

/// Connections to the store at a path. The file may come late, vanish and be made anew: each snapshot looks.
pub(crate) struct Store {
    path: PathBuf,
    open: Mutex<Option<Open>>,
}

struct Open {
    file: FileIdentity,
    pool: SqlitePool,
}

/// One read transaction: the catalog and the rows read through it are of the same commit.
pub(crate) struct Snapshot(Transaction<'static, Sqlite>);

impl Store {
    pub(crate) fn new(path: PathBuf) -> Store {
        Store { path, open: Mutex::new(None) }
    }

    /// Fails with `StoreAbsent` while there is no store that can be read.
    pub(crate) async fn snapshot(&self) -> Result<Snapshot, Error> {
        let pool = self.pool()?;
        let mut snapshot = Snapshot(pool.begin().await.map_err(|error| self.explain(error))?);
        let format =
            sqlx::query("SELECT format FROM _prejoin_store").fetch_optional(snapshot.connection()).await;
        match format.map_err(|error| self.explain(error))?.map(|row| row.try_get::<i64, _>(0)).transpose()? {
            Some(format) if FORMATS.contains(&format) => Ok(snapshot),
            Some(other) => Err(Error::unreadable(format!("format {other} where {} is known", FORMATS.end()))),
            None => Err(self.absent("the projector is still creating it")),
        }
    }

    fn pool(&self) -> Result<SqlitePool, Error> {
        let file = match FileIdentity::of(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(self.absent("there is no such file"));
            }
            Err(error) => return Err(self.absent(error.to_string())),
        };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = open.as_ref().filter(|open| open.file == file) {
            return Ok(open.pool.clone());
        }
        // Connections to an earlier file end when their last request does.
        let pool = connect(&self.path);
        *open = Some(Open { file, pool: pool.clone() });
        Ok(pool)
    }

    fn absent(&self, reason: impl Into<String>) -> Error {
        Error::StoreAbsent { path: self.path.clone(), reason: reason.into() }
    }

    fn explain(&self, error: sqlx::Error) -> Error {
        match &error {
            sqlx::Error::Database(database) if database.message().starts_with("no such table") => {
                self.absent("the projector is still creating it")
            }
            // 14 is SQLITE_CANTOPEN, 26 is SQLITE_NOTADB.
            sqlx::Error::Database(database) if matches!(database.code().as_deref(), Some("14" | "26")) => {
                self.absent(database.message())
            }
            _ => error.into(),
        }
    }
}

impl Snapshot {
    pub(crate) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.0
    }
}

fn connect(path: &Path) -> SqlitePool {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .row_buffer_size(ROWS_AHEAD)
        .thread_name(|number| format!("view-store-{number}"))
        .disable_statement_logging();
    PoolOptions::new()
        .max_connections(CONNECTIONS_MAX)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .connect_lazy_with(options)
}

/// Tells a file from another that later took its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileIdentity {
    #[cfg(unix)]
    device_and_inode: (u64, u64),
    #[cfg(not(unix))]
    created: std::time::SystemTime,
}

impl FileIdentity {
    #[cfg(unix)]
    fn of(path: &Path) -> io::Result<FileIdentity> {
        use std::os::unix::fs::MetadataExt;
        let metadata = fs::metadata(path)?;
        Ok(FileIdentity { device_and_inode: (metadata.dev(), metadata.ino()) })
    }

    #[cfg(not(unix))]
    fn of(path: &Path) -> io::Result<FileIdentity> {
        Ok(FileIdentity { created: fs::metadata(path)?.created()? })
    }
}
