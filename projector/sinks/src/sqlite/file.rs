//! The store's file: it gets its name when it is complete, so that readers never meet half a store.

use std::ffi::OsString;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection, SqliteConnection};

use crate::catalog::FORMAT;

const SCHEMA: &str = include_str!("schema.sql");

/// Opens the file, making it if it is missing, and says which file it is. It has the catalog's tables, and a format.
pub(super) async fn open(path: &Path) -> Result<(SqliteConnection, Option<Identity>), sqlx::Error> {
    if !path.exists() {
        create(path).await?;
    }
    // Asked before: a file that takes its place meanwhile is another one than this.
    let identity = identity(path);
    Ok((connect(path, false).await?, identity))
}

/// Killed while it makes a database, SQLite leaves a journal behind that readers may not roll back.
async fn create(path: &Path) -> Result<(), sqlx::Error> {
    let unfinished = path.with_extension("unfinished");
    remove(&unfinished, &["", "-journal", "-wal", "-shm"])?;
    connect(&unfinished, true).await?.close().await?;
    // What an earlier store left behind would be taken for this one's.
    remove(path, &["-journal", "-wal", "-shm"])?;
    Ok(std::fs::rename(&unfinished, path)?)
}

async fn connect(path: &Path, is_new: bool) -> Result<SqliteConnection, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(is_new)
        .journal_mode(SqliteJournalMode::Wal)
        // A power cut may take the last transactions; the journal reaches back to where the rows then stand.
        .synchronous(SqliteSynchronous::Normal)
        // In KiB when negative: pages of a large transaction stay in memory instead of spilling into the log early.
        .pragma("cache_size", "-65536")
        // What an index is made of is sorted by a second thread.
        .pragma("threads", "2")
        .busy_timeout(Duration::from_secs(30))
        .statement_cache_capacity(512);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    sqlx::raw_sql(SCHEMA).execute(&mut connection).await?;
    sqlx::query("INSERT INTO _prejoin_store (one, format, epoch) VALUES (1, ?, 0) ON CONFLICT DO NOTHING")
        .bind(FORMAT)
        .execute(&mut connection)
        .await?;
    Ok(connection)
}

/// Opens a file that is there, for one reader.
pub(super) async fn open_to_read(path: &Path) -> Result<SqliteConnection, sqlx::Error> {
    let options =
        SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(Duration::from_secs(30));
    SqliteConnection::connect_with(&options).await
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
