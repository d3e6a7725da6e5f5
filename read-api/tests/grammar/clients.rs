//! The clients that PostgREST's users have, unchanged, over the same rows: the scripts are in `tests/clients` of the repository.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::rows::Stores;
use crate::served::Served;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Where `make tools` installs them.
fn installed() -> PathBuf {
    std::env::var_os("PREJOIN_CLIENTS").map_or_else(|| repository().join(".tools/clients"), PathBuf::from)
}

/// Runs a script against an address; it must succeed and say how many checks it made.
fn run(program: &Path, script: &str, url: &str) {
    let script = repository().join("tests/clients").join(script);
    let mut command = Command::new(program);
    command.arg(&script).env("PREJOIN_URL", url).env("PREJOIN_CLIENTS", installed());
    let Output { status, stdout, stderr } =
        command.output().unwrap_or_else(|error| panic!("{}: {error}; run `make tools`", program.display()));
    let (said, complained) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{} on {url}: {said}\n{complained}", script.display());
    assert!(said.trim().ends_with(" checks"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn postgrest_s_own_clients_work_unchanged_on_every_store() {
    let package = installed().join("node_modules/@supabase/postgrest-js");
    let python = installed().join("venv/bin/python");
    for part in [&package, &python] {
        assert!(part.exists(), "{} is missing: run `make tools`", part.display());
    }
    let stores = Stores::write().await;
    let served = Served::start(&stores).await;
    for address in served.addresses() {
        let url = address.to_owned();
        let python = python.clone();
        let ran = tokio::task::spawn_blocking(move || {
            run(Path::new("node"), "client.mjs", &url);
            run(&python, "client.py", &url);
        });
        ran.await.unwrap();
    }
}
