//! Copies of services' databases, made by the commands while the services work, and put back.

use std::collections::BTreeSet;

use prejoin_test_servers::{MariaDb, NatsServer, Postgres};
use serde_json::Value;

use crate::shop::Shop;
use crate::support::{Home, try_get, wait_until};

fn wait_for_status(shop: &Shop, order_id: &str, wanted: &str) {
    wait_until(&format!("{order_id} is {wanted}"), &shop.processes(), || match shop.status(order_id) {
        Ok(status) if status == wanted => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

/// A service's events in the log are numbered 1, 2, 3 …, and none is there twice.
fn check_numbers(shop: &Shop, service: &str) -> usize {
    let events = shop.events(service);
    let ids: BTreeSet<&str> =
        events.iter().map(|event| event["id"].as_str().expect("it has an id")).collect();
    assert_eq!(ids.len(), events.len(), "{service}: an event is there twice");
    for (event, number) in events.iter().zip(1..) {
        assert_eq!(event["sequence"], Value::String(number.to_string()), "{service}: {event}");
    }
    events.len()
}

#[test]
fn services_are_copied_at_work_and_put_back() {
    let (nats, postgres, mariadb) = (NatsServer::start(""), Postgres::start(), MariaDb::start());
    drop(mariadb.run_script("CREATE DATABASE orders"));
    let databases = [("users", postgres.url("postgres")), ("orders", mariadb.url("orders"))];
    let mut shop = Shop::open(&nats.url(), &databases, 60_000, 9);
    shop.place_one("before");
    wait_for_status(&shop, "before", "confirmed");
    for service in ["users", "orders", "catalog"] {
        let file = format!("{service}.copy");
        let copied = shop.service(&[service, "backup", &file]).with_code(0);
        drop(copied.says(&[service, &file]));
    }
    shop.place_one("after");
    wait_for_status(&shop, "after", "confirmed");

    let refused = shop.service(&["users", "restore", "users.copy"]).failed();
    drop(refused.says(&["in use by `prejoin service users`"]));
    shop.stop("users");
    let refused = shop.service(&["users", "restore", "orders.copy"]).failed();
    drop(refused.says(&["orders.copy"]));
    let restored = shop.service(&["users", "restore", "users.copy"]).with_code(0);
    drop(restored.says(&["schema users_before_restore", "2 later events, users=3 to 4"]));
    shop.start("users");
    let path = shop.url("users", "/v1/users/of%20after");
    assert_eq!(try_get(&path).expect("it answers").status, 404, "it came after the copy");

    shop.stop("orders");
    let restored = shop.service(&["orders", "restore", "orders.copy"]).with_code(0);
    drop(restored.says(&["tables before_restore_", "2 later events, orders=3 to 4"]));
    shop.restart_orders_with(200);
    // Catalog holds stock for an order that the restored service does not know.
    assert_eq!(shop.reservation("after"), Ok(Some((1, "reserved".to_owned()))));
    // What the catalog once said of it is read again, and nothing follows from that: no such order was placed.
    let said = shop.events("catalog").len();
    wait_until("orders has read what the catalog said", &shop.processes(), || {
        let metrics = try_get(&shop.url("orders", "/metrics"))?.text;
        let read = metrics
            .lines()
            .find(|line| line.starts_with("prejoin_inbox_sequence{") && line.contains("\"catalog\""));
        let sequence = read.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        let has_read = sequence.is_some_and(|sequence| sequence >= said as f64);
        has_read.then_some(()).ok_or_else(|| format!("{read:?} of {said}"))
    });
    shop.place_one("after");
    wait_for_status(&shop, "after", "rejected");
    wait_until("the stock is given back", &shop.processes(), || match shop.reservation("after") {
        Ok(Some((1, state))) if state == "released" => Ok(()),
        other => Err(format!("{other:?}")),
    });
    shop.restart_orders_with(60_000);
    drop(shop.saga(&["retry", "after"]));
    wait_for_status(&shop, "after", "confirmed");
    wait_until("everything has settled", &shop.processes(), || shop.settled());
    shop.check_stock();
    assert_eq!((check_numbers(&shop, "users"), check_numbers(&shop, "orders")), (6, 8));
}

#[test]
fn a_database_that_a_service_does_not_run_on_and_a_missing_program_are_named() {
    let home = Home::new();
    let run = |arguments: &[&str]| home.command(arguments).run().failed();
    let told = run(&["service", "catalog", "--database", "mongodb://u:secret@host/shop"]);
    drop(told.says(&["catalog", "mongodb", "sqlite:FILE"]));
    let told = run(&["service", "orders", "--database", "postgres://u:secret@host/shop"]);
    assert!(!told.stderr.contains("secret"), "{}", told.stderr);
    drop(told.says(&["orders", "postgres", "mysql://USER:PASSWORD@HOST/DATABASE"]));
    let mysql = ["service", "orders", "backup", "copy", "--database", "mysql://u@host/shop"];
    let told = home.command(&mysql).env("PATH", "").run().failed();
    drop(told.says(&["mariadb-dump", "mariadb-client"]));
}
