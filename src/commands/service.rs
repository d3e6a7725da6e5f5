//! `prejoin service NAME`: one write service with its own database and relay.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use clap::{Args, Subcommand};
use prejoin_catalog::CATALOG;
use prejoin_event_log::EventLog;
use prejoin_orders::ORDERS;
use prejoin_service::{Address, Domain, Republished, Service, backup, restore};
use prejoin_shipping::SHIPPING;
use prejoin_users::USERS;
use tokio::net::TcpListener;

use crate::commands::parked::{self, ParkedCommand};
use crate::output::line;
use crate::settings::{SERVICES, Settings, bind, shown, url_of};
use crate::shutdown;

#[derive(Debug, Args)]
pub(crate) struct ServiceFlags {
    /// The service: users, orders, catalog or shipping
    name: String,
    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:8081 for users, 8082 for orders, 8083 for catalog, 8084 for shipping]
    #[arg(long, value_name = "ADDR", env = "PREJOIN_LISTEN", hide_env_values = true)]
    listen: Option<String>,
    /// Its database: an SQLite file; postgres://USER:PASSWORD@HOST/DATABASE for users; mysql://USER:PASSWORD@HOST/DATABASE for orders [default: the file DATA/NAME.sqlite]
    #[arg(long, global = true, value_name = "ADDRESS", env = "PREJOIN_DATABASE", hide_env_values = true)]
    database: Option<String>,
    /// Instead of running the service: compare its events from this sequence on with the event log, publish again those
    /// that the log lacks at its end, and exit. For a log that was restored or cut short
    #[arg(long, value_name = "SEQUENCE", value_parser = clap::value_parser!(u64).range(1..))]
    republish_from: Option<u64>,
    #[command(subcommand)]
    action: Option<ServiceAction>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ServiceAction {
    /// Write a copy of the service's database of one moment; the service may be at work
    Backup {
        /// The copy; it must not exist
        file: PathBuf,
    },
    /// Put a copy in the place of the service's database, and compare it with the event log
    Restore {
        /// The copy
        file: PathBuf,
    },
    /// Decide on events that the event log cannot take; the service may be at work
    #[command(subcommand)]
    Parked(ParkedCommand),
}

/// How long a restored database may take to agree with the log.
const RECONCILE_WAIT: Duration = Duration::from_secs(30);

pub(crate) async fn run(flags: ServiceFlags, settings: Settings) -> anyhow::Result<()> {
    let name = flags.name.as_str();
    let domain = domain(name)?;
    let address = address(domain, &settings, flags.database.as_deref())?;
    match &flags.action {
        Some(ServiceAction::Backup { file }) => return back_up(domain, &address, file).await,
        Some(ServiceAction::Restore { file }) => return put_back(domain, &address, file, &settings).await,
        Some(ServiceAction::Parked(command)) => return parked::run(command, domain, &address).await,
        None => {}
    }
    let _lock = settings.lock_for_service(name, &format!("prejoin service {name}"))?;
    if let Some(first) = flags.republish_from {
        return republish(domain, &address, first, &settings).await;
    }
    let stopped = shutdown::on_signals()?;
    let listener = bind(&settings.service_listen(name, flags.listen, false), "--listen").await?;
    let log = settings.open_log().await?;
    println!("{name}  {}/v1/{}", url_of(&listener)?, collection(name));
    serve(&settings, name, flags.database, log, listener, shutdown::wait(stopped)).await
}

/// The database that a flag names, or the settings; else the service's file in the data directory.
fn address(domain: &Domain, settings: &Settings, flag: Option<&str>) -> anyhow::Result<Address> {
    let (database, schema) = settings.service_database(domain.name);
    match flag.or(database) {
        Some(text) => Ok(domain.address(text, schema)?),
        None => Ok(Address::from(settings.service_file(domain.name).as_path())),
    }
}

/// Completes the log from the service's database, and says what was done.
async fn republish(
    domain: &'static Domain,
    address: &Address,
    first: u64,
    settings: &Settings,
) -> anyhow::Result<()> {
    let (name, log) = (domain.name, settings.open_log().await?);
    let service = Service::open(domain, address, log).await?;
    let Republished { in_log, published } = service.context().republish_from(first).await?;
    line(format!(
        "{name}: of the events from {first} on, the event log held {in_log}; {published} were published again"
    ))
}

async fn back_up(domain: &Domain, address: &Address, file: &Path) -> anyhow::Result<()> {
    backup(domain.name, address, file).await?;
    line(format!("{} is in {}", domain.name, shown(file)))
}

async fn put_back(
    domain: &'static Domain,
    address: &Address,
    file: &Path,
    settings: &Settings,
) -> anyhow::Result<()> {
    let name = domain.name;
    let _lock = settings.lock_for_service(name, &format!("prejoin service {name} restore"))?;
    // The log is opened first: without it, nothing is touched.
    let log = settings.open_log().await?;
    let kept = restore(name, file, address).await?;
    line(format!("{name} is restored from {}", shown(file)))?;
    if let Some(kept) = kept {
        line(format!("what was there before is in {kept}"))?;
    }
    let service = Service::open(domain, address, log).await?;
    let restored = service.context().outbox.last_sequence().await?;
    let not_compared =
        "the event log did not answer in time; the service compares itself with it when it starts";
    service.context().forget_published().await.context(not_compared)?;
    let Some(reached) = service.context().clone().reconcile(RECONCILE_WAIT).await? else {
        bail!(not_compared);
    };
    match reached - restored.min(reached) {
        0 => line(format!("it agrees with the event log at {name}={reached}")),
        later => line(format!(
            "the event log has {later} later events, {name}={} to {reached}: they are not in this database, and new events are numbered behind them. See them with: prejoin events tail {name} --from-start --no-follow",
            restored + 1
        )),
    }
}

/// Runs a service on a listener until shutdown. `database` is the address that a flag names.
pub(crate) async fn serve(
    settings: &Settings,
    name: &str,
    database: Option<String>,
    log: Arc<dyn EventLog>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let domain = domain(name)?;
    let service = Service::open(domain, &address(domain, settings, database.as_deref())?, log).await?;
    let service = match settings.answer_wait(name) {
        Some(wait) => service.with_answer_wait(wait),
        None => service,
    };
    Ok(service.run(listener, shutdown).await?)
}

/// What makes a service of this binary the one it is.
pub(crate) fn domain(name: &str) -> anyhow::Result<&'static Domain> {
    let domains = [&USERS, &ORDERS, &CATALOG, &SHIPPING];
    domains.into_iter().find(|domain| domain.name == name).ok_or_else(|| {
        let known: Vec<_> = SERVICES.iter().map(|(name, _)| *name).collect();
        anyhow!("there is no service {name:?}; this binary brings {}", known.join(", "))
    })
}

/// What a service's own collection is called in its paths.
pub(crate) fn collection(service: &str) -> &str {
    match service {
        "catalog" => "products",
        "shipping" => "shipments",
        same => same,
    }
}
