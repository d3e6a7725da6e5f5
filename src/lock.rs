//! One process at a time works on a data directory: a lock file names who that is, and where it can be spoken to.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// Held until dropped, or until the process ends in whatever way.
pub(crate) struct DataLock {
    file: File,
    path: PathBuf,
}

/// What came of trying to take a lock.
pub(crate) enum Taken {
    Ours(DataLock),
    Busy(Holder),
}

/// The process that has a lock.
pub(crate) struct Holder {
    /// As a person reads it.
    pub name: String,
    /// Where its projector can be asked, if it runs one.
    pub socket: Option<PathBuf>,
}

/// What the line of the lock file begins with that names the socket.
const SOCKET: &str = "control socket: ";

/// Takes the lock `DATA/<name>`, creating the data directory if missing. If another process has it, says which.
pub(crate) fn take(data: &Path, name: &str, command: &str) -> anyhow::Result<DataLock> {
    match try_take(data, name, command)? {
        Taken::Ours(lock) => Ok(lock),
        Taken::Busy(holder) => bail!(
            "the data directory {} is in use by {}. Stop that process, or name another directory with --data",
            data.display(),
            holder.name
        ),
    }
}

/// The same, where it is no error that another process has it.
pub(crate) fn try_take(data: &Path, name: &str, command: &str) -> anyhow::Result<Taken> {
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
            let mut text = String::new();
            file.read_to_string(&mut text).unwrap_or_default();
            return Ok(Taken::Busy(Holder::read(&text)));
        }
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("cannot lock {}", path.display()));
        }
    }
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "`{command}`, process {}", std::process::id())?;
    file.flush()?;
    Ok(Taken::Ours(DataLock { file, path }))
}

impl DataLock {
    /// Notes where the projector of this process can be asked.
    pub(crate) fn name_socket(&self, socket: &Path) -> anyhow::Result<()> {
        let noted = writeln!(&self.file, "{SOCKET}{}", socket.display());
        noted.with_context(|| format!("cannot write {}", self.path.display()))
    }
}

impl Holder {
    fn read(text: &str) -> Self {
        let mut lines = text.lines();
        let name = lines.next().map(str::trim).filter(|name| !name.is_empty());
        let socket = lines.find_map(|line| line.strip_prefix(SOCKET)).map(PathBuf::from);
        Holder { name: name.unwrap_or("another process").to_owned(), socket }
    }
}
