//! A service under load: writers that change things, and two relays, one of which stands by.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use prejoin_event_log::EventLog;
use prejoin_outbox::{Outbox, OutboxError, RelaySettings};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::chance::Chance;
use crate::store::{Store, THINGS};

pub(crate) const SERVICES: [&str; 3] = ["users", "orders", "catalog"];

const WRITERS: u64 = 3;
/// Between the changes of one writer.
const PAUSE_MAX_MS: u64 = 12;

pub(crate) struct LoadedService {
    pub(crate) name: &'static str,
    pub(crate) store: Store,
    outbox: Outbox,
    /// Changes that were committed.
    pub(crate) committed: Arc<AtomicU64>,
    writers: Vec<JoinHandle<()>>,
    relays: Vec<JoinHandle<Result<(), OutboxError>>>,
    stop_relays: watch::Sender<bool>,
}

impl LoadedService {
    pub(crate) async fn start(
        name: &'static str,
        store: Store,
        log: Arc<dyn EventLog>,
        chance: &Chance,
        stop: &Arc<AtomicBool>,
    ) -> LoadedService {
        let outbox = store.outbox(name);
        outbox.migrate().await.expect("a new database takes an outbox");
        log.ensure_stream(name).await.expect("the broker runs");
        let committed: Arc<AtomicU64> = Arc::default();
        let mut writers = Vec::new();
        for number in 0..WRITERS {
            let chance = chance.part(&format!("writer {number}"));
            let (store, outbox) = (store.clone(), outbox.clone());
            writers.push(tokio::spawn(write(
                store,
                outbox,
                chance,
                Arc::clone(stop),
                Arc::clone(&committed),
            )));
        }
        let (stop_relays, stopped) = watch::channel(false);
        let settings = RelaySettings {
            reconcile_every: Duration::from_millis(500),
            back_off_max: Duration::from_millis(500),
            ..RelaySettings::default()
        };
        // The second one as another process would.
        let relay = |outbox: Outbox| {
            let (log, settings, mut stopped) = (Arc::clone(&log), settings.clone(), stopped.clone());
            tokio::spawn(outbox.relay(log, settings).run(async move {
                let _ = stopped.wait_for(|&stop| stop).await;
            }))
        };
        let relays = vec![relay(outbox.clone()), relay(store.outbox(name))];
        LoadedService { name, store, outbox, committed, writers, relays, stop_relays }
    }

    /// Waits until the writers have ended and everything is in the log, then stops the relays.
    pub(crate) async fn settle(mut self, log: &Arc<dyn EventLog>, up_to: Duration) -> LoadedService {
        for writer in std::mem::take(&mut self.writers) {
            writer.await.expect("a writer fails only where it must not");
        }
        let deadline = Instant::now() + up_to;
        loop {
            let counts = self.outbox.counts().await.expect("the database is there");
            let given_out = self.outbox.last_sequence().await.expect("the database is there");
            let in_log = log.bounds(self.name).await.map(|bounds| bounds.last);
            if counts.unsent == 0 && in_log.as_ref().is_ok_and(|in_log| *in_log >= given_out) {
                break;
            }
            assert!(
                Instant::now() < deadline,
                "{} does not settle: {counts:?}, {given_out}, {in_log:?}",
                self.name
            );
            sleep(Duration::from_millis(50)).await;
        }
        self.stop_relays.send_replace(true);
        for relay in std::mem::take(&mut self.relays) {
            relay.await.expect("a relay does not panic").expect("a relay ends when asked to");
        }
        self
    }
}

async fn write(
    store: Store,
    outbox: Outbox,
    mut chance: Chance,
    stop: Arc<AtomicBool>,
    committed: Arc<AtomicU64>,
) {
    while !stop.load(Ordering::Relaxed) {
        let thing = i64::try_from(chance.below(THINGS.unsigned_abs())).expect("there are not so many");
        let (padding, keep) = (chance.index(400), !chance.percent(5));
        store.change(&outbox, thing, padding, keep).await;
        if keep {
            committed.fetch_add(1, Ordering::Relaxed);
            outbox.wake();
        }
        sleep(chance.milliseconds(PAUSE_MAX_MS)).await;
    }
}
