//! `prejoin events`: bring a history in, make one up, follow what happens.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Subcommand};
use prejoin_event_log::{BatchLimit, EventLog, LogError};

use crate::import::import_file;
use crate::output::line;
use crate::settings::Settings;
use crate::shutdown;

#[derive(Debug, Subcommand)]
pub(crate) enum EventsCommand {
    /// Bring a file of events into the event log
    ///
    /// One CloudEvents 1.0 JSON object a line. Events without a sequence are numbered; events that the log has are
    /// passed over, so that an import that was interrupted is simply run again.
    Import(ImportFlags),
    /// Print a made-up history, the same for the same seed
    Generate(GenerateFlags),
    /// Print events as they are in the log, then those that arrive
    Tail(TailFlags),
    /// Make the streams of contracts and decisions where they are missing
    ///
    /// Services make their own if they may; config/nats/users.conf leaves it to the operator.
    CreateStreams,
}

#[derive(Debug, Args)]
pub(crate) struct ImportFlags {
    /// The file
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct GenerateFlags {
    /// How many events
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    events: u64,
    /// Another seed, another history
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, Args)]
pub(crate) struct TailFlags {
    /// Only these services' events [default: those of all contracts]
    services: Vec<String>,
    /// Print what the log retains before what arrives
    #[arg(long)]
    from_start: bool,
    /// End at the log's present end
    #[arg(long)]
    no_follow: bool,
}

pub(crate) async fn run(command: EventsCommand, settings: Settings) -> anyhow::Result<()> {
    match command {
        EventsCommand::Import(flags) => import(flags, settings).await,
        EventsCommand::Generate(flags) => generate(&flags),
        EventsCommand::Tail(flags) => tail(flags, settings).await,
        EventsCommand::CreateStreams => create_streams(&settings).await,
    }
}

async fn create_streams(settings: &Settings) -> anyhow::Result<()> {
    let _lock =
        if settings.uses_nats() { None } else { Some(settings.lock("prejoin events create-streams")?) };
    let definition = settings.files.definition()?;
    let log = settings.open_log().await?;
    for service in definition.services() {
        log.ensure_stream(service).await.with_context(|| format!("the stream of {service}"))?;
        line(format!("{service}  is there"))?;
    }
    Ok(())
}

async fn import(flags: ImportFlags, settings: Settings) -> anyhow::Result<()> {
    let _lock = if settings.uses_nats() { None } else { Some(settings.lock("prejoin events import")?) };
    let log = settings.open_log().await?;
    let imported = import_file(log, &flags.file, |done, of| {
        if done % 50_000 == 0 {
            eprintln!("{done} of {of} lines");
        }
    })
    .await?;
    println!("{} events imported, {} were in the log already", imported.published, imported.known);
    Ok(())
}

fn generate(flags: &GenerateFlags) -> anyhow::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for event in prejoin_fixtures::generate(flags.events, flags.seed) {
        match writeln!(out, "{}", event.json) {
            // Whoever reads has seen enough, as `head` does.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
            written => written.context("cannot write to standard output")?,
        }
    }
    out.flush().context("cannot write to standard output")
}

async fn tail(flags: TailFlags, settings: Settings) -> anyhow::Result<()> {
    let log = settings.open_log_to_read().await?;
    let services = match flags.services.is_empty() {
        true => settings.files.definition()?.contracts.services().map(str::to_owned).collect(),
        false => flags.services.clone(),
    };
    let stopped = shutdown::on_signals()?;
    let mut tasks = tokio::task::JoinSet::new();
    for service in services {
        let (log, from_start, no_follow) = (log.clone(), flags.from_start, flags.no_follow);
        tasks.spawn(async move { print_stream(log.as_ref(), &service, from_start, no_follow).await });
    }
    loop {
        tokio::select! {
            () = shutdown::wait(stopped.clone()) => return Ok(()),
            ended = tasks.join_next() => match ended {
                Some(ended) => ended.context("a reader ended")??,
                None => return Ok(()),
            },
        }
    }
}

async fn print_stream(
    log: &dyn EventLog,
    service: &str,
    from_start: bool,
    no_follow: bool,
) -> anyhow::Result<()> {
    let bounds = loop {
        match log.bounds(service).await {
            Err(LogError::NoStream { .. }) if no_follow => return Ok(()),
            Err(LogError::NoStream { .. }) => tokio::time::sleep(Duration::from_millis(500)).await,
            bounds => break bounds?,
        }
    };
    let mut read = if from_start { bounds.first.saturating_sub(1) } else { bounds.last };
    let mut reader = log.read(service, read).await?;
    while !no_follow || read < bounds.last {
        let limit = BatchLimit { messages: 1_000, bytes: 4 << 20 };
        let messages = reader.next_batch(limit, Duration::from_secs(1)).await?;
        for message in messages {
            read = message.stream_sequence;
            line(String::from_utf8_lossy(&message.payload))?;
        }
    }
    Ok(())
}
