//! How many requests the read API answers a second, beside a handler that one would write by hand for the same answers.
//!
//! `cargo bench -p prejoin-benches --bench read -- [--orders N] [--clients N] [--turns N] [--seconds N] [--store sqlite|postgres]... [--json FILE]`
//!
//! Both sides serve the same rows from one process, over HTTP, to clients in a process of their own; they take turns. The bodies
//! are the same, byte for byte. CPU time is that of the serving process and of PostgreSQL, without the clients.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::{Parser, ValueEnum};
use prejoin_benches::{
    Answers, Asked, BareStore, Connection, Meter, Projecting, Random, Reading, Shipped, Side, Store,
    in_own_process, orders_of_customers, read_and_tell, serve_bare,
};
use prejoin_engine::{Definition, Engine, Settings};
use prejoin_event_log::EmbeddedLog;
use prejoin_projector::{ProjectorSettings, StoreAddress, Until};
use prejoin_read_api::ReadApi;
use prejoin_state::DurableState;
use serde::Serialize;
use tokio::net::TcpListener;

/// That of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const VIEW: &str = "orders_with_customers";
/// Messages of a step while the state is made.
const STEP: usize = 65_536;
/// Bodies that are compared for each kind of request.
const COMPARED: usize = 20;
/// Until a view and its index are built.
const BUILD_TIMEOUT: Duration = Duration::from_secs(900);
/// What the statements of both sides get used to.
const WARM_UP: Duration = Duration::from_millis(500);

/// Measures reads.
#[derive(Parser)]
struct Options {
    /// How many orders there are.
    #[arg(long, default_value_t = 1_000_000)]
    orders: u64,
    /// Connections at once.
    #[arg(long, default_value_t = 16)]
    clients: u64,
    /// How often each side is measured.
    #[arg(long, default_value_t = 5)]
    turns: u64,
    /// How long each time.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    #[arg(long, value_enum, default_values_t = [Kind::Sqlite, Kind::Postgres])]
    store: Vec<Kind>,
    /// Also writes what was measured to this file.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Reads from this server instead: what, in which way, from which random number on.
    #[arg(long, hide = true, num_args = 4, value_names = ["SERVER", "ASKED", "SIDE", "SEED"])]
    read: Vec<String>,
    /// `cargo bench` says so.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Sqlite,
    Postgres,
}

/// Of one kind of request to one store.
#[derive(Serialize)]
struct Line {
    name: String,
    api: Measured,
    bare: Measured,
    /// Requests a second, of the API beside the bare handler.
    ratio: f64,
}

#[derive(Serialize)]
struct Measured {
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    /// Of the serving process and the store's server, for one request.
    cpu_us: f64,
}

