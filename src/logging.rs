//! Logs through tracing: for people on a terminal, JSON for machines.

use std::io::IsTerminal;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// Lines for people.
    Human,
    /// One JSON object a line.
    Json,
}

/// Logs go to standard error, so that standard output stays the answer. `PREJOIN_LOG_LEVEL` filters, as in
/// `debug` or `prejoin_projector=debug,info`.
pub(crate) fn start(format: LogFormat) {
    let filter = EnvFilter::try_from_env("PREJOIN_LOG_LEVEL")
        .unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn,async_nats=warn"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Json => subscriber.json().init(),
        LogFormat::Human => {
            subscriber.with_ansi(std::io::stderr().is_terminal()).with_target(false).compact().init()
        }
    }
}
