//! Files that are complete when they have their final name.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::ServiceError;

/// A copy never takes another one's place.
pub(super) fn check_is_new(service: &str, file: &Path) -> Result<(), ServiceError> {
    match file.exists() {
        true => Err(failed(service, file, io::Error::from(io::ErrorKind::AlreadyExists))),
        false => Ok(()),
    }
}

/// What has the final name is complete and on the disk.
pub(super) fn put_in_place(part: &Path, file: &Path) -> io::Result<()> {
    File::open(part)?.sync_all()?;
    fs::rename(part, file)
}

pub(super) fn beside(path: &Path, name: &str) -> PathBuf {
    with_suffix(path, &format!(".{name}"))
}

pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

pub(super) fn failed(service: &str, path: &Path, source: io::Error) -> ServiceError {
    ServiceError::File { service: service.to_owned(), path: path.to_owned(), source }
}
