//! `prejoin service NAME`: one write service with its own database and relay.

use std::future::Future;
use std::sync::Arc;

use anyhow::bail;
use clap::Args;
use prejoin_event_log::EventLog;
use prejoin_orders::OrdersService;
use prejoin_service::Republished;
use prejoin_users::UsersService;
use tokio::net::TcpListener;

use crate::settings::{SERVICES, Settings, bind, url_of};
use crate::shutdown;

#[derive(Debug, Args)]
pub(crate) struct ServiceFlags {
    /// The service: users or orders
    name: String,
    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:8081 for users, 8082 for orders]
    #[arg(long, value_name = "ADDR", env = "PREJOIN_LISTEN", hide_env_values = true)]
    listen: Option<String>,
    /// Instead of running the service: compare its events from this sequence on with the event log, publish again those
    /// that the log lacks at its end, and exit. For a log that was restored or cut short
    #[arg(long, value_name = "SEQUENCE", value_parser = clap::value_parser!(u64).range(1..))]
    republish_from: Option<u64>,
}

pub(crate) async fn run(flags: ServiceFlags, settings: Settings) -> anyhow::Result<()> {
    let name = flags.name.as_str();
    if !SERVICES.iter().any(|(known, _)| *known == name) {
        let known: Vec<_> = SERVICES.iter().map(|(name, _)| *name).collect();
        bail!("there is no service {name:?}; this binary brings {}", known.join(" and "));
    }
    let _lock = settings.lock_for_service(name, &format!("prejoin service {name}"))?;
    if let Some(first) = flags.republish_from {
        return republish(&settings, name, first).await;
    }
    let stopped = shutdown::on_signals()?;
    let listener = bind(&settings.service_listen(name, flags.listen, false), "--listen").await?;
    let log = settings.open_log().await?;
    println!("{name}  {}/{name}", url_of(&listener)?);
    serve(&settings, name, log, listener, shutdown::wait(stopped)).await
}

/// Completes the log from the service's database, and says what was done.
async fn republish(settings: &Settings, name: &str, first: u64) -> anyhow::Result<()> {
    let (database, log) = (settings.service_database(name), settings.open_log().await?);
    let republished = match name {
        "users" => UsersService::open(&database, log).await?.context().republish_from(first).await?,
        "orders" => OrdersService::open(&database, log).await?.context().republish_from(first).await?,
        _ => bail!("there is no service {name:?}"),
    };
    let Republished { in_log, published } = republished;
    println!(
        "{name}: of the events from {first} on, the event log held {in_log}; {published} were published again"
    );
    Ok(())
}

/// Runs a service on a listener until shutdown.
pub(crate) async fn serve(
    settings: &Settings,
    name: &str,
    log: Arc<dyn EventLog>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let database = settings.service_database(name);
    match name {
        "users" => UsersService::open(&database, log).await?.run(listener, shutdown).await?,
        "orders" => OrdersService::open(&database, log).await?.run(listener, shutdown).await?,
        _ => bail!("there is no service {name:?}"),
    }
    Ok(())
}
