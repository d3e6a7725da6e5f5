//! Files and directories that are copied and removed, there or not.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

pub(crate) fn remove_file(path: &Path) {
    if path.exists() {
        fs::remove_file(path).expect("the file can be removed");
    }
}

/// Somebody may be writing into it.
pub(crate) fn remove_directory(path: &Path) {
    while path.exists() {
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            removed => removed.expect("the directory can be removed"),
        }
    }
}

/// A file that is not there is not copied.
pub(crate) fn copy_file(from: &Path, to: &Path) {
    if from.exists() {
        fs::copy(from, to).expect("the file can be copied");
    }
}

pub(crate) fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory can be made");
    for entry in fs::read_dir(from).expect("the directory can be listed") {
        let entry = entry.expect("the directory can be listed");
        match entry.path().is_dir() {
            true => copy_directory(&entry.path(), &to.join(entry.file_name())),
            false => copy_file(&entry.path(), &to.join(entry.file_name())),
        }
    }
}
