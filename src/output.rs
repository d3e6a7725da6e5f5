//! Answers on standard output.

use std::io::{ErrorKind, Write};

use anyhow::Context;

/// Prints text and a line break. When whoever reads has closed the pipe, as `head` does, the command ends: it has
/// said enough.
pub(crate) fn line(text: impl AsRef<str>) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let written = out
        .write_all(text.as_ref().as_bytes())
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        written => written.context("cannot write to standard output"),
    }
}
