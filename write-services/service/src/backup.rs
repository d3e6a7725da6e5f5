//! Copies of a service's SQLite file: taken while the service works, put back while it does not.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection, SqlitePool};

use crate::error::ServiceError;

/// Writes a copy of the database of one moment into `file`, which must not exist. The service may be at work.
pub async fn backup(service: &str, database: &Path, file: &Path) -> Result<(), ServiceError> {
    if file.exists() {
        return Err(failed(service, file, io::Error::from(io::ErrorKind::AlreadyExists)));
    }
    let mut connection = open(service, database).await?;
    let part = beside(file, "part");
    remove(&part).map_err(|source| failed(service, &part, source))?;
    let written = sqlx::query("VACUUM INTO ?").bind(part.to_string_lossy()).execute(&mut connection).await;
    written.map_err(|source| database_failed(service, database, "be copied", source))?;
    connection.close().await.map_err(|source| database_failed(service, database, "be closed", source))?;
    // What has the final name is complete and on the disk.
    let renamed = File::open(&part).and_then(|part| part.sync_all()).and_then(|()| fs::rename(&part, file));
    renamed.map_err(|source| failed(service, file, source))
}

/// Puts a copy in the database's place. The database that was there is kept beside it; returns where. Call it while
/// nobody has the database open.
pub async fn restore(service: &str, file: &Path, database: &Path) -> Result<Option<PathBuf>, ServiceError> {
    open(service, file)
        .await?
        .close()
        .await
        .map_err(|source| database_failed(service, file, "be closed", source))?;
    let fresh = beside(database, "restored");
    let kept = beside(database, "before-restore");
    let put = || -> io::Result<Option<PathBuf>> {
        if let Some(directory) = database.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::copy(file, &fresh)?;
        File::open(&fresh)?.sync_all()?;
        let there_was_one = database.exists();
        // What SQLite had not moved into the file yet belongs to the file that goes.
        for suffix in ["-wal", "-shm"] {
            let (from, to) = (with_suffix(database, suffix), with_suffix(&kept, suffix));
            remove(&to)?;
            if from.exists() {
                fs::rename(from, to)?;
            }
        }
        if there_was_one {
            fs::rename(database, &kept)?;
        }
        fs::rename(&fresh, database)?;
        Ok(there_was_one.then_some(kept))
    };
    put().map_err(|source| failed(service, database, source))
}

/// The ids of events that wait without a number.
pub(crate) async fn unnumbered(pool: &SqlitePool) -> Result<HashSet<String>, sqlx::Error> {
    let query = "SELECT event_id FROM prejoin_outbox WHERE mark = 'unsent' AND sequence IS NULL";
    Ok(sqlx::query_scalar(query).fetch_all(pool).await?.into_iter().collect())
}

/// Removes events that wait without a number; says how many.
pub(crate) async fn forget(pool: &SqlitePool, event_ids: &[String]) -> Result<u64, sqlx::Error> {
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
    let mut forgotten = 0;
    for event_id in event_ids {
        let query = "DELETE FROM prejoin_outbox WHERE mark = 'unsent' AND sequence IS NULL AND event_id = ?";
        forgotten += sqlx::query(query).bind(event_id).execute(&mut *tx).await?.rows_affected();
    }
    tx.commit().await?;
    Ok(forgotten)
}

/// Opens a database for reading, if it is this service's.
async fn open(service: &str, path: &Path) -> Result<SqliteConnection, ServiceError> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let connection = options.connect().await;
    let mut connection = connection.map_err(|source| database_failed(service, path, "be opened", source))?;
    let owner: String = sqlx::query_scalar("SELECT service FROM prejoin_service")
        .fetch_one(&mut connection)
        .await
        .map_err(|source| database_failed(service, path, "say whose it is", source))?;
    match owner == service {
        true => Ok(connection),
        false => Err(ServiceError::Owner { service: service.to_owned(), path: path.to_owned(), owner }),
    }
}

fn beside(path: &Path, name: &str) -> PathBuf {
    with_suffix(path, &format!(".{name}"))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn failed(service: &str, path: &Path, source: io::Error) -> ServiceError {
    ServiceError::File { service: service.to_owned(), path: path.to_owned(), source }
}

fn database_failed(service: &str, path: &Path, doing: &'static str, source: sqlx::Error) -> ServiceError {
    ServiceError::Database { service: service.to_owned(), path: path.to_owned(), doing, source }
}
