//! A relay that dies at any point loses and doubles nothing.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use prejoin_event_log::EventLog;
use prejoin_outbox::RelaySettings;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use crate::stores::{Kind, on_every_store};
use crate::support::{Database, Fixture, MoodyLog, assert_log_holds, events, quick};

on_every_store!(killed_at_every_await, killed_at_random_points_with_a_moody_log,);

/// More than a relay takes that does not wait for something; on a loaded machine it does.
const POLLS_MAX: usize = 60;

/// Runs a future for a number of polls, so that it ends at one of its awaits.
struct Budget<F> {
    future: Pin<Box<F>>,
    polls: usize,
}

impl<F: Future> Future for Budget<F> {
    /// Whether the future ended by itself.
    type Output = bool;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<bool> {
        if self.polls == 0 {
            return Poll::Ready(false);
        }
        self.polls -= 1;
        self.future.as_mut().poll(context).map(|_| true)
    }
}

/// Starts a relay and drops it after so many polls.
async fn run_for(database: &Database, log: &Arc<dyn EventLog>, polls: usize) {
    // Awake most of the time, so that its polls are spent at work.
    let settings = RelaySettings { poll: Duration::from_millis(1), ..quick() };
    let relay = database.outbox.relay(Arc::clone(log), settings).run(std::future::pending());
    let ended = Budget { future: Box::pin(relay), polls }.await;
    assert!(!ended, "the relay ended by itself");
}

/// How many polls a relay takes from its start to an event marked as sent.
async fn polls_of_a_way(kind: Kind) -> usize {
    let fixture = Fixture::new(kind).await;
    fixture.database.record("a", 0).await;
    let mut polls = 0;
    let relay = fixture.database.outbox.relay(Arc::clone(&fixture.log), quick()).run(std::future::pending());
    let mut relay = Box::pin(relay);
    let counted = std::future::poll_fn(|context| {
        polls += 1;
        relay.as_mut().poll(context).map(drop)
    });
    tokio::select! {
        () = counted => panic!("the relay ended by itself"),
        () = fixture.database.wait_until_drained() => {}
    }
    polls
}

async fn killed_at_every_await(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let polls_max = polls_of_a_way(kind).await.min(POLLS_MAX);
    println!("{kind:?}: {polls_max} polls");
    let mut recorded = 0;
    for polls in 1..=polls_max * 3 / 2 {
        // Few at a time, so that every kind of step comes up at every number of polls.
        let more = polls % 4;
        fixture.database.record_many(recorded..recorded + more).await;
        recorded += more;
        run_for(&fixture.database, &fixture.log, polls).await;
    }
    let published = events(&fixture.log).await.len();
    assert!(published > 0, "the relays died before they did anything: {published} events of {recorded}");
    fixture.database.drain(&fixture.log).await;
    assert_log_holds(&fixture.log, 0..recorded).await;
}

async fn killed_at_random_points_with_a_moody_log(kind: Kind) {
    let seed =
        std::env::var("PREJOIN_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_122);
    println!("PREJOIN_TEST_SEED={seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut below = |bound: u32| (random.next_u32() % bound) as usize;

    let fixture = Fixture::new(kind).await;
    let moody = MoodyLog::new(Arc::clone(&fixture.log));
    let log: Arc<dyn EventLog> = moody.clone();
    let mut recorded = 0;
    for _ in 0..80 {
        let more = below(40);
        fixture.database.record_many(recorded..recorded + more).await;
        recorded += more;
        moody.set_loses_acks(below(4) == 0);
        moody.set_away(below(10) == 0);
        run_for(&fixture.database, &log, 1 + below(60)).await;
    }
    moody.set_away(false);
    moody.set_loses_acks(false);
    fixture.database.drain(&log).await;
    assert_log_holds(&fixture.log, 0..recorded).await;
}
