//! `prejoin up`: event log, services, projector and query API in one process.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use clap::Args;
use prejoin_event_log::EventLog;
use prejoin_projector::Until;
use prejoin_read_api::ReadApi;
use tokio::task::JoinSet;

use crate::api_settings::ApiFlags;
use crate::commands::{demo, project, service};
use crate::import::import_file;
use crate::settings::{SERVICES, Settings, bind, shown, url_of};
use crate::shutdown;

#[derive(Debug, Args)]
pub(crate) struct UpFlags {
    /// Address of the query API; port 0 takes free ports for everything [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR", env = "PREJOIN_LISTEN", hide_env_values = true)]
    listen: Option<String>,
    /// Bring a file of events into the event log first; those it has are passed over
    #[arg(long, value_name = "FILE.ndjson")]
    import: Option<PathBuf>,
    /// Begin with a made-up history, if the log is empty, and keep users and orders coming
    #[arg(long)]
    demo: bool,
    #[command(flatten)]
    api: ApiFlags,
}

pub(crate) async fn run(flags: UpFlags, settings: Settings) -> anyhow::Result<()> {
    let definition = settings.files.definition()?;
    let view_store = settings.store_to_read();
    let lock = Arc::new(settings.lock("prejoin up")?);
    let mut _service_locks = Vec::new();
    if settings.uses_nats() {
        for (name, _) in SERVICES {
            _service_locks.push(settings.lock_for_service(name, "prejoin up")?);
        }
    }
    let stopped = shutdown::on_signals()?;
    if settings.files.is_built_in {
        tracing::info!("no config directory here: using the built-in contracts and views");
    }
    let listen = settings.listen(flags.listen);
    let free_ports = listen.ends_with(":0");
    let api = bind(&listen, "--listen").await?;
    let api_settings = settings.files.settings.api.with(&flags.api)?;
    flags.api.check_address(api.local_addr()?, &api_settings)?;
    let read_api = ReadApi::open_with(view_store, settings.files.settings.api.store())
        .with_search(settings.data.clone())
        .with_settings(api_settings);
    let read_api = read_api.map_err(|reason| anyhow!("[api] of prejoin.toml: {reason}"))?;
    let api_url = url_of(&api)?;
    let mut services = Vec::new();
    for (name, _) in SERVICES {
        let setting = format!("listen in [services.{name}] of prejoin.toml");
        let listener = bind(&settings.service_listen(name, None, free_ports), &setting).await?;
        services.push((name, url_of(&listener)?, listener));
    }
    let log = settings.open_log().await?;
    let settings = Arc::new(settings);

    let mut parts = JoinSet::new();
    let (project_settings, project_lock) = (settings.clone(), lock.clone());
    let (project_log, project_stop) = (log.clone(), stopped.clone());
    parts.spawn(async move {
        let projecting = project::Projecting {
            settings: &project_settings,
            lock: &project_lock,
            log: project_log,
            until: Until::Shutdown,
            is_standby: false,
            stopped: project_stop,
            progress: Box::new(|_| {}),
            requests: None,
        };
        project::project(projecting).await.map(drop).context("the projector")
    });
    let service_urls = services.iter().map(|(name, url, _)| ((*name).to_owned(), url.clone())).collect();
    let read_api = read_api.with_services(service_urls);
    let api_stop = shutdown::wait(stopped.clone());
    parts.spawn(async move { read_api.run(api, api_stop).await.context("the query API") });

    let bringing_in = bring_in(log.clone(), flags.import, flags.demo);
    tokio::select! {
        brought = bringing_in => brought?,
        () = shutdown::wait(stopped.clone()) => return join(parts).await,
        Some(ended) = parts.join_next() => return ended.context("a part of the system ended")?,
    }
    let urls: Vec<_> = services.iter().map(|(name, url, _)| (*name, url.clone())).collect();
    for (name, _, listener) in services {
        let (settings, log, stop) = (settings.clone(), log.clone(), shutdown::wait(stopped.clone()));
        parts.spawn(async move {
            service::serve(&settings, name, None, log, listener, stop)
                .await
                .with_context(|| format!("the {name} service"))
        });
    }
    print_addresses(
        &settings,
        &api_url,
        &urls,
        definition.views.iter().any(|view| view.plan.name == "orders_with_customers"),
    );
    if flags.demo {
        let (urls, stop) = (urls.into_iter().collect(), stopped.clone());
        parts.spawn(async move { demo::traffic(urls, stop).await.context("the demo traffic") });
    }
    join(parts).await
}

/// Waits for every part. The first that fails ends the process.
async fn join(mut parts: JoinSet<anyhow::Result<()>>) -> anyhow::Result<()> {
    while let Some(ended) = parts.join_next().await {
        ended.context("a part of the system ended")??;
    }
    Ok(())
}

async fn bring_in(log: Arc<dyn EventLog>, import: Option<PathBuf>, demo: bool) -> anyhow::Result<()> {
    if let Some(file) = import {
        let imported = import_file(log.clone(), &file, |_, _| {}).await?;
        println!(
            "{}: {} events imported, {} were in the log already",
            shown(&file),
            imported.published,
            imported.known
        );
    }
    if demo {
        demo::history(log).await?;
    }
    Ok(())
}

fn print_addresses(settings: &Settings, api_url: &str, services: &[(&str, String)], has_orders_view: bool) {
    println!("\nprejoin is up; data is in {}. Ctrl-C stops it.\n", shown(&settings.data));
    println!("  overview   {api_url}/");
    println!("  views      {api_url}/rest/v1/");
    println!("  docs       {api_url}/docs");
    println!("  status     {api_url}/status");
    for (name, url) in services {
        println!("  {name:<9}  {url}/v1/{}", service::collection(name));
    }
    if has_orders_view {
        println!("\nOrders with the names of their customers:\n");
        println!(
            "  curl '{api_url}/rest/v1/orders_with_customers?select=order_id,customer_name,total_cents&order=placed_at.desc&limit=5'"
        );
    }
    println!();
}
