//! A customer gets another name: how long until every order shows it, and what that does to other changes meanwhile.
//!
//! `cargo bench -p prejoin-benches --bench fan_out -- [--orders N]... [--rate N] [--seconds N] [--store sqlite|postgres]... [--view NAME] [--json FILE]`
//!
//! Orders of other customers come at a rate, before the change and while it goes on. Everything but the servers runs in one
//! process, and all is seen through the query API.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::{Parser, ValueEnum};
use prejoin_benches::{
    Latency, Projecting, Readers, Shipped, Store, latency_of_rows, look_for, offer, publish, serve, wait_for,
};
use prejoin_envelope::Position;
use prejoin_event_log::{EventLog, JetStreamLog, JetStreamOptions};
use prejoin_fixtures::GeneratedEvent;
use prejoin_projector::{ProjectorSettings, Until};
use prejoin_test_servers::NatsServer;
use serde::Serialize;

/// That of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The customer with all the orders is the first one.
const CUSTOMERS: u64 = 1_000;
/// Of the other customers, before anything is measured.
const OTHER_ORDERS: u64 = 20_000;
/// Of the other orders, every so many are looked for.
const LOOKED_FOR_EACH: usize = 10;
/// Between two looks at a row.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);
const PATIENCE: Duration = Duration::from_secs(120);
const NEW_NAME: &str = "Another name";

/// Measures a change that many rows show.
#[derive(Parser)]
struct Options {
    /// Orders of the customer.
    #[arg(long, default_values_t = [1, 1_000, 100_000])]
    orders: Vec<u64>,
    /// Other orders a second.
    #[arg(long, default_value_t = 500)]
    rate: u32,
    /// How long other orders come, before the change and from then on.
    #[arg(long, default_value_t = 5)]
    seconds: u32,
    #[arg(long, value_enum, default_values_t = [StoreKind::Sqlite, StoreKind::Postgres])]
    store: Vec<StoreKind>,
    /// One that shows orders with names, or `all`.
    #[arg(long, default_values_t = ["orders_with_customers".to_owned(), "all".to_owned()])]
    view: Vec<String>,
    /// Also writes what was measured to this file.
    #[arg(long)]
    json: Option<PathBuf>,
    /// `cargo bench` says so.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StoreKind {
    Sqlite,
    Postgres,
}

#[derive(Serialize)]
struct Line {
    store: String,
    views: String,
    orders: u64,
    /// From the log's acknowledgement until every order shows the name.
    visible_after_ms: f64,
    others_before: Latency,
    /// Of those that came while the change went on, or in the second after it came, if that was over sooner.
    others_meanwhile: Latency,
}

