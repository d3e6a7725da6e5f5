//! `prejoin serve`: the query API, beside whatever writes the view store.

use anyhow::anyhow;
use clap::Args;
use prejoin_read_api::ReadApi;

use crate::api_settings::ApiFlags;
use crate::output::line;
use crate::settings::{Settings, bind, url_of};
use crate::shutdown;

#[derive(Debug, Args)]
pub(crate) struct ServeFlags {
    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR", env = "PREJOIN_LISTEN", hide_env_values = true)]
    listen: Option<String>,
    #[command(flatten)]
    api: ApiFlags,
}

pub(crate) async fn run(flags: ServeFlags, settings: Settings) -> anyhow::Result<()> {
    let stopped = shutdown::on_signals()?;
    let view_store = settings.store_to_read();
    let listener = bind(&settings.listen(flags.listen), "--listen").await?;
    let api_settings = settings.files.settings.api.with(&flags.api)?;
    flags.api.check_address(listener.local_addr()?, &api_settings)?;
    let api = ReadApi::open_with(view_store, settings.files.settings.api.store())
        .with_services(settings.service_urls())
        .with_search(settings.data.clone());
    let api = api.with_settings(api_settings).map_err(|reason| anyhow!("[api] of prejoin.toml: {reason}"))?;
    line(format!("query API  {}/", url_of(&listener)?))?;
    api.run(listener, shutdown::wait(stopped)).await?;
    Ok(())
}
