//! A broker that is killed and started again, and once put back to what it was some seconds before.

use std::sync::Arc;
use std::time::Duration;

use prejoin_event_log::{EventLog, JetStreamLog, JetStreamOptions};
use prejoin_test_servers::NatsServer;
use tokio::task::block_in_place;
use tokio::time::{Instant, sleep, sleep_until};

use crate::chance::Chance;
use crate::service::SERVICES;
use crate::support::PATIENCE;

/// What the log loses at least is what comes within this time.
const LOSS: Duration = Duration::from_secs(2);

pub(crate) struct Broker(NatsServer);

impl Broker {
    pub(crate) fn start() -> Broker {
        Broker(NatsServer::start(""))
    }

    pub(crate) async fn connect(&self) -> Arc<dyn EventLog> {
        let log = JetStreamLog::connect(&self.0.url(), JetStreamOptions::default()).await;
        Arc::new(log.expect("the address is good"))
    }

    /// Kills and starts the server so many times at random moments, in the middle of it once with a loss. Returns how many
    /// messages were lost.
    pub(crate) async fn restart_for(&mut self, lasts: Duration, restarts: u64, chance: &mut Chance) -> u64 {
        let begun = Instant::now();
        let share = lasts / u32::try_from(restarts).expect("there are not so many");
        let mut lost = 0;
        for restart in 0..restarts {
            let share_ms = u64::try_from(share.as_millis()).expect("it is short");
            let at = share * u32::try_from(restart).expect("there are not so many");
            sleep_until(begun + at + chance.milliseconds(share_ms / 2)).await;
            if restart == restarts / 2 {
                lost = self.lose_the_end(chance).await;
            } else {
                self.kill_and_start(chance, |_| {}).await;
            }
        }
        sleep_until(begun + lasts).await;
        lost
    }

    /// What is done to the store of the dead server is done between.
    async fn kill_and_start(&mut self, chance: &mut Chance, between: impl FnOnce(&NatsServer)) {
        block_in_place(|| self.0.kill_9());
        block_in_place(|| between(&self.0));
        sleep(chance.milliseconds(1500)).await;
        block_in_place(|| self.0.restart());
    }

    async fn lose_the_end(&mut self, chance: &mut Chance) -> u64 {
        self.kill_and_start(chance, NatsServer::save_store).await;
        let saved = self.messages().await;
        sleep(LOSS + chance.milliseconds(1000)).await;
        let deadline = Instant::now() + PATIENCE;
        let mut reached = self.messages().await;
        while reached <= saved && Instant::now() < deadline {
            sleep(Duration::from_millis(50)).await;
            reached = self.messages().await;
        }
        self.kill_and_start(chance, NatsServer::restore_store).await;
        reached.saturating_sub(saved)
    }

    /// How many messages all streams have.
    async fn messages(&self) -> u64 {
        let log = self.connect().await;
        let mut messages = 0;
        for service in SERVICES {
            messages += log.bounds(service).await.map_or(0, |bounds| bounds.last);
        }
        messages
    }
}
