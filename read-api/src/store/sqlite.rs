//! A view store in a file. It may come late, vanish and be made anew: each session looks.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::readers::{Lease, Readers};
use super::settings::StoreSettings;
use crate::Error;
use crate::error::StoreError;

/// For so long the file at the path is taken to be the one that it was: a look costs as much as finding a row.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(1);

pub(super) struct SqliteStore {
    path: PathBuf,
    settings: StoreSettings,
    open: Mutex<Option<Open>>,
}

struct Open {
    file: FileIdentity,
    readers: Arc<Readers>,
    looked_at: Instant,
}

impl SqliteStore {
    pub(super) fn new(path: PathBuf, settings: StoreSettings) -> SqliteStore {
        SqliteStore { path, settings, open: Mutex::new(None) }
    }

    /// A connection, and what tells this file from others at its path.
    pub(super) async fn acquire(&self) -> Result<(Lease, FileIdentity), Error> {
        let (readers, file) = self.readers()?;
        let lease = readers.acquire().await.map_err(|error| self.explain(error))?;
        Ok((lease, file))
    }

    fn readers(&self) -> Result<(Arc<Readers>, FileIdentity), Error> {
        let (now, lock) = (Instant::now(), || self.open.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(open) =
            lock().as_ref().filter(|open| now.duration_since(open.looked_at) < LOOK_AGAIN_AFTER)
        {
            return Ok((Arc::clone(&open.readers), open.file));
        }
        let file = match FileIdentity::of(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(self.absent("there is no such file"));
            }
            Err(error) => return Err(self.absent(error.to_string())),
        };
        let mut open = lock();
        if let Some(open) = open.as_mut().filter(|open| open.file == file) {
            open.looked_at = now;
            return Ok((Arc::clone(&open.readers), file));
        }
        // Connections to an earlier file end when their last request does.
        let readers = Arc::new(Readers::new(&self.path, &self.settings));
        *open = Some(Open { file, readers: Arc::clone(&readers), looked_at: now });
        Ok((readers, file))
    }

    pub(super) fn absent(&self, reason: impl Into<String>) -> Error {
        Error::StoreAbsent { store: self.path.display().to_string(), reason: reason.into(), is_away: false }
    }

    /// Tells a store that is not there yet from one that fails.
    pub(super) fn explain(&self, error: Error) -> Error {
        use rusqlite::ErrorCode::{CannotOpen, NotADatabase};
        let Error::Store(StoreError::Sqlite(source)) = &error else { return error };
        let message = source.to_string();
        match source.sqlite_error_code() {
            _ if message.starts_with("no such table: _prejoin") => {
                self.absent("the projector is still creating it")
            }
            Some(CannotOpen | NotADatabase) => self.absent(message),
            _ => error,
        }
    }
}

/// Tells a file from another that later took its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileIdentity {
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
