//! The store's file: it gets its name when it is complete, so that readers never meet half a store.

use std::ffi::OsString;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::checkpoints::WRITER_PAGES;
use super::failure::failed;
use crate::catalog::FORMAT;

/// Others that write have so long to end their transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// Statements kept prepared.
const STATEMENTS_KEPT: usize = 512;

/// A power cut may take the last transactions: the journal reaches back to where the rows then stand. The cache is in KiB when
/// negative: pages of a large transaction stay in memory instead of spilling into the log early. What an index is made of
/// is sorted by a second thread.
const SETTINGS: &str =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -65536; PRAGMA threads = 2;";

const SCHEMA: &str = include_str!("schema.sql");

/// Opens the file, making it if it is missing, and says which file it is. It has the catalog's tables, and a format.
pub(super) fn open(path: &Path) -> Result<(Connection, Option<Identity>), sqlx::Error> {
    if !path.exists() {
        create(path)?;
    }
    // Asked before: a file that takes its place meanwhile is another one than this.
    let identity = identity(path);
    Ok((connect(path, OpenFlags::empty()).map_err(failed)?, identity))
}

/// Killed while it makes a database, SQLite leaves a journal behind that readers may not roll back.
fn create(path: &Path) -> Result<(), sqlx::Error> {
    let unfinished = path.with_extension("unfinished");
    remove(&unfinished, &["", "-journal", "-wal", "-shm"])?;
    let made = connect(&unfinished, OpenFlags::SQLITE_OPEN_CREATE).map_err(failed)?;
    made.close().map_err(|(_, error)| failed(error))?;
    // What an earlier store left behind would be taken for this one's.
    remove(path, &["-journal", "-wal", "-shm"])?;
    Ok(std::fs::rename(&unfinished, path)?)
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, rusqlite::Error> {
    let flags = flags | OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    connection.execute_batch(SETTINGS)?;
    connection.pragma_update(None, "wal_autocheckpoint", WRITER_PAGES)?;
    connection.execute_batch(SCHEMA)?;
    let insert = "INSERT INTO _prejoin_store (one, format, epoch) VALUES (1, ?, 0) ON CONFLICT DO NOTHING";
    connection.execute(insert, [FORMAT])?;
    Ok(connection)
}

/// Opens a file that is there, for one reader.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

/// Removes those of the files that are there.
fn remove(path: &Path, suffixes: &[&str]) -> io::Result<()> {
    for suffix in suffixes {
        let mut name = OsString::from(path);
        name.push(suffix);
        match std::fs::remove_file(PathBuf::from(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Which file a path names: device and number.
pub(super) type Identity = (u64, u64);

/// Nothing if there is none.
pub(super) fn identity(path: &Path) -> Option<Identity> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}
