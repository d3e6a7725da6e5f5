//! A directory of one system: `config/` and `data/`, and commands that run in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::process::{Ended, Process};

/// A temporary directory with the shipped config set in `config/`, and `data/` for whatever runs. Removed when dropped.
pub(crate) struct Home {
    directory: TempDir,
}

impl Home {
    /// With the config set of the repository.
    pub(crate) fn new() -> Home {
        let home = Home::bare();
        copy_directory(&Path::new(env!("CARGO_MANIFEST_DIR")).join("config"), &home.config());
        home
    }

    /// Without a config directory.
    pub(crate) fn bare() -> Home {
        Home { directory: tempfile::tempdir().expect("a temporary directory can be made") }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path().join("config")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// Writes a file below the home, with its folders; returns its path.
    pub(crate) fn write(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(path);
        let folder = path.parent().expect("the path is below the home");
        fs::create_dir_all(folder).expect("a folder can be made");
        fs::write(&path, content).expect("a file can be written");
        path
    }

    /// Changes a file below the home.
    pub(crate) fn edit(&self, path: impl AsRef<Path>, change: impl FnOnce(String) -> String) {
        let path = self.path().join(path);
        let before = fs::read_to_string(&path).expect("the file can be read");
        let after = change(before.clone());
        assert_ne!(before, after, "the edit of {} changes nothing", path.display());
        fs::write(&path, after).expect("the file can be written");
    }

    /// `prejoin ARGUMENTS --config HOME/config --data HOME/data`, run in the home without any `PREJOIN_…` variable.
    /// A home without a config directory leaves `--config` out.
    pub(crate) fn command<A: AsRef<str>>(&self, arguments: &[A]) -> Launch {
        let launch = self.plain_command(arguments).flag("--data", self.data());
        if self.config().is_dir() { launch.flag("--config", self.config()) } else { launch }
    }

    /// `prejoin ARGUMENTS`, run in the home without any `PREJOIN_…` variable.
    pub(crate) fn plain_command<A: AsRef<str>>(&self, arguments: &[A]) -> Launch {
        let arguments: Vec<&str> = arguments.iter().map(AsRef::as_ref).collect();
        let mut command = Command::new(env!("CARGO_BIN_EXE_prejoin"));
        command.args(&arguments).current_dir(self.path());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PREJOIN_") {
                command.env_remove(name);
            }
        }
        Launch { name: format!("prejoin {}", arguments.join(" ")), command }
    }

    /// `prejoin up` on free ports, once it has printed its addresses.
    pub(crate) fn up<A: AsRef<str>>(&self, more_arguments: &[A]) -> Process {
        let mut arguments = vec!["up", "--listen", "127.0.0.1:0"];
        arguments.extend(more_arguments.iter().map(AsRef::as_ref));
        let up = self.command(&arguments).start();
        up.url("orders");
        up
    }

    /// `prejoin serve` on a free port.
    pub(crate) fn serve(&self) -> Process {
        let serve = self.command(&["serve", "--listen", "127.0.0.1:0"]).start();
        serve.url("api");
        serve
    }

    /// `prejoin project --until-caught-up`, which must succeed.
    pub(crate) fn project(&self) -> Ended {
        self.command(&["project", "--until-caught-up"]).run().succeeded()
    }
}

/// A command about to be run.
pub(crate) struct Launch {
    name: String,
    command: Command,
}

impl Launch {
    #[must_use]
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Launch {
        self.command.env(name, value);
        self
    }

    #[must_use]
    pub(crate) fn flag(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Launch {
        self.command.arg(name).arg(value);
        self
    }

    #[must_use]
    pub(crate) fn arg(mut self, argument: impl AsRef<std::ffi::OsStr>) -> Launch {
        self.command.arg(argument);
        self
    }

    /// The same, run by another program, which gets it as its last arguments.
    #[must_use]
    pub(crate) fn through(self, program: &[&str]) -> Launch {
        let mut command = Command::new(program[0]);
        command.args(&program[1..]).arg(self.command.get_program()).args(self.command.get_args());
        command.envs(self.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        for (name, _) in self.command.get_envs().filter(|(_, value)| value.is_none()) {
            command.env_remove(name);
        }
        command.current_dir(self.command.get_current_dir().expect("commands run in a home"));
        Launch { name: self.name, command }
    }

    /// Starts it and does not wait.
    pub(crate) fn start(self) -> Process {
        Process::start(self.name, self.command)
    }

    /// Runs it to its end.
    pub(crate) fn run(self) -> Ended {
        self.start().wait()
    }
}

fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder can be made");
    for entry in fs::read_dir(from).expect("the config directory can be listed") {
        let entry = entry.expect("the config directory can be listed");
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy_directory(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).expect("a file can be copied")),
        }
    }
}
