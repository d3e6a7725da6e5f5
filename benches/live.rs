//! How long an event takes from the log's acknowledgement until readers see it, by the rate at which events come.
//!
//! `cargo bench -p prejoin-benches --bench live -- [--rate N]... [--seconds N] [--store sqlite|postgres]... [--view NAME] [--json FILE]`
//!
//! It is seen through the query API: the row of an order that was placed, and the position, which has an event when every row
//! shows it that it changes, and all events before it. Everything but the servers runs in one process.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use clap::{Parser, ValueEnum};
use prejoin_benches::{
    Latency, Projecting, Shipped, Store, Watch, latency, latency_of_rows, look_for, offer, publish, serve,
    wait_for,
};
use prejoin_envelope::Position;
use prejoin_event_log::{EventLog, JetStreamLog, JetStreamOptions};
use prejoin_fixtures::{GeneratedEvent, generate};
use prejoin_projector::{ProjectorSettings, Until};
use prejoin_test_servers::NatsServer;
use serde::Serialize;

/// That of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Of the orders that are placed, so many a second are looked for.
const LOOKED_FOR_PER_SECOND: usize = 100;

/// Measures how fresh views are.
#[derive(Parser)]
struct Options {
    /// Events a second.
    #[arg(long, default_values_t = [1_000, 5_000, 10_000, 20_000])]
    rate: Vec<u32>,
    /// How long each rate is kept up.
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// How many events there are before.
    #[arg(long, default_value_t = 100_000)]
    before: u64,
    #[arg(long, value_enum, default_values_t = [StoreKind::Sqlite, StoreKind::Postgres])]
    store: Vec<StoreKind>,
    #[arg(long, default_value = "orders_with_customers")]
    view: String,
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
    offered_per_second: u32,
    /// What the log took.
    acknowledged_per_second: f64,
    /// Of orders that were placed, until their rows were there.
    rows: Latency,
    /// Of all events, until the position had them.
    positions: Latency,
    /// After the last acknowledgement, until readers saw everything: it grows with the time of a rate that is too high.
    caught_up_after_ms: f64,
}

#[derive(Serialize)]
struct Report {
    benchmark: &'static str,
    view: String,
    seconds: u32,
    lines: Vec<Line>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let mut lines = Vec::new();
    println!(
        "{:10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>14}{:>10}{:>10}{:>14}",
        "",
        "offered/s",
        "in log/s",
        "rows p50",
        "p99 ms",
        "max ms",
        "position p50",
        "p99 ms",
        "max ms",
        "caught up ms"
    );
    for store in &options.store {
        for rate in &options.rate {
            let line = measure(&options, *store, *rate).await?;
            let (rows, positions) = (&line.rows, &line.positions);
            println!(
                "{:10}{rate:>10}{:>10.0}{:>10.1}{:>10.1}{:>10.1}{:>14.1}{:>10.1}{:>10.1}{:>14.1}",
                line.store,
                line.acknowledged_per_second,
                rows.p50_ms,
                rows.p99_ms,
                rows.max_ms,
                positions.p50_ms,
                positions.p99_ms,
                positions.max_ms,
                line.caught_up_after_ms
            );
            lines.push(line);
        }
    }
    if let Some(path) = &options.json {
        let Options { view, seconds, .. } = options;
        let report = Report { benchmark: "live", view, seconds, lines };
        std::fs::write(path, serde_json::to_string_pretty(&report)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

async fn measure(options: &Options, kind: StoreKind, rate: u32) -> anyhow::Result<Line> {
    let (server, directory) = (NatsServer::start(""), tempfile::tempdir()?);
    let log: Arc<dyn EventLog> =
        Arc::new(JetStreamLog::connect(&server.url(), JetStreamOptions::default()).await?);
    let mut events = generate(options.before + u64::from(rate) * u64::from(options.seconds), 1);
    let before: Vec<GeneratedEvent> = events.by_ref().take(usize::try_from(options.before)?).collect();
    let begun_at = position_of(&before);
    publish(log.clone(), before.into_iter()).await?;
    let store = match kind {
        StoreKind::Sqlite => Store::sqlite(directory.path()),
        StoreKind::Postgres => Store::postgres(),
    };
    let definition = Shipped::read()?.definition(&options.view)?;
    let settings = ProjectorSettings::default();
    let projecting = Projecting::start(
        definition,
        log.clone(),
        directory.path(),
        store.address(),
        settings,
        Until::Shutdown,
    );
    let readers = serve(&store, &options.view).await?;
    wait_for(&readers, &begun_at).await?;
    let watch = Watch::begin(readers.clone());
    let events: Vec<GeneratedEvent> = events.collect();
    let ends_at = position_of(&events);
    let placed: Vec<GeneratedEvent> =
        events.iter().filter(|event| event.kind == "orders.placed.v1").cloned().collect();
    let each = (placed.len() / (LOOKED_FOR_PER_SECOND * usize::try_from(options.seconds)?)).max(1);
    let begun = Instant::now();
    let offered = async {
        let acknowledged = offer(&log, events, f64::from(rate)).await?;
        anyhow::Ok((acknowledged, Instant::now()))
    };
    let (offered, seen_rows) = tokio::join!(offered, look_for(&readers, placed.iter().step_by(each)));
    let (acknowledged, taken) = offered?;
    wait_for(&readers, &ends_at).await?;
    // The watch looks once more.
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let seen = watch.end().await?;
    let caught_up = seen.iter().find(|(_, position)| position.covers(&ends_at)).map_or(taken, |(at, _)| *at);
    projecting.stop().await?;
    Ok(Line {
        store: format!("{kind:?}").to_lowercase(),
        offered_per_second: rate,
        acknowledged_per_second: acknowledged.len() as f64 / taken.duration_since(begun).as_secs_f64(),
        rows: latency_of_rows(&acknowledged, &seen_rows?)?,
        positions: latency(&acknowledged, &seen)?,
        caught_up_after_ms: caught_up.saturating_duration_since(taken).as_secs_f64() * 1_000.0,
    })
}

fn position_of(events: &[GeneratedEvent]) -> Position {
    let mut position = Position::default();
    for event in events {
        position.set(event.service, event.sequence);
    }
    position
}
