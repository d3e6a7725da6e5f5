//! What readers feel of a rebuild: how long their requests take while events arrive, first without, then during rebuilds of the
//! view they read.
//!
//! `cargo bench -p prejoin-benches --bench readers -- [--rate N] [--seconds N] [--before N] [--store sqlite|postgres]... [--json FILE]`
//!
//! Readers ask the query API over HTTP for a row by its key, and for a page of 50 rows by an index. Projector, API and
//! readers run in one process, and events come through the embedded log.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::{Parser, ValueEnum};
use prejoin_benches::{Projecting, Readers, Shipped, Store, offer, publish, serve, wait_for};
use prejoin_envelope::Position;
use prejoin_event_log::{EmbeddedLog, EventLog};
use prejoin_fixtures::{GeneratedEvent, generate};
use prejoin_projector::{ProjectorSettings, Until};
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// That of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const VIEW: &str = "orders_with_customers";
/// Each asks, waits for the answer, and rests.
const READERS: usize = 4;
const REST: Duration = Duration::from_millis(5);

/// Measures readers beside rebuilds.
#[derive(Parser)]
struct Options {
    /// Events a second.
    #[arg(long, default_value_t = 2_000)]
    rate: u32,
    /// How long readers are watched without, and at least with rebuilds.
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// How many events there are before.
    #[arg(long, default_value_t = 400_000)]
    before: u64,
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
enum StoreKind {
    Sqlite,
    Postgres,
}

/// Requests of one kind in one phase.
#[derive(Debug, Serialize)]
struct Line {
    store: String,
    request: &'static str,
    /// Rebuilds that were completed meanwhile.
    rebuilds: usize,
    answered: usize,
    failed: usize,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
}

#[derive(Serialize)]
struct Report {
    benchmark: &'static str,
    view: &'static str,
    events_per_second: u32,
    lines: Vec<Line>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let mut lines = Vec::new();
    println!("{:34}{:>10}{:>8}{:>10}{:>10}{:>10}", "", "answered", "failed", "p50 ms", "p99 ms", "max ms");
    for store in &options.store {
        for line in measure(&options, *store).await? {
            let Line { store, request, rebuilds, answered, failed, p50_ms, p99_ms, max_ms } = &line;
            let name = format!("{store}, {request}, {rebuilds} rebuilds");
            println!("{name:34}{answered:>10}{failed:>8}{p50_ms:>10.2}{p99_ms:>10.2}{max_ms:>10.2}");
            lines.push(line);
        }
    }
    if let Some(path) = &options.json {
        let report = Report { benchmark: "readers", view: VIEW, events_per_second: options.rate, lines };
        std::fs::write(path, serde_json::to_string_pretty(&report)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

async fn measure(options: &Options, kind: StoreKind) -> anyhow::Result<Vec<Line>> {
    let directory = tempfile::tempdir()?;
    let log: Arc<dyn EventLog> = Arc::new(EmbeddedLog::open(directory.path().join("log"))?);
    let mut history = generate(u64::MAX, 1);
    let before: Vec<GeneratedEvent> = history.by_ref().take(usize::try_from(options.before)?).collect();
    let keys: Arc<[String]> = placed(&before).into();
    let begins_at = position_of(&before);
    publish(log.clone(), before.into_iter()).await?;
    let store = match kind {
        StoreKind::Sqlite => Store::sqlite(directory.path()),
        StoreKind::Postgres => Store::postgres(),
    };
    let definition = Shipped::read()?.definition_without_search(VIEW)?;
    let settings =
        ProjectorSettings { retired_grace: Duration::from_secs(1), ..ProjectorSettings::default() };
    let projecting = Projecting::start(
        definition,
        log.clone(),
        directory.path(),
        store.address(),
        settings,
        Until::Shutdown,
    );
    let readers = serve(&store, VIEW).await?;
    wait_for(&readers, &begins_at).await?;

    let (stop, stopped) = watch::channel(false);
    let arriving = tokio::spawn(keep_offering(log, history, options.rate, stopped));
    let wanted = Duration::from_secs(options.seconds.into());
    let without = Watched::begin(&readers, &keys);
    tokio::time::sleep(wanted).await;
    let without = without.end().await?;
    let with = Watched::begin(&readers, &keys);
    let (begun, mut rebuilds) = (Instant::now(), 0);
    while begun.elapsed() < wanted {
        projecting.rebuild().await?;
        rebuilds += 1;
    }
    let with = with.end().await?;
    stop.send_replace(true);
    arriving.await??;
    projecting.stop().await?;
    let store = format!("{kind:?}").to_lowercase();
    Ok(without.lines(&store, 0).into_iter().chain(with.lines(&store, rebuilds)).collect())
}

/// A second's events at a time, until told to stop.
async fn keep_offering(
    log: Arc<dyn EventLog>,
    mut history: impl Iterator<Item = GeneratedEvent>,
    per_second: u32,
    stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let at_once = usize::try_from(per_second)?;
    while !*stopped.borrow() {
        let events: Vec<GeneratedEvent> = history.by_ref().take(at_once).collect();
        offer(&log, events, per_second.into()).await?;
    }
    Ok(())
}

/// Readers at work.
struct Watched {
    stop: watch::Sender<bool>,
    readers: JoinSet<Answers>,
}

/// How long answers took, and how many requests failed: of look-ups by key, and of pages.
#[derive(Default)]
struct Answers {
    kinds: [(Vec<Duration>, usize); 2],
}

impl Watched {
    fn begin(asking: &Readers, keys: &Arc<[String]>) -> Watched {
        let (stop, stopped) = watch::channel(false);
        let mut readers = JoinSet::new();
        for number in 0..READERS {
            readers.spawn(read(asking.clone(), keys.clone(), number, stopped.clone()));
        }
        Watched { stop, readers }
    }

    async fn end(self) -> anyhow::Result<Answers> {
        self.stop.send_replace(true);
        let mut all = Answers::default();
        for answers in self.readers.join_all().await {
            for (all, one) in all.kinds.iter_mut().zip(answers.kinds) {
                all.0.extend(one.0);
                all.1 += one.1;
            }
        }
        Ok(all)
    }
}

async fn read(
    asking: Readers,
    keys: Arc<[String]>,
    number: usize,
    stopped: watch::Receiver<bool>,
) -> Answers {
    let mut answers = Answers::default();
    let mut asked = number;
    while !*stopped.borrow() {
        asked += READERS;
        // Spread over all keys, and over both kinds of requests.
        let key = &keys[asked * 7_919 % keys.len()];
        let kind = asked / READERS % 2;
        let query = match kind {
            0 => format!("order_id=eq.{key}"),
            _ => "status=eq.delivered&order=placed_at.desc&limit=50".to_owned(),
        };
        let begun = Instant::now();
        match answered(&asking, &query).await {
            Ok(()) => answers.kinds[kind].0.push(begun.elapsed()),
            Err(error) => {
                eprintln!("{query}: {error:#}");
                answers.kinds[kind].1 += 1;
            }
        }
        tokio::time::sleep(REST).await;
    }
    answers
}

async fn answered(asking: &Readers, query: &str) -> anyhow::Result<()> {
    let rows: Vec<serde_json::Value> = serde_json::from_str(&asking.rows(query).await?)?;
    anyhow::ensure!(!rows.is_empty(), "no row");
    Ok(())
}

impl Answers {
    fn lines(self, store: &str, rebuilds: usize) -> Vec<Line> {
        let line = |(request, (mut times, failed)): (&'static str, (Vec<Duration>, usize))| {
            times.sort_unstable();
            let at = |percent: usize| match times.len() {
                0 => f64::NAN,
                count => times[(count - 1) * percent / 100].as_secs_f64() * 1_000.0,
            };
            Line {
                store: store.to_owned(),
                request,
                rebuilds,
                answered: times.len(),
                failed,
                p50_ms: at(50),
                p99_ms: at(99),
                max_ms: at(100),
            }
        };
        ["by key", "page of 50"].into_iter().zip(self.kinds).map(line).collect()
    }
}

/// The keys of orders.
fn placed(events: &[GeneratedEvent]) -> Vec<String> {
    let placed = events.iter().filter(|event| event.service == "orders" && event.kind.contains("placed"));
    placed.map(|event| event.subject.clone()).collect()
}

fn position_of(events: &[GeneratedEvent]) -> Position {
    let mut position = Position::default();
    for event in events {
        position.set(event.service, event.sequence);
    }
    position
}
