//! Orders from stock while the services that take part are killed at random: when all has settled, nothing is half done
//! and stock adds up.
//!
//! `PREJOIN_SAGAS` sets the orders to a test, `PREJOIN_SEED` repeats a run's decisions (not its timing). The seed is
//! printed at the start and on failure.

mod boundaries;
#[allow(dead_code, reason = "another test uses the rest of it")]
#[path = "../kill/chance.rs"]
mod chance;
mod copies;
mod shop;
#[path = "../support/mod.rs"]
mod support;

use prejoin_test_servers::{MariaDb, NatsServer, Postgres};

use crate::chance::{Chance, Seed};
use crate::shop::{PARTICIPANTS, Shop};
use crate::support::wait_until;

fn sagas() -> u64 {
    let sagas = std::env::var("PREJOIN_SAGAS").map_or(Ok(24), |text| text.parse());
    sagas.expect("PREJOIN_SAGAS is a number")
}

#[test]
fn participants_are_killed_and_nothing_is_half_done() {
    kill_participants("participants_are_killed_and_nothing_is_half_done", &[]);
}

#[test]
fn participants_are_killed_with_users_on_postgresql_and_orders_on_mariadb() {
    let (postgres, mariadb) = (Postgres::start(), MariaDb::start());
    drop(mariadb.run_script("CREATE DATABASE orders"));
    let databases = [("users", postgres.url("postgres")), ("orders", mariadb.url("orders"))];
    kill_participants("participants_are_killed_with_users_on_postgresql_and_orders_on_mariadb", &databases);
}

fn kill_participants(name: &'static str, databases: &[(&'static str, String)]) {
    let seed = Seed::of_run(name);
    let mut chance = Chance::new(seed.value);
    let nats = NatsServer::start("");
    // Too little for all of them.
    let stock = i64::try_from(sagas()).expect("there are not so many");
    let mut shop = Shop::open(&nats.url(), databases, 3_000, stock);
    let mut kills = 0;
    for number in 0..sagas() {
        shop.place(&format!("o{number}"), &mut chance);
        if chance.percent(50) {
            shop.kill(PARTICIPANTS[chance.index(PARTICIPANTS.len())]);
            kills += 1;
        }
        if chance.percent(60) {
            let earlier = format!("o{}", chance.below(number + 1));
            shop.command(&earlier, &mut chance);
        }
        if chance.percent(30) {
            shop.kill(PARTICIPANTS[chance.index(PARTICIPANTS.len())]);
            kills += 1;
        }
        std::thread::sleep(chance.milliseconds(120));
    }
    wait_until("all orders have settled", &shop.processes(), || shop.settled());
    let seen = shop.check();
    eprintln!("{kills} kills; {seen:?}");
    assert!(kills > 0 && seen.values().sum::<usize>() as u64 == sagas(), "{kills} kills, {seen:?}");
}

#[test]
fn the_command_shows_and_retries_what_got_no_answer() {
    let nats = NatsServer::start("");
    let mut shop = Shop::open(&nats.url(), &[], 50, 9);
    shop.stop("catalog");
    shop.place_one("late");
    let rejected = |shop: &Shop| match shop.status("late") {
        Ok(status) if status == "rejected" => Ok(()),
        other => Err(format!("{other:?}")),
    };
    wait_until("the order is rejected", &[], || rejected(&shop));
    shop.saga(&["list", "--status", "rejected"]).says(&["late", "did not answer in time"]);
    shop.saga(&["show", "late"]).says(&[
        "rejected",
        "reservation",
        "unknown: the catalog service does not answer",
    ]);
    shop.saga_refused(&["show", "nobody"]).says(&["there is no order \"nobody\""]);
    shop.start("catalog");
    // What was asked for too late is given back.
    wait_until("the stock is given back", &[], || match shop.reservation("late") {
        Ok(Some((1, state))) if state == "released" => Ok(()),
        other => Err(format!("{other:?}")),
    });
    shop.restart_orders_with(60_000);
    shop.saga(&["retry", "late"]).says(&["late", "attempt 2"]);
    wait_until("the order is confirmed", &[], || match shop.status("late") {
        Ok(status) if status == "confirmed" => Ok(()),
        other => Err(format!("{other:?}")),
    });
    wait_until("everything has settled", &shop.processes(), || shop.settled());
    shop.saga(&["show", "late"]).says(&["confirmed", "reserved", "created"]);
    shop.saga_refused(&["retry", "late"]).says(&["retry is not possible"]);
    shop.check();
}
