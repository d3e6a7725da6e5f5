//! The programs that come with a database, run with its address and without its password on their command line.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use crate::error::ServiceError;

/// The end of what a program said is enough to see why it failed.
const SAID_BYTES_MAX: usize = 2000;

/// A program of a database, with what to install where it is missing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Program {
    /// In the order of preference.
    pub(super) names: &'static [&'static str],
    pub(super) package: &'static str,
}

/// A program that was found, and is about to be run.
pub(super) struct Run {
    service: String,
    name: String,
    pub(super) command: Command,
}

impl Program {
    /// Finds it on the PATH, or where PostgreSQL's packages put it.
    pub(super) fn find(self, service: &str) -> Result<Run, ServiceError> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        let packaged = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let mut packaged: Vec<PathBuf> = packaged.map(|version| version.path().join("bin")).collect();
        packaged.sort();
        folders.extend(packaged.into_iter().rev());
        let places =
            self.names.iter().flat_map(|name| folders.iter().map(move |folder| (name, folder.join(name))));
        let found = { places }.find(|(_, path)| path.is_file());
        let Some((name, path)) = found else {
            let (service, name) = (service.to_owned(), self.names.join(" or "));
            return Err(ServiceError::NoProgram { service, name, package: self.package });
        };
        let mut command = Command::new(path);
        command.stdin(Stdio::null()).env("LC_ALL", "C.UTF-8");
        Ok(Run { service: service.to_owned(), name: (*name).to_owned(), command })
    }
}

impl Run {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn input(&mut self, file: File) {
        self.command.stdin(file);
    }

    /// Runs it to its end; what it printed. What it said where it failed is the error.
    pub(super) async fn finish(mut self) -> Result<Vec<u8>, ServiceError> {
        let ended = tokio::task::spawn_blocking(move || (self.command.output(), self.service, self.name));
        let (output, service, name) = ended.await.map_err(|error| ServiceError::Program {
            service: String::new(),
            name: String::new(),
            said: error.to_string(),
        })?;
        judge(output, service, name)
    }
}

fn judge(output: io::Result<Output>, service: String, name: String) -> Result<Vec<u8>, ServiceError> {
    match output {
        Ok(output) if output.status.success() => Ok(output.stdout),
        Ok(output) => {
            let from = output.stderr.len().saturating_sub(SAID_BYTES_MAX);
            let said = String::from_utf8_lossy(&output.stderr[from..]);
            let said = format!("{} ({})", said.trim(), output.status);
            Err(ServiceError::Program { service, name, said })
        }
        Err(error) => Err(ServiceError::Program { service, name, said: error.to_string() }),
    }
}

/// The password in an address, decoded.
pub(super) fn password_in(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (user, _) = authority.rsplit_once('@')?;
    let (_, password) = user.split_once(':')?;
    Some(decoded(password))
}

/// The parameter of an address with one of these names, decoded.
pub(super) fn parameter_in(url: &str, names: &[&str]) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(name, _)| names.contains(name)).map(|(_, value)| decoded(value)).next_back()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_and_parameters_are_decoded() {
        let url = "postgres://u:p%40s%2fs%@host:5432/shop?host=%2Frun&sslmode=require";
        assert_eq!(password_in(url).as_deref(), Some("p@s/s%"));
        assert_eq!(parameter_in(url, &["host"]).as_deref(), Some("/run"));
        assert_eq!(parameter_in(url, &["sslmode", "ssl-mode"]).as_deref(), Some("require"));
        assert_eq!((password_in("postgres://u@host/shop"), parameter_in("a://b", &["host"])), (None, None));
    }

    #[test]
    fn a_missing_program_names_its_package() {
        let program = Program { names: &["no-such-dump", "nor-this"], package: "the-client" };
        let missing = program.find("users").err().unwrap().to_string();
        assert!(missing.contains("no-such-dump or nor-this") && missing.contains("the-client"), "{missing}");
    }
}
