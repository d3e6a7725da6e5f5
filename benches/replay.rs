//! How long the whole history takes from a log into views, beside what less than that costs, and beside what one would
//! write by hand.
//!
//! `cargo bench -p prejoin-benches --bench replay -- [--events N] [--log jetstream|embedded]... [--store sqlite|postgres]...
//! [--view NAME]... [--search yes|no]... [--json FILE]`
//!
//! Floor A drains the same streams and decodes nothing; floor B loads the finished rows into the same tables with the same
//! indexes. Each line is measured in a process of its own, with a server of its own. The log's server is not in the CPU
//! seconds.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use clap::{Parser, ValueEnum};
use prejoin_benches::{
    Measured, Meter, Projecting, Shipped, Store, drain, fold_and_copy, print_table, publish, set_sql,
};
use prejoin_event_log::{EmbeddedLog, EventLog, JetStreamLog, JetStreamOptions};
use prejoin_fixtures::generate;
use prejoin_projector::{ProjectorSettings, Until};
use prejoin_state::StateBounds;
use prejoin_test_servers::NatsServer;
use serde::Serialize;
use tokio::runtime::Runtime;

/// That of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SERVICES: [&str; 4] = ["users", "catalog", "orders", "shipping"];
const DRAIN: &str = "A: drain";
const LOAD: &str = "B: load";
const SET_SQL: &str = "rival: COPY and set SQL";
const HASH_MAPS: &str = "rival: hash maps and COPY";
/// The rivals know no other.
const RIVALS_VIEW: &str = "orders_with_customers";

