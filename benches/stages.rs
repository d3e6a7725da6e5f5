//! What each stage costs alone: decoding, folding, the state on disk, computing rows, and each sink's writing of them.
//!
//! `cargo bench -p prejoin-benches --bench stages -- [--events N] [--view NAME]... [--json FILE]`
//!
//! Events and rows that a stage is given are made before its clock starts. The engine decodes as it folds: the lines of the fold
//! are with decoding, in memory and then on disk, and what each adds is the difference to the line before.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, ensure};
use bytes::Bytes;
use clap::Parser;
use prejoin_benches::{History, Measured, Meter, Shipped, Store, decode_all, print_table};
use prejoin_engine::{Committed, Definition, Engine, RowOutcome, Settings, build_slice};
use prejoin_sinks::ViewStore;
use prejoin_sinks::search::{IndexDefinition, IndexPlace, SearchIndex};
use prejoin_state::{DurableState, MemoryState, State};
use serde::Serialize;

/// That of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const DECODE: &str = "decode";
/// Rows of a slice, and heap of an index: the projector's defaults.
const SLICE_ROWS: usize = 20_000;
const INDEX_HEAP_BYTES: usize = 64 << 20;

/// Measures each stage alone.
#[derive(Parser)]
struct Options {
    /// How many events there are.
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// How many messages a step takes at most.
    #[arg(long, default_value_t = 65_536)]
    step: usize,
    #[arg(long, default_values_t = ["orders_with_customers".to_owned(), "order_details".to_owned()])]
    view: Vec<String>,
    /// Also writes what was measured to this file.
    #[arg(long)]
    json: Option<PathBuf>,
    /// `cargo bench` says so.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Serialize)]
struct Report {
    benchmark: &'static str,
    events: u64,
    step: usize,
    views: Vec<Stages>,
}

#[derive(Serialize)]
struct Stages {
    view: String,
    rows: usize,
    lines: Vec<Measured>,
}

/// A slice of a view's rows, and where the next one begins.
type Slice = (Vec<(Bytes, RowOutcome)>, Option<Bytes>);

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let shipped = Shipped::read()?;
    let history = History::generate(options.events, 1);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut views = Vec::new();
    for view in &options.view {
        let stages = runtime.block_on(measure(&options, &history, shipped.definition(view)?, view))?;
        println!("{view}: {} events, {} rows", options.events, stages.rows);
        print_table(options.events, DECODE, &stages.lines);
        views.push(stages);
    }
    if let Some(path) = &options.json {
        let report = Report { benchmark: "stages", events: options.events, step: options.step, views };
        std::fs::write(path, serde_json::to_string_pretty(&report)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

async fn measure(
    options: &Options,
    history: &History,
    definition: Arc<Definition>,
    view: &str,
) -> anyhow::Result<Stages> {
    let directory = tempfile::tempdir()?;
    let mut lines = Vec::new();
    let mut meter = Meter::new(DECODE)?;
    meter.add(|| decode_all(&definition.contracts, history.messages()))?;
    lines.push(meter.finish()?);

    fold(options, history, &definition, "decode, fold", Arc::new(MemoryState::default()), &mut lines)?;
    let state = Arc::new(DurableState::open(&directory.path().join("state"))?);
    let committed = fold(options, history, &definition, "decode, fold, state", state, &mut lines)?;

    let place = definition.views.iter().position(|one| one.plan.name == view).context("it is shipped")?;
    let mut meter = Meter::new("recompute")?;
    let slices = meter.add(|| recompute(&committed, place))?;
    lines.push(meter.finish()?);
    let rows = slices.iter().map(|(rows, _)| rows.len()).sum();
    ensure!(rows > 0, "{view} has no rows");

    for (name, store) in
        [("sink: SQLite", Store::sqlite(directory.path())), ("sink: PostgreSQL", Store::postgres())]
    {
        let mut meter = Meter::new(name)?;
        // A meter measures what happens within a call.
        let handle = tokio::runtime::Handle::current();
        let write = write_store(&store, &definition, place, &slices);
        tokio::task::block_in_place(|| meter.add(|| handle.block_on(write)))?;
        lines.push(meter.finish()?);
    }
    if let Some(index) = IndexDefinition::of(&definition.views[place]) {
        let mut meter = Meter::new("sink: search")?;
        meter.add(|| write_index(directory.path(), &index, &slices))?;
        lines.push(meter.finish()?);
    }
    Ok(Stages { view: view.to_owned(), rows, lines })
}

fn fold(
    options: &Options,
    history: &History,
    definition: &Arc<Definition>,
    name: &str,
    state: Arc<dyn State>,
    lines: &mut Vec<Measured>,
) -> anyhow::Result<Committed> {
    let mut engine = Engine::open(Arc::clone(definition), state, Settings::default())?;
    let mut meter = Meter::new(name)?;
    let mut applied = 0;
    for messages in history.messages().chunks(options.step) {
        let messages = messages.to_vec();
        applied += meter.add(|| {
            let report = engine.step(messages, None)?;
            engine.sync()?;
            Ok(report.applied)
        })?;
    }
    ensure!(applied == options.events, "only {applied} events were applied");
    lines.push(meter.finish()?);
    Ok(engine.committed())
}

/// By one thread.
fn recompute(committed: &Committed, view: usize) -> anyhow::Result<Vec<Slice>> {
    let mut slices = Vec::new();
    let mut from = None;
    loop {
        let slice = build_slice(committed, view, from.as_ref(), SLICE_ROWS)?;
        slices.push((slice.rows, slice.next.clone()));
        match slice.next {
            Some(next) => from = Some(next),
            None => return Ok(slices),
        }
    }
}

/// A build: rows slice by slice, then the declared indexes.
async fn write_store(
    store: &Store,
    definition: &Definition,
    view: usize,
    slices: &[Slice],
) -> anyhow::Result<()> {
    let view = &definition.views[view];
    let name = &view.plan.name;
    let mut store = ViewStore::open(&store.address()).await?;
    let generation = store.begin_build(view, &Default::default()).await?;
    let packer = store.packer(name, generation)?;
    for (rows, next) in slices {
        let written = store.write_packed(name, generation, vec![packer.pack(rows)], next.as_ref()).await?;
        ensure!(written, "a value of {name} was refused");
    }
    store.complete_build(view, generation).await?;
    Ok(store.close().await?)
}

fn write_index(directory: &Path, definition: &IndexDefinition, slices: &[Slice]) -> anyhow::Result<()> {
    let place = IndexPlace { view: definition.view.clone(), generation: 1, number: 1 };
    let mut index = SearchIndex::create(directory, place, definition, &Default::default(), INDEX_HEAP_BYTES)?;
    for (rows, next) in slices {
        index.add_rows(rows)?;
        index.commit_build(next.clone())?;
    }
    Ok(())
}
