//! Wait for what is bound to happen.

use std::future::Future;
use std::sync::LazyLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::process::Process;

/// How long anything may take before a test fails: generous, for machines that do much else at the same time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(240);

static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().expect("a runtime can be made")
});

/// Runs async code from a test.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.block_on(future)
}

/// Calls `look` until it finds what it looks for, and returns that. Fails with what it saw last when that takes too
/// long, or as soon as one of the processes has ended.
pub(crate) fn wait_until<T>(
    what: &str,
    processes: &[&Process],
    look: impl FnMut() -> Result<T, String>,
) -> T {
    let mut look = look;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let all_run = processes.iter().all(|process| process.is_running());
        let seen = match look() {
            Ok(found) => return found,
            Err(seen) => seen,
        };
        if !all_run || Instant::now() > deadline {
            let described: Vec<_> = processes.iter().map(|process| process.describe()).collect();
            let why = if all_run { "too long" } else { "in vain: a process has ended" };
            panic!("waited {why} until {what}\n-- last seen: {seen}\n{}", described.join("\n"));
        }
        sleep(Duration::from_millis(20));
    }
}
