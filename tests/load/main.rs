//! Services under load while the broker is killed and started again, and once loses its last seconds: afterwards every
//! committed change is in the log exactly once, by sequence, in order per entity, as its database has it.
//!
//! `PREJOIN_LOAD_SECONDS` sets how long it lasts, `PREJOIN_SEED` repeats a run's decisions (not its timing). The seed is
//! printed at the start and on failure.

mod broker;
#[allow(dead_code, reason = "another test uses the rest of it")]
#[path = "../kill/chance.rs"]
mod chance;
mod check;
mod service;
mod store;
#[path = "../support/mod.rs"]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use prejoin_test_servers::{MariaDb, Postgres};

use crate::broker::Broker;
use crate::chance::{Chance, Seed};
use crate::service::LoadedService;
use crate::store::Store;
use crate::support::block_on;

/// Enough for what the broker was away and lost to be published.
const SETTLE_WAIT: Duration = Duration::from_secs(300);

fn seconds() -> u64 {
    let seconds = std::env::var("PREJOIN_LOAD_SECONDS").map_or(Ok(15), |text| text.parse());
    seconds.expect("PREJOIN_LOAD_SECONDS is a number")
}

#[test]
fn what_was_committed_is_in_the_log_once_and_in_order_whatever_the_broker_does() {
    let seed = Seed::of_run("what_was_committed_is_in_the_log_once_and_in_order_whatever_the_broker_does");
    let chance = Chance::new(seed.value);
    let lasts = Duration::from_secs(seconds());
    let restarts = (seconds() / 30).clamp(3, 20);
    let (postgres, mariadb) = (Postgres::start(), MariaDb::start());
    let files = tempfile::tempdir().expect("a temporary directory can be made");
    block_on(async {
        let stores = [
            ("users", Store::postgres(&postgres.url("postgres")).await),
            ("orders", Store::mariadb(&mariadb).await),
            ("catalog", Store::sqlite(&files.path().join("catalog.sqlite")).await),
        ];
        let mut broker = Broker::start();
        let (stop, mut services) = (Arc::new(AtomicBool::new(false)), Vec::new());
        for (name, store) in stores {
            let log = broker.connect().await;
            services.push(LoadedService::start(name, store, log, &chance.part(name), &stop).await);
        }
        let lost = broker.restart_for(lasts, restarts, &mut chance.part("broker")).await;
        stop.store(true, Ordering::Relaxed);
        let log = broker.connect().await;
        let mut changes = Vec::new();
        for service in services {
            let service = service.settle(&log, SETTLE_WAIT).await;
            changes.push((service.name, check::agrees_with_log(&service, &log).await));
        }
        eprintln!("{restarts} restarts, {lost} events lost once; committed changes: {changes:?}");
        assert!(lost > 0, "the log lost nothing: the test did not try what it is for");
        assert!(changes.iter().all(|(_, changes)| *changes > 100), "{changes:?}");
    });
}
