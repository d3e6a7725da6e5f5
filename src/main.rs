//! `prejoin`: one binary, subcommands only.

mod api_settings;
mod breaking;
mod commands;
mod config;
mod import;
mod lock;
mod logging;
mod output;
mod settings;
mod settings_file;
mod shutdown;

use clap::{Parser, Subcommand};

use crate::settings::{CommonFlags, Settings};

/// The engine makes and drops many small values, on several threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Joins across services that own their databases, kept ready.
///
/// Services emit events; a projector keeps views over them up to date, declared as SQL; a query API serves the views.
/// Start everything in one process, with demo traffic: prejoin up --demo
#[derive(Debug, Parser)]
#[command(name = "prejoin", version, propagate_version = true)]
struct CommandLine {
    #[command(flatten)]
    common: CommonFlags,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything in one process: event log, services, projector, query API
    Up(commands::up::UpFlags),
    /// Run the projector: fold events into tables and keep the views up to date
    Project(commands::project::ProjectFlags),
    /// Run the query API over the views
    Serve(commands::serve::ServeFlags),
    /// Run one write service
    Service(commands::service::ServiceFlags),
    /// See where orders stand that asked for stock, and ask again
    #[command(subcommand)]
    Saga(commands::saga::SagaCommand),
    /// List the views with their generations, or remove one that is no longer declared
    ///
    /// Nothing is asked of a running projector to list them, and nothing disturbs it.
    Views(commands::views::ViewsFlags),
    /// Build views anew without downtime, or say what that would change
    ///
    /// Contracts and views are read again first. Readers see what they saw until the new generations are complete, then
    /// those, from one moment to the next. A projector that runs on the data directory does the work, and this command
    /// watches: Ctrl-C asks whether to give up. Otherwise this command does it. Killed, it goes on where it was the next
    /// time a projector runs.
    Rebuild(commands::rebuild::RebuildFlags),
    /// Compute views anew and compare with what readers see; repair what differs
    ///
    /// Every row is compared, at one position, while traffic goes on. Exit code 0 if nothing differs, or if everything
    /// that did is repaired.
    Verify(commands::verify::VerifyFlags),
    /// Copy the projector's state, or put a copy back
    #[command(subcommand)]
    State(commands::state::StateCommand),
    /// Show how the projector, the services' streams and the views are
    Status(commands::status::StatusFlags),
    /// Import, generate or follow events
    #[command(subcommand)]
    Events(commands::events::EventsCommand),
    /// See the events that did not fit, and decide what is to become of them
    #[command(subcommand)]
    DeadLetters(commands::dead_letters::DeadLettersCommand),
    /// Check contracts and views, and say what is wrong where
    Check(commands::check::CheckFlags),
    /// Explain what a view reads, and what a change of each table costs it
    Explain(commands::explain::ExplainFlags),
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let CommandLine { common, command } = CommandLine::parse();
    let ran = match Settings::load(common) {
        Ok(settings) => run(command, settings).await,
        Err(error) => Err(error),
    };
    match ran {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", told_once(&error));
            std::process::ExitCode::FAILURE
        }
    }
}

async fn run(command: Command, settings: Settings) -> anyhow::Result<()> {
    match command {
        Command::Up(flags) => commands::up::run(flags, settings).await,
        Command::Project(flags) => commands::project::run(flags, settings).await,
        Command::Serve(flags) => commands::serve::run(flags, settings).await,
        Command::Service(flags) => commands::service::run(flags, settings).await,
        Command::Saga(command) => commands::saga::run(command, settings).await,
        Command::Views(flags) => commands::views::run(flags, settings).await,
        Command::Rebuild(flags) => commands::rebuild::run(flags, settings).await,
        Command::Verify(flags) => commands::verify::run(flags, settings).await,
        Command::State(command) => commands::state::run(command, settings).await,
        Command::Status(flags) => commands::status::run(flags, settings).await,
        Command::Events(command) => commands::events::run(command, settings).await,
        Command::DeadLetters(command) => commands::dead_letters::run(command, settings).await,
        Command::Check(flags) => commands::check::run(flags, settings),
        Command::Explain(flags) => commands::explain::run(flags, settings),
    }
}

/// An error and its causes, without those that it tells itself.
fn told_once(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |told, cause| match cause.to_string() {
        cause if told.is_empty() => cause,
        cause if told.contains(&cause) => told,
        cause => format!("{told}: {cause}"),
    })
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};

    #[test]
    fn no_cause_is_told_twice() {
        let error =
            Err::<(), _>(anyhow!("no such file")).context("cannot open x: no such file").context("reading x");
        assert_eq!(super::told_once(&error.unwrap_err()), "reading x: cannot open x: no such file");
    }
}
