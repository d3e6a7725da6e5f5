//! How long an order takes from its commit in the orders service until readers see it, at the rate that the service reaches.
//!
//! `cargo bench -p prejoin-benches --bench services -- [--seconds N] [--clients N] [--database sqlite|mariadb]... [--store sqlite|postgres]... [--json FILE]`
//!
//! Clients place orders one after another, as fast as they are answered. Everything but the servers runs in one process.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::{Parser, ValueEnum};
use prejoin_benches::{Latency, Projecting, Readers, Shipped, Store, publish, serve, until_shown, wait_for};
use prejoin_envelope::Position;
use prejoin_event_log::{EventLog, JetStreamLog, JetStreamOptions};
use prejoin_fixtures::{GeneratedEvent, generate};
use prejoin_orders::ORDERS;
use prejoin_projector::{ProjectorSettings, Until};
use prejoin_service::{Address, Service};
use prejoin_test_servers::{MariaDb, NatsServer};
use serde::Serialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// That of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const VIEW: &str = "orders_with_customers";
/// Generated events, of which the customers are taken.
const EVENTS_BEFORE: u64 = 20_000;
/// Between two orders that are looked for.
const LOOKED_FOR_EACH: Duration = Duration::from_millis(10);

/// Measures how fresh views are behind a service.
#[derive(Parser)]
struct Options {
    /// How long orders are placed.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// At once.
    #[arg(long, default_value_t = 16)]
    clients: usize,
    /// The service's own.
    #[arg(long, value_enum, default_values_t = [Database::Sqlite, Database::Mariadb])]
    database: Vec<Database>,
    #[arg(long, value_enum, default_values_t = [StoreKind::Sqlite, StoreKind::Postgres])]
    store: Vec<StoreKind>,
    /// Also writes what was measured to this file.
    #[arg(long)]
    json: Option<PathBuf>,
    /// `cargo bench` says so.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Database {
    Sqlite,
    Mariadb,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StoreKind {
    Sqlite,
    Postgres,
}

#[derive(Serialize)]
struct Line {
    database: String,
    store: String,
    committed_per_second: f64,
    /// From the service's answer until the order's row was there.
    latency: Latency,
}

#[derive(Serialize)]
struct Report {
    benchmark: &'static str,
    clients: usize,
    seconds: u64,
    lines: Vec<Line>,
}

/// An order that the service has answered for.
struct Placed {
    order_id: String,
    at: Instant,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    println!(
        "{:20}{:20}{:>12}{:>10}{:>10}{:>10}",
        "orders service on", "views in", "orders/s", "p50 ms", "p99 ms", "max ms"
    );
    let mut lines = Vec::new();
    for database in &options.database {
        for store in &options.store {
            let line = measure(&options, *database, *store).await?;
            let Latency { p50_ms, p99_ms, max_ms, .. } = line.latency;
            println!(
                "{:20}{:20}{:>12.0}{p50_ms:>10.1}{p99_ms:>10.1}{max_ms:>10.1}",
                line.database, line.store, line.committed_per_second
            );
            lines.push(line);
        }
    }
    if let Some(path) = &options.json {
        let Options { clients, seconds, .. } = options;
        let report = Report { benchmark: "services", clients, seconds, lines };
        std::fs::write(path, serde_json::to_string_pretty(&report)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

async fn measure(options: &Options, database: Database, kind: StoreKind) -> anyhow::Result<Line> {
    let (server, directory) = (NatsServer::start(""), tempfile::tempdir()?);
    let log: Arc<dyn EventLog> =
        Arc::new(JetStreamLog::connect(&server.url(), JetStreamOptions::default()).await?);
    for service in ["users", "catalog", "shipping"] {
        log.ensure_stream(service).await?;
    }
    let customers: Vec<GeneratedEvent> =
        generate(EVENTS_BEFORE, 1).filter(|event| event.service == "users").collect();
    let registered = customers.iter().filter(|event| event.kind == "users.registered.v1");
    let names: Arc<[String]> = registered.map(|event| event.subject.clone()).collect();
    let last = customers.last().context("there are customers")?.sequence;
    publish(log.clone(), customers.into_iter()).await?;

    let mariadb = (database == Database::Mariadb).then(MariaDb::start);
    let (url, stop, service) = start_orders(mariadb.as_ref(), directory.path(), log.clone()).await?;
    let store = match kind {
        StoreKind::Sqlite => Store::sqlite(directory.path()),
        StoreKind::Postgres => Store::postgres(),
    };
    let projecting = Projecting::start(
        Shipped::read()?.definition(VIEW)?,
        log,
        directory.path(),
        store.address(),
        ProjectorSettings::default(),
        Until::Shutdown,
    );
    let readers = serve(&store, VIEW).await?;
    wait_for(&readers, &Position::from_iter([("users".to_owned(), last)])).await?;

    let (sender, placed) = mpsc::unbounded_channel();
    let watching = tokio::spawn(watch(readers, placed));
    let begun = Instant::now();
    let ends_at = begun + Duration::from_secs(options.seconds);
    let clients: Vec<_> = (0..options.clients)
        .map(|number| tokio::spawn(place(url.clone(), number, names.clone(), ends_at, sender.clone())))
        .collect();
    drop(sender);
    let mut committed = 0;
    for client in clients {
        committed += client.await??;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let latency = watching.await??;
    projecting.stop().await?;
    drop(stop);
    service.await??;
    Ok(Line {
        database: format!("{database:?}").to_lowercase(),
        store: format!("{kind:?}").to_lowercase(),
        committed_per_second: committed as f64 / seconds,
        latency,
    })
}

type Running = tokio::task::JoinHandle<Result<(), prejoin_service::ServiceError>>;

/// The service's address, what ends it when it is dropped, and the service.
async fn start_orders(
    mariadb: Option<&MariaDb>,
    directory: &Path,
    log: Arc<dyn EventLog>,
) -> anyhow::Result<(String, tokio::sync::oneshot::Sender<()>, Running)> {
    let address = match mariadb {
        Some(server) => {
            server.run_script("CREATE DATABASE orders");
            ORDERS.address(&server.url("orders"), None)?
        }
        None => Address::from(directory.join("orders.sqlite").as_path()),
    };
    let service = Service::open(&ORDERS, &address, log).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/v1/orders", listener.local_addr()?);
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let running = service.run(listener, async move { drop(stopped.await) });
    Ok((url, stop, tokio::spawn(running)))
}

/// Places orders until then; returns how many.
async fn place(
    url: String,
    number: usize,
    customers: Arc<[String]>,
    ends_at: Instant,
    placed: mpsc::UnboundedSender<Placed>,
) -> anyhow::Result<usize> {
    let client = reqwest::Client::new();
    let mut count = 0;
    while Instant::now() < ends_at {
        count += 1;
        let order_id = format!("{number}-{count}");
        let customer = &customers[(count * 7 + number) % customers.len()];
        let line = json!({ "product_id": "p1", "quantity": 2, "unit_price_cents": 617 });
        let order = json!({ "order_id": order_id, "customer_id": customer, "lines": [line] });
        let answer = client.post(&url).json(&order).send().await?;
        let status = answer.status();
        ensure!(status == 201, "{status}: {}", answer.text().await?);
        drop(answer.bytes().await?);
        // Whoever looks for it has failed if it is not taken.
        drop(placed.send(Placed { order_id, at: Instant::now() }));
    }
    Ok(count)
}

/// Looks for orders that have just been placed, one after the other.
async fn watch(readers: Readers, mut placed: mpsc::UnboundedReceiver<Placed>) -> anyhow::Result<Latency> {
    let mut waits = Vec::new();
    let mut due = Instant::now();
    while let Some(order) = placed.recv().await {
        if order.at < due {
            continue;
        }
        let shown = until_shown(&readers, &order.order_id).await?;
        waits.push(shown.saturating_duration_since(order.at));
        due = order.at + LOOKED_FOR_EACH;
    }
    Latency::of(waits)
}
