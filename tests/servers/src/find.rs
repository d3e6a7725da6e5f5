//! Find the programs that tests need: named by an environment variable, installed under `.tools/`, or on the PATH.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Earlier ones lack what the event log relies on.
const NATS_VERSION_MIN: (u32, u32) = (2, 10);

const REMEDY: &str =
    "run tests/install-servers.sh, or set PREJOIN_NATS_SERVER to a nats-server of version 2.10 or later";

/// The nats-server to be used.
pub(crate) fn nats_server() -> PathBuf {
    if let Some(named) = env::var_os("PREJOIN_NATS_SERVER") {
        let named = PathBuf::from(named);
        match nats_version(&named) {
            Some(version) if version >= NATS_VERSION_MIN => return named,
            version => panic!(
                "PREJOIN_NATS_SERVER names {}, which is not a usable nats-server (version {version:?}): {REMEDY}",
                named.display()
            ),
        }
    }
    let installed = tools_directory().join("nats-server");
    let on_path =
        env::var_os("PATH").into_iter().flat_map(|path| env::split_paths(&path).collect::<Vec<_>>());
    let candidates = std::iter::once(installed).chain(on_path.map(|directory| directory.join("nats-server")));
    let usable = |path: &PathBuf| nats_version(path).is_some_and(|version| version >= NATS_VERSION_MIN);
    candidates
        .filter(|path| is_binary(path))
        .find(usable)
        .unwrap_or_else(|| panic!("no nats-server found: {REMEDY}"))
}

/// `.tools/` in the repository's root, wherever the test runs.
fn tools_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools")
}

/// Scripts are passed over: a signal to one does not reach the server it starts.
fn is_binary(path: &Path) -> bool {
    let mut magic = [0; 2];
    let read =
        std::fs::File::open(path).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut magic));
    read.is_ok() && &magic != b"#!"
}

/// Major and minor, from `nats-server: v2.15.1`.
fn nats_version(path: &Path) -> Option<(u32, u32)> {
    let output = Command::new(path).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let version = text.trim().strip_prefix("nats-server: v")?;
    let mut parts = version.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}
