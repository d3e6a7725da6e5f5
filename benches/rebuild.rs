//! How long a view takes to be built anew from the state, beside the bulk load of the same finished rows into the same
//! table with the same indexes.
//!
//! `cargo bench -p prejoin-benches --bench rebuild -- [--orders N] [--view NAME]... [--store sqlite|postgres]... [--json FILE]`
//!
//! Both sides take turns in one process; the medians are compared.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::{Parser, ValueEnum};
use prejoin_benches::{Measured, Meter, Projecting, Shipped, Store, median, print_table, shop};
use prejoin_engine::{Definition, Engine, Settings};
use prejoin_event_log::EmbeddedLog;
use prejoin_projector::{ProjectorSettings, Until};
use prejoin_state::DurableState;
use serde::Serialize;

/// That of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Messages of a step while the state is made.
const STEP: usize = 65_536;
/// Until the projector has dropped what readers no longer see.
const TIDY_WAIT: Duration = Duration::from_millis(1_500);

/// Measures rebuilds from the state.
#[derive(Parser)]
struct Options {
    /// How many orders there are.
    #[arg(long, default_value_t = 1_000_000)]
    orders: u64,
    /// How often each side is measured.
    #[arg(long, default_value_t = 3)]
    turns: usize,
    #[arg(long, default_values_t = ["orders_with_customers".to_owned(), "order_details".to_owned()])]
    view: Vec<String>,
    #[arg(long, value_enum, default_values_t = [Kind::Sqlite, Kind::Postgres])]
    store: Vec<Kind>,
    /// Also writes what was measured to this file.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Works on this directory, for one view and store.
    #[arg(long, hide = true)]
    directory: Option<PathBuf>,
    /// Makes the state in the directory.
    #[arg(long, hide = true)]
    fold: bool,
    /// `cargo bench` says so.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Sqlite,
    Postgres,
}

#[derive(Serialize)]
struct Report {
    benchmark: &'static str,
    orders: u64,
    turns: usize,
    lines: Vec<Measured>,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let shipped = Shipped::read()?;
    if let Some(directory) = &options.directory {
        let [view] = &options.view[..] else { anyhow::bail!("one view at a time") };
        let definition = shipped.definition_without_search(view)?;
        let measured = match options.fold {
            true => fold(&options, definition, directory).map(|()| Vec::new())?,
            false => measure(&options, definition, view, options.store[0], directory)?,
        };
        println!("{}", serde_json::to_string(&measured)?);
        return Ok(());
    }
    println!("{} orders; medians of {} turns", options.orders, options.turns);
    let mut lines = Vec::new();
    for view in &options.view {
        let directory = tempfile::tempdir()?;
        in_own_process(&options, view, None, directory.path())?;
        for kind in &options.store {
            let measured = in_own_process(&options, view, Some(*kind), directory.path())?;
            print_table(options.orders, &measured[0].name, &measured);
            lines.extend(measured);
        }
    }
    if let Some(path) = &options.json {
        let report = Report { benchmark: "rebuild", orders: options.orders, turns: options.turns, lines };
        std::fs::write(path, serde_json::to_string_pretty(&report)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Makes the state, or measures with it.
fn in_own_process(
    options: &Options,
    view: &str,
    kind: Option<Kind>,
    directory: &Path,
) -> anyhow::Result<Vec<Measured>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--orders", &options.orders.to_string(), "--turns", &options.turns.to_string()]);
    command.args(["--view", view]).arg("--directory").arg(directory);
    match kind {
        None => command.arg("--fold"),
        Some(Kind::Sqlite) => command.args(["--store", "sqlite"]),
        Some(Kind::Postgres) => command.args(["--store", "postgres"]),
    };
    let output = command.stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "{view}: failed");
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn fold(options: &Options, definition: Arc<Definition>, directory: &Path) -> anyhow::Result<()> {
    let state = Arc::new(DurableState::open(&directory.join("state"))?);
    let mut engine = Engine::open(definition, state, Settings::default())?;
    let mut messages = shop(options.orders, 1);
    loop {
        let step: Vec<_> = messages.by_ref().take(STEP).collect();
        if step.is_empty() {
            return Ok(engine.sync()?);
        }
        let report = engine.step(step, None)?;
        ensure!(report.dead_letters.is_empty(), "{:?}", report.dead_letters.first());
    }
}

fn measure(
    options: &Options,
    definition: Arc<Definition>,
    view: &str,
    kind: Kind,
    directory: &Path,
) -> anyhow::Result<Vec<Measured>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let _entered = runtime.enter();
    let store = match kind {
        Kind::Sqlite => Store::sqlite(directory),
        Kind::Postgres => Store::postgres(),
    };
    let views: Vec<String> = definition.views.iter().map(|view| view.plan.name.clone()).collect();
    // An empty log: what is rebuilt from the state needs no event.
    let log = Arc::new(EmbeddedLog::open(directory.join("log"))?);
    let settings = ProjectorSettings { retired_grace: Duration::ZERO, ..ProjectorSettings::default() };
    let projecting =
        Projecting::start(definition, log, directory, store.address(), settings, Until::Shutdown);
    let orders = i64::try_from(options.orders)?;
    runtime.block_on(projecting.rebuild())?;
    let mut floor = runtime.block_on(store.floor(&views))?;
    let named = |what: &str| format!("{what}, {view}, {kind:?}").to_lowercase();
    let (mut floors, mut rebuilds) = (Vec::new(), Vec::new());
    for _ in 0..options.turns {
        std::thread::sleep(TIDY_WAIT);
        let mut meter = Meter::new(&named("floor"))?;
        meter.add(|| runtime.block_on(floor.load()))?;
        floors.push(meter.finish()?);
        runtime.block_on(floor.clear())?;
        let mut meter = Meter::new(&named("rebuild"))?;
        let rows = meter.add(|| runtime.block_on(projecting.rebuild()))?;
        ensure!(rows >= orders, "only {rows} rows were built");
        rebuilds.push(meter.finish()?);
    }
    runtime.block_on(projecting.stop())?;
    Ok(vec![median(floors), median(rebuilds)])
}
