//! SQLite: a copy is a database itself.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use crate::backup::files::{beside, check_is_new, failed, put_in_place, remove, with_suffix};
use crate::error::ServiceError;

pub(super) async fn backup(service: &str, database: &Path, file: &Path) -> Result<(), ServiceError> {
    check_is_new(service, file)?;
    let mut connection = open(service, database).await?;
    let part = beside(file, "part");
    remove(&part).map_err(|source| failed(service, &part, source))?;
    let written = sqlx::query("VACUUM INTO ?").bind(part.to_string_lossy()).execute(&mut connection).await;
    written.map_err(|source| database_failed(service, database, "be copied", source))?;
    connection.close().await.map_err(|source| database_failed(service, database, "be closed", source))?;
    put_in_place(&part, file).map_err(|source| failed(service, file, source))
}

/// The database that was there is kept beside it; returns where.
pub(super) async fn restore(
    service: &str,
    file: &Path,
    database: &Path,
) -> Result<Option<PathBuf>, ServiceError> {
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
        false => {
            let (service, place) = (service.to_owned(), path.display().to_string());
            Err(ServiceError::Owner { service, place, owner })
        }
    }
}

fn database_failed(service: &str, path: &Path, doing: &'static str, source: sqlx::Error) -> ServiceError {
    let (service, place) = (service.to_owned(), path.display().to_string());
    ServiceError::Database { service, place, doing, source: source.into() }
}
