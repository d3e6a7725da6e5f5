//! A process of the built binary: what it prints, how it is stopped, how it ended.

use std::cell::RefCell;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::wait::PATIENCE;

const PAUSE: Duration = Duration::from_millis(5);

/// A running process. Its output goes to files, so that it never waits for a reader and nothing of it is lost.
pub(crate) struct Process {
    name: String,
    output: TempDir,
    child: RefCell<Child>,
}

/// How a process ended, with all it printed.
pub(crate) struct Ended {
    pub(crate) name: String,
    /// Nothing if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Process {
    pub(super) fn start(name: String, mut command: Command) -> Process {
        let output = tempfile::tempdir().expect("a temporary directory can be made");
        let file = |name: &str| File::create(output.path().join(name)).expect("a file can be made");
        command.stdin(Stdio::null()).stdout(file("stdout")).stderr(file("stderr"));
        let child = command.spawn().unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        Process { name, output, child: RefCell::new(child) }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.borrow().id()
    }

    /// What it has printed so far.
    pub(crate) fn stdout(&self) -> String {
        self.read("stdout")
    }

    pub(crate) fn stderr(&self) -> String {
        self.read("stderr")
    }

    /// Name, standard output and standard error, for the message of a failure.
    pub(crate) fn describe(&self) -> String {
        let state = match self.exit_status() {
            Some(status) => format!("ended: {status}"),
            None => "running".to_owned(),
        };
        format!("{} ({state})\n-- stdout:\n{}\n-- stderr:\n{}", self.name, self.stdout(), self.stderr())
    }

    /// Waits until it has printed what `find` looks for in its standard output.
    pub(crate) fn wait_for<T>(&self, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
        self.wait_in("stdout", what, find)
    }

    /// The same for its standard error.
    pub(crate) fn wait_for_log<T>(&self, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
        self.wait_in("stderr", what, find)
    }

    /// An address that it prints, without its path: of `api` (`up` and `serve`), or of a service by its name.
    pub(crate) fn url(&self, of: &str) -> String {
        let label = match of {
            "api" if self.name.starts_with("prejoin serve") => "query API",
            "api" => "views",
            service => service,
        };
        self.wait_for(&format!("the address of {of}"), |stdout| address(stdout, label))
    }

    pub(crate) fn is_running(&self) -> bool {
        self.exit_status().is_none()
    }

    pub(super) fn exit_status(&self) -> Option<ExitStatus> {
        self.child.borrow_mut().try_wait().expect("the process is ours")
    }

    /// Sends SIGTERM and waits for the end.
    pub(crate) fn terminate(self) -> Ended {
        self.signal("TERM");
        self.wait()
    }

    /// Sends SIGINT, as Ctrl-C does, and waits for the end.
    pub(crate) fn interrupt(self) -> Ended {
        self.signal("INT");
        self.wait()
    }

    /// Ends it as a power switch would.
    pub(crate) fn kill_9(self) -> Ended {
        // It may have ended by itself.
        drop(self.child.borrow_mut().kill());
        self.wait()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(self.pid().to_string()).status();
        assert!(sent.expect("kill can be run").success(), "kill -{signal} failed: {}", self.describe());
    }

    /// Holds all its threads, and returns when they stand still: a signal is not obeyed at once.
    pub(crate) fn pause(&self) {
        self.signal("STOP");
        let deadline = Instant::now() + PATIENCE;
        while !self.stands_still() {
            assert!(self.is_running() && Instant::now() < deadline, "it does not stop: {}", self.describe());
            sleep(PAUSE);
        }
    }

    /// Goes on where it was paused.
    pub(crate) fn resume(&self) {
        self.signal("CONT");
    }

    fn stands_still(&self) -> bool {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.pid()));
        let threads = threads.expect("threads of a process are listed");
        // "12 (name of it) T …": the state follows the name. A thread that has ended meanwhile does nothing.
        threads.flatten().all(|thread| {
            let said = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
            said.rsplit(") ").next().is_none_or(|rest| rest.is_empty() || rest.starts_with(['T', 't', 'Z']))
        })
    }

    /// Waits for its end.
    pub(crate) fn wait(self) -> Ended {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.exit_status() {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not end: {}", self.describe());
            sleep(PAUSE);
        };
        Ended { name: self.name.clone(), code: status.code(), stdout: self.stdout(), stderr: self.stderr() }
    }

    fn wait_in<T>(&self, stream: &str, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            // Whether it runs is asked first: what it printed at its end counts.
            let running = self.is_running();
            if let Some(found) = find(&self.read(stream)) {
                return found;
            }
            assert!(running, "it ended without {what} in its {stream}: {}", self.describe());
            assert!(Instant::now() < deadline, "no {what} in its {stream}: {}", self.describe());
            sleep(PAUSE);
        }
    }

    fn read(&self, stream: &str) -> String {
        let path: PathBuf = self.output.path().join(stream);
        String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let child = self.child.get_mut();
        // It may have ended by itself.
        drop(child.kill());
        drop(child.wait());
    }
}

impl Ended {
    /// Fails unless it ended with this code.
    #[must_use]
    pub(crate) fn with_code(self, code: i32) -> Ended {
        assert_eq!(self.code, Some(code), "{}", self.describe());
        self
    }

    /// Fails unless it ended with code 0.
    pub(crate) fn succeeded(self) -> Ended {
        self.with_code(0)
    }

    /// Fails unless it ended with code 1, and without a panic.
    pub(crate) fn failed(self) -> Ended {
        assert!(!self.stderr.contains("panicked"), "{}", self.describe());
        self.with_code(1)
    }

    /// Fails unless all of these texts are in its standard output or its standard error.
    pub(crate) fn says(self, texts: &[&str]) -> Ended {
        for text in texts {
            let said = self.stdout.contains(text) || self.stderr.contains(text);
            assert!(said, "it does not say {text:?}: {}", self.describe());
        }
        self
    }

    /// Its standard output as JSON lines.
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        let parse = |line: &str| {
            serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("{line:?} is not JSON ({error}): {}", self.describe()))
        };
        self.stdout.lines().map(parse).collect()
    }

    pub(crate) fn describe(&self) -> String {
        let Ended { name, code, stdout, stderr } = self;
        format!("{name} (ended: {code:?})\n-- stdout:\n{stdout}\n-- stderr:\n{stderr}")
    }
}

/// `http://HOST:PORT` from the line that begins with the label, once the line is complete.
fn address(stdout: &str, label: &str) -> Option<String> {
    let complete = &stdout[..=stdout.rfind('\n')?];
    let line =
        complete.lines().find_map(|line| line.trim().strip_prefix(label)?.trim().strip_prefix("http://"))?;
    Some(format!("http://{}", line.split('/').next()?))
}
