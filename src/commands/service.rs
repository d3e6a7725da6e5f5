//! `prejoin service NAME`: one write service with its own database and relay.

use std::future::Future;
use std::sync::Arc;

use anyhow::anyhow;
use clap::Args;
use prejoin_catalog::CATALOG;
use prejoin_event_log::EventLog;
use prejoin_orders::ORDERS;
use prejoin_service::{Domain, Service};
use prejoin_shipping::SHIPPING;
use prejoin_users::USERS;
use tokio::net::TcpListener;

use crate::settings::{SERVICES, Settings, bind, url_of};
use crate::shutdown;

#[derive(Debug, Args)]
pub(crate) struct ServiceFlags {
    /// The service: users, orders, catalog or shipping
    name: String,
    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:8081 for users, 8082 for orders, 8083 for catalog, 8084 for shipping]
    #[arg(long, value_name = "ADDR", env = "PREJOIN_LISTEN", hide_env_values = true)]
    listen: Option<String>,
}

pub(crate) async fn run(flags: ServiceFlags, settings: Settings) -> anyhow::Result<()> {
    let name = flags.name.as_str();
    domain(name)?;
    let _lock = settings.lock_for_service(name, &format!("prejoin service {name}"))?;
    let stopped = shutdown::on_signals()?;
    let listener = bind(&settings.service_listen(name, flags.listen, false), "--listen").await?;
    let log = settings.open_log().await?;
    println!("{name}  {}/v1/{}", url_of(&listener)?, collection(name));
    serve(&settings, name, log, listener, shutdown::wait(stopped)).await
}

/// Runs a service on a listener until shutdown.
pub(crate) async fn serve(
    settings: &Settings,
    name: &str,
    log: Arc<dyn EventLog>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let service = Service::open(domain(name)?, settings.service_database(name), log).await?;
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
