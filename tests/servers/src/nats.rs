//! A nats-server with JetStream.

use std::fs::{self, File, OpenOptions};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::find::nats_server;

const START_TIMEOUT: Duration = Duration::from_secs(20);

/// A running or killed nats-server, with a port and a store that it keeps over restarts. Dropping it kills it.
pub struct NatsServer {
    directory: TempDir,
    port: u16,
    process: Option<Child>,
}

impl NatsServer {
    /// Starts a server on a free port of the loopback interface. `config` is text in the server's configuration format
    /// (users, accounts, limits), added to port, store directory and JetStream, which are set already.
    pub fn start(config: &str) -> Self {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let directory = tempfile::tempdir().expect("a temporary directory can be made");
            let mut server = NatsServer { port: free_port(), process: None, directory };
            server.write_config(config);
            match server.launch() {
                Ok(()) => return server,
                // Another process took the port in between.
                Err(log) if attempts < 5 && log.contains("address already in use") => {}
                Err(log) => panic!("nats-server did not start:\n{log}"),
            }
        }
    }

    /// `nats://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where the server keeps its streams.
    pub fn store(&self) -> PathBuf {
        self.directory.path().join("store")
    }

    /// What the server has written to its log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Kills the server as a power switch would kill the process: no chance to write or to say goodbye.
    pub fn kill_9(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("the server was running");
            process.wait().expect("a killed process ends");
        }
    }

    /// Starts the killed server again on the same port and store.
    pub fn restart(&mut self) {
        assert!(self.process.is_none(), "the server runs; kill it first");
        if let Err(log) = self.launch() {
            panic!("nats-server did not start again:\n{log}");
        }
    }

    /// Stops the server's threads without closing its connections: it accepts and buffers, but answers nothing.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    /// Lets a paused server go on.
    pub fn resume(&self) {
        self.signal("CONT");
    }

    /// Removes everything the killed server has stored.
    pub fn wipe_store(&self) {
        assert!(self.process.is_none(), "the server runs; kill it first");
        if self.store().exists() {
            fs::remove_dir_all(self.store()).expect("the store can be removed");
        }
    }

    /// Copies the store aside, to be put back by `restore_store`: a server that lost what came later.
    pub fn save_store(&self) {
        assert!(self.process.is_none(), "the server runs; kill it first");
        let saved = self.directory.path().join("saved");
        if saved.exists() {
            fs::remove_dir_all(&saved).expect("the earlier copy can be removed");
        }
        copy_directory(&self.store(), &saved);
    }

    /// Puts the store back as it was when it was saved.
    pub fn restore_store(&self) {
        self.wipe_store();
        copy_directory(&self.directory.path().join("saved"), &self.store());
    }

    fn signal(&self, name: &str) {
        let process = self.process.as_ref().expect("the server runs");
        let status = Command::new("kill").arg(format!("-{name}")).arg(process.id().to_string()).status();
        assert!(status.expect("kill can be run").success(), "kill -{name} failed");
    }

    fn write_config(&self, config: &str) {
        let store = self.store();
        let text = format!(
            "listen: \"127.0.0.1:{}\"\nserver_name: \"test-{}\"\njetstream {{ store_dir: {:?} }}\n{config}\n",
            self.port, self.port, store
        );
        fs::write(self.config_path(), text).expect("the configuration can be written");
    }

    /// Starts the process and waits until it is ready. The error is its log.
    fn launch(&mut self) -> Result<(), String> {
        let append = || OpenOptions::new().create(true).append(true).open(self.log_path());
        let log: File = append().expect("the log can be opened");
        let errors: File = append().expect("the log can be opened");
        let already = self.log().len();
        let process = Command::new(nats_server())
            .arg("--config")
            .arg(self.config_path())
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .expect("nats-server can be run");
        self.process = Some(process);
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            let log = self.log();
            let fresh = log.get(already..).unwrap_or_default();
            if fresh.contains("Server is ready") && TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return Ok(());
            }
            let ended = self.process.as_mut().is_none_or(|process| !matches!(process.try_wait(), Ok(None)));
            if ended || Instant::now() > deadline {
                self.kill_quietly();
                return Err(self.log());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn kill_quietly(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended by itself.
            drop(process.kill());
            drop(process.wait());
        }
    }

    fn config_path(&self) -> PathBuf {
        self.directory.path().join("nats.conf")
    }

    fn log_path(&self) -> PathBuf {
        self.directory.path().join("nats.log")
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill_quietly();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("the loopback interface has a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory can be made");
    for entry in fs::read_dir(from).expect("the store can be listed") {
        let entry = entry.expect("the store can be listed");
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        match path.is_dir() {
            true => copy_directory(&path, &target),
            false => drop(fs::copy(&path, &target).expect("the store can be copied")),
        }
    }
}