#[derive(Serialize)]
struct Report {
    benchmark: &'static str,
    orders: u64,
    clients: u64,
    turns: u64,
    seconds: f64,
    lines: Vec<Line>,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    if let [server, asked, side, seed] = &options.read[..] {
        return read_and_tell(Reading {
            server: server.parse()?,
            asked: Asked::ALL[asked.parse::<usize>()?],
            side: if side == "api" { Side::Api } else { Side::Bare },
            orders: options.orders,
            clients: options.clients,
            duration: Duration::from_secs_f64(options.seconds),
            seed: seed.parse()?,
        });
    }
    let Options { orders, clients, turns, seconds, .. } = options;
    println!("{orders} orders; {clients} clients; {turns} turns of {seconds} seconds");
    let mut lines = Vec::new();
    for kind in &options.store {
        lines.extend(measure(&options, *kind)?);
    }
    print_table(&lines);
    if let Some(path) = &options.json {
        let report = Report { benchmark: "read", orders, clients, turns, seconds, lines };
        std::fs::write(path, serde_json::to_string_pretty(&report)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn measure(options: &Options, kind: Kind) -> anyhow::Result<Vec<Line>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let directory = tempfile::tempdir()?;
    let store = match kind {
        Kind::Sqlite => Store::sqlite(directory.path()),
        Kind::Postgres => Store::postgres(),
    };
    let [api, bare] = runtime.block_on(prepare(options, &store, directory.path()))?;
    runtime.block_on(compare(options, api, bare))?;
    println!("{kind:?}: ready");
    let mut lines = Vec::new();
    for (number, asked) in Asked::ALL.iter().enumerate() {
        let name = format!("{}, {}", asked.name(), format!("{kind:?}").to_lowercase());
        let mut sides = [Side::Api, Side::Bare].map(|side| (side, Answers::default(), 0.0));
        for turn in 0..=options.turns {
            for (side, answers, cpu_seconds) in &mut sides {
                let (server, side) = match side {
                    Side::Api => (api, "api"),
                    Side::Bare => (bare, "bare"),
                };
                let seconds = if turn == 0 { WARM_UP.as_secs_f64() } else { options.seconds };
                let mut arguments: Vec<String> =
                    ["--read".to_owned(), server.to_string(), number.to_string()].into();
                arguments.extend([side.to_owned(), (turn + 1).to_string()]);
                arguments.extend(["--orders".to_owned(), options.orders.to_string()]);
                arguments.extend(["--clients".to_owned(), options.clients.to_string()]);
                arguments.extend(["--seconds".to_owned(), seconds.to_string()]);
                let mut meter = Meter::new(&name)?;
                let more = meter.add(|| in_own_process(&arguments))?;
                if turn > 0 {
                    answers.add(more);
                    *cpu_seconds += meter.finish()?.cpu_seconds;
                }
            }
        }
        let [api, bare] = sides.map(|(_, answers, cpu_seconds)| Measured::of(answers, cpu_seconds));
        let ratio = api.per_second / bare.per_second;
        lines.push(Line { name, api, bare, ratio });
    }
    runtime.shutdown_background();
    Ok(lines)
}

impl Measured {
    fn of(mut answers: Answers, cpu_seconds: f64) -> Measured {
        Measured {
            per_second: answers.per_second(),
            p50_ms: answers.percentile_ms(50),
            p99_ms: answers.percentile_ms(99),
            cpu_us: cpu_seconds * 1e6 / answers.latencies_us.len() as f64,
        }
    }
}

/// Has the projector build the view and its index, and serves them: by the API, and by hand.
async fn prepare(options: &Options, store: &Store, directory: &Path) -> anyhow::Result<[SocketAddr; 2]> {
    let definition = Shipped::read()?.definition(VIEW)?;
    fold(options, definition.clone(), directory)?;
    // An empty log: what is built from the state needs no event.
    let log = Arc::new(EmbeddedLog::open(directory.join("log"))?);
    let settings = ProjectorSettings::default();
    let projecting =
        Projecting::start(definition, log, directory, store.address(), settings, Until::Shutdown);
    let (address, bare_store) = match store.address() {
        StoreAddress::Sqlite(path) => {
            (prejoin_read_api::StoreAddress::Sqlite(path.clone()), BareStore::Sqlite(path))
        }
        StoreAddress::Postgres { url, schema, .. } => (
            prejoin_read_api::StoreAddress::Postgres { url: url.clone(), schema: schema.clone() },
            BareStore::Postgres { url, schema },
        ),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let api = listener.local_addr()?;
    let reader = ReadApi::open(address).with_search(directory.to_owned());
    tokio::spawn(reader.run(listener, std::future::pending()));
    built(api).await?;
    projecting.stop().await?;
    let bare = serve_bare(bare_store, directory).await?;
    Ok([api, bare])
}

fn fold(options: &Options, definition: Arc<Definition>, directory: &Path) -> anyhow::Result<()> {
    let state = Arc::new(DurableState::open(&directory.join("state"))?);
    let mut engine = Engine::open(definition, state, Settings::default())?;
    let mut messages = orders_of_customers(options.orders, 1);
    loop {
        let step: Vec<_> = messages.by_ref().take(STEP).collect();
        if step.is_empty() {
            return Ok(engine.sync()?);
        }
        let report = engine.step(step, None)?;
        ensure!(report.dead_letters.is_empty(), "{:?}", report.dead_letters.first());
    }
}

/// Waits until the index answers: it does when both are complete.
async fn built(api: SocketAddr) -> anyhow::Result<()> {
    let begun = Instant::now();
    let path = format!("/search/v1/{VIEW}?q=customer&limit=1");
    loop {
        let answer = match Connection::open(api).await {
            Ok(mut connection) => connection.get(&path).await.map(|_| ()),
            Err(error) => Err(error),
        };
        match answer {
            Ok(()) => return Ok(()),
            Err(error) => {
                ensure!(begun.elapsed() < BUILD_TIMEOUT, "the view was not built: {error:#}");
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
    }
}

/// Both sides write the same.
async fn compare(options: &Options, api: SocketAddr, bare: SocketAddr) -> anyhow::Result<()> {
    let [mut api, mut bare] = [Connection::open(api).await?, Connection::open(bare).await?];
    for asked in Asked::ALL {
        for seed in 0..COMPARED as u64 {
            let [theirs, ours] =
                [Side::Bare, Side::Api].map(|side| asked.path(side, options.orders, &mut Random(seed)));
            let expected = bare.get(&theirs).await?;
            let body = api.get(&ours).await?;
            ensure!(
                body == expected,
                "{ours} and {theirs} differ:\n{}\n{}",
                String::from_utf8_lossy(body),
                String::from_utf8_lossy(expected)
            );
        }
    }
    Ok(())
}

fn print_table(lines: &[Line]) {
    println!(
        "{:24}{:>12}{:>12}{:>8}{:>12}{:>12}{:>12}{:>12}",
        "", "API req/s", "bare req/s", "ratio", "API p99 ms", "bare p99", "API CPU us", "bare CPU"
    );
    for Line { name, api, bare, ratio } in lines {
        println!(
            "{name:24}{:>12.0}{:>12.0}{ratio:>8.2}{:>12.2}{:>12.2}{:>12.0}{:>12.0}",
            api.per_second, bare.per_second, api.p99_ms, bare.p99_ms, api.cpu_us, bare.cpu_us
        );
    }
}