/// Measures replays.
#[derive(Parser)]
struct Options {
    /// How many events there are.
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Which history is generated.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[arg(long, value_enum, default_values_t = [LogKind::Jetstream, LogKind::Embedded])]
    log: Vec<LogKind>,
    #[arg(long, value_enum, default_values_t = [StoreKind::Postgres, StoreKind::Sqlite])]
    store: Vec<StoreKind>,
    /// A shipped view, or `all` for all of them together.
    #[arg(long, default_values_t = ["orders_with_customers".to_owned(), "all".to_owned()])]
    view: Vec<String>,
    /// Whether search indexes are made.
    #[arg(long, value_enum, default_values_t = [Search::No, Search::Yes])]
    search: Vec<Search>,
    /// What the state keeps in memory of each of its parts before it is written.
    #[arg(long, default_value_t = StateBounds::default().memtable_bytes)]
    state_memtable_bytes: u64,
    /// Also writes what was measured to this file.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Measures this alone, with the log at this place, and prints it as JSON.
    #[arg(long, hide = true, requires = "place")]
    line: Option<String>,
    #[arg(long, hide = true)]
    place: Option<String>,
    /// `cargo bench` says so.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogKind {
    Jetstream,
    Embedded,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StoreKind {
    Sqlite,
    Postgres,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Search {
    No,
    Yes,
}

#[derive(Serialize)]
struct Report {
    benchmark: &'static str,
    events: u64,
    seed: u64,
    lines: Vec<Measured>,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let _entered = runtime.enter();
    if let (Some(line), Some(place)) = (&options.line, &options.place) {
        println!("{}", serde_json::to_string(&measure_line(&options, &runtime, line, place)?)?);
        return Ok(());
    }
    let mut lines = Vec::new();
    for kind in &options.log {
        let (server, directory) = (NatsServer::start(""), tempfile::tempdir()?);
        let place = match kind {
            LogKind::Jetstream => server.url(),
            LogKind::Embedded => directory.path().join("log").display().to_string(),
        };
        let log = runtime.block_on(open_log(*kind, &place))?;
        runtime.block_on(publish(log, generate(options.events, options.seed)))?;
        lines.extend(measure_log(&options, *kind, &place)?);
    }
    if let Some(path) = &options.json {
        let Options { events, seed, .. } = options;
        let report = Report { benchmark: "replay", events, seed, lines };
        std::fs::write(path, serde_json::to_string_pretty(&report)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Every line with one log: what was measured for it, and the floors beside it.
fn measure_log(options: &Options, kind: LogKind, place: &str) -> anyhow::Result<Vec<Measured>> {
    let mut all = Vec::new();
    for store in &options.store {
        for (view, search) in
            options.view.iter().flat_map(|view| options.search.iter().map(move |search| (view, search)))
        {
            let [kind_name, store_name, search_name] =
                [format!("{kind:?}"), format!("{store:?}"), format!("{search:?}")]
                    .map(|name| name.to_lowercase());
            let drained = in_own_process(options, &kind_name, DRAIN, place)?;
            let mut lines = drained;
            let name = format!("{view} {store_name} search:{search_name}");
            lines.extend(in_own_process(options, &kind_name, &name, place)?);
            let has_rivals = *store == StoreKind::Postgres && view == RIVALS_VIEW && *search == Search::No;
            for rival in [SET_SQL, HASH_MAPS].iter().filter(|_| has_rivals) {
                lines.extend(in_own_process(options, &kind_name, rival, place)?);
            }
            let sum = floors(&lines);
            lines.insert(0, sum);
            print_table(options.events, &lines[0].name.clone(), &lines);
            println!();
            all.extend(lines);
        }
    }
    Ok(all)
}

/// Draining and loading one after the other.
fn floors(lines: &[Measured]) -> Measured {
    let floors = lines.iter().filter(|line| [DRAIN, LOAD].contains(&line.name.as_str()));
    let mut sum = Measured { name: "floor: A + B".to_owned(), ..Measured::default() };
    for floor in floors {
        sum.seconds += floor.seconds;
        sum.cpu_seconds += floor.cpu_seconds;
        sum.peak_mebibytes = sum.peak_mebibytes.max(floor.peak_mebibytes);
        sum.written_mebibytes += floor.written_mebibytes;
    }
    sum
}

fn in_own_process(options: &Options, log: &str, line: &str, place: &str) -> anyhow::Result<Vec<Measured>> {
    let output = Command::new(std::env::current_exe()?)
        .args(["--events", &options.events.to_string(), "--log", log, "--line", line, "--place", place])
        .args(["--state-memtable-bytes", &options.state_memtable_bytes.to_string()])
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "{line}: failed");
    Ok(serde_json::from_slice(&output.stdout)?)
}

async fn open_log(kind: LogKind, place: &str) -> anyhow::Result<Arc<dyn EventLog>> {
    Ok(match kind {
        LogKind::Jetstream => Arc::new(JetStreamLog::connect(place, JetStreamOptions::default()).await?),
        LogKind::Embedded => Arc::new(EmbeddedLog::open(place)?),
    })
}

fn measure_line(
    options: &Options,
    runtime: &Runtime,
    line: &str,
    place: &str,
) -> anyhow::Result<Vec<Measured>> {
    let log = runtime.block_on(open_log(options.log[0], place))?;
    let mut meter = Meter::new(line)?;
    match line {
        DRAIN => {
            let drained = meter.add(|| runtime.block_on(drain(&log, &SERVICES, async |_| Ok(()))))?;
            ensure!(drained == options.events, "only {drained} events came");
        }
        SET_SQL | HASH_MAPS => {
            let store = Store::postgres();
            let url = store.url().context("it has an address")?;
            let mut meter = Meter::new(line)?;
            let rows = match line {
                SET_SQL => meter.add(|| runtime.block_on(set_sql(&log, &url)))?,
                _ => meter.add(|| runtime.block_on(fold_and_copy(&log, &url)))?,
            };
            ensure!(rows > 0, "there are no orders");
            return Ok(vec![meter.finish()?]);
        }
        _ => return replay(options, runtime, log, line),
    }
    Ok(vec![meter.finish()?])
}

/// Projector and floor B.
fn replay(
    options: &Options,
    runtime: &Runtime,
    log: Arc<dyn EventLog>,
    line: &str,
) -> anyhow::Result<Vec<Measured>> {
    let [view, store, search] = line.split(' ').collect::<Vec<_>>()[..] else { bail!("{line}: which one?") };
    let shipped = Shipped::read()?;
    let definition = match search {
        "search:yes" => shipped.definition(view)?,
        _ => shipped.definition_without_search(view)?,
    };
    let directory = tempfile::tempdir()?;
    let store = match store {
        "sqlite" => Store::sqlite(directory.path()),
        _ => Store::postgres(),
    };
    let mut meter = Meter::new(&format!("replay: {line}"))?;
    let (mut settings, until) = (ProjectorSettings::default(), Until::CaughtUp);
    settings.state.memtable_bytes = options.state_memtable_bytes;
    let report = meter.add(|| {
        let projecting =
            Projecting::start(definition.clone(), log, directory.path(), store.address(), settings, until);
        runtime.block_on(projecting.ended())
    })?;
    ensure!(report.applied == options.events, "only {} events were applied", report.applied);
    let replayed = meter.finish()?;
    let views: Vec<String> = definition.views.iter().map(|view| view.plan.name.clone()).collect();
    let mut floor = runtime.block_on(store.floor(&views))?;
    let mut meter = Meter::new(LOAD)?;
    meter.add(|| runtime.block_on(floor.load()))?;
    Ok(vec![meter.finish()?, replayed])
}
