//! A view store in a file. It may come late, vanish and be made anew: each session looks.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sqlx::pool::{PoolConnection, PoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqlitePool};
use sqlx::{ConnectOptions, Sqlite};

use super::budget::Budget;
use super::functions;
use super::settings::StoreSettings;
use crate::Error;

/// Rows that SQLite's thread may be ahead of the answer.
const ROWS_AHEAD: usize = 256;
/// Statements that each connection keeps prepared.
const STATEMENTS_KEPT: usize = 128;
/// Pages of 4 KiB that each connection keeps.
const CACHE_KIB: &str = "-16384";

pub(super) struct SqliteStore {
    path: PathBuf,
    settings: StoreSettings,
    open: Mutex<Option<Open>>,
}

struct Open {
    file: FileIdentity,
    pool: SqlitePool,
}

impl SqliteStore {
    pub(super) fn new(path: PathBuf, settings: StoreSettings) -> SqliteStore {
        SqliteStore { path, settings, open: Mutex::new(None) }
    }

    /// A connection, and what tells this file from others at its path.
    pub(super) async fn acquire(&self) -> Result<(PoolConnection<Sqlite>, String), Error> {
        let (pool, file) = self.pool()?;
        let connection = pool.acquire().await.map_err(|error| self.explain(error.into()))?;
        Ok((connection, file.to_string()))
    }

    fn pool(&self) -> Result<(SqlitePool, FileIdentity), Error> {
        let file = match FileIdentity::of(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(self.absent("there is no such file"));
            }
            Err(error) => return Err(self.absent(error.to_string())),
        };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = open.as_ref().filter(|open| open.file == file) {
            return Ok((open.pool.clone(), file));
        }
        // Connections to an earlier file end when their last request does.
        let pool = connect(&self.path, &self.settings);
        *open = Some(Open { file, pool: pool.clone() });
        Ok((pool, file))
    }

    pub(super) fn absent(&self, reason: impl Into<String>) -> Error {
        Error::StoreAbsent { store: self.path.display().to_string(), reason: reason.into(), is_away: false }
    }

    /// Tells a store that is not there yet from one that fails.
    pub(super) fn explain(&self, error: Error) -> Error {
        let Error::Store(sqlx::Error::Database(database)) = &error else { return error };
        // 14 is SQLITE_CANTOPEN, 26 is SQLITE_NOTADB.
        match database.code().as_deref() {
            _ if database.message().starts_with("no such table: _prejoin") => {
                self.absent("the projector is still creating it")
            }
            Some("14" | "26") => self.absent(database.message()),
            _ => error,
        }
    }
}

fn connect(path: &Path, settings: &StoreSettings) -> SqlitePool {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .row_buffer_size(ROWS_AHEAD)
        .statement_cache_capacity(STATEMENTS_KEPT)
        .pragma("cache_size", CACHE_KIB)
        .thread_name(|number| format!("view-store-{number}"))
        .disable_statement_logging();
    PoolOptions::<Sqlite>::new()
        .max_connections(settings.connections_max)
        .acquire_timeout(settings.acquire_timeout)
        .test_before_acquire(false)
        .after_connect(|connection, _| Box::pin(prepare(connection)))
        .connect_lazy_with(options)
}

/// Teaches a new connection what SQL of this crate asks of it.
async fn prepare(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let budget = Arc::new(Budget::default());
    let mut handle = connection.lock_handle().await?;
    handle.set_progress_handler(Budget::STEPS, {
        let budget = Arc::clone(&budget);
        move || budget.goes_on()
    });
    functions::register(&mut handle, &budget)
}

/// Tells a file from another that later took its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileIdentity {
    #[cfg(unix)]
    device_and_inode: (u64, u64),
    #[cfg(not(unix))]
    created: std::time::SystemTime,
}

impl std::fmt::Display for FileIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        #[cfg(unix)]
        let shown = self.device_and_inode;
        #[cfg(not(unix))]
        let shown = self.created;
        write!(f, "{shown:?}")
    }
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
