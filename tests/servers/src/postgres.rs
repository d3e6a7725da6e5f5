//! A PostgreSQL server: collation C, UTF-8, time zone UTC, reachable through a socket in its own directory.

use std::env;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

const START_TIMEOUT: Duration = Duration::from_secs(60);
/// Earlier ones have no infinite numerics.
const MAJOR_VERSION_MIN: u32 = 14;
const REMEDY: &str = "run tests/install-servers.sh, or set PREJOIN_PG_BIN to the folder that holds initdb, \
                      postgres, pg_ctl and psql of PostgreSQL 14 or later";

/// A running PostgreSQL with an empty database `postgres` and a superuser of the same name. Dropping it stops it.
pub struct Postgres {
    directory: TempDir,
    programs: PathBuf,
    account: Option<Account>,
    process: Child,
}

/// PostgreSQL refuses to run as root; then it runs as another user.
#[derive(Clone, Copy)]
struct Account {
    user_id: u32,
    group_id: u32,
}

impl Postgres {
    /// Makes a database cluster in a temporary directory and starts its server.
    pub fn start() -> Self {
        let programs = programs();
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let account = unprivileged_account(directory.path());
        if let Some(account) = account {
            chown(directory.path(), Some(account.user_id), Some(account.group_id)).expect("root may chown");
        }
        // psql, run by another user, must reach the socket.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))
            .expect("the owner may chmod");

        let cluster = directory.path().join("cluster");
        let mut initdb = command(&programs.join("initdb"), account);
        initdb.args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C"]);
        succeed(initdb.arg("-D").arg(&cluster), "initdb");

        let log = File::create(directory.path().join("log")).expect("the directory is writable");
        let mut postgres = command(&programs.join("postgres"), account);
        postgres.arg("-D").arg(&cluster).arg("-k").arg(directory.path());
        for setting in ["listen_addresses=", "timezone=UTC", "datestyle=ISO", "fsync=off"] {
            postgres.args(["-c", setting]);
        }
        let errors = log.try_clone().expect("a file can be opened twice");
        let process = postgres.stdin(Stdio::null()).stdout(log).stderr(errors).spawn();
        let process = process.expect("postgres is a program");
        let mut server = Postgres { directory, programs, account, process };
        server.wait_until_ready();
        server
    }

    /// `postgres://postgres@localhost/DATABASE?host=…`: through the socket. A client whose tables are to lie in a schema
    /// of its own sets its search path.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@localhost/{database}?host={}", self.directory.path().display())
    }

    /// Runs a script in psql and answers what it prints, unaligned and without headers. An error in the script fails the
    /// test.
    pub fn run_script(&self, script: &str) -> String {
        let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
        fs::write(file.path(), script).expect("a temporary file is writable");
        let output = succeed(self.psql().args(["-v", "ON_ERROR_STOP=1", "-f"]).arg(file.path()), "psql");
        String::from_utf8(output.stdout).expect("the database is UTF-8")
    }

    fn psql(&self) -> Command {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-X", "-A", "-t", "-q", "-U", "postgres", "-h"]).arg(self.directory.path());
        psql.env("PGCLIENTENCODING", "UTF8").stdin(Stdio::null());
        psql
    }

    fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + START_TIMEOUT;
        while !self.psql().args(["-c", "SELECT 1"]).output().expect("psql is a program").status.success() {
            let ended = self.process.try_wait().expect("the process is ours");
            if ended.is_some() || Instant::now() > deadline {
                let log = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
                panic!("PostgreSQL did not start ({ended:?}):\n{log}");
            }
            sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let mut stop = command(&self.programs.join("pg_ctl"), self.account);
        stop.args(["stop", "--mode=immediate", "-D"]).arg(self.directory.path().join("cluster"));
        let stopped = stop.output().is_ok_and(|output| output.status.success());
        if !stopped {
            // Its children end by themselves when they notice.
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}

fn command(program: &Path, account: Option<Account>) -> Command {
    let mut command = Command::new(program);
    // The current directory may be closed to the other user.
    command.current_dir("/").env("LC_ALL", "C");
    if let Some(account) = account {
        command.uid(account.user_id).gid(account.group_id);
    }
    command
}

fn succeed(command: &mut Command, name: &str) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{name} cannot be run: {error}: {REMEDY}"));
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        panic!("{name} failed ({}):\n{errors}", output.status);
    }
    output
}

/// Nothing if this process, whose files have an owner, does not run as root.
fn unprivileged_account(own_file: &Path) -> Option<Account> {
    let user_id = fs::metadata(own_file).expect("the directory was just made").uid();
    if user_id != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("the list of users is readable");
    let account = |wanted: &str| {
        let mut fields = users.lines().map(|line| line.split(':')).find(|fields| {
            let mut fields = fields.clone();
            fields.next() == Some(wanted)
        })?;
        let user_id = fields.nth(2)?.parse().ok()?;
        Some(Account { user_id, group_id: fields.next()?.parse().ok()? })
    };
    let found = account("postgres").or_else(|| account("nobody"));
    Some(found.expect("root runs PostgreSQL as the user postgres or nobody; there is neither in /etc/passwd"))
}

/// The folder of PostgreSQL's programs: the named one, one on the PATH, or the newest that Debian's packages installed.
fn programs() -> PathBuf {
    if let Some(named) = env::var_os("PREJOIN_PG_BIN") {
        let named = PathBuf::from(named);
        assert!(is_usable(&named), "PREJOIN_PG_BIN names {}, which will not do: {REMEDY}", named.display());
        return named;
    }
    let path = env::var_os("PATH").unwrap_or_default();
    // What is on the PATH may be a link; the other programs lie beside its target.
    let on_path = env::split_paths(&path).filter_map(|folder| folder.join("postgres").canonicalize().ok());
    let on_path = on_path.filter_map(|program| program.parent().map(Path::to_path_buf));
    let packaged = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut packaged: Vec<PathBuf> = packaged.map(|version| version.path().join("bin")).collect();
    packaged.sort_by_key(|folder| std::cmp::Reverse(major_version(folder)));
    let found = on_path.chain(packaged).find(|folder| is_usable(folder));
    found.unwrap_or_else(|| panic!("no PostgreSQL found: {REMEDY}"))
}

fn is_usable(folder: &Path) -> bool {
    let complete = ["initdb", "postgres", "pg_ctl", "psql"].iter().all(|name| folder.join(name).is_file());
    complete && major_version(folder).is_some_and(|version| version >= MAJOR_VERSION_MIN)
}

/// 15, from `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn major_version(folder: &Path) -> Option<u32> {
    let output = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let version = text.split_once("(PostgreSQL) ")?.1;
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}
