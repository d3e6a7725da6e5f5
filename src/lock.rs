//! One process at a time works on a data directory: a lock file names who that is.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use anyhow::{Context, bail};

/// Held until dropped, or until the process ends in whatever way.
pub(crate) struct DataLock {
    _file: File,
}

/// Takes the lock `DATA/<name>`, creating the data directory if missing. If another process has it, says which.
pub(crate) fn take(data: &Path, name: &str, command: &str) -> anyhow::Result<DataLock> {
    fs::create_dir_all(data)
        .with_context(|| format!("cannot create the data directory {}", data.display()))?;
    let path = data.join(name);
    let mut file = File::options()
        .create(true)
        .read(true)
        .write(true)
        .truncate(false)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            file.read_to_string(&mut holder).unwrap_or_default();
            bail!(
                "the data directory {} is in use by {}. Stop that process, or name another directory with --data",
                data.display(),
                if holder.trim().is_empty() { "another process" } else { holder.trim() }
            );
        }
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("cannot lock {}", path.display()));
        }
    }
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "`{command}`, process {}", std::process::id())?;
    file.flush()?;
    Ok(DataLock { _file: file })
}
