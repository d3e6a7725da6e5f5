//! Of several relays on one database one is at work; another takes over when it dies, whatever it dies of.

use std::sync::Arc;
use std::time::Duration;

use prejoin_event_log::EventLog;
use prejoin_outbox::RelaySettings;

use crate::stores::{Kind, Pool, on_every_store};
use crate::support::{Database, Fixture, MoodyLog, RunningRelay, assert_log_holds, quick};

on_every_store!(
    a_relay_of_another_process_stands_by_and_takes_over,
    a_relay_that_loses_its_session_goes_on_or_gives_way,
    asked_to_stop_while_standing_by_it_stops,
    cleaning_up_beside_another_relay_loses_nothing,
);

async fn a_relay_of_another_process_stands_by_and_takes_over(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let [first, second] = [fixture.database.open_again().await, fixture.database.open_again().await];
    let logs = [MoodyLog::new(Arc::clone(&fixture.log)), MoodyLog::new(Arc::clone(&fixture.log))];
    let [first_log, second_log]: [Arc<dyn EventLog>; 2] = [logs[0].clone(), logs[1].clone()];
    let working = RunningRelay::start(&first.outbox, &first_log, quick());
    first.record("a", 0).await;
    first.wait_until_drained().await;
    let standing_by = RunningRelay::start(&second.outbox, &second_log, quick());
    for number in 1..40 {
        let recorder = if number % 2 == 0 { &first } else { &second };
        recorder.record("a", number).await;
    }
    first.wait_until_drained().await;
    assert_eq!((logs[0].sends(), logs[1].sends()), (40, 0), "one at work, one standing by");

    working.kill().await;
    second.record_many(40..60).await;
    second.wait_until_drained().await;
    assert_eq!((logs[0].sends(), logs[1].sends()), (40, 20), "the other took over");

    // The first comes back, and stands by in its turn.
    let returned = RunningRelay::start(&first.outbox, &first_log, quick());
    first.record_many(60..80).await;
    first.wait_until_drained().await;
    assert_eq!((logs[0].sends(), logs[1].sends()), (40, 40));
    standing_by.stop().await.unwrap();
    first.record_many(80..90).await;
    first.wait_until_drained().await;
    returned.stop().await.unwrap();
    assert_eq!((logs[0].sends(), logs[1].sends()), (50, 40), "what is stopped gives its turn back");
    assert_log_holds(&fixture.log, 0..90).await;
}

/// The server ends the session that holds the turn, again and again, as a restart or an operator would.
async fn a_relay_that_loses_its_session_goes_on_or_gives_way(kind: Kind) {
    if kind == Kind::Sqlite {
        // It has no sessions; a process that dies is the other test's matter.
        return;
    }
    let fixture = Fixture::new(kind).await;
    let [first, second] = [fixture.database.open_again().await, fixture.database.open_again().await];
    let relays = [
        RunningRelay::start(&first.outbox, &fixture.log, quick()),
        RunningRelay::start(&second.outbox, &fixture.log, quick()),
    ];
    let mut ended = 0;
    for round in 0..8 {
        first.record_many(round * 10..round * 10 + 10).await;
        ended += end_session_with_turn(&fixture.database).await;
        second.wait_until_drained().await;
    }
    assert!(ended >= 4, "only {ended} sessions were ended in the middle");
    for relay in relays {
        relay.stop().await.unwrap();
    }
    assert_log_holds(&fixture.log, 0..80).await;
}

/// How many sessions were ended: one, or none if nobody had the turn.
async fn end_session_with_turn(database: &Database) -> i64 {
    match &database.pool {
        Pool::Sqlite(_) => 0,
        Pool::Postgres(_) => {
            let question = "SELECT count(pg_terminate_backend(pid)) FROM pg_locks
                             WHERE locktype = 'advisory' AND granted AND classid::bigint = 1886545258
                               AND objid = 'prejoin_outbox_meta'::regclass::oid";
            database.pool.integer(question).await
        }
        Pool::MariaDb(pool) => {
            let question = "SELECT CAST(IS_USED_LOCK(concat('prejoin_outbox.', md5(database()))) AS SIGNED)";
            let holder: Option<i64> = sqlx::query_scalar(question).fetch_one(pool).await.unwrap();
            let Some(holder) = holder else { return 0 };
            // It may have ended in between.
            let killed = sqlx::raw_sql(sqlx::AssertSqlSafe(format!("KILL {holder}"))).execute(pool).await;
            i64::from(killed.is_ok())
        }
    }
}

async fn asked_to_stop_while_standing_by_it_stops(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    let other = database.open_again().await;
    let working = RunningRelay::start(&database.outbox, &fixture.log, quick());
    database.record("a", 0).await;
    database.wait_until_drained().await;
    let slow = RelaySettings { poll: Duration::from_secs(3600), ..quick() };
    let standing_by = RunningRelay::start(&other.outbox, &fixture.log, slow);
    tokio::time::sleep(Duration::from_millis(50)).await;
    standing_by.stop().await.unwrap();
    database.record("a", 1).await;
    database.wait_until_drained().await;
    working.stop().await.unwrap();
    assert_log_holds(&fixture.log, 0..2).await;
}

/// Relays that forget as eagerly as they can, and die in between, while the log loses acknowledgements.
async fn cleaning_up_beside_another_relay_loses_nothing(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let [first, second] = [fixture.database.open_again().await, fixture.database.open_again().await];
    let moody = MoodyLog::new(Arc::clone(&fixture.log));
    moody.set_loses_acks(true);
    let log: Arc<dyn EventLog> = moody.clone();
    let eager = RelaySettings {
        keep_for: Duration::ZERO,
        keep_rows: 5,
        reconcile_every: Duration::from_millis(1),
        ..quick()
    };
    for round in 0..6 {
        let relays = [
            RunningRelay::start(&first.outbox, &log, eager.clone()),
            RunningRelay::start(&second.outbox, &log, eager.clone()),
        ];
        first.record_many(round * 40..round * 40 + 40).await;
        for relay in relays {
            relay.kill().await;
        }
    }
    let relay = RunningRelay::start(&first.outbox, &log, eager);
    first.wait_until_drained().await;
    let forgotten = async {
        while first.pool.integer("SELECT count(*) FROM prejoin_outbox").await > 5 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), forgotten).await.expect("old rows stay for ever");
    relay.stop().await.unwrap();
    assert_log_holds(&fixture.log, 0..240).await;
}