#[derive(Serialize)]
struct Report {
    benchmark: &'static str,
    rate: u32,
    lines: Vec<Line>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    println!(
        "{:36}{:>10}{:>14}{:>13}{:>13}{:>15}{:>15}",
        "", "orders", "visible ms", "p50 before", "p99 before", "p50 meanwhile", "p99 meanwhile"
    );
    let mut lines = Vec::new();
    for store in &options.store {
        for view in &options.view {
            for orders in &options.orders {
                let line = measure(&options, *store, view, *orders).await?;
                let (before, meanwhile) = (&line.others_before, &line.others_meanwhile);
                println!(
                    "{:36}{orders:>10}{:>14.1}{:>13.1}{:>13.1}{:>15.1}{:>15.1}",
                    format!("{view}, {}", line.store),
                    line.visible_after_ms,
                    before.p50_ms,
                    before.p99_ms,
                    meanwhile.p50_ms,
                    meanwhile.p99_ms
                );
                lines.push(line);
            }
        }
    }
    if let Some(path) = &options.json {
        let report = Report { benchmark: "fan_out", rate: options.rate, lines };
        std::fs::write(path, serde_json::to_string_pretty(&report)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

async fn measure(options: &Options, kind: StoreKind, view: &str, orders: u64) -> anyhow::Result<Line> {
    let (server, directory) = (NatsServer::start(""), tempfile::tempdir()?);
    let log: Arc<dyn EventLog> =
        Arc::new(JetStreamLog::connect(&server.url(), JetStreamOptions::default()).await?);
    let store = match kind {
        StoreKind::Sqlite => Store::sqlite(directory.path()),
        StoreKind::Postgres => Store::postgres(),
    };
    // The other services' streams are there, if empty.
    for service in ["catalog", "shipping"] {
        log.ensure_stream(service).await?;
    }
    let mut told = Told::default();
    let customers: Vec<_> = (1..=CUSTOMERS).map(|number| told.customer(number)).collect();
    let mut before: Vec<_> = (0..orders).map(|_| told.order(1)).collect();
    let last = told.orders;
    before.extend((0..OTHER_ORDERS).map(|_| told.order_of_others()));
    publish(log.clone(), customers.into_iter().chain(before)).await?;
    let projecting = Projecting::start(
        Shipped::read()?.definition(view)?,
        log.clone(),
        directory.path(),
        store.address(),
        ProjectorSettings::default(),
        Until::Shutdown,
    );
    let readers = serve(&store, "orders_with_customers").await?;
    wait_for(&readers, &told.position()).await?;

    let (rate, count) = (f64::from(options.rate), u64::from(options.rate * options.seconds));
    let others: Vec<_> = (0..count).map(|_| told.order_of_others()).collect();
    let (acknowledged, seen) =
        tokio::join!(offer(&log, others.clone(), rate), look_for(&readers, looked_for(&others)));
    let others_before = latency_of_rows(&acknowledged?, &seen?)?;
    let others: Vec<_> = (0..count).map(|_| told.order_of_others()).collect();
    let renamed = offer(&log, vec![told.renamed()], rate).await?;
    let renamed = renamed.first().context("the log took it")?.at;
    let (acknowledged, seen, visible) = tokio::join!(
        offer(&log, others.clone(), rate),
        look_for(&readers, looked_for(&others)),
        until_visible(&readers, last)
    );
    let (mut acknowledged, visible) = (acknowledged?, visible?);
    let until = visible.max(renamed + Duration::from_secs(1));
    acknowledged.retain(|event| event.at <= until);
    let others_meanwhile = latency_of_rows(&acknowledged, &seen?)?;
    wait_for(&readers, &told.position()).await?;
    let stale = readers.rows(&format!("customer_id=eq.C1&customer_name=neq.{NEW_NAME}&limit=1")).await?;
    ensure!(stale == "[]", "an order that does not show the name: {stale}");
    projecting.stop().await?;
    Ok(Line {
        store: format!("{kind:?}").to_lowercase(),
        views: view.to_owned(),
        orders,
        visible_after_ms: visible.duration_since(renamed).as_secs_f64() * 1_000.0,
        others_before,
        others_meanwhile,
    })
}

fn looked_for(orders: &[GeneratedEvent]) -> impl Iterator<Item = &GeneratedEvent> {
    orders.iter().step_by(LOOKED_FOR_EACH)
}

/// Rows of one cause change in the order of their keys.
async fn until_visible(readers: &Readers, last: u64) -> anyhow::Result<Instant> {
    let (query, begun) = (format!("order_id=eq.{}&select=customer_name", order_id(last)), Instant::now());
    while !readers.rows(&query).await?.contains(NEW_NAME) {
        ensure!(begun.elapsed() < PATIENCE, "the last order never shows the name");
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    Ok(Instant::now())
}

/// What has been told so far.
#[derive(Default)]
struct Told {
    users: u64,
    orders: u64,
}

impl Told {
    fn customer(&mut self, number: u64) -> GeneratedEvent {
        let data = format!(
            r#"{{"user_id":"C{number}","name":"Customer {number}","contact":"Ann Other","city":"City","country":"Country","phone":"030-{number}"}}"#
        );
        self.of_user("users.registered.v1", number, &data)
    }

    fn renamed(&mut self) -> GeneratedEvent {
        self.of_user("users.renamed.v1", 1, &format!(r#"{{"user_id":"C1","name":"{NEW_NAME}"}}"#))
    }

    fn of_user(&mut self, kind: &'static str, number: u64, data: &str) -> GeneratedEvent {
        self.users += 1;
        event("users", kind, format!("C{number}"), self.users, data)
    }

    fn order_of_others(&mut self) -> GeneratedEvent {
        self.order(2 + self.orders % (CUSTOMERS - 1))
    }

    fn order(&mut self, customer: u64) -> GeneratedEvent {
        self.orders += 1;
        let key = order_id(self.orders);
        let data = format!(
            r#"{{"order_id":"{key}","customer_id":"C{customer}","total_cents":1234,"placed_at":"2026-02-03T10:20:30Z","lines":[{{"product_id":"1","quantity":2,"unit_price_cents":617}}]}}"#
        );
        event("orders", "orders.placed.v1", key, self.orders, &data)
    }

    fn position(&self) -> Position {
        [("users".to_owned(), self.users), ("orders".to_owned(), self.orders)].into_iter().collect()
    }
}

/// In the order of their keys.
fn order_id(number: u64) -> String {
    (10_000_000 + number).to_string()
}

fn event(
    service: &'static str,
    kind: &'static str,
    subject: String,
    sequence: u64,
    data: &str,
) -> GeneratedEvent {
    let json = format!(
        r#"{{"specversion":"1.0","id":"{service}-{sequence:012}","source":"/{service}","type":"{kind}","subject":"{subject}","time":"2026-01-01T00:00:00Z","sequence":"{sequence}","datacontenttype":"application/json","data":{data}}}"#
    );
    GeneratedEvent { service, kind, subject, sequence, json }
}
