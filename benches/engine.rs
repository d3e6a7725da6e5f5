//! How fast the engine turns events into tables and stale keys, without log and sinks, beside what less than it costs.
//!
//! `cargo bench -p prejoin-benches --bench engine -- [--events N] [--view NAME]... [--state fjall|memory]... [--json FILE]`
//!
//! Every line is measured in a process of its own, so that none finds memory that another one left.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, ensure};
use clap::{Parser, ValueEnum};
use prejoin_benches::{History, Measured, Meter, Shipped, decode_all, fold_by_hand, print_table};
use prejoin_engine::{Definition, Engine, Settings};
use prejoin_state::{DurableState, MemoryState, State};
use serde::Serialize;

/// That of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const FLOOR_DECODE: &str = "floor: decode";
const FLOOR_FOLD: &str = "floor: hash maps by hand";

/// Measures the engine alone.
#[derive(Parser)]
struct Options {
    /// How many events there are.
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// How many messages a step takes at most.
    #[arg(long, default_value_t = 65_536)]
    step: usize,
    /// Which history is generated.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A shipped view, or `all` for all of them together; each, if none is named.
    #[arg(long)]
    view: Vec<String>,
    #[arg(long, value_enum, default_values_t = [Kind::Memory, Kind::Fjall])]
    state: Vec<Kind>,
    /// Also writes what was measured to this file.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Measures this line only, and prints it as JSON.
    #[arg(long, hide = true)]
    line: Option<String>,
    /// `cargo bench` says so.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    Memory,
    Fjall,
}

#[derive(Serialize)]
struct Report<'a> {
    benchmark: &'static str,
    events: u64,
    step: usize,
    seed: u64,
    lines: &'a [Measured],
}

fn main() -> anyhow::Result<()> {
    let mut options = Options::parse();
    let shipped = Shipped::read()?;
    if let Some(line) = &options.line {
        println!("{}", serde_json::to_string(&measure_line(&options, &shipped, line)?)?);
        return Ok(());
    }
    if options.view.is_empty() {
        options.view = shipped.names().map(str::to_owned).collect();
    }
    let mut names = vec![FLOOR_DECODE.to_owned(), FLOOR_FOLD.to_owned()];
    for view in &options.view {
        names.extend(options.state.iter().map(|kind| line_of(view, *kind)));
    }
    let lines = names.iter().map(|name| in_own_process(&options, name)).collect::<Result<Vec<_>, _>>()?;
    let Options { events, step, seed, json, .. } = options;
    println!("{events} events of seed {seed}, in steps of {step}");
    print_table(events, FLOOR_FOLD, &lines);
    if let Some(path) = json {
        let report = Report { benchmark: "engine", events, step, seed, lines: &lines };
        std::fs::write(&path, serde_json::to_string_pretty(&report)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn line_of(view: &str, kind: Kind) -> String {
    match kind {
        Kind::Memory => format!("{view}, memory"),
        Kind::Fjall => format!("{view}, fjall"),
    }
}

fn in_own_process(options: &Options, line: &str) -> anyhow::Result<Measured> {
    let output = Command::new(std::env::current_exe()?)
        .args(["--events", &options.events.to_string(), "--step", &options.step.to_string()])
        .args(["--seed", &options.seed.to_string(), "--line", line])
        .output()?;
    ensure!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn measure_line(options: &Options, shipped: &Shipped, line: &str) -> anyhow::Result<Measured> {
    let history = History::generate(options.events, options.seed);
    let mut meter = Meter::new(line)?;
    match line {
        FLOOR_DECODE => {
            let definition = shipped.definition("all")?;
            meter.add(|| decode_all(&definition.contracts, history.messages()))?;
        }
        FLOOR_FOLD => {
            let rows = meter.add(|| fold_by_hand(history.messages()))?;
            ensure!(rows > 0, "there are no orders");
        }
        _ => {
            let (view, kind) = line.split_once(", ").context("a line names a view and a state")?;
            let kind = Kind::from_str(kind, false).map_err(anyhow::Error::msg)?;
            measure_engine(options, &history, shipped.definition(view)?, kind, &mut meter)?;
        }
    }
    meter.finish()
}

fn measure_engine(
    options: &Options,
    history: &History,
    definition: Arc<Definition>,
    kind: Kind,
    meter: &mut Meter,
) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let state: Arc<dyn State> = match kind {
        Kind::Memory => Arc::new(MemoryState::default()),
        Kind::Fjall => Arc::new(DurableState::open(&directory.path().join("state"))?),
    };
    let mut engine = Engine::open(definition, state, Settings::default())?;
    let mut applied = 0;
    for messages in history.messages().chunks(options.step) {
        let messages = messages.to_vec();
        applied += meter.add(|| {
            let report = engine.step(messages, None)?;
            // A sink would want to commit what it derived.
            engine.sync()?;
            Ok(report.applied)
        })?;
    }
    ensure!(applied == options.events, "only {applied} events were applied");
    Ok(())
}
