//! A MariaDB server, reachable through a socket in its own directory.

use std::env;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

const START_TIMEOUT: Duration = Duration::from_secs(60);
/// Earlier ones have no JSON_TABLE.
const VERSION_MIN: (u32, u32) = (10, 6);
const REMEDY: &str = "run tests/install-servers.sh, or set PREJOIN_MARIADB_BIN to the folder that holds mariadbd, \
                      mariadb-install-db and mariadb of MariaDB 10.6 or later";
/// Where packages put servers and clients.
const PACKAGED: [&str; 4] = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"];

/// A running or killed MariaDB with a user `root` that needs no password. Dropping it kills it.
pub struct MariaDb {
    directory: TempDir,
    process: Option<Child>,
}

impl MariaDb {
    /// Makes a data directory in a temporary directory and starts its server.
    pub fn start() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        fs::create_dir(directory.path().join("tmp")).expect("the directory is writable");
        let mut server = MariaDb { directory, process: None };
        server.install();
        server.launch();
        server
    }

    /// `mysql://root@localhost/DATABASE?socket=…`.
    pub fn url(&self, database: &str) -> String {
        format!("mysql://root@localhost/{database}?socket={}", self.socket().display())
    }

    /// Runs a script in the client and answers what it prints, tab-separated and without headers. An error in the script
    /// fails the test.
    pub fn run_script(&self, script: &str) -> String {
        let output = self.client().arg("--execute").arg(script).output().expect("mariadb is a program");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "mariadb failed ({}):\n{errors}", output.status);
        String::from_utf8(output.stdout).expect("the database is UTF-8")
    }

    /// Kills the server as a power switch would kill the process.
    pub fn kill_9(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("the server was running");
            process.wait().expect("a killed process ends");
        }
    }

    /// Starts the killed server again on the same data.
    pub fn restart(&mut self) {
        assert!(self.process.is_none(), "the server runs; kill it first");
        self.launch();
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("socket")
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// A starting server removes what it takes for its own temporary tables: another's must not lie there.
    fn temporary_files(&self) -> String {
        format!("--tmpdir={}", self.directory.path().join("tmp").display())
    }

    fn client(&self) -> Command {
        let mut client = Command::new(program("mariadb"));
        client.args(["--no-defaults", "--batch", "--skip-column-names", "--user=root"]);
        client.arg(format!("--socket={}", self.socket().display())).stdin(Stdio::null());
        client
    }

    fn install(&self) {
        let mut install = Command::new(program("mariadb-install-db"));
        install.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
        install.arg(format!("--datadir={}", self.data().display())).current_dir("/");
        install.arg(self.temporary_files()).args(self.as_user());
        let output = install
            .output()
            .unwrap_or_else(|error| panic!("mariadb-install-db cannot be run: {error}: {REMEDY}"));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "mariadb-install-db failed ({}):\n{errors}", output.status);
    }

    fn launch(&mut self) {
        let log = File::create(self.directory.path().join("log")).expect("the directory is writable");
        let errors = log.try_clone().expect("a file can be opened twice");
        let mut server = Command::new(program("mariadbd"));
        server.arg("--no-defaults").args(self.as_user());
        for (name, path) in [("datadir", self.data()), ("socket", self.socket())] {
            server.arg(format!("--{name}={}", path.display()));
        }
        server.arg(self.temporary_files());
        server.arg(format!("--pid-file={}", self.directory.path().join("pid").display()));
        server.args(["--skip-networking", "--innodb-flush-log-at-trx-commit=2", "--performance-schema=OFF"]);
        server.args(["--character-set-server=utf8mb4", "--default-time-zone=+00:00"]);
        let process = server.current_dir("/").stdin(Stdio::null()).stdout(log).stderr(errors).spawn();
        self.process = Some(process.expect("mariadbd is a program"));
        self.wait_until_ready();
    }

    fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + START_TIMEOUT;
        while !self
            .client()
            .args(["--execute", "SELECT 1"])
            .output()
            .is_ok_and(|output| output.status.success())
        {
            let ended = self.process.as_mut().and_then(|process| process.try_wait().ok().flatten());
            if ended.is_some() || Instant::now() > deadline {
                let log = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
                panic!("MariaDB did not start ({ended:?}):\n{log}");
            }
            sleep(Duration::from_millis(50));
        }
    }

    /// As root it runs only when told so.
    fn as_user(&self) -> Option<&'static str> {
        let own = fs::metadata(self.directory.path()).expect("the directory was just made");
        (own.uid() == 0).then_some("--user=root")
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended by itself.
            drop(process.kill());
            drop(process.wait());
        }
    }
}

/// One of MariaDB's programs: from the named folder, from the PATH, or from where packages put it.
fn program(name: &str) -> PathBuf {
    if let Some(named) = env::var_os("PREJOIN_MARIADB_BIN") {
        let named = PathBuf::from(named);
        assert!(
            named.join(name).is_file(),
            "PREJOIN_MARIADB_BIN names {}, which has no {name}: {REMEDY}",
            named.display()
        );
        return named.join(name);
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).chain(PACKAGED.map(PathBuf::from)).collect();
    let server = folders.iter().map(|folder| folder.join("mariadbd")).find(|server| is_recent(server));
    assert!(server.is_some(), "no MariaDB found: {REMEDY}");
    let found = folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("MariaDB is there without {name}: {REMEDY}"))
}

/// 10.11, from `mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64`.
fn is_recent(server: &Path) -> bool {
    let Some(output) = Command::new(server).args(["--no-defaults", "--version"]).output().ok() else {
        return false;
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version =
        text.split_once("Ver ").map(|(_, rest)| rest.split(['.', '-']).map(|part| part.parse().ok()));
    let Some(mut parts) = version else { return false };
    matches!((parts.next(), parts.next()), (Some(Some(major)), Some(Some(minor))) if (major, minor) >= VERSION_MIN)
}
